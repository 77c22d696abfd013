import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Pool } from 'pg';
import { Clock, latest } from '../platform/clock/clock.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { AuditKeys, type AuditSigner } from './audit-keys.js';
import { AuditCheckpointEntity } from './audit-seal.entity.js';
import { AuditTrailMetrics } from './audit-trail.metrics.js';
import { signCheckpoint, verifyCheckpoint } from './checkpoint-note.js';
import { MerkleTree } from './merkle-tree.js';
import { EVENT_COLUMNS, eventOf, leafHashOf, type EventRow } from './sealed-event.js';
import type { TrailCheckpoint } from './trail.js';
import { TrailReader } from './trail-reader.js';

const INTERVAL_MS = 1000;
/** What one checkpoint covers at the most: the more, the less exactly a forgery can be located. */
const BATCH_MAX = 1000;

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Leaves in the order in which they are appended: by rising event id, as who verifies counts on. */
type Leaf = readonly [eventId: string, leafHash: Buffer];

/** Chains what was recorded into the Merkle tree, in batches: whoever records waits for nobody. */
@Injectable()
export class AuditSealer implements OnModuleDestroy {
  private readonly reader: TrailReader;
  private running: Promise<void> | null = null;
  private stopping = false;
  /** The tree that this process sealed last. */
  private seenSize = 0;

  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly transactions: Transactions,
    private readonly keys: AuditKeys,
    private readonly metrics: AuditTrailMetrics,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {
    this.reader = new TrailReader(pool);
  }

  @Interval('audit-sealer', INTERVAL_MS)
  async tick(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      if (!this.stopping) this.logger.error({ err: error }, 'audit events could not be sealed; they wait');
    }
  }

  /** Seals all that waits, unless another instance is at it. Joins the run that is under way. @throws what sealing throws */
  run(): Promise<void> {
    this.running ??= this.sealAll()
      .catch((error: unknown) => {
        this.metrics.sealFailures.inc();
        throw error;
      })
      .finally(() => (this.running = null));
    return this.running;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.running?.catch(() => undefined);
  }

  private async sealAll(): Promise<void> {
    const { rows } = await this.pool.query('SELECT FROM audit_pending LIMIT 1');
    if (rows.length === 0) return;
    await withAdvisoryLock(this.pool, 'audit-sealer', { wait: false }, async () => {
      while (!this.stopping && (await this.sealBatch()));
    });
  }

  /** @returns false when nothing waits any more */
  private async sealBatch(): Promise<boolean> {
    const head = await this.reader.findHead();
    const { leaves, more } = await this.findUnsealed();
    if (leaves.length === 0) return false;
    const key = await this.keys.getSigner();
    const { tree, origin } = await this.restore(head);
    for (const [, leafHash] of leaves) tree.append(leafHash);
    const checkpoint = { origin: origin ?? `certplane/${key.keyId}`, treeSize: tree.size, rootHash: tree.root() };
    const note = await signCheckpoint(checkpoint, key.signer);
    const now = this.clock.now();
    await this.transactions.run((tx) =>
      this.save(tx, key, leaves, {
        treeSize: String(tree.size),
        rootHash: checkpoint.rootHash,
        frontier: tree.frontier,
        signedAt: head === null ? now : latest(now, head.signedAt),
        keyId: key.keyId,
        note,
      }),
    );
    this.seenSize = tree.size;
    this.metrics.sealed.inc(leaves.length);
    return more;
  }

  /** The next to be sealed. One whose event is gone, or is no I-JSON, stays where it is for the auditor, and holds up nobody. */
  private async findUnsealed(): Promise<{ leaves: readonly Leaf[]; more: boolean }> {
    for (let after = NIL_UUID; ;) {
      const ids = await this.findPending(after);
      const leaves = await this.hashUnsealed(ids);
      const more = ids.length === BATCH_MAX;
      if (leaves.length > 0 || !more) return { leaves, more };
      after = ids.at(-1)!;
    }
  }

  private async findPending(after: string): Promise<string[]> {
    const { rows } = await this.pool.query<{ event_id: string }>(
      `SELECT event_id FROM audit_pending WHERE event_id > $1 ORDER BY event_id LIMIT ${BATCH_MAX}`,
      [after],
    );
    return rows.map(({ event_id: id }) => id);
  }

  /** Looked up by their ids: no plan can make these statements read more than that, however large the trail is. */
  private async hashUnsealed(ids: readonly string[]): Promise<Leaf[]> {
    const events = await this.pool.query<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM audit_events e WHERE e.id = ANY($1::uuid[]) ORDER BY e.id`,
      [ids],
    );
    const leaves = await this.pool.query<{ event_id: string }>(
      'SELECT event_id FROM audit_leaves WHERE event_id = ANY($1::uuid[])',
      [ids],
    );
    const sealed = new Set(leaves.rows.map(({ event_id: id }) => id));
    return events.rows.flatMap((row): Leaf[] => {
      const leafHash = sealed.has(row.id) ? null : this.hash(row);
      return leafHash === null ? [] : [[row.id, leafHash]];
    });
  }

  private hash(row: EventRow): Buffer | null {
    try {
      return leafHashOf(eventOf(row));
    } catch (error) {
      this.logger.error({ err: error, eventId: row.id }, 'an audit event can not be sealed');
      return null;
    }
  }

  /**
   * The tree that the next checkpoint goes on from. Nothing is signed over one that was tampered with: the signature would
   * say that all is well. @throws Error
   */
  private async restore(head: TrailCheckpoint | null): Promise<{ tree: MerkleTree; origin: string | null }> {
    const size = head?.treeSize ?? 0;
    if (size < this.seenSize)
      throw new Error(`the audit trail had ${this.seenSize} events and has ${size}: its end is gone`);
    if (head === null) return { tree: new MerkleTree(), origin: null };
    const keys = await this.keys.list();
    const { treeSize, rootHash, origin } = verifyCheckpoint(
      head.note,
      keys.map(({ publicKey }) => publicKey),
    );
    const tree = new MerkleTree(size, head.frontier);
    if (treeSize === size && tree.root().equals(rootHash)) return { tree, origin };
    throw new Error(`the stored tree of ${size} audit events is not the one that was signed`);
  }

  /** Positions and tree sizes are keys: of two that seal at the same time, whatever went wrong, one fails. */
  private async save(
    tx: Tx,
    key: AuditSigner,
    leaves: readonly Leaf[],
    checkpoint: Omit<AuditCheckpointEntity, 'key'>,
  ): Promise<void> {
    const ids = leaves.map(([eventId]) => eventId);
    await key.save(tx);
    await tx.query(
      `INSERT INTO audit_leaves (position, event_id, leaf_hash)
       SELECT $1::bigint + ordinality - 1, event_id, leaf_hash
         FROM unnest($2::uuid[], $3::bytea[]) WITH ORDINALITY AS leaves (event_id, leaf_hash, ordinality)`,
      [Number(checkpoint.treeSize) - leaves.length, ids, leaves.map(([, leafHash]) => leafHash)],
    );
    await tx.insert(AuditCheckpointEntity, checkpoint);
    await tx.query('DELETE FROM audit_pending WHERE event_id = ANY($1::uuid[])', [ids]);
  }
}
