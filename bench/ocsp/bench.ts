import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertIdIssuer } from '../../src/pki/cert-id.js';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { startCertplane, type Certplane } from './certplane.js';
import { Child } from './child.js';
import { sampleServer, type Sample } from './comparison.js';
import { generateCertificates } from './inventory.js';
import type { LoadOrder } from './load.js';
import { buildRequests, readIssuer, type RequestForm } from './requests.js';

export const ISSUER_ID = 'iss-local';
const CONNECTIONS = 32;

export interface BenchOptions {
  readonly certificates: number;
  readonly pairs: number;
  readonly seconds: number;
}

/** A database with so many certificates, and what a Certplane on it needs. */
export interface Site {
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly issuer: CertIdIssuer;
  readonly certificates: number;
}

/** The processes of one run, and the folder that they work in. */
export class Bench {
  private readonly home = mkdtempSync(join(tmpdir(), 'certplane-bench-'));
  private readonly closing: (() => Promise<void>)[] = [];
  private readonly generator = Child.start('load.js');
  private sets = 0;

  constructor(readonly options: BenchOptions) {
    // The account that runs PostgreSQL when the bench runs as root has to get in.
    chmodSync(this.home, 0o755);
    this.closing.push(() => this.generator.stop());
  }

  progress(text: string): void {
    process.stderr.write(`- ${text}\n`);
  }

  /** A database with generated certificates of the first start's issuer. */
  async prepareSite(name: string, certificates: number): Promise<Site> {
    this.progress(`generating ${certificates.toLocaleString('en')} certificates`);
    const startedMs = performance.now();
    const dataDir = join(this.home, name);
    const postgres = await startEmbeddedPostgres({
      dataDir: join(this.home, 'postgres'),
      database: name,
      settings: { fsync: 'off', full_page_writes: 'off', max_wal_size: '8GB' },
    });
    this.closing.push(() => postgres.stop());
    const { child, issuerPem } = await startCertplane(postgres.url, dataDir);
    await child.stop();
    await generateCertificates(postgres.url, ISSUER_ID, certificates);
    this.progress(`that took ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    return { databaseUrl: postgres.url, dataDir, issuer: readIssuer(issuerPem), certificates };
  }

  /** Starts the app, hands it over, and stops it. */
  async withCertplane<T>(
    site: Site,
    environment: Readonly<Record<string, string>>,
    work: (certplane: Certplane) => Promise<T>,
  ): Promise<T> {
    const certplane = await startCertplane(site.databaseUrl, site.dataDir, environment);
    try {
      return await work(certplane);
    } finally {
      await certplane.child.stop();
    }
  }

  /** Starts another process of the bench; it is stopped at the end. */
  start(module: string): Child {
    const child = Child.start(module);
    this.closing.push(() => child.stop());
    return child;
  }

  /** Gives the load generator a set of requests; its name. */
  async prepareRequests(
    issuer: CertIdIssuer,
    serialNumbers: readonly Buffer[],
    form: RequestForm,
    generator = this.generator,
  ): Promise<string> {
    const name = `set ${++this.sets}`;
    const requests = buildRequests(issuer, serialNumbers, form);
    await generator.ask({ kind: 'requests', name, requests } satisfies LoadOrder);
    return name;
  }

  /** One slice of load. */
  run(
    server: { readonly child: Child; readonly port: number },
    requests: string,
    {
      connections = CONNECTIONS,
      rate = null as number | null,
      seconds = this.options.seconds,
      generator = this.generator,
    } = {},
  ): Promise<Sample> {
    return sampleServer(server.child, generator, { requests, port: server.port, connections, rate, seconds });
  }

  /** Asks until each of so many requests has been answered at least once. */
  async askAll(server: { readonly child: Child; readonly port: number }, requests: string, count: number) {
    for (let answers = 0; answers < count;) {
      const { load } = await this.run(server, requests, { seconds: Math.max(1, this.options.seconds) });
      answers += load!.answers;
    }
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
    rmSync(this.home, { recursive: true, force: true });
  }
}
