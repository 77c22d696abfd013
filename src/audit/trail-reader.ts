import type { QueryResultRow } from 'pg';
import { EVENT_COLUMNS, eventOf, type EventRow } from './sealed-event.js';
import type { TrailCheckpoint, TrailEvent, TrailItem } from './trail.js';

/** A pg Pool, or a client of one. */
export interface Queryable {
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

const PAGE_ROWS = 500;

type LeafRow = Partial<EventRow> & {
  readonly position: string;
  readonly event_id: string;
  readonly leaf_hash: Buffer;
};

interface CheckpointRow {
  readonly tree_size: string;
  readonly note: string;
  readonly signed_at: Date;
  readonly key_id: string;
  readonly frontier: Buffer[];
}

/** The sealed trail as it lies in the database. It never changes, so that it is read in pages, without a transaction. */
export class TrailReader {
  constructor(private readonly database: Queryable) {}

  /** The last checkpoint, or null where nothing was sealed yet. */
  async findHead(): Promise<TrailCheckpoint | null> {
    const [head] = await this.findCheckpoints('ORDER BY tree_size DESC LIMIT 1', []);
    return head ?? null;
  }

  /** The last checkpoint that was signed before this time, or null. */
  async findLastBefore(time: Date): Promise<TrailCheckpoint | null> {
    const order = 'ORDER BY signed_at DESC, tree_size DESC LIMIT 1';
    const [last] = await this.findCheckpoints(`WHERE signed_at < $1 ${order}`, [time]);
    return last ?? null;
  }

  /** What stands at the positions from `from` up to `to`, and each checkpoint that is the first to cover it. */
  async *read(from: number, to: number): AsyncGenerator<TrailItem, void, undefined> {
    const events = this.events(from, to);
    let next = await events.next();
    for await (const checkpoint of this.checkpoints(from, to)) {
      for (; next.done !== true && next.value.position < checkpoint.treeSize; next = await events.next()) {
        yield { kind: 'event', event: next.value };
      }
      yield { kind: 'checkpoint', checkpoint };
    }
    for (; next.done !== true; next = await events.next()) yield { kind: 'event', event: next.value };
  }

  private async *events(from: number, to: number): AsyncGenerator<TrailEvent, void, undefined> {
    for (let position = from; ;) {
      const { rows } = await this.database.query<LeafRow>(
        `SELECT l.position, l.event_id, l.leaf_hash, ${EVENT_COLUMNS}
           FROM (SELECT * FROM audit_leaves WHERE position >= $1 AND position < $2 ORDER BY position LIMIT ${PAGE_ROWS}) l
                LEFT JOIN audit_events e ON e.id = l.event_id
          ORDER BY l.position`,
        [position, to],
      );
      for (const row of rows) yield toTrailEvent(row);
      if (rows.length < PAGE_ROWS) return;
      position = Number(rows.at(-1)!.position) + 1;
    }
  }

  private async *checkpoints(from: number, to: number): AsyncGenerator<TrailCheckpoint, void, undefined> {
    for (let size = from; ;) {
      const page = await this.findCheckpoints(
        `WHERE tree_size > $1 AND tree_size <= $2 ORDER BY tree_size LIMIT ${PAGE_ROWS}`,
        [size, to],
      );
      yield* page;
      if (page.length < PAGE_ROWS) return;
      size = page.at(-1)!.treeSize;
    }
  }

  private async findCheckpoints(clauses: string, values: unknown[]): Promise<TrailCheckpoint[]> {
    const { rows } = await this.database.query<CheckpointRow>(
      `SELECT tree_size, note, signed_at, key_id, frontier FROM audit_checkpoints ${clauses}`,
      values,
    );
    return rows.map(({ tree_size, note, signed_at, key_id, frontier }) => ({
      treeSize: Number(tree_size),
      note,
      signedAt: signed_at,
      keyId: key_id,
      frontier,
    }));
  }
}

function toTrailEvent({ position, event_id, leaf_hash, ...event }: LeafRow): TrailEvent {
  // Without its event, the row has null in the other columns.
  const isThere = event.id !== null && event.id !== undefined;
  return {
    position: Number(position),
    eventId: event_id,
    leafHash: leaf_hash,
    event: isThere ? eventOf(event as EventRow) : null,
  };
}
