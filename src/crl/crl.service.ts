import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database/transaction.js';
import { CrlScheduler } from './crl.scheduler.js';

/** What a revocation asks of the CRL. */
@Injectable()
export class CrlService {
  constructor(private readonly scheduler: CrlScheduler) {}

  /** Notes, in the revocation's transaction, that the published CRL lacks an entry. The COMMIT counts it (a deferred trigger). */
  async markDirty(tx: Tx, issuerId: string): Promise<void> {
    await tx.query('INSERT INTO crl_dirty_marks (issuer_id) VALUES ($1)', [issuerId]);
  }

  /** After the commit: rebuilds without waiting for the schedule. Never fails; the schedule finds what is left undone. */
  rebuildSoon(issuerId: string): void {
    this.scheduler.wake(issuerId);
  }
}
