import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import type { CrlScope } from './crl-scope.js';

const KEEP_SECONDS = 7 * 86_400;
const ERROR_MAX_LENGTH = 500;

/** A build that is under way. */
export class RunningBuild {
  /** Null until a number was taken. */
  crlNumber: bigint | null = null;
  private readonly begun = performance.now();

  constructor(
    readonly scope: CrlScope,
    readonly startedAt: Date,
  ) {}

  elapsedMs(): number {
    return Math.round(performance.now() - this.begun);
  }
}

interface Outcome {
  readonly revokedCount: number | null;
  readonly error: string | null;
}

const INSERT = `
  INSERT INTO crl_events (id, issuer_id, kind, shard, started_at, duration_ms, succeeded, crl_number, revoked_count, error)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

/** Keeps, for a week, what became of every build. */
@Injectable()
export class CrlEvents {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  begin(scope: CrlScope): RunningBuild {
    return new RunningBuild(scope, this.clock.now());
  }

  /** In the transaction that publishes. */
  async recordPublished(tx: Tx, build: RunningBuild, revokedCount: number): Promise<void> {
    await tx.query(INSERT, this.valuesOf(build, { revokedCount, error: null }));
  }

  /** Never rejects: the fault that it tells of may be the database's own. */
  async recordFailure(build: RunningBuild, error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    try {
      await this.pool.query(INSERT, this.valuesOf(build, { revokedCount: null, error: printable(text) }));
    } catch (fault) {
      this.logger.warn({ err: fault, ...build.scope }, 'the failure of a CRL build could not be recorded');
    }
  }

  async prune(): Promise<void> {
    await this.pool.query('DELETE FROM crl_events WHERE started_at < $1', [
      addSeconds(this.clock.now(), -KEEP_SECONDS),
    ]);
  }

  private valuesOf(build: RunningBuild, { revokedCount, error }: Outcome): unknown[] {
    const { issuerId, kind, shard } = build.scope;
    return [
      uuidV7(this.clock.now()),
      issuerId,
      kind,
      shard,
      build.startedAt,
      build.elapsedMs(),
      error === null,
      build.crlNumber?.toString() ?? null,
      revokedCount,
      error,
    ];
  }
}

/** The database takes no NUL. */
function printable(text: string): string {
  return text.replaceAll('\0', '').slice(0, ERROR_MAX_LENGTH);
}
