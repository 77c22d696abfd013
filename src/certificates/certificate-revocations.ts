import { Injectable } from '@nestjs/common';
import { BlockedKeys } from '../keys/blocked-keys.js';
import type { RevocationReason } from '../pki/revocation-reason.js';
import type { Tx } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { RevocationAction } from './revocation-history.entity.js';

/** What a revoked certificate's row says of its revocation. */
export interface Revocation {
  /** To the second. */
  readonly revokedAt: Date;
  readonly revocationReason: RevocationReason;
  readonly invalidityDate: Date | null;
}

/** A certificate whose row this transaction holds. */
export interface LockedCertificate {
  readonly id: string;
  readonly issuerId: string;
  readonly serialNumber: Buffer;
  readonly crlShard: number | null;
  readonly spkiSha256: Buffer;
  /** False for a reservation. */
  readonly issued: boolean;
  /** Null while it is not revoked. */
  readonly revocation: Revocation | null;
}

/** One step in the life of a certificate's status. */
export interface StatusChange {
  readonly action: RevocationAction;
  readonly occurredAt: Date;
  /** As in the audit trail. */
  readonly actor: string;
  /** What is so after it; null for a release. */
  readonly revocation: Revocation | null;
}

interface LockedRow {
  issuer_id: string;
  serial_number: Buffer;
  crl_shard: number | null;
  spki_sha256: Buffer;
  issued: boolean;
  revoked_at: Date | null;
  revocation_reason: RevocationReason | null;
  invalidity_date: Date | null;
}

/** The words of a revocation that say that the private key is in the wrong hands. */
const COMPROMISES: readonly RevocationReason[] = ['keyCompromise', 'cACompromise', 'aACompromise'];

/** The rows that a change of status changes in the inventory. The act itself, with all that follows, is `revocation`'s. */
@Injectable()
export class CertificateRevocations {
  constructor(private readonly blockedKeys: BlockedKeys) {}

  /**
   * Takes the row of a certificate: until the transaction ends nobody else changes its status.
   * @throws DomainError certificate_not_found
   */
  async lock(tx: Tx, id: string): Promise<LockedCertificate> {
    const [row] = await tx.query<LockedRow[]>(
      `SELECT issuer_id, serial_number, crl_shard, spki_sha256, certificate_der IS NOT NULL AS issued,
              revoked_at, revocation_reason, invalidity_date
         FROM certificates WHERE id = $1 FOR NO KEY UPDATE`,
      [id],
    );
    if (row === undefined) throw new DomainError('certificate_not_found', `There is no certificate ${id}.`);
    return {
      id,
      issuerId: row.issuer_id,
      serialNumber: row.serial_number,
      crlShard: row.crl_shard,
      spkiSha256: row.spki_sha256,
      issued: row.issued,
      revocation: revocationOf({
        revokedAt: row.revoked_at,
        revocationReason: row.revocation_reason,
        invalidityDate: row.invalidity_date,
      }),
    };
  }

  /**
   * Writes the new status of a locked certificate, and the step into its history. A compromised key is blocked from ever
   * being certified again (CA/B BR 6.1.1.3).
   */
  async change(tx: Tx, { id, spkiSha256 }: LockedCertificate, change: StatusChange): Promise<void> {
    const { action, occurredAt, actor, revocation } = change;
    await tx.query(
      `WITH changed AS (
         UPDATE certificates SET revoked_at = $2, revocation_reason = $3, invalidity_date = $4 WHERE id = $1
         RETURNING id, revoked_at, revocation_reason, invalidity_date
       )
       INSERT INTO revocation_history
         (certificate_id, occurred_at, action, actor, revoked_at, revocation_reason, invalidity_date)
       SELECT id, $5, $6, $7, revoked_at, revocation_reason, invalidity_date FROM changed`,
      [
        id,
        revocation?.revokedAt ?? null,
        revocation?.revocationReason ?? null,
        revocation?.invalidityDate ?? null,
        occurredAt,
        action,
        actor,
      ],
    );
    if (revocation !== null && COMPROMISES.includes(revocation.revocationReason)) {
      await this.blockedKeys.block(tx, spkiSha256, occurredAt);
    }
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

/** Null for a certificate that is not revoked. */
export function revocationOf({
  revokedAt,
  revocationReason,
  invalidityDate,
}: {
  readonly revokedAt: Date | null;
  readonly revocationReason: RevocationReason | null;
  readonly invalidityDate: Date | null;
}): Revocation | null {
  return revokedAt === null || revocationReason === null ? null : { revokedAt, revocationReason, invalidityDate };
}
