import { Buffer } from 'node:buffer';
import { CONSTRUCTED, TAG, constructedContextTag, contextTag } from './der-tags.js';
import { TIME_MAX_BYTES, writeGeneralizedTime, writeTime, writeUtcTime } from './der-time.js';

/** The most octets that the header of an element takes: its tag and a length of four octets. */
export const HEADER_MAX_BYTES = 6;

/** The octets that the header of an element with contents of this length takes. */
export function headerLength(contentLength: number): number {
  if (contentLength < 0x80) return 2;
  if (contentLength < 0x100) return 3;
  if (contentLength < 0x1_0000) return 4;
  if (contentLength < 0x100_0000) return 5;
  if (contentLength < 0x1_0000_0000) return HEADER_MAX_BYTES;
  throw new RangeError('an element of 4 GiB or more');
}

/** Writes a tag and a minimal definite length, and returns the offset after them. */
export function writeHeader(target: Uint8Array, offset: number, tag: number, contentLength: number): number {
  const end = offset + headerLength(contentLength);
  target[offset] = tag;
  if (contentLength < 0x80) {
    target[offset + 1] = contentLength;
    return end;
  }
  target[offset + 1] = 0x80 | (end - offset - 2);
  for (let at = end - 1, rest = contentLength; at > offset + 1; at--, rest = Math.floor(rest / 256)) {
    target[at] = rest & 0xff;
  }
  return end;
}

/** One element: the tag, the length, and the parts one after another. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const element = Buffer.allocUnsafe(headerLength(length) + length);
  let at = writeHeader(element, 0, tag, length);
  for (const part of parts) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return tlv(TAG.sequence, ...elements);
}

/** SET or SET OF, its elements put in the order that DER asks for (X.690 sections 10.3 and 11.6). */
export function set(...elements: readonly Uint8Array[]): Buffer {
  return tlv(TAG.set, ...elements.toSorted((a, b) => Buffer.compare(a, b)));
}

/** An INTEGER that is not negative, from a safe integer, a bigint, or unsigned big-endian bytes. */
export function integer(value: number | bigint | Uint8Array): Buffer {
  const bytes = typeof value === 'object' ? value : unsignedBytes(BigInt(value));
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const minimal = bytes.subarray(start);
  const first = minimal[0] ?? 0x80;
  return first < 0x80 ? tlv(TAG.integer, minimal) : tlv(TAG.integer, ZERO_OCTET, minimal);
}

/** An ENUMERATED of 0 to 127. */
export function enumerated(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 0x7f) throw new RangeError(`${value} is not between 0 and 127`);
  return Buffer.from([TAG.enumerated, 1, value]);
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([TAG.boolean, 1, value ? 0xff : 0x00]);
}

export function nullValue(): Buffer {
  return Buffer.from([TAG.null, 0]);
}

/** An OBJECT IDENTIFIER from dotted decimals. */
export function oid(dotted: string): Buffer {
  if (!/^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/.test(dotted)) {
    throw new RangeError(`'${dotted}' is not an object identifier`);
  }
  const [root = 0n, second = 0n, ...arcs] = dotted.split('.').map(BigInt);
  return tlv(TAG.oid, Buffer.from([root * 40n + second, ...arcs].flatMap(base128)));
}

export function octetString(...parts: readonly Uint8Array[]): Buffer {
  return tlv(TAG.octetString, ...parts);
}

/** A BMPString. @throws RangeError for characters outside the Basic Multilingual Plane */
export function bmpString(text: string): Buffer {
  if (/[\ud800-\udfff]/.test(text)) throw new RangeError('a character outside the Basic Multilingual Plane');
  return tlv(TAG.bmpString, Buffer.from(text, 'utf16le').swap16());
}

/** A BIT STRING of whole octets. */
export function bitString(...parts: readonly Uint8Array[]): Buffer {
  return tlv(TAG.bitString, ZERO_OCTET, ...parts);
}

/** A Time of RFC 5280: UTCTime for 1950 to 2049, GeneralizedTime otherwise. Milliseconds are cut off, here and below. */
export function time(date: Date): Buffer {
  return writtenTime(writeTime, date);
}

export function utcTime(date: Date): Buffer {
  return writtenTime(writeUtcTime, date);
}

export function generalizedTime(date: Date): Buffer {
  return writtenTime(writeGeneralizedTime, date);
}

/** [n] EXPLICIT around whole elements. */
export function explicit(n: number, ...elements: readonly Uint8Array[]): Buffer {
  return tlv(constructedContextTag(n), ...elements);
}

/** [n] IMPLICIT: the same element with its tag replaced. */
export function implicit(n: number, element: Uint8Array): Buffer {
  const retagged = Buffer.from(element);
  retagged[0] = contextTag(n) | ((element[0] ?? 0) & CONSTRUCTED);
  return retagged;
}

const ZERO_OCTET = Buffer.of(0);

function unsignedBytes(value: bigint): Buffer {
  if (value < 0n) throw new RangeError('an INTEGER that is not negative was expected');
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(0x80 | Number(rest & 0x7fn));
  return octets;
}

function writtenTime(write: typeof writeTime, date: Date): Buffer {
  const element = Buffer.allocUnsafe(TIME_MAX_BYTES);
  return element.subarray(0, write(element, 0, date.getTime() / 1000));
}
