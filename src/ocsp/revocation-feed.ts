import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database/transaction.js';

/** A deferred trigger notifies on this channel. */
export const FEED_CHANNEL = 'certplane_revocations';

/** Tells the responder nodes what was revoked. */
@Injectable()
export class RevocationFeed {
  /**
   * Appends a revocation. Its number is taken, and the nodes are notified, by the COMMIT (a deferred trigger): numbers become
   * visible in their order, and nobody holds the counter while the server waits for its next word.
   */
  async append(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    await tx.query('INSERT INTO revocation_feed (issuer_id, serial_number) VALUES ($1, $2)', [issuerId, serialNumber]);
  }
}
