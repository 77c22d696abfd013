/** Every action that the audit trail knows. */
export const AUDIT_ACTIONS = [
  'api_key.create',
  'issuer.create',
  'issuer.update',
  'issuer.disable',
  'issuer.enable',
  'issuer.retire',
  'certificate.issue',
  'certificate.revoke',
  'certificate.release',
  'ocsp_responder.issue',
  'ocsp_responder.rotate',
  'ocsp_cache.refresh',
  'crl.publish',
  'crl.regenerate',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];
