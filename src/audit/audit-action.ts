/** Every action that the audit trail knows. */
export const AUDIT_ACTIONS = [
  'access.refuse',
  'api_key.create',
  'api_key.rotate',
  'api_key.revoke',
  'issuer.create',
  'issuer.update',
  'issuer.disable',
  'issuer.enable',
  'issuer.retire',
  'certificate.issue',
  'certificate.revoke',
  'certificate.release',
  'cert_export_pem',
  'cert_export_der',
  'cert_export_pkcs7',
  'cert_export_pkcs12',
  'cert_export_failed',
  'ocsp_responder.issue',
  'ocsp_responder.rotate',
  'ocsp_cache.refresh',
  'crl.publish',
  'crl.regenerate',
  'audit.export',
  'audit_key.create',
  'audit_key.retire',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AUDIT_OUTCOMES = ['success', 'refused'] as const;

/** What events are about. */
export const AUDIT_SUBJECT_TYPES = [
  'issuer',
  'certificate',
  'api_key',
  'ocsp_responder',
  'route',
  'audit',
  'audit_key',
] as const;
