import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ErrorCode } from '../errors/domain-error.js';
import type { Validators } from './byte-range.js';
import { createProblem, PROBLEM_CONTENT_TYPE } from './problem.js';
import { identifyRequest } from './request-id.js';

/** Writes a problem outside the framework. It has a request id; what relying parties fetch in their millions has none. */
export function writeProblem(
  request: IncomingMessage,
  response: ServerResponse,
  code: ErrorCode,
  detail: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const problem = createProblem(code, detail);
  identifyRequest(request, response);
  writeBody(request, response, problem.status, Buffer.from(JSON.stringify(problem)), {
    'Content-Type': PROBLEM_CONTENT_TYPE,
    'Cache-Control': 'no-store',
    ...headers,
  });
}

/** Writes a whole answer; for HEAD its headers alone. */
export function writeBody(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: Uint8Array,
  headers: OutgoingHttpHeaders,
): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** What a client must be told to keep or renew its copy (RFC 9110 section 8.8, RFC 9111 section 5). */
export interface Freshness extends Validators {
  readonly expires: Date;
  /** Seconds. */
  readonly maxAge: number;
}

/** The caching headers of a signed answer (RFC 9919 section 5; used for CRLs too). */
export function cachingHeaders(freshness: Freshness): OutgoingHttpHeaders {
  return {
    ETag: freshness.etag,
    'Last-Modified': freshness.lastModified.toUTCString(),
    Expires: freshness.expires.toUTCString(),
    'Cache-Control': `max-age=${freshness.maxAge}, public, no-transform, must-revalidate`,
  };
}

/** True when If-None-Match names this entity tag (RFC 9110 section 13.1.2: weak comparison). */
export function matchesEtag(request: IncomingMessage, etag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

/** True when there is no If-None-Match and If-Modified-Since is not before this time (RFC 9110 section 13.1.3). */
export function notModifiedSince(request: IncomingMessage, lastModified: Date): boolean {
  const header = request.headers['if-modified-since'];
  if (header === undefined || request.headers['if-none-match'] !== undefined) return false;
  const since = Date.parse(header);
  return !Number.isNaN(since) && Math.floor(lastModified.getTime() / 1000) * 1000 <= since;
}

/**
 * What the conditions of a GET or HEAD make of it, in the order of RFC 9110 section 13.2.2: 412 when the client wants another
 * state, 304 when it has this one. Null: it is to be answered.
 */
export function judgeConditions(request: IncomingMessage, { etag, lastModified }: Validators): 304 | 412 | null {
  if (missesEtag(request, etag) || modifiedSince(request, lastModified)) return 412;
  return matchesEtag(request, etag) || notModifiedSince(request, lastModified) ? 304 : null;
}

/** True when If-Match names other entity tags only (RFC 9110 section 13.1.1: strong comparison). */
function missesEtag(request: IncomingMessage, etag: string): boolean {
  const header = request.headers['if-match'];
  return header !== undefined && !header.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etag);
}

/** True when there is no If-Match and If-Unmodified-Since is before this time (RFC 9110 section 13.1.4). */
function modifiedSince(request: IncomingMessage, lastModified: Date): boolean {
  const header = request.headers['if-unmodified-since'];
  if (header === undefined || request.headers['if-match'] !== undefined) return false;
  return Math.floor(lastModified.getTime() / 1000) * 1000 > Date.parse(header);
}
