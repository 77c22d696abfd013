import { STATUS_CODES } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorCode } from '../errors/domain-error.js';
import { HEADERS, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, type Parameter } from './api-headers.js';
import { byStatus, OWN_PROBLEMS, sharedProblems, type RouteKind } from './api-problems.js';
import { TAGGED } from './entity-tag.js';
import { problemResponse } from './public-openapi.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Exclude<Operation['responses'][string], { $ref: string } | undefined>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const NOT_MODIFIED = 304;

/**
 * Adds to a document what no route says by itself: the refusals of its kind, the headers that go with them, and what may be
 * sent with every call of that kind.
 */
export function describeManners(document: OpenAPIObject): void {
  const shared: Record<string, Response> = {};
  for (const item of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) describeOperation(method.toUpperCase(), operation, shared);
    }
  }
  document.components = { ...document.components, headers: { ...HEADERS }, responses: shared };
}

function describeOperation(method: string, operation: Operation, shared: Record<string, Response>): void {
  const own = take<readonly ErrorCode[]>(operation, OWN_PROBLEMS) ?? [];
  const hasEntityTag = take<true>(operation, TAGGED) ?? false;
  // What is open to everybody stands in front of all this, and describes itself.
  if (operation.security?.length === 0) return;
  describeBytes(operation.requestBody);
  Object.values(operation.responses).forEach(describeBytes);
  const kind = { method, hasParameters: (operation.parameters ?? []).length > 0, hasEntityTag };
  if (hasEntityTag && method === 'GET') {
    operation.responses[NOT_MODIFIED] = { description: 'What If-None-Match names is still right.' };
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    describeHeaders(Number(status), response as Response, kind);
  }
  describeProblems(operation, own, kind, shared);
  if (method === 'POST') addParameters(operation, IDEMPOTENCY_KEY);
  if (hasEntityTag) addParameters(operation, IF_MATCH, ...(method === 'GET' ? [IF_NONE_MATCH] : []));
}

/** What may also be sent or answered as bytes, the framework describes as if they were JSON. */
function describeBytes(message: Operation['requestBody'] | Response | { $ref: string }): void {
  if (message === undefined || !('content' in message)) return;
  for (const [type, media] of Object.entries(message.content ?? {})) {
    if (!/^text\/|json$/.test(type)) media.schema = { type: 'string', format: 'binary' };
  }
}

/** Takes a note away that a decorator left for this. */
function take<T>(operation: Operation, key: string): T | undefined {
  const notes = operation as unknown as Record<string, T | undefined>;
  const value = notes[key];
  delete notes[key];
  return value;
}

/** A response with codes of the route's own stands in it; the others are those of many. */
function describeProblems(
  operation: Operation,
  own: readonly ErrorCode[],
  kind: RouteKind,
  shared: Record<string, Response>,
): void {
  const statuses = new Set(byStatus(own).keys());
  for (const [status, codes] of byStatus([...own, ...sharedProblems(kind)])) {
    const response: Response = problemResponse(...codes);
    describeHeaders(status, response, kind);
    if (statuses.has(status)) {
      operation.responses[status] = response;
    } else {
      const name = codes.map(pascalCase).join('Or');
      shared[name] = response;
      operation.responses[status] = { $ref: `#/components/responses/${name}` };
    }
  }
}

function pascalCase(code: string): string {
  return code.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** A parameter that the framework has found by itself gives way to the one that is described. */
function addParameters(operation: Operation, ...added: readonly Parameter[]): void {
  const names = new Set(added.map(({ name }) => name.toLowerCase()));
  const others = (operation.parameters ?? []).filter(
    (parameter) => !('name' in parameter && parameter.in === 'header' && names.has(parameter.name.toLowerCase())),
  );
  operation.parameters = [...others, ...added];
}

function describeHeaders(status: number, response: Response, { method, hasEntityTag }: RouteKind): void {
  const isSuccess = status < 400;
  if (response.description === '') response.description = STATUS_CODES[status] ?? '';
  const names: (readonly [header: string, component: keyof typeof HEADERS])[] = [
    ['X-Request-Id', 'RequestId'],
    ...when(isSuccess || status === 429, ['RateLimit', 'RateLimit'], ['RateLimit-Policy', 'RateLimitPolicy']),
    ...when(isSuccess && hasEntityTag, ['ETag', 'EntityTag']),
    ...when(isSuccess && method === 'POST', ['Idempotency-Replayed', 'IdempotencyReplayed']),
    ...when(status === 401, ['WWW-Authenticate', 'WwwAuthenticate']),
    ...when(status === 429 || (status === 409 && method === 'POST'), ['Retry-After', 'RetryAfter']),
  ];
  response.headers = {
    ...response.headers,
    ...Object.fromEntries(names.map(([header, component]) => [header, { $ref: `#/components/headers/${component}` }])),
  };
}

function when<const T>(condition: boolean, ...items: readonly T[]): readonly T[] {
  return condition ? items : [];
}
