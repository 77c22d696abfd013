import { Inject, Injectable } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { CrlScope } from './crl-scope.js';

/**
 * For a WITH: `scopes`, every CRL that there should be. An issuer's status does not matter: what it has issued stays checkable
 * until it has expired itself. `points`: how many URIs its issuing distribution point or its freshest CRL should have.
 * $1: now, $2: seconds between CRLs, $3: seconds between delta CRLs where the issuer does not say.
 */
export const CRL_SCOPES = `
  live AS (
    SELECT id, coalesce(crl_delta_interval, $3::integer) AS delta_interval
      FROM issuers WHERE key_id IS NOT NULL AND not_after > $1
  ),
  scopes AS (
    SELECT id AS issuer_id, 'complete' AS kind, 0::smallint AS shard, (delta_interval > 0)::integer AS points,
           $2::integer AS seconds
      FROM live
    UNION ALL
    SELECT p.issuer_id, 'shard', p.shard, count(*)::integer, $2::integer
      FROM crl_distribution_points p JOIN live ON live.id = p.issuer_id GROUP BY p.issuer_id, p.shard
    UNION ALL
    SELECT id, 'delta', 0::smallint, 0, delta_interval FROM live WHERE delta_interval > 0
  )`;

/**
 * Seconds from the beginning of one build to the next at the least, however many changes there are. $4: the configured delay.
 * A CRL that takes long to build is not built all the time.
 */
export const REBUILD_SECONDS = 'greatest($4::integer, 3 * c.generation_duration_ms / 1000.0)';

/** Whether the CRL `c` of a scope `s` lacks a change; `f` is the complete one. */
export const LACKS_CHANGES = `CASE s.kind WHEN 'delta' THEN f.dirty_revision > c.built_revision
                                          ELSE c.dirty_revision > c.built_revision END`;

/** A build that lies in the future was made while the clock was wrong, and holds up none. */
const passed = (seconds: string): string =>
  `($1 >= c.generated_at + make_interval(secs => ${seconds}) OR $1 < c.generated_at - make_interval(secs => ${seconds}))`;

// Up to a tenth earlier, so that CRLs that were built together are not built together for ever.
const JITTERED_SECONDS = 's.seconds * (1 - (c.crl_number % 1000) / 10000.0)';

const DUE = `
  WITH ${CRL_SCOPES}
  SELECT s.issuer_id AS "issuerId", s.kind, s.shard
    FROM scopes s
    LEFT JOIN crls c ON (c.issuer_id, c.kind, c.shard) = (s.issuer_id, s.kind, s.shard)
    LEFT JOIN crls f ON f.issuer_id = s.issuer_id AND f.kind = 'complete'
    CROSS JOIN LATERAL (SELECT coalesce(${LACKS_CHANGES}, false) AS lacks_changes) l
   WHERE (s.kind <> 'delta' OR EXISTS (SELECT FROM crl_bases b WHERE b.issuer_id = s.issuer_id))
     AND (c.crl_number IS NULL
          OR c.distribution_points <> s.points
          OR (l.lacks_changes AND ${passed(REBUILD_SECONDS)})
          OR (s.kind = 'delta' AND f.crl_number > c.crl_number)
          OR ${passed(JITTERED_SECONDS)})
     AND ($5::text IS NULL OR s.issuer_id = $5)
     AND ($6::text IS NULL OR (s.kind, s.shard) = ($6, $7::smallint))
   ORDER BY l.lacks_changes DESC, s.kind = 'delta', c.generated_at NULLS FIRST`;

/** Says which CRLs there should be, and which of them have to be built. */
@Injectable()
export class DueCrls {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The CRLs that have to be built now, of all issuers or of one, the most urgent first. */
  async find(issuerId: string | null = null): Promise<CrlScope[]> {
    const { rows } = await this.pool.query<CrlScope>(DUE, [...this.parameters(), issuerId, null, null]);
    return rows;
  }

  async isDue(client: PoolClient, { issuerId, kind, shard }: CrlScope): Promise<boolean> {
    const { rowCount } = await client.query(DUE, [...this.parameters(), issuerId, kind, shard]);
    return rowCount === 1;
  }

  /** Every CRL that this issuer should have: a delta comes last, for it follows the complete one. */
  async listScopes(issuerId: string): Promise<CrlScope[]> {
    const { rows } = await this.pool.query<CrlScope>(
      `WITH ${CRL_SCOPES}
       SELECT issuer_id AS "issuerId", kind, shard FROM scopes WHERE issuer_id = $4
        ORDER BY kind = 'delta', kind, shard`,
      [...this.parameters().slice(0, 3), issuerId],
    );
    return rows;
  }

  /** Takes back the delta CRLs that are not wanted any more, once no complete CRL that is published names them. */
  async removeUnwantedDeltas(): Promise<void> {
    await this.pool.query(
      `WITH ${CRL_SCOPES},
            gone AS (
              DELETE FROM crls d USING live, crls f
               WHERE d.kind = 'delta' AND live.id = d.issuer_id AND live.delta_interval = 0
                 AND f.issuer_id = d.issuer_id AND f.kind = 'complete' AND f.distribution_points = 0
              RETURNING d.issuer_id
            )
       DELETE FROM crl_chunks p USING gone WHERE p.issuer_id = gone.issuer_id AND p.kind = 'delta'`,
      this.parameters().slice(0, 3),
    );
  }

  /** $1 to $4 of the statements. */
  parameters(): readonly [now: Date, interval: number, deltaInterval: number, rebuildDelay: number] {
    const { generationInterval, deltaInterval, rebuildDelay } = this.config.crl;
    return [this.clock.now(), generationInterval, deltaInterval, rebuildDelay];
  }
}
