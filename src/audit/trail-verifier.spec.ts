import { createHash } from 'node:crypto';
import { generateLocalSigner } from '../pki/testing/local-signer.js';
import { signCheckpoint, verifyCheckpoint } from './checkpoint-note.js';
import { MerkleTree } from './merkle-tree.js';
import { leafHashOf, type AuditEventJson } from './sealed-event.js';
import { TrailFault } from './trail-fault.js';
import type { TrailEvent } from './trail.js';
import { TrailVerifier } from './trail-verifier.js';

interface Sealed {
  readonly note: string;
  readonly frontier: readonly Buffer[];
  readonly size: number;
}

/** Events and what was signed over them. */
interface Trail {
  readonly events: TrailEvent[];
  readonly checkpoints: Sealed[];
}

const signer = generateLocalSigner('ed25519');
const stranger = generateLocalSigner('ed25519');
const ORIGIN = 'certplane/test';
/** 4 batches, of 5, 1, 7 and 8 events. */
const SIZES = [5, 6, 13, 21];

function eventOf(number: number, actor = 'api-key:a'): AuditEventJson {
  const digest = createHash('sha256').update(String(number)).digest('hex');
  return {
    id: `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
    occurred_at: '2026-11-21T10:00:00.000Z',
    actor,
    action: 'certificate.issue',
    outcome: 'success',
    subject_type: 'certificate',
    subject_id: digest.slice(0, 8),
    source_address: null,
    request_id: null,
    details: { number },
  };
}

function trailEvent(position: number, event: AuditEventJson): TrailEvent {
  return { position, leafHash: leafHashOf(event), eventId: event.id, event };
}

async function makeTrail(sizes = SIZES, by = signer, origin = ORIGIN): Promise<Trail> {
  const events = Array.from({ length: sizes.at(-1)! }, (_, i) => trailEvent(i, eventOf(i * 16)));
  const tree = new MerkleTree();
  const checkpoints: Sealed[] = [];
  for (const { leafHash } of events) {
    tree.append(leafHash);
    if (!sizes.includes(tree.size)) continue;
    const note = await signCheckpoint({ origin, treeSize: tree.size, rootHash: tree.root() }, by);
    checkpoints.push({ note, frontier: tree.frontier, size: tree.size });
  }
  return { events, checkpoints };
}

/** Feeds a trail as a reader of the database does: each checkpoint behind the positions that it covers. */
function verify({ events, checkpoints }: Trail, verifier = new TrailVerifier([signer.publicKey])) {
  const left = [...events];
  for (const checkpoint of checkpoints) {
    while (left.length > 0 && left[0]!.position < checkpoint.size) verifier.add(left.shift()!);
    verifier.seal(checkpoint);
  }
  for (const event of left) verifier.add(event);
  return verifier.end();
}

function faultOf(trail: Trail, verifier?: TrailVerifier): TrailFault {
  try {
    verify(trail, verifier);
  } catch (error) {
    if (error instanceof TrailFault) return error;
    throw error;
  }
  throw new Error('nothing was found');
}

/** Gives every event its position anew, as somebody does who covers their tracks. */
const renumber = (events: readonly TrailEvent[]): TrailEvent[] =>
  events.map((event, position) => ({ ...event, position }));

let trail: Trail;
beforeAll(async () => {
  trail = await makeTrail();
});

describe('a trail that nobody touched', () => {
  it('is as it was sealed', () => {
    expect(verify(trail)).toEqual({
      origin: ORIGIN,
      firstPosition: 0,
      treeSize: 21,
      checkpoints: 4,
      rootHash: verifyCheckpoint(trail.checkpoints[3]!.note, [signer.publicKey]).rootHash,
    });
  });

  it('may be empty', () => {
    expect(verify({ events: [], checkpoints: [] })).toMatchObject({ treeSize: 0, origin: null });
  });

  it('can be verified from any checkpoint on', () => {
    for (const [index, base] of trail.checkpoints.entries()) {
      const verifier = new TrailVerifier([signer.publicKey]);
      verifier.begin(base);
      const rest = { events: trail.events.slice(base.size), checkpoints: trail.checkpoints.slice(index + 1) };
      expect(verify(rest, verifier)).toMatchObject({ firstPosition: base.size, treeSize: 21, checkpoints: 3 - index });
    }
  });

  it('goes on from every checkpoint that was kept, at whatever size', async () => {
    for (let size = 1; size <= 21; size++) {
      const { checkpoints } = await makeTrail([size]);
      const kept = verifyCheckpoint(checkpoints[0]!.note, [signer.publicKey]);
      expect(verify(trail, new TrailVerifier([signer.publicKey], kept)).treeSize).toBe(21);
    }
  });
});

describe('an event', () => {
  it.each([0, 4, 5, 6, 12, 13, 20])('at position %d that was changed is named', (position) => {
    const events = trail.events.with(position, {
      ...trail.events[position]!,
      event: eventOf(position * 16, 'api-key:b'),
    });
    expect(faultOf({ ...trail, events })).toMatchObject({
      kind: 'changed',
      position,
      eventId: eventOf(position * 16).id,
    });
  });

  it.each([0, 4, 5, 6, 12, 13, 20])('at position %d that was removed is named', (position) => {
    const events = trail.events.with(position, { ...trail.events[position]!, event: null });
    expect(faultOf({ ...trail, events })).toMatchObject({
      kind: 'removed',
      position,
      eventId: eventOf(position * 16).id,
    });
  });

  it.each([0, 4, 5, 6, 12, 13, 19])('at position %d that was removed with its leaf is named', (position) => {
    const events = trail.events.toSpliced(position, 1);
    expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'removed', position });
  });

  it.each([0, 4, 5, 6, 12, 13, 19])(
    'that was inserted at position %d is named, although all behind it moved on',
    (position) => {
      const forged = eventOf(position * 16 + 1);
      const events = renumber(trail.events.toSpliced(position, 0, trailEvent(position, forged)));
      expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'inserted', position, eventId: forged.id });
    },
  );

  it('that was inserted beside another at the same position is named', () => {
    const forged = eventOf(7 * 16 + 1);
    for (const at of [7, 8]) {
      const events = trail.events.toSpliced(at, 0, trailEvent(7, forged));
      expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'inserted', position: 7, eventId: forged.id });
    }
  });

  it('that was added at the end is named', () => {
    const forged = eventOf(1000);
    const events = [...trail.events, trailEvent(21, forged)];
    expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'inserted', position: 21, eventId: forged.id });
  });

  it.each([
    [1, 3],
    [0, 4],
    [13, 20],
    [7, 8],
  ])('that was swapped with another of its batch, %d with %d, is named', (first, second) => {
    const [one, other] = [trail.events[first]!, trail.events[second]!];
    const withLeaves = renumber(trail.events.with(first, other).with(second, one));
    expect(faultOf({ ...trail, events: withLeaves })).toMatchObject({
      kind: 'moved',
      position: first,
      eventId: other.eventId,
    });
    const alone = trail.events
      .with(first, { ...one, event: other.event, eventId: other.eventId })
      .with(second, { ...other, event: one.event, eventId: one.eventId });
    expect(faultOf({ ...trail, events: alone })).toMatchObject({
      kind: 'moved',
      position: first,
      eventId: other.eventId,
    });
  });

  it('that was swapped with one of another batch is named', () => {
    const [one, other] = [trail.events[8]!, trail.events[15]!];
    const events = renumber(trail.events.with(8, other).with(15, one));
    expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'moved', position: 8, eventId: other.eventId });
  });

  it('that was changed together with its leaf is named where its batch is one event', () => {
    const events = trail.events.with(5, trailEvent(5, eventOf(5 * 16, 'api-key:b')));
    expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'changed', position: 5, eventId: eventOf(5 * 16).id });
  });

  it('that was changed together with its leaf is narrowed down by what was signed', () => {
    const withoutFrontier = trail.checkpoints.map((checkpoint) => ({ ...checkpoint, frontier: [] }));
    const cases = [
      [14, trail.checkpoints, 'One of the events at positions 13 to 15 '],
      [17, trail.checkpoints, 'One of the events at positions 16 to 19 '],
      [20, trail.checkpoints, `The event ${eventOf(20 * 16).id} at position 20 `],
      [20, withoutFrontier, 'One of the events at positions 13 to 20 '],
    ] as const;
    for (const [position, checkpoints, words] of cases) {
      const events = trail.events.with(position, trailEvent(position, eventOf(position * 16, 'api-key:b')));
      const fault = faultOf({ events, checkpoints: [...checkpoints] });
      expect([fault.kind, fault.message]).toEqual([
        'changed',
        `${words}was changed together with its leaf, or removed without leaving a gap.`,
      ]);
    }
  });

  it.each([0, 2, 5, 7, 15])('at position %d that was removed without a gap is narrowed down', (position) => {
    const events = renumber(trail.events.toSpliced(position, 1));
    const fault = faultOf({ ...trail, events });
    const [from, to] = /positions? (\d+)(?: to (\d+))? was changed/.exec(fault.message)!.slice(1).map(Number);
    expect([fault.kind, from! <= position, Number.isNaN(to!) || to! >= position]).toEqual(['changed', true, true]);
  });

  it('is not blamed where only its leaf was changed', () => {
    const events = trail.events.with(9, { ...trail.events[9]!, leafHash: Buffer.alloc(32) });
    const fault = faultOf({ ...trail, events });
    expect(fault).toMatchObject({ kind: 'changed', position: 9, eventId: eventOf(9 * 16).id });
    expect(fault.message).toContain('the event itself was not');
  });

  it('that is no event any more was changed', () => {
    const broken = { ...eventOf(0), details: { number: Number.POSITIVE_INFINITY } };
    const events = trail.events.with(0, { ...trail.events[0]!, event: broken });
    expect(faultOf({ ...trail, events })).toMatchObject({ kind: 'changed', position: 0 });
  });

  it('that stands at another position than it was sealed at is named', () => {
    const events = trail.events.with(20, { ...trail.events[20]!, position: 25 });
    const moved = { events, checkpoints: trail.checkpoints.with(3, { ...trail.checkpoints[3]!, size: 30 }) };
    expect(faultOf(moved)).toMatchObject({ kind: 'moved', position: 20 });
  });
});

describe('a tail', () => {
  it.each([20, 14, 13, 12, 6, 0])('that was cut off behind %d events shows by the checkpoints', (size) => {
    expect(faultOf({ ...trail, events: trail.events.slice(0, size) })).toMatchObject({
      kind: 'truncated',
      position: size,
    });
  });

  it.each([13, 6, 0])('that was cut off with its checkpoints, behind %d events, shows by one that was kept', (size) => {
    const cut = { events: trail.events.slice(0, size), checkpoints: trail.checkpoints.filter((c) => c.size <= size) };
    expect(verify(cut).treeSize).toBe(size);
    const kept = verifyCheckpoint(trail.checkpoints[3]!.note, [signer.publicKey]);
    const fault = faultOf(cut, new TrailVerifier([signer.publicKey], kept));
    expect(fault).toMatchObject({ kind: 'truncated', position: size });
  });
});

describe('a checkpoint', () => {
  it('that is signed by a stranger, or changed, is named by what it covers', async () => {
    const foreign = await makeTrail(SIZES, stranger);
    const changed = { ...trail.checkpoints[2]!, note: trail.checkpoints[2]!.note.replace('\n13\n', '\n12\n') };
    for (const checkpoint of [foreign.checkpoints[2]!, changed, { ...changed, note: '' }]) {
      const checkpoints = trail.checkpoints.with(2, checkpoint);
      expect(faultOf({ ...trail, checkpoints })).toMatchObject({ kind: 'checkpoint', position: 6 });
    }
  });

  it('may be signed by any of several keys', async () => {
    const later = await makeTrail(SIZES, stranger);
    const mixed = { ...trail, checkpoints: trail.checkpoints.with(3, later.checkpoints[3]!) };
    expect(verify(mixed, new TrailVerifier([stranger.publicKey, signer.publicKey])).checkpoints).toBe(4);
  });

  it('of another trail does not belong here', async () => {
    const other = await makeTrail(SIZES, signer, 'certplane/other');
    const checkpoints = trail.checkpoints.with(3, other.checkpoints[3]!);
    expect(faultOf({ ...trail, checkpoints })).toMatchObject({ kind: 'checkpoint', position: 13 });
    const kept = verifyCheckpoint(other.checkpoints[0]!.note, [signer.publicKey]);
    const fault = faultOf(trail, new TrailVerifier([signer.publicKey], kept));
    expect(fault).toMatchObject({ kind: 'checkpoint', position: 0 });
  });

  it('can not stand behind a larger one', () => {
    const checkpoints = trail.checkpoints.with(3, trail.checkpoints[1]!);
    expect(faultOf({ events: trail.events.slice(0, 13), checkpoints })).toMatchObject({
      kind: 'checkpoint',
      position: 13,
    });
  });

  it('that was kept betrays a trail that was written anew, whoever signed it', async () => {
    const kept = verifyCheckpoint(trail.checkpoints[1]!.note, [signer.publicKey]);
    const tree = new MerkleTree();
    const events = trail.events.with(3, trailEvent(3, eventOf(3 * 16, 'api-key:b')));
    for (const { leafHash } of events) tree.append(leafHash);
    const note = await signCheckpoint({ origin: ORIGIN, treeSize: tree.size, rootHash: tree.root() }, signer);
    const forged = { events, checkpoints: [{ note, frontier: tree.frontier, size: tree.size }] };
    expect(verify(forged).treeSize).toBe(21);
    const fault = faultOf(forged, new TrailVerifier([signer.publicKey], kept));
    expect(fault).toMatchObject({ kind: 'changed' });
    expect(fault.message).toContain('written anew');
  });

  it('does not begin a trail with another tree than it states', () => {
    const [base] = trail.checkpoints;
    for (const frontier of [[], base!.frontier.map(() => Buffer.alloc(32)), trail.checkpoints[1]!.frontier]) {
      expect(() => new TrailVerifier([signer.publicKey]).begin({ note: base!.note, frontier })).toThrow(TrailFault);
    }
  });
});
