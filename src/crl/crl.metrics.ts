import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Clock } from '../platform/clock/clock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { CrlKind } from './crl.entity.js';

type Label = 'issuer' | 'kind' | 'shard';

interface PublishedRow {
  issuer_id: string;
  kind: CrlKind;
  shard: number;
  crl_number: string;
  generated_at: Date;
  next_update: Date;
  entry_count: number;
  size: number;
}

@Injectable()
export class CrlMetrics {
  readonly builds: Counter<'kind' | 'result'>;
  readonly buildSeconds: Histogram<'kind'>;
  readonly requests: Counter<'status'>;

  constructor(registry: Registry, @Inject(PG_POOL) pool: Pool, clock: Clock) {
    const registers = [registry];
    this.builds = new Counter({
      name: 'certplane_crl_builds_total',
      help: 'CRL builds, by kind (complete, shard, delta) and result (published, overtaken, failed).',
      labelNames: ['kind', 'result'],
      registers,
    });
    this.buildSeconds = new Histogram({
      name: 'certplane_crl_build_duration_seconds',
      help: 'How long a CRL build took, from its number to its publication.',
      labelNames: ['kind'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
      registers,
    });
    this.requests = new Counter({
      name: 'certplane_crl_requests_total',
      help: 'Requests for a CRL, by HTTP status.',
      labelNames: ['status'],
      registers,
    });
    // The registry collects all metrics at the same time: the five share one query.
    let pending: Promise<PublishedRow[]> | null = null;
    const published = (): Promise<PublishedRow[]> =>
      (pending ??= findPublished(pool)
        // A database that is down must not take the other metrics with it.
        .catch(() => [])
        .finally(() => (pending = null)));
    const gauge = (name: string, help: string, valueOf: (row: PublishedRow, now: number) => number): Gauge<Label> =>
      new Gauge({
        name,
        help,
        labelNames: ['issuer', 'kind', 'shard'],
        registers,
        aggregator: 'max',
        async collect() {
          const rows = await published();
          this.reset();
          for (const row of rows) this.set(labelsOf(row), valueOf(row, clock.now().getTime()));
        },
      });
    gauge('certplane_crl_number', 'The number of the published CRL.', (row) => Number(row.crl_number));
    gauge(
      'certplane_crl_age_seconds',
      'How long ago the published CRL was built.',
      (row, now) => (now - row.generated_at.getTime()) / 1000,
    );
    gauge(
      'certplane_crl_next_update_seconds',
      'How long until the published CRL expires.',
      (row, now) => (row.next_update.getTime() - now) / 1000,
    );
    gauge('certplane_crl_entries', 'How many entries the published CRL has.', (row) => row.entry_count);
    gauge('certplane_crl_size_bytes', 'The size of the published CRL.', (row) => row.size);
  }
}

/** A label without a value is one that is not there. */
function labelsOf({ issuer_id: issuer, kind, shard }: PublishedRow): Record<Label, string> {
  return { issuer, kind, shard: kind === 'shard' ? String(shard) : '' };
}

async function findPublished(pool: Pool): Promise<PublishedRow[]> {
  const { rows } = await pool.query<PublishedRow>(
    `SELECT issuer_id, kind, shard, crl_number, generated_at, next_update, entry_count, size_bytes::float8 AS size
       FROM crls WHERE crl_number IS NOT NULL`,
  );
  return rows;
}
