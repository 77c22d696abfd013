import type { KeyObject } from 'node:crypto';
import { explainBatch, findChangedEvent, hasSignedLeaves, type Batch } from './batch-examination.js';
import { verifyCheckpoint, type Checkpoint } from './checkpoint-note.js';
import { MerkleTree } from './merkle-tree.js';
import { TrailFault } from './trail-fault.js';
import type { TrailCheckpoint, TrailEvent } from './trail.js';

/** Far above what the sealer puts under one checkpoint. */
const BATCH_MAX = 100_000;

/** A trail that is as it was sealed. */
export interface VerifiedTrail {
  readonly origin: string | null;
  /** Where it begins: 0, or what its first checkpoint covers already. */
  readonly firstPosition: number;
  readonly treeSize: number;
  readonly rootHash: Buffer;
  readonly checkpoints: number;
}

/**
 * Verifies a trail as it goes by, in memory for one batch: the tree is built again from the leaves, held against every
 * checkpoint, and each event against its leaf. All methods throw {@link TrailFault} at the first fault.
 */
export class TrailVerifier {
  private tree = new MerkleTree();
  private firstPosition = 0;
  private origin: string | null = null;
  private checkpoints = 0;
  private events: TrailEvent[] = [];
  /** The batch that is not what was signed; what follows it tells more. */
  private suspect: Batch | null = null;

  /**
   * @param keys any of which may have signed a checkpoint
   * @param kept a checkpoint of this trail that was kept elsewhere: the trail has to go on from it
   */
  constructor(
    private readonly keys: readonly KeyObject[],
    private readonly kept: Checkpoint | null = null,
  ) {}

  /** Where the trail goes on, as the next position. */
  get position(): number {
    return this.tree.size + this.events.length;
  }

  /** Begins behind this checkpoint instead of at the beginning. */
  begin({ note, frontier }: Pick<TrailCheckpoint, 'note' | 'frontier'>): void {
    const checkpoint = this.read(note);
    this.tree = this.restore(checkpoint, frontier);
    if (this.kept !== null && this.kept.treeSize < checkpoint.treeSize) {
      const message = `The trail begins behind ${checkpoint.treeSize} events, the checkpoint that was kept is over ${this.kept.treeSize}.`;
      throw new TrailFault('checkpoint', message, checkpoint.treeSize);
    }
    this.firstPosition = checkpoint.treeSize;
    this.compareKept();
  }

  add(event: TrailEvent): void {
    if (this.suspect !== null) throw explainBatch(this.suspect, event);
    this.events.push(event);
    if (this.events.length <= BATCH_MAX) return;
    throw new TrailFault(
      'checkpoint',
      `No checkpoint covers the events from position ${this.tree.size} on.`,
      this.tree.size,
    );
  }

  seal({ note, frontier }: Pick<TrailCheckpoint, 'note' | 'frontier'>): void {
    if (this.suspect !== null) return;
    const checkpoint = this.read(note);
    if (checkpoint.treeSize <= this.tree.size) {
      const message = `A checkpoint over ${checkpoint.treeSize} events stands behind one over ${this.tree.size}.`;
      throw new TrailFault('checkpoint', message, this.tree.size);
    }
    const batch = { before: this.tree, events: this.events, checkpoint, frontier };
    if (!hasSignedLeaves(batch)) {
      this.suspect = batch;
      return;
    }
    const fault = findChangedEvent(batch);
    if (fault !== null) throw fault;
    for (const { leafHash } of this.events) {
      this.tree.append(leafHash);
      this.compareKept();
    }
    this.events = [];
    this.checkpoints += 1;
  }

  /** Throws what is known to be wrong, when nothing follows. */
  settle(): void {
    if (this.suspect !== null) throw explainBatch(this.suspect, null);
  }

  end(): VerifiedTrail {
    this.settle();
    const { origin, firstPosition, tree, checkpoints, kept } = this;
    const [uncovered] = this.events;
    if (uncovered !== undefined) {
      const message = `The event ${uncovered.eventId ?? ''} at position ${uncovered.position} stands behind the last checkpoint.`;
      throw new TrailFault('inserted', message, uncovered.position, uncovered.eventId);
    }
    if (kept !== null && kept.treeSize > tree.size) {
      const message = `The trail ends before position ${tree.size}: the checkpoint that was kept is over ${kept.treeSize} events.`;
      throw new TrailFault('truncated', message, tree.size);
    }
    return { origin, firstPosition, treeSize: tree.size, rootHash: tree.root(), checkpoints };
  }

  private read(note: string): Checkpoint {
    const checkpoint = this.verifyNote(note);
    const origin = this.origin ?? this.kept?.origin ?? checkpoint.origin;
    if (checkpoint.origin !== origin) {
      const message = `A checkpoint is of the trail ${checkpoint.origin}, not of ${origin}.`;
      throw new TrailFault('checkpoint', message, this.tree.size);
    }
    this.origin = origin;
    return checkpoint;
  }

  private verifyNote(note: string): Checkpoint {
    try {
      return verifyCheckpoint(note, this.keys);
    } catch (error) {
      const message = `The checkpoint behind position ${this.position}: ${(error as Error).message}.`;
      throw new TrailFault('checkpoint', message, this.tree.size);
    }
  }

  private restore({ treeSize, rootHash }: Checkpoint, frontier: readonly Buffer[]): MerkleTree {
    try {
      const tree = new MerkleTree(treeSize, frontier);
      if (tree.root().equals(rootHash)) return tree;
    } catch {
      // Said below.
    }
    throw new TrailFault('checkpoint', `The tree of ${treeSize} events is not the one that was signed.`, treeSize);
  }

  /** A checkpoint that was kept tells even when the key that signs was stolen. */
  private compareKept(): void {
    const { kept, tree } = this;
    if (kept?.treeSize !== tree.size || kept.rootHash.equals(tree.root())) return;
    const message = `The first ${tree.size} events are not those of the checkpoint that was kept: the trail was written anew.`;
    throw new TrailFault('changed', message, this.firstPosition);
  }
}
