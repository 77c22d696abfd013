import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CertificateRevocations } from '../certificates/certificate-revocations.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { Transactions } from '../platform/database/transaction.js';
import { systemCaller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { RevocationService } from './revocation.service.js';

/** Signing takes seconds at the most; a reservation older than this is nobody's any more. */
const ORPHAN_AFTER_SECONDS = 600;
const BATCH = 500;
const INTERVAL_MS = 30_000;

/** Finds the serial numbers that a crash left between reservation and certificate, and revokes them. */
@Injectable()
export class OrphanScheduler {
  private running = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly revocations: CertificateRevocations,
    private readonly revocation: RevocationService,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('orphans', INTERVAL_MS)
  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      const before = addSeconds(this.clock.now(), -ORPHAN_AFTER_SECONDS);
      const ids = await this.transactions.run((tx) => this.revocations.findOrphans(tx, before, BATCH));
      for (const id of ids) await this.revoke(id);
    } catch (error) {
      this.logger.error({ err: error }, 'the search for orphaned serial numbers failed');
    } finally {
      this.running = false;
    }
  }

  private async revoke(id: string): Promise<void> {
    try {
      if (!(await this.revocation.revokeOrphan(id, systemCaller('orphan-scheduler')))) return;
      this.logger.warn({ certificateId: id }, 'a serial number without a certificate was revoked');
    } catch (error) {
      this.logger.error({ err: error, certificateId: id }, 'an orphaned serial number could not be revoked');
    }
  }
}
