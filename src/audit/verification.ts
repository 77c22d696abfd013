import type { KeyObject } from 'node:crypto';
import type { Checkpoint } from './checkpoint-note.js';
import { TrailFault } from './trail-fault.js';
import { parseTrailLine, trailEventOf, type TrailLine } from './trail-lines.js';
import { TrailReader, type Queryable } from './trail-reader.js';
import { TrailVerifier, type VerifiedTrail } from './trail-verifier.js';

/** What a trail is verified with. */
export interface Trust {
  /** The keys that may have signed it. */
  readonly keys: readonly KeyObject[];
  /** A checkpoint that was kept elsewhere; null without one. */
  readonly kept: Checkpoint | null;
}

/** Verifies the trail in the database, while others go on writing to it. @throws TrailFault at the first fault */
export async function verifyDatabase(database: Queryable, { keys, kept }: Trust): Promise<VerifiedTrail> {
  const reader = new TrailReader(database);
  const head = await reader.findHead();
  const verifier = new TrailVerifier(keys, kept);
  for await (const item of reader.read(0, head?.treeSize ?? 0)) {
    if (item.kind === 'event') verifier.add(item.event);
    else verifier.seal(item.checkpoint);
  }
  const verified = verifier.end();
  for (const stray of STRAYS) await findStray(database, stray, verified.treeSize);
  return verified;
}

interface Stray {
  /** Rows of a position and an event id, either of which may be null; the first one is told. */
  readonly query: string;
  readonly kind: TrailFault['kind'];
  readonly message: (position: number, eventId: string | null) => string;
}

/** What no walk along the trail comes across. Each is one statement: what is sealed meanwhile is seen whole or not at all. */
const STRAYS: readonly Stray[] = [
  {
    query: `SELECT position, event_id FROM audit_leaves
             WHERE position < 0 OR position >= (SELECT coalesce(max(tree_size), 0) FROM audit_checkpoints)
             ORDER BY position LIMIT 1`,
    kind: 'inserted',
    message: (position, eventId) => `The event ${eventId} at position ${position} is covered by no checkpoint.`,
  },
  {
    query: `SELECT NULL AS position, id AS event_id FROM audit_events e
             WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id)
               AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.event_id = e.id)
             ORDER BY id LIMIT 1`,
    kind: 'inserted',
    message: (_, eventId) => `The event ${eventId} was inserted: it is not sealed, and does not wait to be.`,
  },
  {
    query: `SELECT NULL AS position, event_id FROM audit_pending p
             WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.id = p.event_id)
             ORDER BY event_id LIMIT 1`,
    kind: 'removed',
    message: (_, eventId) => `The event ${eventId} was removed before it was sealed.`,
  },
  {
    query: `SELECT max(tree_size) AS position, NULL AS event_id FROM audit_checkpoints
            HAVING coalesce(max(tree_size), 0) < (SELECT max(position) FROM audit_forwarders)`,
    kind: 'truncated',
    message: (position) => `The trail ends before position ${position}: more events than that were forwarded.`,
  },
];

async function findStray(database: Queryable, { query, kind, message }: Stray, treeSize: number): Promise<void> {
  const { rows } = await database.query<{ position: string | null; event_id: string | null }>(query);
  const [found] = rows;
  if (found === undefined) return;
  const position = Number(found.position ?? treeSize);
  throw new TrailFault(kind, message(position, found.event_id), position, found.event_id);
}

/**
 * Verifies an export, without a database. @param lines without their ends
 * @throws TrailFault at the first fault
 */
export async function verifyExport(lines: AsyncIterable<string>, { keys, kept }: Trust): Promise<VerifiedTrail> {
  const verification = new ExportVerification(new TrailVerifier(keys, kept));
  for await (const line of lines) verification.read(line);
  return verification.end();
}

class ExportVerification {
  private lines = 0;
  private treeSize: number | null = null;

  constructor(private readonly verifier: TrailVerifier) {}

  read(text: string): void {
    this.lines += 1;
    const line = parseTrailLine(text);
    const isFirst = this.lines === 1;
    if (line === null || isFirst !== (line.type === 'export') || this.treeSize !== null) {
      throw new TrailFault('changed', `Line ${this.lines} is none that an export has there.`, this.verifier.position);
    }
    this.take(line);
  }

  end(): VerifiedTrail {
    const { verifier, treeSize } = this;
    verifier.settle();
    if (treeSize === null) {
      throw new TrailFault(
        'truncated',
        `The export breaks off before position ${verifier.position}.`,
        verifier.position,
      );
    }
    const verified = verifier.end();
    if (verified.treeSize === treeSize) return verified;
    const message = `The export ends before position ${verified.treeSize}, and says that it holds ${treeSize} events.`;
    throw new TrailFault('truncated', message, verified.treeSize);
  }

  private take(line: TrailLine): void {
    switch (line.type) {
      case 'export':
        if (line.after !== null) this.verifier.begin(line.after);
        if (line.first_position === this.verifier.position) return;
        throw new TrailFault('changed', 'The first line does not say where the export begins.', this.verifier.position);
      case 'event':
        return this.verifier.add(trailEventOf(line));
      case 'checkpoint':
        return this.verifier.seal({ note: line.note, frontier: [] });
      case 'end':
        this.treeSize = line.tree_size;
    }
  }
}
