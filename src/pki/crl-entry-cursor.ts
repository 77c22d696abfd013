import type { Buffer } from 'node:buffer';
import { type CrlEntry, INVALIDITY_DATE, REASON_CODE, readCrlEntry } from './crl-entry.js';
import { DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { parseTimeSeconds } from './der-time.js';
import { type CrlReason, findCrlReason } from './revocation-reason.js';
import { SERIAL_NUMBER_MAX_BYTES } from './serial-number.js';

/** The entry that a walk through a CRL is at: one object for all of them, which holds until the next one. */
export interface CrlEntryView {
  /** Canonical, see serial-number.ts; a view of the CRL that is made anew at each reading. */
  readonly serialNumber: Buffer;
  /** Seconds since 1970, as is the other time. */
  readonly revokedAt: number;
  readonly reason: CrlReason;
  readonly invalidityDate: number | null;
}

/**
 * Goes through revokedCertificates. An entry of the usual form is read without garbage, several times as fast as by readCrlEntry,
 * which reads all others and says what is wrong with them.
 */
export class CrlEntryCursor implements CrlEntryView {
  revokedAt = 0;
  reason: CrlReason = 'unspecified';
  invalidityDate: number | null = null;
  private serialStart = 0;
  private serialEnd = 0;

  /** Stands before the first of the entries that lie in these bytes of the CRL. */
  constructor(
    private readonly crl: Buffer,
    private position: number,
    private readonly end: number,
  ) {}

  /** Where the next entry begins in the CRL. */
  get offset(): number {
    return this.position;
  }

  get serialNumber(): Buffer {
    return this.crl.subarray(this.serialStart, this.serialEnd);
  }

  /** Goes to the next entry; false after the last one. Throws DerError. */
  next(): boolean {
    if (this.position === this.end) return false;
    const entryEnd = contentsEnd(this.crl, this.position, TAG.sequence);
    if (entryEnd <= this.end && this.readUsual(this.position + 2, entryEnd)) this.position = entryEnd;
    else this.readAny();
    return true;
  }

  isOf(canonical: Uint8Array): boolean {
    const { crl, serialStart, serialEnd } = this;
    if (canonical.length !== serialEnd - serialStart) return false;
    for (let i = 0; i < canonical.length; i++) if (crl[serialStart + i] !== canonical[i]) return false;
    return true;
  }

  copy(): CrlEntry {
    const { serialNumber, revokedAt, reason, invalidityDate } = this;
    return {
      serialNumber,
      revokedAt: new Date(revokedAt * 1000),
      reason,
      invalidityDate: invalidityDate === null ? null : new Date(invalidityDate * 1000),
    };
  }

  /** Whether the entry is of the usual form: short lengths, and no extensions but a reason and then an invalidity date. */
  private readUsual(start: number, end: number): boolean {
    const { crl } = this;
    const serialEnd = contentsEnd(crl, start, TAG.integer);
    const timeTag = crl[serialEnd] === TAG.utcTime ? TAG.utcTime : TAG.generalizedTime;
    const timeEnd = contentsEnd(crl, serialEnd, timeTag);
    if (!this.readSerialNumber(start + 2, serialEnd)) return false;
    this.revokedAt = parseTimeSeconds(crl, serialEnd + 2, timeEnd, timeTag === TAG.utcTime ? 2 : 4);
    return !Number.isNaN(this.revokedAt) && this.readUsualExtensions(timeEnd, end);
  }

  private readSerialNumber(start: number, end: number): boolean {
    const first = this.crl[start] ?? 0xff;
    const isPadded = first === 0;
    this.serialStart = isPadded ? start + 1 : start;
    this.serialEnd = end;
    if (end === start || end - start > SERIAL_NUMBER_MAX_BYTES || first >= 0x80) return false;
    return !isPadded || (end - start > 1 && (this.crl[start + 1] ?? 0) >= 0x80);
  }

  private readUsualExtensions(start: number, end: number): boolean {
    const { crl } = this;
    this.reason = 'unspecified';
    this.invalidityDate = null;
    if (start === end) return true;
    if (contentsEnd(crl, start, TAG.sequence) !== end) return false;
    let at = start + 2;
    if (standsAt(crl, at, REASON_CODE)) {
      at += REASON_CODE.length + 1;
      const reason = findCrlReason(crl[at - 1] ?? 0xff);
      if (reason === null) return false;
      this.reason = reason;
    }
    if (standsAt(crl, at, INVALIDITY_DATE)) {
      const time = at + INVALIDITY_DATE.length;
      at = contentsEnd(crl, time, TAG.generalizedTime);
      this.invalidityDate = parseTimeSeconds(crl, time + 2, at, 4);
      if (Number.isNaN(this.invalidityDate)) return false;
    }
    return at === end && at !== start + 2;
  }

  private readAny(): void {
    const reader = DerReader.over(this.crl, this.position, this.end);
    const { serialNumber, revokedAt, reason, invalidityDate } = readCrlEntry(reader);
    this.serialStart = serialNumber.byteOffset - this.crl.byteOffset;
    this.serialEnd = this.serialStart + serialNumber.length;
    this.revokedAt = revokedAt.getTime() / 1000;
    this.reason = reason;
    this.invalidityDate = invalidityDate === null ? null : invalidityDate.getTime() / 1000;
    this.position = reader.offset;
  }
}

/** Where an element with a length of one octet ends, which may be behind the end of the bytes; NaN for any other element. */
function contentsEnd(bytes: Uint8Array, start: number, tag: number): number {
  const length = bytes[start + 1] ?? NaN;
  return bytes[start] === tag && length < 0x80 ? start + 2 + length : NaN;
}

function standsAt(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
