import { z } from 'zod';
import { CRL_CACHE_EXAMPLE } from './crl.examples.js';
import { CRL_KINDS } from './crl.entity.js';

const CRL_EVENT = z.object({
  started_at: z.iso.datetime(),
  duration_ms: z.int(),
  succeeded: z.boolean(),
  crl_number: z.string().nullable().describe('Null when the build failed before it took one.'),
  revoked_count: z.int().nullable(),
  error: z.string().nullable(),
});

const CRL_CACHE_ROW = z.object({
  issuer_id: z.string(),
  kind: z.enum(CRL_KINDS),
  shard: z.int().nullable().describe('From 0; null where the kind is not `shard`.'),
  cache_present: z.boolean().describe('False: this CRL was never built.'),
  crl_number: z.string().nullable(),
  this_update: z.iso.datetime().nullable(),
  next_update: z.iso.datetime().nullable(),
  generated_at: z.iso.datetime().nullable().describe('When its build began.'),
  generation_duration_ms: z.int().nullable(),
  revoked_count: z.int().nullable(),
  size_bytes: z.int().nullable(),
  is_stale: z
    .boolean()
    .describe(
      'Nothing is published, it has expired, or a change of status is not on it for longer than it should take.',
    ),
  recent_events: z.array(CRL_EVENT).describe('The last builds, newest first.'),
});

export const CRL_CACHE = z
  .object({
    cache_rows: z.array(CRL_CACHE_ROW),
    row_count: z.int(),
    generated_at: z.iso.datetime(),
  })
  .meta({ id: 'CrlCache', example: CRL_CACHE_EXAMPLE });
export type CrlCache = z.input<typeof CRL_CACHE>;
