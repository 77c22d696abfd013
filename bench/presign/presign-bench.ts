import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import type { SignaturesResult } from '../ocsp/bare-signatures.js';
import { ISSUER_ID } from '../ocsp/bench.js';
import { findFreePort } from '../ocsp/certplane.js';
import { Child } from '../ocsp/child.js';
import { generateCertificates } from '../ocsp/inventory.js';
import { BareCopy } from './bare-copy.js';
import type { PresignOrder, PresignRun } from './certplane.js';

/** As long as the certificate of a server is: it is locked where it lies. */
const CERTIFICATE_BYTES = 900;
const SIGNING_SECONDS = 2;

export interface PresignSample extends PresignRun {
  readonly perSecond: number;
  readonly cpuMicrosEach: number;
}

/** One round: each side once, in turn. */
export interface PresignRound {
  readonly signaturesPerSecond: number;
  readonly copiedPerSecond: number;
  readonly presigned: Readonly<Record<PresignCase, PresignSample>>;
}

/** What the pre-signer starts from: certificates without rows, rows as issuance leaves them, rows that are due again. */
export const PRESIGN_CASES = ['certificates without rows', 'new rows', 'due rows'] as const;
export type PresignCase = (typeof PRESIGN_CASES)[number];

const MAKE_DUE: Readonly<Record<PresignCase, string>> = {
  'certificates without rows': 'TRUNCATE ocsp_responses, ocsp_presign_positions',
  'new rows': `UPDATE ocsp_responses SET response_der = NULL, certificate_status = NULL, produced_at = NULL,
                      this_update = NULL, next_update = NULL, refresh_at = '-infinity'`,
  // In the order in which they were signed.
  'due rows': `UPDATE ocsp_responses SET refresh_at = refresh_at - interval '1 day',
                      produced_at = produced_at - interval '1 day'`,
};

/** A database of its own with the settings that Certplane starts one with, and the processes that are measured on it. */
export class PresignBench {
  private constructor(
    private readonly home: string,
    private readonly databaseUrl: string,
    private readonly client: Client,
    private readonly signer: Child,
    private readonly closing: (() => Promise<void>)[],
  ) {}

  static async open(certificates: number): Promise<PresignBench> {
    const home = mkdtempSync(join(tmpdir(), 'certplane-bench-'));
    // The account that runs PostgreSQL when the bench runs as root has to get in.
    chmodSync(home, 0o755);
    const postgres = await startEmbeddedPostgres({ dataDir: join(home, 'postgres'), database: 'presign' });
    const closing = [() => postgres.stop()];
    const client = new Client({ connectionString: postgres.url });
    await client.connect();
    closing.push(() => client.end());
    const signer = Child.start(beside('../ocsp/bare-signatures.js'));
    closing.push(() => signer.stop());
    const bench = new PresignBench(home, postgres.url, client, signer, closing);
    await bench.withCertplane(() => Promise.resolve());
    await generateCertificates(postgres.url, ISSUER_ID, certificates, CERTIFICATE_BYTES);
    return bench;
  }

  /** The first round warms up, and makes the rows that COPY is given. */
  async *rounds(count: number): AsyncGenerator<PresignRound> {
    await this.presign();
    const copy = await BareCopy.prepare(this.client);
    for (let round = 0; round <= count; round++) {
      const { perSecond: signaturesPerSecond } = await this.signer.ask<SignaturesResult>({ seconds: SIGNING_SECONDS });
      const copiedPerSecond = await copy.run();
      const presigned = await this.presign();
      if (round > 0) yield { signaturesPerSecond, copiedPerSecond, presigned };
    }
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Each time in a new process: it looks for certificates without rows once. */
  private async presign(): Promise<PresignRound['presigned']> {
    return this.withCertplane(async (certplane) => {
      const samples: [PresignCase, PresignSample][] = [];
      for (const each of PRESIGN_CASES) {
        await this.client.query(MAKE_DUE[each]);
        // What autovacuum and the checkpointer do in the hours between two runs.
        await this.client.query('VACUUM (ANALYZE) ocsp_responses, certificates');
        await this.client.query('CHECKPOINT');
        samples.push([each, await this.sample(certplane)]);
      }
      return Object.fromEntries(samples) as PresignRound['presigned'];
    });
  }

  private async sample(certplane: Child): Promise<PresignSample> {
    const before = await certplane.cpuMicros();
    const run = await certplane.ask<PresignRun>('presign' satisfies PresignOrder);
    const after = await certplane.cpuMicros();
    const { rows } = await this.client.query<{ due: string; fresh: string }>(
      `SELECT count(*) FILTER (WHERE response_der IS NULL OR refresh_at <= now()) AS due,
              count(*) FILTER (WHERE refresh_at > now()) AS fresh FROM ocsp_responses`,
    );
    const { due, fresh } = rows[0]!;
    if (Number(due) > 0 || Number(fresh) === 0) throw new Error(`${due} responses were not signed`);
    return {
      ...run,
      perSecond: (Number(fresh) * 1000) / run.elapsedMs,
      cpuMicrosEach: (after - before) / Number(fresh),
    };
  }

  private async withCertplane<T>(work: (certplane: Child) => Promise<T>): Promise<T> {
    const child = Child.start(beside('certplane.js'), {
      env: {
        ...process.env,
        CERTPLANE_DATABASE_URL: this.databaseUrl,
        CERTPLANE_DATA_DIR: join(this.home, 'data'),
        CERTPLANE_HTTPS_PORT: String(await findFreePort()),
        CERTPLANE_PKI_HTTP_PORT: '0',
        CERTPLANE_LOG_LEVEL: 'error',
      },
    });
    try {
      await child.ask('start' satisfies PresignOrder);
      return await work(child);
    } finally {
      await child.stop();
    }
  }
}

function beside(module: string): string {
  return fileURLToPath(new URL(module, import.meta.url));
}
