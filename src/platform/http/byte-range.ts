import type { IncomingMessage } from 'node:http';

/** Bytes of a representation, up to but not including `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What tells two states of a resource apart (RFC 9110 section 8.8). */
export interface Validators {
  /** A strong entity tag, with its quotes. */
  readonly etag: string;
  /** No two states of the resource may have the same, to the second. */
  readonly lastModified: Date;
}

/**
 * The bytes that a GET asks for, of `length` that there are (RFC 9110 section 14). Null: all of them. So it is too where several
 * ranges are asked for, where the header can't be understood, and where If-Range names another state.
 */
export function selectRange(
  request: IncomingMessage,
  length: number,
  validators: Validators,
): ByteRange | 'unsatisfiable' | null {
  const header = request.headers.range;
  if (request.method !== 'GET' || header === undefined || !ifRangeHolds(request, validators)) return null;
  const [, from, to] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return null;
  if (from === '') return lastBytes(Number(to), length);
  const start = Number(from);
  const last = to === '' ? Infinity : Number(to);
  if (last < start) return null;
  return start >= length ? 'unsatisfiable' : { start, end: Math.min(last + 1, length) };
}

function lastBytes(count: number, length: number): ByteRange | 'unsatisfiable' {
  return count === 0 || length === 0 ? 'unsatisfiable' : { start: Math.max(0, length - count), end: length };
}

/** RFC 9110 section 13.1.5: a strong comparison, and a date that is exactly ours. */
function ifRangeHolds(request: IncomingMessage, { etag, lastModified }: Validators): boolean {
  const header = request.headers['if-range'];
  if (typeof header !== 'string') return header === undefined;
  if (/^\s*(W\/)?"/.test(header)) return header.trim() === etag;
  return Date.parse(header) === Math.floor(lastModified.getTime() / 1000) * 1000;
}
