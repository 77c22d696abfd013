import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { DomainError } from '../platform/errors/domain-error.js';

/** How many exports a principal may make within an hour of its first, over all instances. */
@Injectable()
export class ExportQuota {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Takes one. A refused attempt costs nothing. @throws DomainError rate_limit_exceeded */
  async take(actor: string): Promise<void> {
    const limit = this.config.certExportRateLimit;
    if (limit === 0) return;
    const [row] = await this.dataSource.query<[{ used: number; seconds_left: number }]>(
      `INSERT INTO export_quotas AS q (actor, window_start, used) VALUES ($1, clock_timestamp(), 1)
       ON CONFLICT (actor) DO UPDATE
         SET window_start = CASE WHEN q.window_start <= clock_timestamp() - interval '1 hour'
                                 THEN clock_timestamp() ELSE q.window_start END,
             used = CASE WHEN q.window_start <= clock_timestamp() - interval '1 hour'
                         THEN 1 ELSE least(q.used, $2) + 1 END
       RETURNING used, ceil(extract(epoch FROM window_start + interval '1 hour' - clock_timestamp()))::int AS seconds_left`,
      [actor, limit],
    );
    if (row.used <= limit) return;
    const retryAfterSeconds = Math.max(1, row.seconds_left);
    throw new DomainError(
      'rate_limit_exceeded',
      `${limit} exports an hour are allowed (CERTPLANE_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR). Wait ${retryAfterSeconds} s.`,
      [],
      { retryAfterSeconds, members: { error: 'rate_limit_exceeded', retry_after_seconds: retryAfterSeconds } },
    );
  }
}
