import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const REQUEST_ID = Symbol('request id');
const WELL_FORMED = /^[A-Za-z0-9._-]{8,64}$/;

type IdentifiedRequest = IncomingMessage & { [REQUEST_ID]?: string };

/** Gives the request an id, the client's own if it is well formed, and says it in the answer's X-Request-Id. */
export function identifyRequest(request: IncomingMessage, response: ServerResponse): void {
  const offered = request.headers['x-request-id'];
  const id = typeof offered === 'string' && WELL_FORMED.test(offered) ? offered : randomUUID();
  (request as IdentifiedRequest)[REQUEST_ID] = id;
  response.setHeader('X-Request-Id', id);
}

export function requestIdOf(request: IncomingMessage): string | null {
  return (request as IdentifiedRequest)[REQUEST_ID] ?? null;
}
