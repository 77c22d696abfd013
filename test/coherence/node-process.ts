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
/** Between the search for a free port and the listening, somebody else may take it. */
const PORT_TRIES = 5;

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
  private ready = false;
  private ports = { https: 0, pki: 0 };

  private constructor(
    private readonly options: NodeOptions,
    readonly relay: DatabaseRelay,
    readonly clock: ShiftedClock,
    private readonly dataDir: string,
  ) {}

  static async create(options: NodeOptions): Promise<NodeProcess> {
    const dataDir = mkdtempSync(join(tmpdir(), 'certplane-coherence-'));
    const relay = await DatabaseRelay.start(options.databaseUrl);
    const clock = new ShiftedClock(join(dataDir, 'clock'));
    return new NodeProcess(options, relay, clock, dataDir);
  }

  get name(): string {
    return this.options.name;
  }

  /** Others with each start. */
  get httpsPort(): number {
    return this.ports.https;
  }

  get pkiPort(): number {
    return this.ports.pki;
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  get running(): boolean {
    return this.child !== null;
  }

  /** Throws when the process has ended by itself. */
  assertRunning(): void {
    if (!this.running) throw this.endError();
  }

  /** Starts the process and resolves when it answers. */
  async start(): Promise<this> {
    for (let tries = 1; ; tries++) {
      this.ports = { https: await findFreePort(), pki: await findFreePort() };
      this.launch();
      await waitUntil(`${this.name} runs`, () => this.ready || !this.running, START_TIMEOUT_MS);
      if (this.running) return this;
      if (tries === PORT_TRIES || !this.output.includes('is in use')) throw this.endError();
    }
  }

  private endError(): Error {
    return new Error(`${this.name} has ended:\n${this.output}`);
  }

  private launch(): void {
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
    this.ready = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
        this.ready ||= this.output.includes('is running.');
      });
    }
    this.exited = new Promise((over) =>
      child.once('close', () => {
        if (this.child === child) this.child = null;
        over();
      }),
    );
  }

  /** Stops it where it is. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends every fault of which something is left. */
  recover(): void {
    this.relay.restore();
    this.clock.setWall(0);
    this.thaw();
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
