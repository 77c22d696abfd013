import { CrlEntriesWriter } from '../pki/crl-entries-writer.js';
import { findRevocationReason } from '../pki/revocation-reason.js';
import { CopyBinaryReader, type CopyRow } from './copy-binary-reader.js';

/** Rows that made no entry. */
export interface BadRows {
  readonly count: number;
  /** What is wrong with the first. */
  readonly error: string;
}

/** Turns the stream of a query of revoked-certificates.ts into CRL entries. One row that makes none does not stop the others. */
export class EntryRows {
  readonly entries = new CrlEntriesWriter();
  private readonly reader = new CopyBinaryReader();
  private bad: BadRows | null = null;

  /** @param removedAt seconds since 1970: when the certificates that are not revoked are taken off the CRL */
  constructor(private readonly removedAt: number) {}

  get badRows(): BadRows | null {
    return this.bad;
  }

  push(piece: Buffer): void {
    this.reader.push(piece, this.onRow);
  }

  /** @throws Error when the stream broke off */
  end(): void {
    if (!this.reader.complete) throw new Error('the stream of revoked certificates broke off');
  }

  private readonly onRow = (row: CopyRow): void => {
    try {
      this.add(row);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.bad = { count: (this.bad?.count ?? 0) + 1, error: this.bad?.error ?? text };
    }
  };

  private add(row: CopyRow): void {
    const serialNumber = row.bytes(0);
    if (serialNumber === null) throw new Error('a certificate without a serial number');
    const revokedAt = row.integer(1);
    if (revokedAt === null) {
      this.entries.add(serialNumber, this.removedAt, 'removeFromCRL');
      return;
    }
    // A reason that nobody knows must not take the entry out of the CRL.
    const reason = findRevocationReason(row.integer(2) ?? 0) ?? 'unspecified';
    this.entries.add(serialNumber, revokedAt, reason, findWritableSeconds(row.integer(3)));
  }
}

/** Null for a date that a CRL can't hold (years 0 to 9999): the certificate stays on it all the same. */
function findWritableSeconds(seconds: number | null): number | null {
  return seconds !== null && seconds >= -62_167_219_200 && seconds < 253_402_300_800 ? seconds : null;
}
