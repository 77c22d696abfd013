import type { IncomingMessage } from 'node:http';
import { OCSP_REQUEST_MAX_BYTES } from '../pki/ocsp-request.js';

/** What stands behind /.well-known/pki/ocsp/: an issuer's id, and for GET the request. */
export interface OcspPath {
  readonly issuerId: string | null;
  readonly rest: string;
}

const ISSUER_ID = /^[a-z0-9-]{1,63}$/;
/** An OCSPRequest is a SEQUENCE, so that its base64 begins with M; an issuer's id never has a capital. */
const BASE64_REQUEST = /^M/;
const SHORT_FORM = /^(?:0x)?[0-9a-fA-F:]{1,64}$/;
/** Base64 takes four characters for three bytes, and url-encoding three for one. */
const PATH_MAX_LENGTH = OCSP_REQUEST_MAX_BYTES * 4;

/** Splits the path. Some clients put another slash before the request. Null where no request can stand. */
export function findOcspPath(path: string): OcspPath | null {
  if (path.length > PATH_MAX_LENGTH) return null;
  const trimmed = path.replace(/^\/+/, '');
  if (trimmed === '' || BASE64_REQUEST.test(trimmed)) return { issuerId: null, rest: trimmed };
  const slash = trimmed.indexOf('/');
  const issuerId = slash === -1 ? trimmed : trimmed.slice(0, slash);
  if (!ISSUER_ID.test(issuerId)) return null;
  return { issuerId, rest: slash === -1 ? '' : trimmed.slice(slash + 1).replace(/^\/+/, '') };
}

/**
 * The request in a GET path (RFC 6960 appendix A.1): base64 with either alphabet, padded or not, url-encoded or not.
 * Null when it is none.
 */
export function findGetRequest(rest: string): Buffer | null {
  let text: string;
  try {
    text = decodeURIComponent(rest);
  } catch {
    return null;
  }
  // A plus sign that a form decoder or a proxy took for a space.
  const base64 = text.replaceAll(' ', '+').replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(base64) || base64.length % 4 === 1) return null;
  return Buffer.from(base64, 'base64');
}

/** True for the short form of GET: the path ends in a serial number instead of a request. */
export function isShortForm(rest: string): boolean {
  return SHORT_FORM.test(rest);
}

/** Reads a body of at most OCSP_REQUEST_MAX_BYTES bytes; null when it is longer, or breaks off. */
export function readBody(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    if (Number(request.headers['content-length'] ?? 0) > OCSP_REQUEST_MAX_BYTES) {
      resolve(null);
      return;
    }
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > OCSP_REQUEST_MAX_BYTES) {
        request.pause();
        resolve(null);
      } else {
        chunks.push(chunk);
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => resolve(null));
    request.once('close', () => resolve(null));
  });
}
