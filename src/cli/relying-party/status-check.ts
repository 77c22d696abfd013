import type { CertificateFields } from '../../pki/certificate-fields.js';
import type { RevocationReason } from '../../pki/revocation-reason.js';

/** The certificate that is asked about, with the issuer that has signed it. */
export interface CheckedCertificate {
  readonly fields: CertificateFields;
  readonly issuer: CertificateFields;
}

/** What one source says of a certificate. */
export interface StatusCheck {
  readonly source: 'ocsp' | 'crl';
  readonly url: string;
  /** `unreachable`: nothing came. `not believed`: what came does not verify. */
  readonly outcome: 'good' | 'revoked' | 'unknown' | 'unreachable' | 'not believed';
  readonly revokedAt: Date | null;
  readonly reason: RevocationReason | 'removeFromCRL' | null;
  readonly thisUpdate: Date | null;
  readonly nextUpdate: Date | null;
  /** Who signed and what else there is to know, or why it is not believed. */
  readonly detail: string;
}

/** A check that came to nothing. */
export function failedCheck(
  { source, url }: Pick<StatusCheck, 'source' | 'url'>,
  outcome: 'unreachable' | 'not believed',
  detail: string,
): StatusCheck {
  return { source, url, outcome, detail, revokedAt: null, reason: null, thisUpdate: null, nextUpdate: null };
}

export type Verdict = 'good' | 'revoked' | 'expired' | 'unknown' | 'undetermined';

/** What a careful relying party makes of it: never good on doubt. */
export function judge(checks: readonly StatusCheck[], { notBefore, notAfter }: CertificateFields, now: Date): Verdict {
  const said = (outcome: StatusCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome);
  if (said('revoked')) return 'revoked';
  if (now > notAfter) return 'expired';
  if (said('unknown')) return 'unknown';
  return said('good') && !said('not believed') && now >= notBefore ? 'good' : 'undetermined';
}
