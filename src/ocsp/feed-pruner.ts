import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Pool } from 'pg';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';

const INTERVAL_MS = 600_000;
/** Nodes that were away for longer drop their memory, which costs less than keeping the feed for them. */
const KEEP_FEED = '1 day';
const KEEP_SILENT_NODES = '1 day';

/** Forgets old entries of the feed, and nodes that are long gone. */
@Injectable()
export class FeedPruner {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('feed-pruner', INTERVAL_MS)
  async run(): Promise<void> {
    try {
      await withAdvisoryLock(this.pool, 'feed-pruner', { wait: false }, () => this.prune());
    } catch (error) {
      this.logger.error({ err: error }, 'the revocation feed could not be pruned');
    }
  }

  /** The end of the feed moves in the statement that removes what lies behind it: no node can miss an entry unawares. */
  private async prune(): Promise<void> {
    await this.pool.query(
      `WITH gone AS (
         DELETE FROM revocation_feed WHERE recorded_at < now() - $1::interval RETURNING number
       )
       UPDATE revocation_counter
          SET pruned_number = greatest(pruned_number, (SELECT max(number) FROM gone))
        WHERE EXISTS (SELECT FROM gone)`,
      [KEEP_FEED],
    );
    await this.pool.query('DELETE FROM responder_nodes WHERE silent AND renewed_at < now() - $1::interval', [
      KEEP_SILENT_NODES,
    ]);
  }
}
