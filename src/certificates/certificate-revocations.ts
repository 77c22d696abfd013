import { Injectable } from '@nestjs/common';
import { BlockedKeys } from '../keys/blocked-keys.js';
import type { RevocationReason } from '../pki/revocation-reason.js';
import type { Tx } from '../platform/database/transaction.js';

export interface RevocationMark {
  readonly revokedAt: Date;
  readonly revocationReason: RevocationReason;
  readonly invalidityDate: Date | null;
}

export interface MarkedCertificate {
  readonly id: string;
  readonly issuerId: string;
  readonly serialNumber: Buffer;
}

/** The words of a revocation that say that the private key is in the wrong hands. */
const COMPROMISES: readonly RevocationReason[] = ['keyCompromise', 'cACompromise', 'aACompromise'];

/** The rows that a revocation changes in the inventory. The act itself, with all that follows, is `revocation`'s. */
@Injectable()
export class CertificateRevocations {
  constructor(private readonly blockedKeys: BlockedKeys) {}

  /**
   * Marks a certificate revoked, once: the row decides, so that of two callers one wins. A compromised key is blocked
   * from ever being certified again (CA/B BR 6.1.1.3).
   * @returns null when it was revoked already, or is not there
   */
  async mark(tx: Tx, id: string, mark: RevocationMark): Promise<MarkedCertificate | null> {
    const [rows] = await tx.query<[{ issuer_id: string; serial_number: Buffer; spki_sha256: Buffer }[], number]>(
      `UPDATE certificates SET revoked_at = $2, revocation_reason = $3, invalidity_date = $4
        WHERE id = $1 AND revoked_at IS NULL
        RETURNING issuer_id, serial_number, spki_sha256`,
      [id, mark.revokedAt, mark.revocationReason, mark.invalidityDate],
    );
    const row = rows[0];
    if (row === undefined) return null;
    if (COMPROMISES.includes(mark.revocationReason)) await this.blockedKeys.block(tx, row.spki_sha256, mark.revokedAt);
    return { id, issuerId: row.issuer_id, serialNumber: row.serial_number };
  }

  /** Reservations that nobody confirmed since `before`: their process died, or their signer failed. */
  async findOrphans(tx: Tx, before: Date, limit: number): Promise<string[]> {
    const rows: { id: string }[] = await tx.query(
      `SELECT id FROM certificates
        WHERE certificate_der IS NULL AND revoked_at IS NULL AND reserved_at < $1
        ORDER BY reserved_at LIMIT $2`,
      [before, limit],
    );
    return rows.map(({ id }) => id);
  }
}
