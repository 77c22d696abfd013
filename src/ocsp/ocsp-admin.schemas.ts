import { z } from 'zod';
import { CERTIFICATE_STATUSES } from '../certificates/certificate.schemas.js';
import { CERT_ID_ALGORITHMS } from '../pki/cert-id.js';
import { ISSUER_ID } from '../issuers/issuer.schemas.js';
import {
  EXPLAIN_OCSP_EXAMPLE,
  OCSP_CACHE_EXAMPLE,
  OCSP_EXPLANATION_EXAMPLE,
  OCSP_REFRESH_EXAMPLE,
} from './ocsp.examples.js';

export const OCSP_CACHE = z
  .object({
    issuers: z.array(
      z.object({
        issuer_id: z.string(),
        good: z.int(),
        revoked: z.int(),
        unsigned: z.int().describe('Due at once: the certificate is new, or was revoked a moment ago.'),
        fresh: z.int(),
        due: z.int().describe('Past half of their validity, or unsigned.'),
        oldest_produced_at: z.iso.datetime().nullable(),
      }),
    ),
    memory: z
      .object({ entries: z.int(), bytes: z.int(), max_bytes: z.int(), hits: z.int(), misses: z.int() })
      .describe('Of the process that answered this.'),
    nodes: z.array(
      z.object({
        id: z.uuid(),
        name: z.string().describe('Host and process id.'),
        this_process: z.boolean(),
        silent: z.boolean().describe('True: it has no lease, and no revocation waits for it.'),
        behind: z.int().describe('How many revocations it has not applied yet.'),
        lease_seconds: z.number(),
        renewed_at: z.iso.datetime(),
        started_at: z.iso.datetime(),
      }),
    ),
    lease_running: z.boolean().describe('Whether this process may answer from memory now.'),
  })
  .meta({ id: 'OcspCache', example: OCSP_CACHE_EXAMPLE });

export const OCSP_REFRESH = z
  .object({ issuer_id: z.string(), due: z.int().describe('How many responses will be signed anew.') })
  .meta({ id: 'OcspRefresh', example: OCSP_REFRESH_EXAMPLE });

export const EXPLAIN_OCSP = z
  .strictObject({
    request: z
      .string()
      .max(20_000)
      .optional()
      .describe('An OCSPRequest in base64. Its bytes may also be sent as they are, as application/ocsp-request.'),
    issuer_id: ISSUER_ID.optional().describe('The issuer that the address names; needed with a serial number.'),
    serial_number: z.string().max(200).optional().describe('Instead of a request: hexadecimal, in any writing.'),
  })
  .meta({ id: 'ExplainOcsp', example: EXPLAIN_OCSP_EXAMPLE });
export type ExplainOcsp = z.output<typeof EXPLAIN_OCSP>;

export const OCSP_EXPLANATION = z
  .object({
    answer: z.string().describe('good, revoked, unknown, several, or an OCSP error status.'),
    why: z.string(),
    issuer_id: z.string().nullable(),
    certificates: z.array(
      z.object({
        serial_number: z.string(),
        cert_id_algorithm: z.enum(CERT_ID_ALGORITHMS),
        id: z.uuid().nullable(),
        subject: z.string().nullable(),
        status: z.enum([...CERTIFICATE_STATUSES, 'reserved', 'unknown']),
        why: z.string(),
      }),
    ),
    layer: z.enum(['memory', 'database', 'signature']).nullable().describe('Where the answer comes from now.'),
    responder: z
      .object({ serial_number: z.string(), not_after: z.iso.datetime() })
      .nullable()
      .describe('The delegated responder whose key signs now.'),
    nonce: z.boolean(),
    signed: z.boolean(),
    produced_at: z.iso.datetime().nullable(),
    this_update: z.iso.datetime().nullable(),
    next_update: z.iso.datetime().nullable(),
    refresh_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'OcspExplanation', example: OCSP_EXPLANATION_EXAMPLE });
export type OcspExplanation = z.input<typeof OCSP_EXPLANATION>;
