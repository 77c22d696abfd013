import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database/transaction.js';
import { CrlScheduler } from './crl.scheduler.js';

/** A certificate whose status changes. */
interface ChangedCertificate {
  readonly issuerId: string;
  /** Null where its distribution point is the complete CRL, or it has none. */
  readonly crlShard: number | null;
  readonly serialNumber: Buffer;
}

/** What a change of status asks of the CRLs. */
@Injectable()
export class CrlService {
  constructor(private readonly scheduler: CrlScheduler) {}

  /**
   * Notes, in the transaction that changes the status, that the published CRLs are out of date, and of what the next delta has
   * to tell. The COMMIT counts it (a deferred trigger).
   */
  async markDirty(tx: Tx, { issuerId, crlShard, serialNumber }: ChangedCertificate): Promise<void> {
    await tx.query('INSERT INTO crl_changes (issuer_id, shard, serial_number) VALUES ($1, $2, $3)', [
      issuerId,
      crlShard,
      serialNumber,
    ]);
  }

  /** After the commit: rebuilds without waiting for the schedule. Never fails; the schedule finds what is left undone. */
  rebuildSoon(issuerId: string): void {
    this.scheduler.wake(issuerId);
  }
}
