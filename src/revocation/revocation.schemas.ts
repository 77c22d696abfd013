import { z } from 'zod';
import { CERTIFICATE_ID, certificateStatus } from '../certificates/certificate.schemas.js';
import type { CertificateEntity } from '../certificates/certificate.entity.js';
import type { Visibility } from '../ocsp/revocation-visibility.js';
import { REVOCATION_REASONS } from '../pki/revocation-reason.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import {
  RELEASE_EXAMPLE,
  REVOCATION_EXAMPLE,
  REVOCATIONS_EXAMPLE,
  REVOKE_CERTIFICATE_EXAMPLE,
  REVOKE_CERTIFICATES_EXAMPLE,
} from './revocation.examples.js';

const PAST_DATE = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((date) => date.getUTCFullYear() >= 1950, 'must not lie before 1950')
  .optional();

export const REVOKE_CERTIFICATE = z
  .strictObject({
    reason: z
      .enum(REVOCATION_REASONS)
      .default('unspecified')
      .describe(
        'CRLReason of RFC 5280 section 5.3.1. `certificateHold` can be released, or become final by another reason; any other ' +
          'is final, and can only be corrected to `keyCompromise`.',
      ),
    revoked_at: PAST_DATE.describe(
      'Since when it is revoked, if not since now. Not in the future, and not before the certificate begins to be valid. The ' +
        'date of a revocation can only be moved back: by a correction to `keyCompromise`, or when a hold becomes final.',
    ),
    invalidity_date: PAST_DATE.describe(
      'Since when the key is suspected of being compromised (RFC 5280 section 5.3.2). Not in the future.',
    ),
  })
  .meta({ id: 'RevokeCertificate', example: REVOKE_CERTIFICATE_EXAMPLE });
export type RevokeCertificate = z.output<typeof REVOKE_CERTIFICATE>;

export const REVOKE_CERTIFICATES = REVOKE_CERTIFICATE.extend({
  ids: z
    .array(CERTIFICATE_ID)
    .min(1)
    .max(1000)
    .transform((ids) => [...new Set(ids)])
    .describe('Up to 1000; the answer tells of each of them.'),
}).meta({ id: 'RevokeCertificates', example: REVOKE_CERTIFICATES_EXAMPLE });
export type RevokeCertificates = z.output<typeof REVOKE_CERTIFICATES>;

const VISIBLE = z.object({
  ocsp: z.literal(true),
  nodes: z.int().describe('How many processes answer OCSP from memory.'),
  waited_ms: z.int().describe('How long this call waited for them.'),
});
const REVOKED_VISIBLE = VISIBLE.describe('Every OCSP request that starts after this answer is told `revoked`.');

const REVOKED_CERTIFICATE = z.object({
  id: z.uuid(),
  serial_number: z.string(),
  status: z.literal('revoked'),
  reason: z.enum(REVOCATION_REASONS),
  revoked_at: z.iso.datetime(),
  invalidity_date: z.iso.datetime().nullable(),
});

export const REVOCATION = REVOKED_CERTIFICATE.extend({ visible: REVOKED_VISIBLE }).meta({
  id: 'Revocation',
  example: REVOCATION_EXAMPLE,
});

export const REVOCATIONS = z
  .object({ items: z.array(REVOKED_CERTIFICATE), visible: REVOKED_VISIBLE })
  .meta({ id: 'Revocations', example: REVOCATIONS_EXAMPLE });

export const RELEASE = z
  .object({
    id: z.uuid(),
    serial_number: z.string(),
    status: z.enum(['active', 'expired']),
    released_at: z.iso.datetime(),
    visible: VISIBLE.describe(
      'Every OCSP request that starts after this answer is told `good`, unless it is revoked again.',
    ),
  })
  .meta({ id: 'Release', example: RELEASE_EXAMPLE });

export function presentReleased(
  certificate: CertificateEntity,
  releasedAt: Date,
  visible: Visibility,
): z.input<typeof RELEASE> {
  return {
    id: certificate.id,
    serial_number: formatSerialNumber(certificate.serialNumber),
    status: certificateStatus(certificate, releasedAt) === 'expired' ? 'expired' : 'active',
    released_at: releasedAt.toISOString(),
    visible: presentVisibility(visible),
  };
}

export function presentRevoked(certificate: CertificateEntity): z.input<typeof REVOKED_CERTIFICATE> {
  return {
    id: certificate.id,
    serial_number: formatSerialNumber(certificate.serialNumber),
    status: 'revoked',
    reason: certificate.revocationReason!,
    revoked_at: certificate.revokedAt!.toISOString(),
    invalidity_date: certificate.invalidityDate?.toISOString() ?? null,
  };
}

export function presentVisibility({ nodes, waitedMs }: Visibility): z.input<typeof VISIBLE> {
  return { ocsp: true, nodes, waited_ms: waitedMs };
}
