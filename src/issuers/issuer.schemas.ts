import { z } from 'zod';
import { formatPem } from '../pki/pem.js';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../pki/signature-algorithm.js';
import { DURATION_PATTERN, findDurationSeconds, formatDuration } from '../platform/config/duration.js';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import { CREATE_ISSUER_EXAMPLE, ISSUER_EXAMPLE, ISSUER_ID_EXAMPLE, UPDATE_ISSUER_EXAMPLE } from './issuer.examples.js';
import { ISSUER_KINDS, ISSUER_STATUSES, OCSP_REQUEST_SIGNATURES, type IssuerEntity } from './issuer.entity.js';
import type { RelyingPartyUrls } from '../pki/certificate.js';

export const ISSUER_ID_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `off` is `0s`. */
const DELTA_INTERVAL_PATTERN = /^(?:off|\d{1,9}[smhd])$/;

export const ISSUER_ID = z
  .string()
  .regex(ISSUER_ID_PATTERN, 'must be 1 to 63 of a-z, 0-9 and -, and not begin or end with -')
  .describe('Stands in the addresses of its CRL and OCSP responder, for ever.')
  .meta({ example: ISSUER_ID_EXAMPLE });

/** A lifetime such as `90d`, in seconds. */
export const VALIDITY = z
  .string()
  .regex(DURATION_PATTERN, 'must be a duration such as 90s, 12h or 90d')
  .transform((text) => findDurationSeconds(text) ?? 0)
  .refine((seconds) => seconds >= 60 && seconds <= 100 * 366 * 86_400, 'must lie between 60s and 36600d')
  .meta({ example: '90d' });

const KEY_ALGORITHM = z
  .string()
  .max(40)
  .transform((text, context): KeyAlgorithm => {
    const found = findByLooseName(text);
    if (found !== null) return found;
    context.addIssue({ code: 'custom', message: `must be one of ${KEY_ALGORITHMS.join(', ')}` });
    return z.NEVER;
  })
  .describe(`One of ${KEY_ALGORITHMS.join(', ')}. Case and punctuation do not matter.`)
  .meta({ example: 'ecdsa-p256' });

/** `ECDSA P-256`, `P256` and `ecdsa-p256` are the same. */
function findByLooseName(text: string): KeyAlgorithm | null {
  const loose = text.toLowerCase().replace(/[^a-z0-9]/g, '');
  return KEY_ALGORITHMS.find((name) => [name.replace('-', ''), name.replace('ecdsa-', '')].includes(loose)) ?? null;
}

const SUBJECT = z
  .union([
    z.string().min(1).max(2000).describe('RFC 4514, for example `CN=Example Root,O=Example`.'),
    z.strictObject({
      common_name: z.string().optional(),
      organization: z.string().optional(),
      organizational_unit: z.string().optional(),
      locality: z.string().optional(),
      state: z.string().optional(),
      country: z.string().optional(),
    }),
  ])
  .describe('The subject: text in the form of RFC 4514, or its attributes.');
export type SubjectInput = z.output<typeof SUBJECT>;

/** Seconds; 0 is none. */
const DELTA_INTERVAL = z
  .string()
  .regex(DELTA_INTERVAL_PATTERN, 'must be a duration such as 15m or 1h, or off')
  .transform((text) => findDurationSeconds(text) ?? 0)
  .refine(
    (seconds) => seconds === 0 || (seconds >= 60 && seconds <= 7 * 86_400),
    'must be off, or lie between 1m and 7d',
  )
  .meta({ example: '1h' });

/** What may be changed later. */
const SETTINGS = {
  name: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not have control characters'),
  baseline_requirements: z
    .boolean()
    .describe(
      'Keep to the CA/B Baseline Requirements: TLS lifetimes are limited and certificateHold is refused. For publicly trusted issuers.',
    ),
  crl_shards: z
    .int()
    .min(1)
    .max(1024)
    .describe(
      'Over how many CRLs certificates issued from then on are spread; their distribution point names one of them. With 1 it names the complete CRL, which is always there.',
    ),
  crl_delta_interval: DELTA_INTERVAL.nullable().describe(
    'How often a delta CRL is published when nothing changes. `off` or `0s`: no delta CRL; null: CERTPLANE_CRL_DELTA_INTERVAL says.',
  ),
  expired_certs_on_crl: z
    .boolean()
    .describe('Keep certificates on the CRLs after they have expired, and say so there (expiredCertsOnCRL).'),
};

const COMMON = {
  id: ISSUER_ID,
  name: SETTINGS.name,
  baseline_requirements: SETTINGS.baseline_requirements.default(false),
  crl_shards: SETTINGS.crl_shards.default(1),
  crl_delta_interval: SETTINGS.crl_delta_interval.default(null),
  expired_certs_on_crl: SETTINGS.expired_certs_on_crl.default(false),
  ocsp_request_signature: z
    .enum(OCSP_REQUEST_SIGNATURES)
    .default('ignore')
    .describe(
      'What is done with the signature of an OCSP request: `ignore` it, `verify` it where there is one, `require` one.',
    ),
  ocsp_requester_cas_pem: z
    .string()
    .max(65_536)
    .optional()
    .describe('The CAs (PEM) whose certificates may sign OCSP requests; needed for `verify` and `require`.'),
};

const MADE_HERE = {
  key_algorithm: KEY_ALGORITHM.default('ecdsa-p256'),
  subject: SUBJECT,
  path_length: z
    .int()
    .min(0)
    .max(10)
    .optional()
    .describe('pathLenConstraint. Default: none for a root, 0 for an intermediate.'),
};

export const CREATE_ISSUER = z
  .discriminatedUnion('kind', [
    z.strictObject({ ...COMMON, ...MADE_HERE, kind: z.literal('root'), validity: VALIDITY.prefault('3650d') }),
    z.strictObject({
      ...COMMON,
      ...MADE_HERE,
      kind: z.literal('intermediate'),
      parent_id: ISSUER_ID,
      validity: VALIDITY.prefault('1825d'),
    }),
    z.strictObject({
      ...COMMON,
      kind: z.literal('imported'),
      certificate_pem: z.string().max(65_536),
      chain_pem: z.string().max(262_144).optional().describe('The certificates above it, in any order.'),
      private_key_pem: z
        .string()
        .max(65_536)
        .optional()
        .describe(
          'PKCS#8, PKCS#1 or SEC 1, not encrypted. Without it the CA is known here, but issues nothing, and its CRL and OCSP are elsewhere.',
        ),
    }),
  ])
  .meta({ id: 'CreateIssuer', example: CREATE_ISSUER_EXAMPLE });
export type CreateIssuer = z.output<typeof CREATE_ISSUER>;

export const UPDATE_ISSUER = z
  .strictObject(SETTINGS)
  .partial()
  .refine((settings) => Object.keys(settings).length > 0, 'must name what to change')
  .meta({ id: 'UpdateIssuer', example: UPDATE_ISSUER_EXAMPLE });
export type UpdateIssuer = z.output<typeof UPDATE_ISSUER>;

export const LIST_ISSUERS = z.strictObject({ limit: PAGE_QUERY.limit, cursor: PAGE_QUERY.cursor });
export type ListIssuers = z.output<typeof LIST_ISSUERS>;

export const ISSUER = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(ISSUER_KINDS),
    status: z.enum(ISSUER_STATUSES),
    parent_id: z.string().nullable(),
    key_algorithm: z.enum(KEY_ALGORITHMS),
    subject: z.string(),
    not_before: z.iso.datetime(),
    not_after: z.iso.datetime(),
    path_length: z.int().nullable(),
    baseline_requirements: z.boolean(),
    crl_shards: z.int(),
    crl_delta_interval: z.string().nullable().describe('A duration; `0s`: no delta CRL; null: as configured.'),
    expired_certs_on_crl: z.boolean(),
    ocsp_request_signature: z.enum(OCSP_REQUEST_SIGNATURES),
    ocsp_requester_cas_pem: z.string(),
    certificate_pem: z.string(),
    chain_pem: z.string().describe('The certificates above it, nearest first; empty for a root.'),
    ocsp_url: z.string().nullable().describe('Null where OCSP is turned off, or the private key is not here.'),
    crl_url: z.string().nullable().describe('The complete CRL. Null where the private key is not here.'),
    ca_issuers_url: z.string(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Issuer', example: ISSUER_EXAMPLE });

export const ISSUER_PAGE = pageSchema(ISSUER);

/** Seconds as a duration; null where the configuration says. */
export function presentDeltaInterval(seconds: number | null): string | null {
  return seconds === null ? null : formatDuration(seconds);
}

export function presentIssuer(issuer: IssuerEntity, urls: RelyingPartyUrls): z.input<typeof ISSUER> {
  const hasKey = issuer.keyId !== null;
  return {
    id: issuer.id,
    name: issuer.name,
    kind: issuer.kind,
    status: issuer.status,
    parent_id: issuer.parentId,
    key_algorithm: issuer.keyAlgorithm,
    subject: issuer.subject,
    not_before: issuer.notBefore.toISOString(),
    not_after: issuer.notAfter.toISOString(),
    path_length: issuer.pathLength,
    baseline_requirements: issuer.baselineRequirements,
    crl_shards: issuer.crlShards,
    crl_delta_interval: presentDeltaInterval(issuer.crlDeltaInterval),
    expired_certs_on_crl: issuer.expiredCertsOnCrl,
    ocsp_request_signature: issuer.ocspRequestSignature,
    ocsp_requester_cas_pem: issuer.ocspRequesterCasDer.map((der) => formatPem('CERTIFICATE', der)).join(''),
    certificate_pem: formatPem('CERTIFICATE', issuer.certificateDer),
    chain_pem: issuer.chainDer.map((der) => formatPem('CERTIFICATE', der)).join(''),
    ocsp_url: hasKey ? urls.ocsp : null,
    crl_url: hasKey ? urls.crl : null,
    ca_issuers_url: urls.caIssuers,
    created_at: issuer.createdAt.toISOString(),
  };
}
