import { ApiExtension } from '@nestjs/swagger';
import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode } from '../errors/domain-error.js';

export const PROBLEM = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong, and how to mend it.'),
    code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
    request_id: z.string().optional().describe('The log and the audit trail know the call by it.'),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('Each fault of the request, where there may be several.'),
    error: z.literal('rate_limit_exceeded').optional().describe('Beside `code`, where too much was exported.'),
    retry_after_seconds: z.int().optional().describe('As Retry-After says.'),
  })
  .meta({
    description: 'Problem details (RFC 9457). `code` is stable.',
    example: {
      type: 'urn:certplane:error:invalid_request',
      title: 'Invalid request',
      status: 400,
      detail: 'validity: must be a duration such as 90s, 12h or 90d',
      code: 'invalid_request',
      request_id: '0e8f4bd5-3f51-4a2f-9bb0-6c2a4a3d6c55',
      errors: [{ field: 'validity', message: 'must be a duration such as 90s, 12h or 90d' }],
    },
  });

/** Where the document keeps the refusals of a route until those of its kind are added. */
export const OWN_PROBLEMS = 'x-problems';

/** Documents the refusals of a route; the ones that every route of its kind shares come by themselves. */
export function ApiProblems(...codes: readonly ErrorCode[]): MethodDecorator {
  return ApiExtension(OWN_PROBLEMS, codes);
}

/** What a kind of route may be refused for by what stands in front of it. */
export interface RouteKind {
  /** Upper case. */
  readonly method: string;
  readonly hasParameters: boolean;
  readonly hasEntityTag: boolean;
}

/** The refusals that every route of a kind shares, all of them behind authentication. */
export function sharedProblems({ method, hasParameters, hasEntityTag }: RouteKind): ErrorCode[] {
  const isRead = method === 'GET';
  return [
    'unauthorized',
    'too_many_attempts',
    'forbidden',
    'rate_limit_exceeded',
    'internal_error',
    'database_unavailable',
    ...(hasParameters || !isRead ? (['invalid_request'] as const) : []),
    ...(isRead ? [] : (['invalid_json', 'body_too_large', 'unsupported_media_type'] as const)),
    ...(method === 'POST' ? (['idempotency_key_reused', 'idempotency_in_progress'] as const) : []),
    ...(hasEntityTag ? (['precondition_failed'] as const) : []),
  ];
}

/** Codes by their status. */
export function byStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const lists = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    lists.set(ERROR_STATUS[code], [...(lists.get(ERROR_STATUS[code]) ?? []), code]);
  }
  return lists;
}
