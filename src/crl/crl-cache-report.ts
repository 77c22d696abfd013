import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { Clock } from '../platform/clock/clock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { CrlCache } from './crl-admin.schemas.js';
import type { CrlKind } from './crl.entity.js';
import { CRL_SCOPES, DueCrls, LACKS_CHANGES, REBUILD_SECONDS } from './due-crls.js';

const RECENT_EVENTS = 10;

interface CacheRow {
  issuer_id: string;
  kind: CrlKind;
  shard: number;
  crl_number: string | null;
  this_update: Date | null;
  next_update: Date | null;
  generated_at: Date | null;
  generation_duration_ms: number | null;
  entry_count: number | null;
  size_bytes: string | null;
  is_stale: boolean;
  recent_events: CrlCache['cache_rows'][number]['recent_events'];
}

/** For how long a CRL has lacked a change; where the complete CRL has it already, a delta is to follow at once. */
const LACKED_FOR = `CASE WHEN s.kind <> 'delta' THEN clock_timestamp() - c.dirty_since
                         WHEN f.built_revision > c.built_revision THEN $1 - f.generated_at
                         ELSE clock_timestamp() - f.dirty_since END`;

/**
 * The CRLs that there should be, and those of issuers that have expired. One that lacks a change is stale when it should have
 * been built anew: that begins after the delay, and takes no longer than the delay again.
 */
const ROWS = `
  WITH ${CRL_SCOPES},
       all_scopes AS (
         SELECT issuer_id, kind, shard FROM scopes
         UNION SELECT issuer_id, kind, shard FROM crls WHERE crl_number IS NOT NULL
       )
  SELECT s.issuer_id, s.kind, s.shard, c.crl_number, c.this_update, c.next_update, c.generated_at,
         c.generation_duration_ms, c.entry_count, c.size_bytes,
         c.crl_number IS NULL OR c.next_update <= $1
           OR coalesce(${LACKS_CHANGES} AND ${LACKED_FOR} > make_interval(secs => 2 * ${REBUILD_SECONDS}), false) AS is_stale,
         coalesce(e.recent_events, '[]') AS recent_events
    FROM all_scopes s
    LEFT JOIN crls c ON (c.issuer_id, c.kind, c.shard) = (s.issuer_id, s.kind, s.shard)
    LEFT JOIN crls f ON f.issuer_id = s.issuer_id AND f.kind = 'complete'
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object(
               'started_at', to_char(r.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'duration_ms', r.duration_ms, 'succeeded', r.succeeded, 'crl_number', r.crl_number::text,
               'revoked_count', r.revoked_count, 'error', r.error) ORDER BY r.id DESC) AS recent_events
        FROM (SELECT * FROM crl_events v
               WHERE (v.issuer_id, v.kind, v.shard) = (s.issuer_id, s.kind, s.shard)
               ORDER BY v.id DESC LIMIT ${RECENT_EVENTS}) r
    ) e ON true
   WHERE $5::text[] IS NULL OR s.issuer_id = ANY($5)
   ORDER BY s.issuer_id, s.kind, s.shard`;

/** How the published CRLs stand, and what became of their last builds. */
@Injectable()
export class CrlCacheReport {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly due: DueCrls,
    private readonly clock: Clock,
  ) {}

  /** @param issuerIds null: of all issuers */
  async get(issuerIds: readonly string[] | null): Promise<CrlCache> {
    const { rows } = await this.pool.query<CacheRow>(ROWS, [...this.due.parameters(), issuerIds]);
    return { cache_rows: rows.map(present), row_count: rows.length, generated_at: this.clock.now().toISOString() };
  }
}

function present(row: CacheRow): CrlCache['cache_rows'][number] {
  return {
    issuer_id: row.issuer_id,
    kind: row.kind,
    shard: row.kind === 'shard' ? row.shard : null,
    cache_present: row.crl_number !== null,
    crl_number: row.crl_number,
    this_update: row.this_update?.toISOString() ?? null,
    next_update: row.next_update?.toISOString() ?? null,
    generated_at: row.generated_at?.toISOString() ?? null,
    generation_duration_ms: row.generation_duration_ms,
    revoked_count: row.entry_count,
    size_bytes: row.size_bytes === null ? null : Number(row.size_bytes),
    is_stale: row.is_stale,
    recent_events: row.recent_events,
  };
}
