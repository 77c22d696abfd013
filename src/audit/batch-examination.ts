import type { Checkpoint } from './checkpoint-note.js';
import { MerkleTree, subtreeRanges } from './merkle-tree.js';
import { leafHashOf } from './sealed-event.js';
import { TrailFault } from './trail-fault.js';
import type { TrailEvent } from './trail.js';

/** The events that one checkpoint is the first to cover, as they are found, and what is known to be true about them. */
export interface Batch {
  /** The tree before it; verified. */
  readonly before: MerkleTree;
  readonly events: readonly TrailEvent[];
  /** Its signature is verified. */
  readonly checkpoint: Checkpoint;
  /** Of the tree behind it; not verified. */
  readonly frontier: readonly Buffer[];
}

/** True when the leaves are the ones that were signed. Their events are another matter: see {@link findChangedEvent}. */
export function hasSignedLeaves(batch: Batch): boolean {
  return makesRoot(batch, leavesOf(batch.events));
}

/** The first event that is not the one of its leaf, where the leaves are those that were signed. */
export function findChangedEvent({ before, events }: Batch): TrailFault | null {
  const sealed = new Set(events.map(({ leafHash }) => leafHash.toString('hex')));
  for (const [index, { position, event, eventId, leafHash }] of events.entries()) {
    const place = before.size + index;
    const named = nameOf(place, eventId);
    if (position !== place) {
      return new TrailFault(
        'moved',
        `The event sealed at position ${place} stands at position ${position}.`,
        place,
        eventId,
      );
    }
    if (event === null) return new TrailFault('removed', `${named} was removed.`, place, eventId);
    const hash = findLeafHash(event);
    if (hash?.equals(leafHash) === true) continue;
    return hash !== null && sealed.has(hash.toString('hex'))
      ? new TrailFault('moved', `${named} was sealed at another position.`, place, eventId)
      : new TrailFault('changed', `${named} was changed after it was sealed.`, place, eventId);
  }
  return null;
}

/**
 * What was done to a batch whose leaves are not those that were signed, as exactly as can be told.
 * @param next the event behind the batch; null at the end of the trail
 */
export function explainBatch(batch: Batch, next: TrailEvent | null): TrailFault {
  return (
    findChangedLeaf(batch) ??
    findSwap(batch) ??
    findInsertion(batch, next) ??
    findGap(batch, next) ??
    findOutOfOrder(batch) ??
    narrowDown(batch)
  );
}

function leavesOf(events: readonly TrailEvent[]): Buffer[] {
  return events.map(({ leafHash }) => leafHash);
}

function makesRoot({ before, checkpoint }: Batch, leaves: readonly Buffer[]): boolean {
  if (before.size + leaves.length !== checkpoint.treeSize) return false;
  const tree = before.copy();
  for (const leaf of leaves) tree.append(leaf);
  return tree.root().equals(checkpoint.rootHash);
}

/** The leaf of an event as it is found; null where it is no event. */
function findLeafHash(event: unknown): Buffer | null {
  try {
    return leafHashOf(event);
  } catch {
    return null;
  }
}

/** The events are those that were signed, only the stored leaves are not. */
function findChangedLeaf(batch: Batch): TrailFault | null {
  const found = batch.events.map(({ event, leafHash }) => findLeafHash(event) ?? leafHash);
  if (!makesRoot(batch, found)) return null;
  const index = batch.events.findIndex(({ leafHash }, i) => !leafHash.equals(found[i]!));
  const { eventId } = batch.events[index]!;
  const position = batch.before.size + index;
  const named = nameOf(position, eventId);
  return new TrailFault(
    'changed',
    `The stored leaf of ${lower(named)} was changed; the event itself was not.`,
    position,
    eventId,
  );
}

/** A batch is sealed in the order of the events' ids: sorted, it is again what was signed. */
function findSwap(batch: Batch): TrailFault | null {
  const sorted = batch.events.toSorted((a, b) => compareIds(a, b));
  if (!makesRoot(batch, leavesOf(sorted))) return null;
  const index = sorted.findIndex((event, i) => event !== batch.events[i]);
  const position = batch.before.size + index;
  const { eventId } = batch.events[index]!;
  const message = `The event ${eventId} at position ${position} stands where ${sorted[index]!.eventId} was sealed.`;
  return new TrailFault('moved', message, position, eventId);
}

/** Without one of its events, the batch is again what was signed. */
function findInsertion(batch: Batch, next: TrailEvent | null): TrailFault | null {
  const wanted = batch.checkpoint.treeSize - batch.before.size;
  const events = next === null ? batch.events : [...batch.events, next];
  const found = events.slice(0, wanted + 1);
  if (found.length !== wanted + 1) return null;
  const before = batch.before.copy();
  for (const [index, { eventId, leafHash, position }] of found.entries()) {
    const others = leavesOf(found.slice(index + 1));
    if (makesRoot({ ...batch, before }, others)) {
      return new TrailFault('inserted', `${nameOf(position, eventId)} was inserted.`, position, eventId);
    }
    before.append(leafHash);
  }
  return null;
}

function findGap(batch: Batch, next: TrailEvent | null): TrailFault | null {
  const { before, events, checkpoint } = batch;
  const index = events.findIndex(({ position }, i) => position !== before.size + i);
  const place = before.size + (index === -1 ? events.length : index);
  if (place >= checkpoint.treeSize && index === -1) return null;
  const found = events[index];
  if (found !== undefined && found.position < place) {
    const named = nameOf(found.position, found.eventId);
    return new TrailFault('inserted', `${named} is one too many.`, found.position, found.eventId);
  }
  if (found !== undefined || next !== null) {
    return new TrailFault('removed', `The event at position ${place} was removed.`, place);
  }
  // What is left has to be what was signed; else somebody closed a gap.
  if (findChangedSubtree(batch) !== null) return null;
  const message = `The trail ends before position ${place}: a checkpoint was signed over ${checkpoint.treeSize} events.`;
  return new TrailFault('truncated', message, place);
}

/** An event whose id does not fit between those around it came from elsewhere. */
function findOutOfOrder({ events }: Batch): TrailFault | null {
  const behind = events.findIndex((event, i) => i > 0 && compareIds(events[i - 1]!, event) > 0);
  if (behind === -1) return null;
  const fitsWithout = (index: number): boolean => {
    const [left, right] = [events[index - 1], events[index + 1]];
    return left === undefined || right === undefined || compareIds(left, right) < 0;
  };
  const { position, eventId } = events[fitsWithout(behind - 1) ? behind - 1 : behind]!;
  return new TrailFault('moved', `${nameOf(position, eventId)} was not sealed there.`, position, eventId);
}

/** Somebody covered their tracks in the leaves too: what is signed tells only between which positions. */
function narrowDown(batch: Batch): TrailFault {
  const { before, events, checkpoint } = batch;
  const [start, end] = findChangedSubtree(batch) ?? [before.size, checkpoint.treeSize];
  const first = Math.max(start, before.size);
  const isAlone = end - first === 1;
  const eventId = isAlone ? (events[first - before.size]?.eventId ?? null) : null;
  const subject = isAlone ? nameOf(first, eventId) : `One of the events at positions ${first} to ${end - 1}`;
  const message = `${subject} was changed together with its leaf, or removed without leaving a gap.`;
  return new TrailFault('changed', message, first, eventId);
}

/** The first complete subtree, of those that are there whole, that is not the one that was signed. */
function findChangedSubtree({ before, events, checkpoint, frontier }: Batch): [number, number] | null {
  if (!isSigned(frontier, checkpoint)) return null;
  const found = before.copy();
  const leaves = leavesOf(events).values();
  for (const [index, [start, end]] of subtreeRanges(checkpoint.treeSize).entries()) {
    if (end <= before.size) continue;
    while (found.size < end) {
      const { value: leaf } = leaves.next();
      if (leaf === undefined) return null;
      found.append(leaf);
    }
    if (!found.frontier.at(-1)!.equals(frontier[index]!)) return [start, end];
  }
  return null;
}

function isSigned(frontier: readonly Buffer[], { treeSize, rootHash }: Checkpoint): boolean {
  try {
    return new MerkleTree(treeSize, frontier).root().equals(rootHash);
  } catch {
    return false;
  }
}

function compareIds({ eventId: a }: TrailEvent, { eventId: b }: TrailEvent): number {
  return (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
}

function nameOf(position: number, eventId: string | null): string {
  return eventId === null ? `The event at position ${position}` : `The event ${eventId} at position ${position}`;
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
