import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database/transaction.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import { PreSigner } from './pre-signer.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationVisibility, type Visibility } from './revocation-visibility.js';

/** What a revocation asks of OCSP: first in its transaction, then after the commit. */
@Injectable()
export class OcspCacheService {
  constructor(
    private readonly store: OcspResponseStore,
    private readonly feed: RevocationFeed,
    private readonly visibility: RevocationVisibility,
    private readonly preSigner: PreSigner,
  ) {}

  /** Takes away the stored responses, and tells all nodes when the transaction commits. */
  async invalidateOnRevoke(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    await this.store.remove(tx, issuerId, serialNumber);
    await this.feed.append(tx, issuerId, serialNumber);
  }

  /** After the commit: has the new answer signed, without waiting for it. */
  prepareSoon(issuerId: string, serialNumber: Buffer): void {
    this.preSigner.prepareSoon(issuerId, serialNumber);
  }

  /** After the commit: resolves when no node answers from before any revocation that has committed by now. Never rejects. */
  async waitUntilVisible(): Promise<Visibility> {
    return this.visibility.waitForAll();
  }
}
