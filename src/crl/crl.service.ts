import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database/transaction.js';
import { CrlScheduler } from './crl.scheduler.js';

/** What a revocation asks of the CRL. */
@Injectable()
export class CrlService {
  constructor(private readonly scheduler: CrlScheduler) {}

  /** Notes, in the revocation's transaction, that the published CRL lacks an entry. Locks the CRL row until the commit. */
  async markDirty(tx: Tx, issuerId: string): Promise<void> {
    await tx.query(
      `INSERT INTO crls (issuer_id, dirty_revision) VALUES ($1, 1)
         ON CONFLICT (issuer_id) DO UPDATE SET dirty_revision = crls.dirty_revision + 1`,
      [issuerId],
    );
  }

  /** After the commit: rebuilds without waiting for the schedule. Never fails; the schedule finds what is left undone. */
  rebuildSoon(issuerId: string): void {
    this.scheduler.wake(issuerId);
  }
}
