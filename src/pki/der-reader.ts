import { Buffer } from 'node:buffer';
import { CONSTRUCTED, TAG } from './der-tags.js';
import { parseTimeSeconds } from './der-time.js';

/** What is wrong with the DER, and at which byte of the input that the reader was made for. */
export class DerError extends Error {
  constructor(
    reason: string,
    readonly offset: number,
  ) {
    super(`${reason} at byte ${offset}`);
    this.name = 'DerError';
  }
}

/** More than any object identifier in use has: one that holds a UUID takes 20. */
const OID_MAX_BYTES = 128;
const SEQUENCE_AND_SET = [TAG.sequence & 0x1f, TAG.set & 0x1f];

/**
 * A cursor over DER (X.690). Takes only definite, minimal lengths and low tag numbers, never reads outside its bytes,
 * never descends by itself, and throws only DerError. What it returns are views of the input, not copies.
 */
export class DerReader {
  private readonly bytes: Buffer;
  private position = 0;
  private end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /** What this function reads from the bytes, all of which it must take. */
  static readAll<T>(bytes: Uint8Array, read: (reader: DerReader) => T): T {
    const reader = new DerReader(bytes);
    const result = read(reader);
    reader.expectEnd();
    return result;
  }

  /** A reader over these bytes of the input alone, whose errors name places in the whole. */
  static over(bytes: Uint8Array, start: number, end: number): DerReader {
    const reader = new DerReader(bytes);
    if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError('a range outside of the bytes');
    reader.position = start;
    reader.end = end;
    return reader;
  }

  /** The position of the next element in the whole input. */
  get offset(): number {
    return this.position;
  }

  get atEnd(): boolean {
    return this.position === this.end;
  }

  expectEnd(): void {
    if (!this.atEnd) throw this.error('unexpected bytes after the last element');
  }

  /** A second reader at the same place, to look into an element that is also taken whole. */
  fork(): DerReader {
    return this.within(this.position, this.end);
  }

  /** An error about the next element, for the reader's own caller. */
  error(reason: string, offset = this.position): DerError {
    return new DerError(reason, offset);
  }

  /** The identifier octet of the next element, or null at the end. */
  peekTag(): number | null {
    return this.atEnd ? null : (this.bytes[this.position] ?? null);
  }

  /** Steps into the next element, which must have this tag: a reader over its contents. */
  read(tag: number): DerReader {
    const end = this.enter(tag);
    const contents = this.within(this.position, end);
    this.position = end;
    return contents;
  }

  /** Like read, or null when the next element has another tag or there is none. */
  optional(tag: number): DerReader | null {
    return this.peekTag() === tag ? this.read(tag) : null;
  }

  /** The contents of the next element. */
  readBytes(tag: number): Buffer {
    return this.takeTo(this.enter(tag));
  }

  /** The whole next element, header included. Of its contents, only the length is checked. */
  readElement(tag?: number): Buffer {
    const start = this.position;
    const end = this.enter(tag);
    this.position = start;
    return this.takeTo(end);
  }

  /** Passes over the next element. Of its contents, only the length is checked. */
  skip(tag?: number): void {
    this.position = this.enter(tag);
  }

  /** Passes over the next element if it is, byte for byte, this one. DER writes a value in one way only. */
  accept(element: Uint8Array): boolean {
    const end = this.position + element.length;
    if (end > this.end) return false;
    // A loop: a call into Buffer costs more than what is compared here.
    for (let i = 0; i < element.length; i++) if (this.bytes[this.position + i] !== element[i]) return false;
    this.position = end;
    return true;
  }

  readSequence(): DerReader {
    return this.read(TAG.sequence);
  }

  readSet(): DerReader {
    return this.read(TAG.set);
  }

  /** An INTEGER that is not negative. */
  readInteger(): bigint {
    const start = this.position;
    const contents = this.readIntegerContents();
    if ((contents[0] ?? 0) & 0x80) throw this.error('a negative INTEGER', start);
    return BigInt(`0x${contents.toString('hex')}`);
  }

  /** The two's complement of an INTEGER of either sign, in the fewest octets. */
  readIntegerContents(): Buffer {
    const start = this.position;
    const contents = this.readBytes(TAG.integer);
    const first = contents[0];
    const second = contents[1] ?? 0;
    if (first === undefined) throw this.error('an INTEGER without contents', start);
    const redundant = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80);
    if (redundant && contents.length > 1) throw this.error('an INTEGER that is not minimal', start);
    return contents;
  }

  /** An ENUMERATED of 0 to 127, which is all that X.509, CRLs and OCSP have. */
  readEnumerated(): number {
    const start = this.position;
    const contents = this.readBytes(TAG.enumerated);
    const value = contents[0] ?? 0xff;
    if (contents.length !== 1 || value > 0x7f) throw this.error('an ENUMERATED out of range', start);
    return value;
  }

  readBoolean(): boolean {
    const start = this.position;
    const contents = this.readBytes(TAG.boolean);
    const value = contents[0];
    if (contents.length !== 1 || (value !== 0x00 && value !== 0xff))
      throw this.error('a BOOLEAN that is not DER', start);
    return value === 0xff;
  }

  readNull(): void {
    if (!this.read(TAG.null).atEnd) throw this.error('a NULL with contents');
  }

  readOctetString(): Buffer {
    return this.readBytes(TAG.octetString);
  }

  /** A BIT STRING of whole octets, without the octet that counts the unused bits. */
  readBitString(): Buffer {
    const start = this.position;
    const contents = this.readBytes(TAG.bitString);
    if (contents[0] !== 0) throw this.error('a BIT STRING that is not of whole octets', start);
    return contents.subarray(1);
  }

  /** An OBJECT IDENTIFIER in dotted decimals. */
  readOid(): string {
    const start = this.position;
    const contents = this.readBytes(TAG.oid);
    if (contents.length > OID_MAX_BYTES) throw this.error('an OBJECT IDENTIFIER that is too long', start);
    const dotted = dottedOid(contents);
    if (dotted === null) throw this.error('an OBJECT IDENTIFIER that is not DER', start);
    return dotted;
  }

  /** A Time of RFC 5280: UTCTime (1950 to 2049) or GeneralizedTime, in UTC, to the second. */
  readTime(): Date {
    return this.peekTag() === TAG.utcTime ? this.readTimeOf(TAG.utcTime, 2) : this.readGeneralizedTime();
  }

  /** YYYYMMDDHHMMSSZ: no fractions, no other zone (RFC 5280 section 4.1.2.5.2). */
  readGeneralizedTime(): Date {
    return this.readTimeOf(TAG.generalizedTime, 4);
  }

  private readTimeOf(tag: number, yearDigits: 2 | 4): Date {
    const start = this.position;
    const end = this.enter(tag);
    const seconds = parseTimeSeconds(this.bytes, this.position, end, yearDigits);
    if (Number.isNaN(seconds)) throw this.error('a time that is not a second of the calendar in UTC', start);
    this.position = end;
    return new Date(seconds * 1000);
  }

  private within(start: number, end: number): DerReader {
    return DerReader.over(this.bytes, start, end);
  }

  private takeTo(end: number): Buffer {
    const bytes = this.bytes.subarray(this.position, end);
    this.position = end;
    return bytes;
  }

  /** Moves past the header of the next element and returns where its contents end. */
  private enter(expected: number | undefined): number {
    const start = this.position;
    const tag = this.octet();
    if (expected === undefined) this.checkTag(tag, start);
    else if (tag !== expected) throw this.error(`expected tag ${hex(expected)} but found ${hex(tag)}`, start);
    const length = this.length();
    if (length > this.end - this.position) throw this.error('an element that is longer than what holds it', start);
    return this.position + length;
  }

  private checkTag(tag: number, start: number): void {
    const number = tag & 0x1f;
    if (number === 0x1f) throw this.error('a high tag number', start);
    if (tag >= 0x40) return;
    const constructed = (tag & CONSTRUCTED) !== 0;
    if (number === 0 || constructed !== SEQUENCE_AND_SET.includes(number)) {
      throw this.error(`tag ${hex(tag)}, which DER does not have,`, start);
    }
  }

  private length(): number {
    const start = this.position;
    const first = this.octet();
    if (first < 0x80) return first;
    if (first === 0x80) throw this.error('an indefinite length', start);
    const octets = first & 0x7f;
    if (octets > 4) throw this.error('a length of more than four octets', start);
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.octet();
    if (length < 0x80 || length < 256 ** (octets - 1)) throw this.error('a length that is not minimal', start);
    return length;
  }

  private octet(): number {
    const octet = this.peekTag();
    if (octet === null) throw this.error('the end inside an element');
    this.position += 1;
    return octet;
  }
}

function hex(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`;
}

/** Null when the contents are empty, cut short, or have an arc that is not minimal. */
function dottedOid(contents: Uint8Array): string | null {
  let dotted = '';
  let arc: number | bigint = 0;
  let open = false;
  for (const octet of contents) {
    if (!open && octet === 0x80) return null;
    const bits = octet & 0x7f;
    // Arcs of UUIDs have 128 bits; all others fit a number.
    arc = typeof arc === 'number' && arc < 2 ** 45 ? arc * 128 + bits : BigInt(arc) * 128n + BigInt(bits);
    open = octet >= 0x80;
    if (open) continue;
    dotted += dotted === '' ? firstArcs(arc) : `.${arc}`;
    arc = 0;
  }
  return open || dotted === '' ? null : dotted;
}

function firstArcs(value: number | bigint): string {
  const root = value < 40 ? 0 : value < 80 ? 1 : 2;
  return `${root}.${BigInt(value) - BigInt(root * 40)}`;
}
