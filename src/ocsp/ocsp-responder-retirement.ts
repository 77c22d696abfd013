import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { KeyStore } from '../keys/key-store.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { Transactions } from '../platform/database/transaction.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspResponderEntity } from './ocsp-responder.entity.js';
import type { Renewal } from './presign-pass.js';

/** By then no instance signs with a superseded responder any more. */
const NOTICED_SECONDS = 120;

/** The end of superseded responders: first what they signed is signed anew, and when the last of it has expired they go. */
@Injectable()
export class OcspResponderRetirement {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly keyStore: KeyStore,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** The issuers whose responder has changed, and whose responses are not all signed by the new one yet. */
  async findRenewals(): Promise<Renewal[]> {
    const rows = await this.dataSource.query<{ id: string; issuer_id: string; created_at: Date }[]>(
      `SELECT id, issuer_id, created_at FROM ocsp_responders
        WHERE superseded_at IS NULL AND responses_renewed_at IS NULL AND not_after > $1 ORDER BY created_at`,
      [this.clock.now()],
    );
    return rows.map((row) => ({ issuerId: row.issuer_id, responderId: row.id, since: row.created_at }));
  }

  async markRenewed({ responderId }: Renewal): Promise<void> {
    await this.dataSource.query('UPDATE ocsp_responders SET responses_renewed_at = $2 WHERE id = $1', [
      responderId,
      this.clock.now(),
    ]);
  }

  /** Removes the superseded responders that have expired, or whose last response has, and their private keys. */
  async removePrevious(): Promise<void> {
    const now = this.clock.now();
    const rows = await this.dataSource.query<{ id: string; issuer_id: string; key_id: string }[]>(
      `SELECT id, issuer_id, key_id FROM ocsp_responders r
        WHERE superseded_at IS NOT NULL
          AND (not_after <= $1
               OR (superseded_at <= $2
                   AND NOT EXISTS (SELECT FROM ocsp_responses o
                                    WHERE o.issuer_id = r.issuer_id AND o.next_update > $1
                                      AND o.produced_at <= r.superseded_at + make_interval(secs => $3))))`,
      [now, addSeconds(now, -(this.config.ocsp.validity + NOTICED_SECONDS)), NOTICED_SECONDS],
    );
    for (const { id, issuer_id: issuerId, key_id: keyId } of rows) {
      try {
        await this.transactions.run(async (tx) => {
          await tx.delete(OcspResponderEntity, { id });
          await this.keyStore.remove(tx, keyId);
        });
        this.metrics.count('responder_removed');
        this.logger.info({ issuerId, responderId: id }, 'a superseded OCSP responder and its key were removed');
      } catch (error) {
        this.logger.error(
          { err: error, issuerId, responderId: id },
          'a superseded OCSP responder could not be removed',
        );
      }
    }
  }
}
