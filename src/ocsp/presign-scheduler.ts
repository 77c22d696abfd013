import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Pool } from 'pg';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspResponderRetirement } from './ocsp-responder-retirement.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { PresignBackfill } from './presign-backfill.js';
import { PresignPass } from './presign-pass.js';
import { PresignProgress } from './presign-progress.js';
import { PresignQueue, type PresignBacklog } from './presign-queue.js';

const TICK_MS = 1000;
const FIRST_RUN_MS = 2000;
/** After an error, and while another instance is at it although this one was woken. */
const RETRY_MS = 5000;

/** Keeps a fresh response to every unexpired certificate in the database: one instance at a time. */
@Injectable()
export class PresignScheduler implements OnModuleDestroy {
  /** Monotonic milliseconds. */
  private nextRunMs = performance.now() + FIRST_RUN_MS;
  private running: Promise<void> | null = null;
  /** How often it was woken, and how many of these a run has begun after. */
  private wakes = 0;
  private served = 0;
  private backfilled = false;
  private stopping = false;
  private readonly stopped = (): boolean => this.stopping;

  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly backfill: PresignBackfill,
    private readonly pass: PresignPass,
    private readonly queue: PresignQueue,
    private readonly responders: OcspRespondersService,
    private readonly retirement: OcspResponderRetirement,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Looks every second whether a run is due: the time between runs is configured, and somebody may have woken it. */
  @Interval('ocsp-presign', TICK_MS)
  async tick(): Promise<void> {
    if (this.running === null && performance.now() >= this.nextRunMs) await this.run();
  }

  /** There is something to do before the next run is due. */
  wake(): void {
    this.wakes += 1;
    this.nextRunMs = performance.now();
  }

  /** One run, or the one that is under way. Never rejects. */
  run(): Promise<void> {
    if (!this.config.ocsp.enabled || this.stopping) return Promise.resolve();
    this.running ??= this.runOnce().finally(() => (this.running = null));
    return this.running;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async runOnce(): Promise<void> {
    const { wakes } = this;
    let pauseMs = this.config.ocsp.refreshInterval * 1000;
    try {
      // Also where another instance is at it, or where the run will fail: the lag is what an alert goes by.
      await this.measure();
      const done = await withAdvisoryLock(this.pool, 'ocsp-presign', { wait: false }, () => this.work());
      if (done !== null) this.served = wakes;
      await this.measure();
    } catch (error) {
      if (!this.stopping) this.logger.error({ err: error }, 'OCSP responses could not be signed in advance');
      pauseMs = Math.min(pauseMs, RETRY_MS);
    }
    if (this.served < wakes) pauseMs = Math.min(pauseMs, RETRY_MS);
    this.nextRunMs = performance.now() + (this.wakes > wakes ? 0 : pauseMs);
  }

  /** @returns true: null is what the lock says when somebody else has it */
  private async work(): Promise<true> {
    const progress = new PresignProgress(this.metrics, this.logger, () => this.measure());
    try {
      if (!this.backfilled) await this.backfill.forgetUnwanted();
      if (this.config.ocsp.presign === 'eager') await this.sign(progress);
      else await this.pass.removeExpired(progress, this.stopped);
      if (!this.stopping) await this.retirement.removePrevious();
    } finally {
      progress.finish();
    }
    return true;
  }

  private async sign(progress: PresignProgress): Promise<void> {
    if (!this.backfilled) {
      for await (const added of this.backfill.run()) {
        if (this.stopping) return;
        if (added > 0) await this.pass.signDue(progress, this.stopped);
      }
      this.backfilled = true;
    }
    await this.pass.signDue(progress, this.stopped);
    for (const renewal of await this.retirement.findRenewals()) {
      // Another instance may have made the responder that this one has not heard of yet.
      this.responders.recheck(renewal.issuerId);
      if (await this.pass.renew(renewal, progress, this.stopped)) await this.retirement.markRenewed(renewal);
    }
  }

  private async measure(): Promise<PresignBacklog> {
    const backlog = await this.queue.measure(this.clock.now());
    this.metrics.setPresignBacklog(backlog.due, backlog.lagSeconds);
    return backlog;
  }
}
