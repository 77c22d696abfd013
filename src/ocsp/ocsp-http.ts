import type { IncomingMessage } from 'node:http';
import { OCSP_REQUEST_MAX_BYTES } from '../pki/ocsp-request.js';
import { BodyDeadline } from '../platform/http/body-deadline.js';
import { decodeBase64Path } from './base64-path.js';

/** What stands behind /.well-known/pki/ocsp/: an issuer's id, and for GET the request. */
export interface OcspPath {
  readonly issuerId: string | null;
  readonly rest: string;
}

const ISSUER_ID = /^[a-z0-9-]{1,63}$/;
const SHORT_FORM = /^(?:0x)?[0-9a-fA-F:]{1,64}$/;
/** Base64 takes four characters for three bytes, and url-encoding three for one. */
const PATH_MAX_LENGTH = OCSP_REQUEST_MAX_BYTES * 4;

/** A client that takes longer for a few hundred bytes has gone. */
const BODY_TIMEOUT_MS = 8000;
const bodyDeadline = new BodyDeadline(BODY_TIMEOUT_MS);

/** Splits the path. Some clients put another slash before the request. Null where no request can stand. */
export function findOcspPath(path: string): OcspPath | null {
  if (path.length > PATH_MAX_LENGTH) return null;
  const trimmed = trimSlashes(path);
  // An OCSPRequest is a SEQUENCE, so that its base64 begins with M; an issuer's id never has a capital.
  if (trimmed === '' || trimmed.startsWith('M')) return { issuerId: null, rest: trimmed };
  const slash = trimmed.indexOf('/');
  const issuerId = slash === -1 ? trimmed : trimmed.slice(0, slash);
  if (!ISSUER_ID.test(issuerId)) return null;
  return { issuerId, rest: slash === -1 ? '' : trimSlashes(trimmed.slice(slash + 1)) };
}

function trimSlashes(path: string): string {
  let start = 0;
  while (path[start] === '/') start++;
  return start === 0 ? path : path.slice(start);
}

/** The request in a GET path (RFC 6960 appendix A.1), as {@link decodeBase64Path} reads it. Null when it is none. */
export function findGetRequest(rest: string): Buffer | null {
  return decodeBase64Path(rest);
}

/** True for the short form of GET: the path ends in a serial number instead of a request. */
export function isShortForm(rest: string): boolean {
  return SHORT_FORM.test(rest);
}

/**
 * Reads a body of at most OCSP_REQUEST_MAX_BYTES bytes, and calls back once: with null when it is longer, breaks off, or
 * does not come in time.
 */
export function readBody(request: IncomingMessage, onBody: (body: Buffer | null) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let done = false;
  const finish = (body: Buffer | null): void => {
    if (done) return;
    done = true;
    bodyDeadline.end(wait);
    onBody(body);
  };
  const giveUp = (): void => finish(null);
  const wait = bodyDeadline.begin(giveUp);
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= OCSP_REQUEST_MAX_BYTES) {
      chunks.push(chunk);
    } else {
      request.pause();
      finish(null);
    }
  });
  request.on('end', () => finish(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
  request.on('error', giveUp);
  request.on('close', giveUp);
}
