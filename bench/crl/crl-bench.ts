import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { ISSUER_ID } from '../ocsp/bench.js';
import { findFreePort } from '../ocsp/certplane.js';
import { Child } from '../ocsp/child.js';
import { streamRows } from './bare-stream.js';
import type { CrlOrder, CrlRun } from './certplane.js';
import { addRevokedCertificates, markChanged } from './inventory.js';
import { generateWithOpenssl, prepareOpensslCa } from './openssl-ca.js';

/** One round at one size: each side once, in turn. */
export interface CrlRound {
  readonly built: CrlRun;
  readonly streamedMs: number;
  readonly opensslMs: number | null;
}

/** Two deltas on the same complete CRL. */
export interface DeltaRound {
  readonly few: CrlRun;
  readonly many: CrlRun;
}

/** A database of its own with the settings that Certplane starts one with, and the processes that are measured on it. */
export class CrlBench {
  private entries = 0;

  private constructor(
    private readonly home: string,
    private readonly databaseUrl: string,
    private readonly client: Client,
    private readonly closing: (() => Promise<void>)[],
  ) {}

  static async open(): Promise<CrlBench> {
    const home = mkdtempSync(join(tmpdir(), 'certplane-bench-'));
    // The account that runs PostgreSQL when the bench runs as root has to get in.
    chmodSync(home, 0o755);
    const postgres = await startEmbeddedPostgres({ dataDir: join(home, 'postgres'), database: 'crl' });
    const client = new Client({ connectionString: postgres.url });
    await client.connect();
    const bench = new CrlBench(home, postgres.url, client, [() => postgres.stop(), () => client.end()]);
    await bench.withCertplane(() => Promise.resolve());
    await client.query('UPDATE issuers SET crl_delta_interval = 3600 WHERE id = $1', [ISSUER_ID]);
    return bench;
  }

  /** Adds revoked certificates until there are so many. */
  async grow(entries: number, withOpenssl: boolean): Promise<void> {
    await addRevokedCertificates(this.client, this.entries + 1, entries);
    this.entries = entries;
    if (withOpenssl) await prepareOpensslCa(this.opensslHome, entries);
  }

  /** A process for each build: the most memory that it ever took is then that of the build. */
  async round(withOpenssl: boolean): Promise<CrlRound> {
    await this.client.query('CHECKPOINT');
    const built = await this.withCertplane((certplane) => certplane.ask<CrlRun>('complete' satisfies CrlOrder));
    const streamedMs = await streamRows(this.client, Buffer.alloc(built.sizeBytes, 0x5a));
    return { built, streamedMs, opensslMs: withOpenssl ? generateWithOpenssl(this.opensslHome) : null };
  }

  /** Deltas of few changes and of many. */
  async deltas(few: number, many: number): Promise<DeltaRound> {
    return this.withCertplane(async (certplane) => {
      await this.client.query('DELETE FROM crl_bases');
      await certplane.ask('complete' satisfies CrlOrder);
      const build = async (changes: number): Promise<CrlRun> => {
        await markChanged(this.client, this.entries, changes);
        await certplane.ask('delta' satisfies CrlOrder);
        return certplane.ask<CrlRun>('delta' satisfies CrlOrder);
      };
      const first = await build(few);
      return { few: first, many: await build(many) };
    });
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
    rmSync(this.home, { recursive: true, force: true });
  }

  private get opensslHome(): string {
    return join(this.home, 'openssl');
  }

  private async withCertplane<T>(work: (certplane: Child) => Promise<T>): Promise<T> {
    const child = Child.start(fileURLToPath(new URL('certplane.js', import.meta.url)), {
      env: {
        ...process.env,
        CERTPLANE_DATABASE_URL: this.databaseUrl,
        CERTPLANE_DATA_DIR: join(this.home, 'data'),
        CERTPLANE_HTTPS_PORT: String(await findFreePort()),
        CERTPLANE_PKI_HTTP_PORT: '0',
        CERTPLANE_OCSP_PRESIGN: 'lazy',
        CERTPLANE_LOG_LEVEL: 'error',
      },
    });
    try {
      await child.ask('start' satisfies CrlOrder);
      return await work(child);
    } finally {
      await child.stop();
    }
  }
}
