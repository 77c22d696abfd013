import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DataSource } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlBuilder } from './crl-builder.js';

const TICK_MS = 1000;
/** The shortest time between two builds of one issuer: a burst of revocations makes one CRL a second. */
const MIN_GAP_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

interface Pace {
  /** Monotonic milliseconds before which this issuer is left alone. */
  notBefore: number;
  failures: number;
}

/** Keeps every CRL fresh: after a revocation, when the interval has passed, and when none was ever built. */
@Injectable()
export class CrlScheduler {
  private readonly paces = new Map<string, Pace>();
  private readonly building = new Map<string, Promise<void>>();
  private searching = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly builder: CrlBuilder,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('crls', TICK_MS)
  async run(): Promise<void> {
    // While the database is silent a tick must not take another connection each second.
    if (this.searching) return;
    this.searching = true;
    try {
      const due = await this.findDue().finally(() => (this.searching = false));
      // A build that hangs holds up this tick, not the next ones.
      for (const issuerId of due) if (!this.building.has(issuerId)) await this.buildIfDue(issuerId);
    } catch (error) {
      this.logger.error({ err: error }, 'the search for CRLs to rebuild failed');
    }
  }

  /** Builds this issuer's CRL now, unless it was built a moment ago; then the next tick does. */
  wake(issuerId: string): void {
    void this.buildIfDue(issuerId);
  }

  /**
   * Builds unless it was done a moment ago, or joins the build that is under way. One broken issuer must not stop the
   * others: its error ends here, and it is tried again later and later.
   */
  async buildIfDue(issuerId: string): Promise<void> {
    const running = this.building.get(issuerId);
    if (running !== undefined) return running;
    const pace = this.paces.get(issuerId) ?? { notBefore: 0, failures: 0 };
    if (performance.now() < pace.notBefore) return;
    this.paces.set(issuerId, pace);
    pace.notBefore = performance.now() + MIN_GAP_MS;
    const build = this.build(issuerId, pace).finally(() => this.building.delete(issuerId));
    this.building.set(issuerId, build);
    await build;
  }

  private async build(issuerId: string, pace: Pace): Promise<void> {
    try {
      const issuer = await this.dataSource.manager.findOneByOrFail(IssuerEntity, { id: issuerId });
      await this.builder.build(issuer);
      pace.failures = 0;
    } catch (error) {
      pace.failures += 1;
      pace.notBefore = performance.now() + Math.min(MAX_BACKOFF_MS, MIN_GAP_MS * 2 ** pace.failures);
      this.logger.error(
        { err: error, issuerId, failures: pace.failures },
        'a CRL could not be built; the last one stays',
      );
    }
  }

  /** An issuer's status does not matter: what it has issued stays checkable until it has expired itself. */
  private async findDue(): Promise<string[]> {
    const now = this.clock.now();
    const rows: { id: string }[] = await this.dataSource.query(
      `SELECT i.id
         FROM issuers i LEFT JOIN crls c ON c.issuer_id = i.id
        WHERE i.not_after > $1
          AND (c.crl_number IS NULL OR c.dirty_revision > c.built_revision OR c.generated_at <= $2)
        ORDER BY c.generated_at NULLS FIRST`,
      [now, addSeconds(now, -this.config.crl.generationInterval)],
    );
    return rows.map(({ id }) => id);
  }
}
