import type { Logger } from '../platform/logging/logger.js';
import type { OcspMetrics } from './ocsp.metrics.js';
import type { PresignFailure } from './presign-batch.js';
import type { PresignBacklog } from './presign-queue.js';

const LOG_EVERY_MS = 10_000;

/** What one run of the pre-signer has done so far: counted, and told every ten seconds. */
export class PresignProgress {
  private readonly startedMs = performance.now();
  private toldMs = this.startedMs;
  private readonly told = new Set<string>();
  private signed = 0;
  private failed = 0;
  private removed = 0;

  constructor(
    private readonly metrics: OcspMetrics,
    private readonly logger: Logger,
    private readonly measure: () => Promise<PresignBacklog>,
  ) {}

  addSigned(count: number): void {
    this.signed += count;
    this.metrics.count('response_presigned', count);
  }

  addRemoved(count: number): void {
    this.removed += count;
  }

  /** The first row of an issuer that fails for a reason stands for all others. */
  addFailures(failures: readonly PresignFailure[]): void {
    this.failed += failures.length;
    this.metrics.count('presign_failed', failures.length);
    for (const { row, reason } of failures) {
      const kind = `${row.issuer_id} ${reason}`;
      if (this.told.has(kind)) continue;
      this.told.add(kind);
      this.logger.error(
        { issuerId: row.issuer_id, serialNumber: row.serial_number, algorithm: row.algorithm, reason },
        'a response could not be signed in advance; it is tried again later',
      );
    }
  }

  /** To be called often; tells now and then. */
  async tell(): Promise<void> {
    if (performance.now() - this.toldMs < LOG_EVERY_MS) return;
    this.toldMs = performance.now();
    const { due, lagSeconds } = await this.measure();
    this.logger.info({ ...this.counts, due, lagSeconds }, 'signing OCSP responses in advance');
  }

  finish(): void {
    const { signed, failed, removed } = this.counts;
    if (signed + failed + removed > 0) this.logger.info(this.counts, 'OCSP responses were signed in advance');
  }

  private get counts(): { signed: number; failed: number; removed: number; seconds: number } {
    const seconds = Math.round((performance.now() - this.startedMs) / 1000);
    return { signed: this.signed, failed: this.failed, removed: this.removed, seconds };
  }
}
