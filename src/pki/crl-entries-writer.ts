import { Buffer } from 'node:buffer';
import { INVALIDITY_DATE, REASON_CODE } from './crl-entry.js';
import { TAG } from './der-tags.js';
import { writeGeneralizedTime, writeTime } from './der-time.js';
import { HEADER_MAX_BYTES, writeHeader } from './der-writer.js';
import { CRL_REASON_CODES, type CrlReason } from './revocation-reason.js';
import { canonicalSerialNumber } from './serial-number.js';

const CHUNK_BYTES = 65_536;
/** Two headers of one length octet each, a serial number of 20 octets, the time, and both extensions make 81. */
const ENTRY_MAX_BYTES = 96;

/**
 * Collects the entries of a CRL as DER, in the order in which they are added. Takes a million of them in about the memory
 * that they have in the CRL.
 */
export class CrlEntriesWriter {
  private readonly full: Buffer[] = [];
  private fullBytes = 0;
  private chunk: Buffer = Buffer.alloc(0);
  private used = 0;
  private entries = 0;
  private removals = 0;

  get count(): number {
    return this.entries;
  }

  /** Whether an entry has removeFromCRL, which makes this a list for a delta CRL. */
  get hasRemovals(): boolean {
    return this.removals > 0;
  }

  /**
   * Adds one entry; a number is seconds since 1970, and fractions of a second are cut off. Throws, and adds nothing, PkiError
   * ('invalid_serial_number') for a serial number that no certificate can have, RangeError for a time outside the years 0 to 9999.
   */
  add(
    serialNumber: Uint8Array,
    revokedAt: Date | number,
    reason: CrlReason,
    invalidityDate: Date | number | null = null,
  ): void {
    const canonical = canonicalSerialNumber(serialNumber);
    if (this.chunk.length - this.used < ENTRY_MAX_BYTES) this.startChunk();
    const { chunk } = this;
    const contents = this.used + 2;
    let at = writeInteger(chunk, contents, canonical);
    at = writeTime(chunk, at, secondsOf(revokedAt));
    at = writeExtensions(chunk, at, CRL_REASON_CODES[reason], invalidityDate);
    writeHeader(chunk, this.used, TAG.sequence, at - contents);
    this.used = at;
    this.entries += 1;
    if (reason === 'removeFromCRL') this.removals += 1;
  }

  /** The revokedCertificates SEQUENCE in pieces that are views, or nothing where there are no entries (RFC 5280 section 5.1.2.6). */
  list(): Uint8Array[] {
    if (this.entries === 0) return [];
    const header = Buffer.allocUnsafe(HEADER_MAX_BYTES);
    const headerEnd = writeHeader(header, 0, TAG.sequence, this.fullBytes + this.used);
    return [header.subarray(0, headerEnd), ...this.full, this.chunk.subarray(0, this.used)];
  }

  private startChunk(): void {
    if (this.used > 0) this.full.push(this.chunk.subarray(0, this.used));
    this.fullBytes += this.used;
    this.chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.used = 0;
  }
}

function writeInteger(target: Uint8Array, offset: number, unsigned: Uint8Array): number {
  const padding = (unsigned[0] ?? 0) >> 7;
  const at = writeHeader(target, offset, TAG.integer, unsigned.length + padding);
  target[at] = 0;
  target.set(unsigned, at + padding);
  return at + padding + unsigned.length;
}

function writeExtensions(
  target: Uint8Array,
  offset: number,
  reasonCode: number,
  invalidityDate: Date | number | null,
): number {
  // RFC 5280 section 5.3.1: unspecified is said by leaving the reason out.
  if (reasonCode === 0 && invalidityDate === null) return offset;
  const contents = offset + 2;
  let at = contents;
  if (reasonCode !== 0) {
    target.set(REASON_CODE, at);
    at += REASON_CODE.length;
    target[at++] = reasonCode;
  }
  if (invalidityDate !== null) {
    target.set(INVALIDITY_DATE, at);
    at = writeGeneralizedTime(target, at + INVALIDITY_DATE.length, secondsOf(invalidityDate));
  }
  writeHeader(target, offset, TAG.sequence, at - contents);
  return at;
}

function secondsOf(time: Date | number): number {
  return typeof time === 'number' ? time : time.getTime() / 1000;
}
