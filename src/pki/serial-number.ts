import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { DerReader } from './der-reader.js';
import { DerError } from './der-reader.js';
import { PkiError } from './pki-error.js';

// The canonical form of a serial number is the unsigned big-endian bytes of a positive integer, without leading zeros.

/** RFC 5280 section 4.1.2.2: at most 20 octets of DER, so a value below 2^159. */
export const SERIAL_NUMBER_MAX_BYTES = 20;

/** More text than any writing of 20 octets needs; what is longer is not looked at. */
const TEXT_MAX_LENGTH = 128;
const HEX_NUMBER = /^(?:0x)?(?:[0-9a-f]+|[0-9a-f]{1,2}(?::[0-9a-f]{2})+|[0-9a-f]{1,2}(?: [0-9a-f]{2})+)$/i;

/**
 * The canonical bytes of a serial number in hexadecimal, however it is written: upper or lower case, with 0x, leading zeros,
 * an odd count of digits, or colons or spaces between the octets. Throws PkiError('invalid_serial_number').
 */
export function parseSerialNumber(text: string): Buffer {
  const trimmed = text.length > TEXT_MAX_LENGTH ? '' : text.trim();
  if (!HEX_NUMBER.test(trimmed)) {
    throw invalid('A serial number is a positive hexadecimal number of at most 20 octets, such as 0a1b2c or 0A:1B:2C.');
  }
  const digits = trimmed.replace(/^0x|[: ]/gi, '');
  return canonicalSerialNumber(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
}

/** Lower-case hexadecimal of the canonical bytes, two digits an octet, without a prefix. */
export function formatSerialNumber(bytes: Uint8Array): string {
  return canonicalSerialNumber(bytes).toString('hex');
}

/** 16 octets from a CSPRNG, positive (CA/B BR 7.1 asks for 64 bits; this has 127, less the 2^120 values with fewer octets). */
export function randomSerialNumber(): Buffer {
  for (;;) {
    const bytes = randomBytes(16);
    const first = bytes.readUInt8(0) & 0x7f;
    bytes.writeUInt8(first, 0);
    if (first !== 0) return bytes;
  }
}

/** The canonical bytes from the contents of a DER INTEGER. Throws DerError when it is not positive, not minimal, or over 20 octets. */
export function serialNumberFromDer(contents: Uint8Array, offset = 0): Buffer {
  const first = contents[0] ?? 0xff;
  const second = contents[1] ?? 0xff;
  if (first >= 0x80 || (first === 0 && contents.length === 1)) {
    throw new DerError('a serial number that is not positive', offset);
  }
  if (first === 0 && second < 0x80) throw new DerError('a serial number that is not minimal', offset);
  if (contents.length > SERIAL_NUMBER_MAX_BYTES) throw new DerError('a serial number of more than 20 octets', offset);
  return view(contents).subarray(first === 0 ? 1 : 0);
}

/** The canonical bytes of the serial number that is the next element. */
export function readSerialNumber(reader: DerReader): Buffer {
  const start = reader.offset;
  return serialNumberFromDer(reader.readIntegerContents(), start);
}

/** Strips leading zeros. Throws PkiError('invalid_serial_number') when the number is zero or 2^159 or more. */
export function canonicalSerialNumber(bytes: Uint8Array): Buffer {
  let start = 0;
  while (bytes[start] === 0) start++;
  const canonical = start === 0 ? view(bytes) : view(bytes).subarray(start);
  const first = canonical[0];
  if (first === undefined) throw invalid('A serial number must not be zero.');
  if (canonical.length > SERIAL_NUMBER_MAX_BYTES || (canonical.length === SERIAL_NUMBER_MAX_BYTES && first >= 0x80)) {
    throw invalid('A serial number must be below 2^159 (20 octets).');
  }
  return canonical;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalid(message: string): PkiError {
  return new PkiError('invalid_serial_number', message);
}
