import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
export type Parameter = Extract<NonNullable<Operation['parameters']>[number], { name: string }>;

/** Every header of an answer that more than one route has. */
export const HEADERS = {
  RequestId: {
    description:
      'What the log and the audit trail know the call by: the X-Request-Id that was sent, if it is 8 to 64 of A-Z, a-z, 0-9, ., _ and -; else one of ours.',
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{8,64}$' },
    example: '0e8f4bd5-3f51-4a2f-9bb0-6c2a4a3d6c55',
  },
  RateLimit: {
    description:
      'How many calls may follow at once (`r`), and in how many seconds the whole burst may (`t`): draft-ietf-httpapi-ratelimit-headers. Absent where CERTPLANE_RATE_LIMIT_RPS is 0.',
    schema: { type: 'string', pattern: '^"default";r=\\d+;t=\\d+$' },
    example: '"default";r=99;t=1',
  },
  RateLimitPolicy: {
    description:
      'How many calls (`q`) each API key and each client certificate has in how many seconds (`w`), at all instances together.',
    schema: { type: 'string', pattern: '^"default";q=\\d+;w=\\d+$' },
    example: '"default";q=100;w=2',
  },
  RetryAfter: {
    description: 'Seconds to wait before the call is repeated.',
    schema: { type: 'string', pattern: '^\\d+$' },
    example: '2',
  },
  EntityTag: {
    description: 'Changes whenever what is shown does. An update takes it in If-Match.',
    required: true,
    schema: { type: 'string', pattern: '^"[A-Za-z0-9_-]+"$' },
    example: '"u0cWzTHJx9QYPrJ5yAmFLA"',
  },
  IdempotencyReplayed: {
    description: '`true` where this is the answer to an earlier call with the same Idempotency-Key.',
    schema: { type: 'string', pattern: '^true$' },
    example: 'true',
  },
  WwwAuthenticate: {
    description: 'How to say who you are.',
    required: true,
    schema: { type: 'string' },
    example: 'Bearer realm="certplane"',
  },
} as const;

export const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes it safe to repeat the call: whoever sends it again with the same key and the same body within a day gets the first answer, also after a crash. After a refusal the key may be used again.',
  schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  example: 'order-2031',
};

export const IF_MATCH: Parameter = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'The ETag of what you have read: with it you overwrite no change of somebody else.',
  schema: { type: 'string' },
  example: HEADERS.EntityTag.example,
};

export const IF_NONE_MATCH: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of what you have: while it is still right, the answer is 304.',
  schema: { type: 'string' },
  example: HEADERS.EntityTag.example,
};
