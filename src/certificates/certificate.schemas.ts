import { z } from 'zod';
import { ISSUER_ID, VALIDITY } from '../issuers/issuer.schemas.js';
import { formatPem } from '../pki/pem.js';
import { REVOCATION_REASONS } from '../pki/revocation-reason.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import {
  CERTIFICATE_EXAMPLE,
  CERTIFICATE_ID_EXAMPLE,
  CERTIFICATE_SUMMARY_EXAMPLE,
  ISSUE_CERTIFICATE_EXAMPLE,
  REVOCATION_STEP_EXAMPLE,
  SERIAL_NUMBER_EXAMPLE,
} from './certificate.examples.js';
import { CERTIFICATE_PROFILES, type CertificateEntity } from './certificate.entity.js';
import type { CertificateWithHistory } from './certificates.service.js';
import { REVOCATION_ACTIONS, type RevocationHistoryEntity } from './revocation-history.entity.js';

const NAMES_MAX = 1000;
const NAME_LIST = z.array(z.string().max(2048)).max(NAMES_MAX);

export const ISSUE_CERTIFICATE = z
  .strictObject({
    issuer_id: ISSUER_ID,
    csr: z.string().max(65_536).describe('A PKCS #10 certification request, PEM.'),
    validity: VALIDITY.prefault('90d').describe('For example `90d`. It may not outlive the issuer.'),
    subject_alternative_names: z
      .strictObject({ dns: NAME_LIST, ip: NAME_LIST, email: NAME_LIST, uri: NAME_LIST })
      .partial()
      .optional()
      .describe('Stand instead of those in the CSR. Without either, a common name that is a host name becomes one.'),
  })
  .meta({ id: 'IssueCertificate', example: ISSUE_CERTIFICATE_EXAMPLE });
export type IssueCertificate = z.output<typeof ISSUE_CERTIFICATE>;

export const CERTIFICATE_STATUSES = ['active', 'revoked', 'expired'] as const;

export const LIST_CERTIFICATES = z.strictObject({
  ...PAGE_QUERY,
  issuer_id: ISSUER_ID.optional(),
  status: z.enum(CERTIFICATE_STATUSES).optional(),
  profile: z.enum(CERTIFICATE_PROFILES).optional(),
  serial_number: z
    .string()
    .max(200)
    .optional()
    .describe('Hexadecimal, in any writing: upper case, colons, 0x and leading zeros do not matter.')
    .meta({ example: SERIAL_NUMBER_EXAMPLE }),
  expires_before: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .optional()
    .meta({ example: '2026-12-31T00:00:00Z' }),
});
export type ListCertificates = z.output<typeof LIST_CERTIFICATES>;

export const CERTIFICATE_ID = z
  .uuid('must be the id of a certificate (a UUID)')
  .transform((id) => id.toLowerCase())
  .meta({ example: CERTIFICATE_ID_EXAMPLE });

const NAMES = z.object({
  dns: z.array(z.string()),
  ip: z.array(z.string()),
  email: z.array(z.string()),
  uri: z.array(z.string()),
});

export const CERTIFICATE_SUMMARY = z
  .object({
    id: z.uuid(),
    issuer_id: z.string(),
    serial_number: z.string().describe('Lower-case hexadecimal.'),
    profile: z.enum(CERTIFICATE_PROFILES),
    status: z.enum(CERTIFICATE_STATUSES),
    subject: z.string().describe('RFC 4514.'),
    subject_alternative_names: NAMES,
    not_before: z.iso.datetime(),
    not_after: z.iso.datetime(),
    fingerprint_sha256: z.string().nullable().describe('Null for a serial number that was given up after a crash.'),
    revoked_at: z.iso.datetime().nullable(),
    revocation_reason: z.enum(REVOCATION_REASONS).nullable(),
    invalidity_date: z.iso.datetime().nullable(),
  })
  .meta({ id: 'CertificateSummary', example: CERTIFICATE_SUMMARY_EXAMPLE });

const REVOCATION_STEP = z
  .object({
    occurred_at: z.iso.datetime(),
    action: z
      .enum(REVOCATION_ACTIONS)
      .describe('`correct`: a revocation that was final already got another reason or another date.'),
    actor: z.string().describe('As in the audit trail.'),
    reason: z.enum(REVOCATION_REASONS).nullable(),
    revoked_at: z.iso.datetime().nullable(),
    invalidity_date: z.iso.datetime().nullable(),
  })
  .meta({ id: 'RevocationStep', example: REVOCATION_STEP_EXAMPLE });

export const CERTIFICATE = CERTIFICATE_SUMMARY.extend({
  certificate_pem: z.string().nullable(),
  chain_pem: z.string().describe('The certificates above it, nearest first.'),
  revocation_history: z
    .array(REVOCATION_STEP)
    .describe('What happened to its status, oldest first, and what was so after each step.'),
}).meta({ id: 'Certificate', example: CERTIFICATE_EXAMPLE });

export const CERTIFICATE_PAGE = pageSchema(CERTIFICATE_SUMMARY);

export function certificateStatus(certificate: CertificateEntity, now: Date): (typeof CERTIFICATE_STATUSES)[number] {
  if (certificate.revokedAt !== null) return 'revoked';
  return certificate.notAfter < now ? 'expired' : 'active';
}

export function presentCertificateSummary(
  certificate: CertificateEntity,
  now: Date,
): z.input<typeof CERTIFICATE_SUMMARY> {
  return {
    id: certificate.id,
    issuer_id: certificate.issuerId,
    serial_number: formatSerialNumber(certificate.serialNumber),
    profile: certificate.profile,
    status: certificateStatus(certificate, now),
    subject: certificate.subject,
    subject_alternative_names: {
      dns: [...certificate.subjectAlternativeNames.dns],
      ip: [...certificate.subjectAlternativeNames.ip],
      email: [...certificate.subjectAlternativeNames.email],
      uri: [...certificate.subjectAlternativeNames.uri],
    },
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    fingerprint_sha256: certificate.fingerprintSha256?.toString('hex') ?? null,
    revoked_at: certificate.revokedAt?.toISOString() ?? null,
    revocation_reason: certificate.revocationReason,
    invalidity_date: certificate.invalidityDate?.toISOString() ?? null,
  };
}

export function presentCertificate(
  { certificate, issuer, history }: CertificateWithHistory,
  now: Date,
): z.input<typeof CERTIFICATE> {
  return {
    ...presentCertificateSummary(certificate, now),
    certificate_pem: certificate.certificateDer === null ? null : formatPem('CERTIFICATE', certificate.certificateDer),
    chain_pem: [issuer.certificateDer, ...issuer.chainDer].map((der) => formatPem('CERTIFICATE', der)).join(''),
    revocation_history: history.map(presentStep),
  };
}

function presentStep(step: RevocationHistoryEntity): z.input<typeof REVOCATION_STEP> {
  return {
    occurred_at: step.occurredAt.toISOString(),
    action: step.action,
    actor: step.actor,
    reason: step.revocationReason,
    revoked_at: step.revokedAt?.toISOString() ?? null,
    invalidity_date: step.invalidityDate?.toISOString() ?? null,
  };
}
