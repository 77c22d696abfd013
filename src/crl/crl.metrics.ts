import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Clock } from '../platform/clock/clock.js';
import { PG_POOL } from '../platform/database/database.module.js';

interface PublishedRow {
  issuer_id: string;
  crl_number: string;
  generated_at: Date;
  next_update: Date;
  entry_count: number;
  size: number;
}

@Injectable()
export class CrlMetrics {
  readonly builds: Counter<'result'>;
  readonly buildSeconds: Histogram;
  readonly requests: Counter<'status'>;
  /** One query, made when this one is collected, fills the other four gauges too: they are registered before it. */
  readonly sizeBytes: Gauge<'issuer'>;

  constructor(registry: Registry, @Inject(PG_POOL) pool: Pool, clock: Clock) {
    const registers = [registry];
    this.builds = new Counter({
      name: 'certplane_crl_builds_total',
      help: 'CRL builds, by result (published, overtaken, failed).',
      labelNames: ['result'],
      registers,
    });
    this.buildSeconds = new Histogram({
      name: 'certplane_crl_build_duration_seconds',
      help: 'How long a CRL build took, from its number to its publication.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
      registers,
    });
    this.requests = new Counter({
      name: 'certplane_crl_requests_total',
      help: 'Requests for a CRL, by HTTP status.',
      labelNames: ['status'],
      registers,
    });
    const labelNames = ['issuer'] as const;
    const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
    const number = gauge('certplane_crl_number', 'The number of the published CRL.');
    const age = gauge('certplane_crl_age_seconds', 'How long ago the published CRL was built.');
    const expiry = gauge('certplane_crl_next_update_seconds', 'How long until the published CRL expires.');
    const entries = gauge('certplane_crl_entries', 'How many entries the published CRL has.');
    this.sizeBytes = new Gauge({
      name: 'certplane_crl_size_bytes',
      help: 'The size of the published CRL.',
      labelNames,
      registers,
      async collect() {
        const now = clock.now().getTime();
        for (const row of await findPublished(pool)) {
          const labels = { issuer: row.issuer_id };
          this.set(labels, row.size);
          number.set(labels, Number(row.crl_number));
          age.set(labels, (now - row.generated_at.getTime()) / 1000);
          expiry.set(labels, (row.next_update.getTime() - now) / 1000);
          entries.set(labels, row.entry_count);
        }
      },
    });
  }
}

async function findPublished(pool: Pool): Promise<PublishedRow[]> {
  const { rows } = await pool.query<PublishedRow>(
    `SELECT issuer_id, crl_number, generated_at, next_update, entry_count, octet_length(crl_der) AS size
       FROM crls WHERE crl_number IS NOT NULL`,
  );
  return rows;
}
