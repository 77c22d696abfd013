import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlBuilder } from './crl-builder.js';
import { scopeKey, type CrlScope } from './crl-scope.js';
import { DueCrls } from './due-crls.js';

const TICK_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

interface Failures {
  count: number;
  /** Monotonic milliseconds before which this CRL is left alone. */
  notBefore: number;
}

/** Keeps every CRL fresh: after a change of status, when its interval has passed, and when none was ever built. */
@Injectable()
export class CrlScheduler {
  private readonly failures = new Map<string, Failures>();
  private readonly building = new Map<string, Promise<void>>();
  /** Monotonic milliseconds of the last wake of an issuer. */
  private readonly woken = new Map<string, number>();
  private queue: CrlScope[] = [];
  private searching = false;
  private lanes = 0;
  /** Whether a build ended since the last tick. */
  private moving = false;

  constructor(
    private readonly due: DueCrls,
    private readonly builder: CrlBuilder,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('crls', TICK_MS)
  async run(): Promise<void> {
    // While the database is silent a tick must not take another connection each second.
    if (this.searching) return;
    this.searching = true;
    try {
      this.queue = await this.due.find().finally(() => (this.searching = false));
      await this.workOff();
      await this.due.removeUnwantedDeltas();
    } catch (error) {
      this.logger.error({ err: error }, 'the search for CRLs to rebuild failed');
    }
  }

  /** After a change of status: builds what is due of this issuer now, without waiting for the next tick. */
  wake(issuerId: string): void {
    const last = this.woken.get(issuerId);
    // Of many changes at once the first wakes; the tick comes soon enough for the others.
    if (last !== undefined && performance.now() - last < TICK_MS) return;
    this.woken.set(issuerId, performance.now());
    void this.buildDue(issuerId);
  }

  /**
   * Builds if it is due, or joins the build that is under way here. One broken issuer must not stop the others: its error ends
   * here, and it is tried again later and later.
   */
  async buildIfDue(scope: CrlScope): Promise<void> {
    const key = scopeKey(scope);
    const running = this.building.get(key);
    if (running !== undefined) return running;
    if (performance.now() < (this.failures.get(key)?.notBefore ?? 0)) return;
    const build = this.build(scope, key).finally(() => {
      this.building.delete(key);
      this.moving = true;
    });
    this.building.set(key, build);
    await build;
  }

  private async buildDue(issuerId: string): Promise<void> {
    try {
      for (const scope of await this.due.find(issuerId)) await this.buildIfDue(scope);
    } catch (error) {
      this.logger.warn({ err: error, issuerId }, 'the CRLs of an issuer wait for the schedule');
    }
  }

  /** One CRL after the other; while a build hangs, each tick begins anew with what it does not hold up. */
  private async workOff(): Promise<void> {
    if (this.lanes > 0 && this.moving) {
      this.moving = false;
      return;
    }
    this.lanes += 1;
    try {
      for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
        if (!this.building.has(scopeKey(next))) await this.buildIfDue(next);
      }
    } finally {
      this.lanes -= 1;
    }
  }

  private async build(scope: CrlScope, key: string): Promise<void> {
    try {
      await this.builder.build(scope, { force: false });
      this.failures.delete(key);
    } catch (error) {
      const count = (this.failures.get(key)?.count ?? 0) + 1;
      const notBefore = performance.now() + Math.min(MAX_BACKOFF_MS, TICK_MS * 2 ** count);
      this.failures.set(key, { count, notBefore });
      this.logger.error({ err: error, ...scope, failures: count }, 'a CRL could not be built; the last one stays');
    }
  }
}
