import { z } from 'zod';
import { CERTIFICATE_PROFILES } from '../certificates/certificate.entity.js';
import { ISSUER_ID } from '../issuers/issuer.schemas.js';
import { findDurationSeconds, DURATION_PATTERN } from '../platform/config/duration.js';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import { ROLES } from '../platform/http/permission.js';
import { API_KEY_EXAMPLE, API_KEY_ID_EXAMPLE, API_KEY_WITH_SECRET_EXAMPLE } from './api-key.examples.js';
import type { ApiKeyEntity } from './api-key.entity.js';

const OVERLAP_MAX_SECONDS = 30 * 86_400;

/** Sorted, each once. */
const setOf = <T extends z.ZodType<string>>(item: T) =>
  z
    .array(item)
    .min(1)
    .max(1000)
    .transform((items) => [...new Set(items)].sort());

/** What access may be limited to; also the lines of the file of client certificates. */
export const SCOPE = {
  issuer_ids: setOf(ISSUER_ID).optional().describe('The issuers that it is limited to. Without it: all.'),
  profiles: setOf(z.enum(CERTIFICATE_PROFILES))
    .optional()
    .describe('The certificate profiles that it is limited to. Without it: all.'),
};

export const CREATE_API_KEY = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?$/,
        'must be 1 to 64 of A-Z, a-z, 0-9, ., _, @ and -, and begin and end with a letter or a digit',
      )
      .describe('Who it is for. The audit trail knows the key by it; only one live key has it.'),
    role: z.enum(ROLES),
    ...SCOPE,
    expires_at: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional()
      .describe('Without it the key is good until it is revoked.'),
  })
  .meta({ id: 'CreateApiKey', example: { name: 'deploy', role: 'operator', issuer_ids: ['iss-local'] } });
export type CreateApiKey = z.output<typeof CREATE_API_KEY>;

export const ROTATE_API_KEY = z
  .strictObject({
    overlap: z
      .string()
      .regex(DURATION_PATTERN, 'must be a duration such as 0s, 15m, 1h or 7d')
      .transform((text) => findDurationSeconds(text) ?? 0)
      .refine((seconds) => seconds <= OVERLAP_MAX_SECONDS, 'must be 30d at the most')
      .prefault('1h')
      .describe('How long the secret until now stays good beside the new one. `0s`: not at all.')
      .meta({ example: '1h' }),
  })
  .meta({ id: 'RotateApiKey', example: { overlap: '1h' } });
export type RotateApiKey = z.output<typeof ROTATE_API_KEY>;

export const API_KEY_ID = z
  .uuid('must be the id of an API key (a UUID)')
  .transform((id) => id.toLowerCase())
  .meta({ example: API_KEY_ID_EXAMPLE });

export const API_KEY_STATUSES = ['active', 'expired', 'revoked'] as const;
export type ApiKeyStatus = (typeof API_KEY_STATUSES)[number];

export const LIST_API_KEYS = z.strictObject({ ...PAGE_QUERY, status: z.enum(API_KEY_STATUSES).optional() });
export type ListApiKeys = z.output<typeof LIST_API_KEYS>;

export const API_KEY = z
  .object({
    id: z.uuid(),
    name: z.string(),
    role: z.enum(ROLES),
    issuer_ids: z.array(z.string()).nullable().describe('Null: all.'),
    profiles: z.array(z.string()).nullable().describe('Null: all.'),
    status: z.enum(API_KEY_STATUSES),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    last_used_at: z.iso.datetime().nullable().describe('To the minute or so.'),
    previous_valid_until: z.iso
      .datetime()
      .nullable()
      .describe('Until when the secret before the last rotation is good; null when it is not any more.'),
    revoked_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey', example: API_KEY_EXAMPLE });

export const API_KEY_WITH_SECRET = API_KEY.extend({
  key: z.string().describe('The secret. It is shown this once: what is stored is its hash.'),
}).meta({ id: 'ApiKeyWithSecret', example: API_KEY_WITH_SECRET_EXAMPLE });

export const API_KEY_PAGE = pageSchema(API_KEY);

export function apiKeyStatus({ revokedAt, expiresAt }: ApiKeyEntity, now: Date): ApiKeyStatus {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
}

export function presentApiKey(row: ApiKeyEntity, now: Date): z.input<typeof API_KEY> {
  const status = apiKeyStatus(row, now);
  const { previousValidUntil } = row;
  const overlaps = status === 'active' && previousValidUntil !== null && previousValidUntil > now;
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    issuer_ids: row.issuerIds,
    profiles: row.profiles,
    status,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    previous_valid_until: overlaps ? previousValidUntil.toISOString() : null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
