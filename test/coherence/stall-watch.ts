import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import type { History } from './history.js';
import type { NodeProcess } from './node-process.js';

const TICK_MS = 20;
/** When this process is itself held up for so long, its measurements of others are worth nothing. */
const STARVED_MS = 100;
const SAMPLE_MS = 100;
const BEAT_PAUSE_MS = 25;
/** Little, for a revoke call is many statements like the one that is measured. */
const SLOW_BEAT_MS = 30;

/**
 * Writes down when the machine had no time: for the process that asks, for the database, or for a node. On a busy machine a
 * call takes long for reasons that are nobody's fault.
 */
export class StallWatch {
  /** By process: how long it has waited for a processor so far. */
  private readonly waits = new Map<number, number>();
  private readonly ticker: NodeJS.Timeout;
  private lastTickMs = performance.now();
  private lastSampleMs = performance.now();
  private beating: Promise<void>;
  private over = false;

  private constructor(
    private readonly history: History,
    private readonly client: Client,
    private readonly nodes: readonly NodeProcess[],
  ) {
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    this.beating = this.beat();
  }

  /** @param nodes those that run at the time: the array may change */
  static async start(history: History, databaseUrl: string, nodes: readonly NodeProcess[]): Promise<StallWatch> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('CREATE SCHEMA coherence CREATE TABLE beats (number bigint)');
    await client.query('INSERT INTO coherence.beats VALUES (0)');
    return new StallWatch(history, client, nodes);
  }

  /** Resolves when what has happened until now is written down. */
  async settle(): Promise<void> {
    await this.beating;
    this.tick();
    this.sample();
  }

  async stop(): Promise<void> {
    this.over = true;
    clearInterval(this.ticker);
    await this.beating;
    await this.client.end();
  }

  private tick(): void {
    const now = performance.now();
    if (now - this.lastTickMs > STARVED_MS) this.record(null, 'the asking process was held up', this.lastTickMs, now);
    this.lastTickMs = now;
    if (now - this.lastSampleMs > SAMPLE_MS) this.sample();
  }

  /** One small transaction that waits for nobody's rows; then the next. */
  private async beat(): Promise<void> {
    const start = performance.now();
    await this.client.query('UPDATE coherence.beats SET number = number + 1');
    const end = performance.now();
    if (end - start > SLOW_BEAT_MS) this.record(null, 'the database was slow', start, end);
    if (this.over) return;
    setTimeout(() => {
      if (!this.over) this.beating = this.beat();
    }, BEAT_PAUSE_MS);
  }

  private sample(): void {
    const now = performance.now();
    for (const { name, pid } of this.nodes) {
      const waitedMs = pid === null ? null : findProcessorWaitMs(pid);
      if (pid === null || waitedMs === null) continue;
      const sinceMs = waitedMs - (this.waits.get(pid) ?? waitedMs);
      if (sinceMs > 1) this.record(name, 'waited for a processor', now - sinceMs, now);
      this.waits.set(pid, waitedMs);
    }
    this.lastSampleMs = now;
  }

  private record(node: string | null, stall: string, start: number, end: number): void {
    this.history.record({ kind: 'stall', node, stall, start, end });
  }
}

/** How long the main thread of a process was ready to run and did not; null where the system does not tell. */
function findProcessorWaitMs(pid: number): number | null {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return null;
  }
}
