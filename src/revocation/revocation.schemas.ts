import { z } from 'zod';
import { REVOCATION_REASONS } from '../pki/revocation-reason.js';

export const REVOKE_CERTIFICATE = z
  .strictObject({
    reason: z.enum(REVOCATION_REASONS).default('unspecified').describe('CRLReason of RFC 5280 section 5.3.1.'),
    invalidity_date: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .refine((date) => date.getUTCFullYear() >= 1950, 'must not lie before 1950')
      .optional()
      .describe('Since when the key is suspected of being compromised (RFC 5280 section 5.3.2). Not in the future.'),
  })
  .meta({ id: 'RevokeCertificate' });
export type RevokeCertificate = z.output<typeof REVOKE_CERTIFICATE>;

export const REVOCATION = z
  .object({
    id: z.uuid(),
    serial_number: z.string(),
    status: z.literal('revoked'),
    reason: z.enum(REVOCATION_REASONS),
    revoked_at: z.iso.datetime(),
    invalidity_date: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Revocation' });
