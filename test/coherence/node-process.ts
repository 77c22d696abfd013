import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findFreePort } from '../support/free-port.js';
import { waitUntil } from '../support/wait-until.js';
import { DatabaseRelay } from './database-relay.js';
import { ShiftedClock } from './shifted-clock.js';

const START_TIMEOUT_MS = 60_000;
const OUTPUT_KEPT = 20_000;

export interface NodeOptions {
  readonly name: string;
  /** The compiled program: a folder like dist/. */
  readonly build: string;
  /** The database itself; the node is given its relay. */
  readonly databaseUrl: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One process of the product, with a relay before its database and clocks that can be moved. */
export class NodeProcess {
  private child: ChildProcess | null = null;
  private exited: Promise<void> = Promise.resolve();
  private output = '';

  private constructor(
    private readonly options: NodeOptions,
    readonly relay: DatabaseRelay,
    readonly clock: ShiftedClock,
    private readonly dataDir: string,
    readonly httpsPort: number,
    readonly pkiPort: number,
  ) {}

  static async create(options: NodeOptions): Promise<NodeProcess> {
    const dataDir = mkdtempSync(join(tmpdir(), 'certplane-coherence-'));
    const relay = await DatabaseRelay.start(options.databaseUrl);
    const clock = new ShiftedClock(join(dataDir, 'clock'));
    return new NodeProcess(options, relay, clock, dataDir, await findFreePort(), await findFreePort());
  }

  get name(): string {
    return this.options.name;
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  get running(): boolean {
    return this.child !== null;
  }

  /** What it wrote last, for the reader of a failure. */
  get lastOutput(): string {
    return this.output;
  }

  /** Starts the process and resolves when it answers. */
  async start(): Promise<this> {
    const { build, databaseUrl, env } = this.options;
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
    const hook = resolve('test/coherence/clock-hook.mjs');
    const child = spawn(process.execPath, ['--import', hook, join(build, 'src/main.js')], {
      env: {
        ...Object.fromEntries(own),
        COHERENCE_CLOCK_FILE: this.clock.path,
        CERTPLANE_DATA_DIR: this.dataDir,
        CERTPLANE_DATABASE_URL: this.relay.throughRelay(databaseUrl),
        CERTPLANE_HTTPS_PORT: String(this.httpsPort),
        CERTPLANE_PKI_HTTP_PORT: String(this.pkiPort),
        CERTPLANE_LOG_LEVEL: 'error',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.output = '';
    let ready = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
        ready ||= this.output.includes('is running.');
      });
    }
    this.exited = new Promise((over) =>
      child.once('close', () => {
        if (this.child === child) this.child = null;
        over();
      }),
    );
    await waitUntil(`${this.name} runs`, () => ready || !this.running, START_TIMEOUT_MS);
    if (!this.running) throw new Error(`${this.name} ended:\n${this.output}`);
    return this;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Sends a signal that ends it, and waits for the end. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.child?.kill(signal);
    await this.exited;
  }

  /** Ends it for good and removes what it left. */
  async remove(): Promise<void> {
    this.thaw();
    await this.end('SIGKILL');
    await this.relay.stop();
    this.clock.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
