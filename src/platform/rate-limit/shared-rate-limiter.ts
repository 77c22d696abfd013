import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Pool } from 'pg';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/env.js';
import { boundedQuery } from '../database/bounded-query.js';
import { PG_POOL } from '../database/database.module.js';
import { InjectLogger, type Logger } from '../logging/logger.js';

const PRUNE_INTERVAL_MS = 60_000;

export interface RateLimitState {
  readonly allowed: boolean;
  /** How many calls may follow at once. */
  readonly remaining: number;
  /** Seconds until all of the burst is there again. */
  readonly resetSeconds: number;
  /** Seconds until the next call is allowed; 0 where this one was. */
  readonly retryAfterSeconds: number;
}

interface Row {
  /** Seconds until the bucket is full, with this call in it; null when it was refused. */
  taken: number | null;
  /** The same before this call; null for a new bucket. */
  before: number | null;
}

/** A token bucket for each principal, in the database: what one instance grants the others know of. */
@Injectable()
export class SharedRateLimiter {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  get isOn(): boolean {
    return this.config.rateLimit.rps > 0;
  }

  /** Takes one call; null when the limit is off or can't be asked for: a limiter that fails refuses nobody. */
  async take(key: string): Promise<RateLimitState | null> {
    if (!this.isOn) return null;
    try {
      const [row] = await this.query(key);
      return row === undefined ? null : this.stateOf(row);
    } catch (error) {
      this.logger.warn({ err: error }, 'the rate limit could not be asked for; the call goes on');
      return null;
    }
  }

  /** A full bucket says nothing. */
  @Interval('rate-limits', PRUNE_INTERVAL_MS)
  async prune(): Promise<void> {
    try {
      await this.pool.query('DELETE FROM rate_limits WHERE full_at < clock_timestamp()');
    } catch (error) {
      this.logger.warn({ err: error }, 'old rate limits could not be removed');
    }
  }

  /** The generic cell rate algorithm in one statement: the row's lock puts simultaneous calls in line. */
  private query(key: string): Promise<Row[]> {
    const { rps, burst } = this.config.rateLimit;
    return boundedQuery<Row>(this.pool, {
      name: 'rate-limit',
      text: `WITH taken AS (
               INSERT INTO rate_limits AS l (key, full_at) VALUES ($1, clock_timestamp() + $2 * interval '1 second')
               ON CONFLICT (key) DO UPDATE
                 SET full_at = greatest(l.full_at, clock_timestamp()) + $2 * interval '1 second'
                 WHERE l.full_at <= clock_timestamp() + ($3 - $2) * interval '1 second'
               RETURNING full_at
             )
             SELECT (SELECT extract(epoch FROM full_at - clock_timestamp())::float8 FROM taken) AS taken,
                    (SELECT extract(epoch FROM full_at - clock_timestamp())::float8 FROM rate_limits WHERE key = $1) AS before`,
      values: [key, 1 / rps, burst / rps],
    });
  }

  private stateOf({ taken, before }: Row): RateLimitState {
    const { rps, burst } = this.config.rateLimit;
    const allowed = taken !== null;
    const used = Math.max(0, taken ?? before ?? 0);
    return {
      allowed,
      remaining: allowed ? Math.max(0, Math.floor(burst - used * rps)) : 0,
      resetSeconds: Math.ceil(used),
      retryAfterSeconds: allowed ? 0 : Math.max(1, Math.ceil(used - (burst - 1) / rps)),
    };
  }
}
