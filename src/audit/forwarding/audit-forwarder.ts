import type { Pool } from 'pg';
import type { Clock } from '../../platform/clock/clock.js';
import { withAdvisoryLock } from '../../platform/database/advisory-lock.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { AuditTrailMetrics } from '../audit-trail.metrics.js';
import type { TrailItem } from '../trail.js';
import { TrailReader } from '../trail-reader.js';
import type { AuditSink } from './audit-sink.js';

const EVENTS_MAX = 500;
/** Of JSON, about; one event more may go beyond it. */
const BATCH_CHARACTERS = 1 << 20;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

interface Batch {
  readonly items: readonly TrailItem[];
  readonly events: number;
  /** The position behind it. */
  readonly end: number;
}

/**
 * Forwards the sealed trail to one sink, in order. How far it came is kept in the database: one instance at a time forwards,
 * any can take over, and what is not known to have arrived is sent again.
 */
export class AuditForwarder {
  private readonly reader: TrailReader;
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private failures = 0;
  /** Monotonic milliseconds. */
  private notBefore = 0;

  constructor(
    private readonly sink: AuditSink,
    private readonly pool: Pool,
    private readonly metrics: AuditTrailMetrics,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.reader = new TrailReader(pool);
  }

  /** Forwards what is there, unless it failed a moment ago. Joins the run that is under way. Never rejects. */
  run(): Promise<void> {
    if (this.abort.signal.aborted || performance.now() < this.notBefore) return Promise.resolve();
    this.running ??= this.forward().finally(() => (this.running = null));
    return this.running;
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  private async forward(): Promise<void> {
    try {
      if (!(await this.isBehind())) return;
      await withAdvisoryLock(this.pool, `audit-forwarder-${this.sink.name}`, { wait: false }, async () => {
        while (!this.abort.signal.aborted && (await this.forwardBatch()));
      });
    } catch (error) {
      if (!this.abort.signal.aborted) await this.retreat(error);
    }
  }

  private async isBehind(): Promise<boolean> {
    const { position, treeSize } = await this.measure();
    return position !== treeSize;
  }

  /** @returns false when there is nothing left */
  private async forwardBatch(): Promise<boolean> {
    const { position, treeSize } = await this.measure();
    // A trail that is shorter than what was forwarded came out of a backup: what it has from now on is new.
    const from = Math.min(position, treeSize);
    if (from === treeSize) {
      if (position !== from) await this.keep(from);
      return false;
    }
    const batch = await this.read(from, Math.min(treeSize, from + EVENTS_MAX));
    await this.sink.send(batch.items, this.abort.signal);
    await this.keep(batch.end);
    this.metrics.forwarded.inc({ forwarder: this.sink.name }, batch.events);
    this.failures = 0;
    return true;
  }

  /** As many as fit; a checkpoint goes with the last event that it covers. */
  private async read(from: number, to: number): Promise<Batch> {
    const items: TrailItem[] = [];
    let characters = 0;
    let events = 0;
    for await (const item of this.reader.read(from, to)) {
      if (item.kind === 'event') {
        if (characters > BATCH_CHARACTERS) return { items, events, end: item.event.position };
        characters += JSON.stringify(item.event.event).length;
        events += 1;
      }
      items.push(item);
    }
    return { items, events, end: to };
  }

  private async measure(): Promise<{ position: number; treeSize: number }> {
    const { rows } = await this.pool.query<{ position: string; tree_size: string }>(
      `SELECT coalesce((SELECT position FROM audit_forwarders WHERE name = $1), 0) AS position,
              coalesce((SELECT max(tree_size) FROM audit_checkpoints), 0) AS tree_size`,
      [this.sink.name],
    );
    return { position: Number(rows[0]!.position), treeSize: Number(rows[0]!.tree_size) };
  }

  private async keep(position: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO audit_forwarders (name, position, forwarded_at, error) VALUES ($1, $2, $3, NULL)
       ON CONFLICT (name) DO UPDATE SET position = excluded.position, forwarded_at = excluded.forwarded_at, error = NULL`,
      [this.sink.name, position, this.clock.now()],
    );
  }

  private async retreat(reason: unknown): Promise<void> {
    const { name } = this.sink;
    this.failures += 1;
    const pauseMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
    this.notBefore = performance.now() + pauseMs;
    this.metrics.forwardFailures.inc({ forwarder: name });
    this.logger.warn(
      { err: reason, forwarder: name, failures: this.failures, pauseMs },
      'audit events could not be forwarded; they are sent again',
    );
    // The database may be what failed.
    await this.pool
      .query(
        `INSERT INTO audit_forwarders (name, position, error) VALUES ($1, 0, $2)
         ON CONFLICT (name) DO UPDATE SET error = excluded.error`,
        [name, (reason as Error).message],
      )
      .catch(() => undefined);
  }
}
