import type { Weakening } from './fence-rules.js';
import {
  EXPIRED,
  type Index,
  NEW_PROCESS,
  NO_LEASE,
  NOTHING,
  type Node,
  NOWHERE,
  type Row,
  SILENT,
  type State,
  type World,
  spend,
  withNode,
  withWorld,
} from './fence-state.js';

export type Emit = (step: string, next: State) => void;

/** Every step that a node can take next. */
export function nodeSteps(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const name = `node ${at + 1}`;
  const named: Emit = (step, next) => emit(`${name} ${step}`, next);
  fill(state, at, off, named);
  follow(state, at, off, named);
  lifeCycle(state, at, off, named);
}

function fill(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { world } = state;
  const node = state.nodes[at];
  const becomes = (change: Partial<Node>): State => withNode(state, at, { fill: 'none', ...change });
  switch (node.fill) {
    case 'none':
    case 'signing, detached':
    case 'ready, detached':
      if (world.stored) {
        const late = off === 'a fill is registered after its read';
        emit(
          'begins a fill: reads the stored good response',
          becomes({ fill: late ? 'ready, unregistered' : 'ready' }),
        );
      }
      if (!world.revoked) {
        const late = off === 'a fill is registered before its store only';
        emit('begins a fill: reads that the status is good', becomes({ fill: late ? 'unregistered' : 'signing' }));
      }
      break;
    case 'unregistered':
      emit('registers its fill', becomes({ fill: 'signing' }));
      break;
    case 'ready, unregistered':
      emit('registers its fill', becomes({ fill: 'ready' }));
      break;
    default:
  }
  if (node.fill === 'signing' || node.fill === 'signing, detached') {
    const ready = node.fill === 'signing' ? 'ready' : 'ready, detached';
    if (!world.revoked || off === 'a store is not guarded')
      emit('stores the good response of its fill', withWorld(becomes({ fill: ready }), { stored: true }));
    else if (off === 'a response that was not stored is used')
      emit('is refused by the guard', becomes({ fill: ready }));
    else emit('is refused by the guard, and decides its fill again: revoked', becomes({}));
  }
  if (node.fill === 'ready') emit('puts its fill into memory', becomes({ memory: true }));
  if (node.fill === 'ready, detached')
    emit('ends its detached fill', becomes({ memory: node.memory || off === 'a detached fill is put into memory' }));
}

function fetched(world: World, position: number, pruned: number): Pick<Node, 'fetched' | 'evicts'> {
  const { keyNumber, counter, callers } = world;
  if (position < pruned || position === NOWHERE) return { fetched: counter, evicts: 'all' };
  const committed = callers.every(({ phase }) => phase !== 'numbered');
  const named = committed && keyNumber > position && keyNumber > world.pruned;
  return { fetched: counter, evicts: named ? 'key' : 'nothing' };
}

const DETACHED: Partial<Record<Node['fill'], Node['fill']>> = {
  signing: 'signing, detached',
  ready: 'ready, detached',
};

function evicted(node: Node, off: Weakening | null): Partial<Node> {
  const { evicts } = node;
  if (evicts === 'nothing') return {};
  const started = evicts === 'all' && node.position === NOWHERE;
  const behind = evicts === 'all' && !started;
  if (evicts === 'all' && off === 'a node behind the feed drops everything before it reads the counter') return {};
  const keepsMemory =
    (behind && off === 'a node behind the feed keeps its memory') ||
    (started && off === 'a new process keeps its memory');
  const keepsFills =
    off === 'an eviction leaves fills attached' ||
    (behind && off === 'a node behind the feed keeps its fills') ||
    (started && off === 'a new process keeps its fills');
  return {
    memory: keepsMemory && node.memory,
    fill: keepsFills ? node.fill : (DETACHED[node.fill] ?? node.fill),
  };
}

const IDLE = { loop: 'idle', fetched: 0, evicts: 'nothing', clock: 0 } as const;

export function follow(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { world } = state;
  const node = state.nodes[at];
  const becomes = (change: Partial<Node>): State => withNode(state, at, change);
  switch (node.loop) {
    case 'idle': {
      const found = fetched(world, node.position, world.pruned);
      if (off === 'a node behind the feed drops everything before it reads the counter' && found.evicts === 'all')
        emit('drops everything', becomes({ ...evicted({ ...node, evicts: 'all' }, null), ...found, loop: 'halfway' }));
      else if (off === 'a node looks for the pruned end before it fetches' && found.evicts !== 'all')
        emit('looks for the pruned end', becomes({ loop: 'halfway' }));
      else if (off === 'a node reads the counter after the feed')
        emit('reads the feed', becomes({ ...found, loop: 'halfway' }));
      else emit('reads its clock and fetches the feed', becomes({ ...found, loop: 'fetched' }));
      break;
    }
    case 'halfway':
      if (off === 'a node looks for the pruned end before it fetches')
        emit('fetches the feed', becomes({ ...fetched(world, node.position, 0), loop: 'fetched' }));
      else emit('reads the counter', becomes({ fetched: world.counter, loop: 'fetched' }));
      break;
    case 'fetched': {
      const clock = off === 'the lease runs from the renewal' ? { clock: 0 } : {};
      if (off === 'the renewal states what is not applied yet') emit('sends its renewal', becomes({ loop: 'sent' }));
      else
        emit(
          node.evicts === 'nothing' ? 'sends its renewal' : 'evicts and sends its renewal',
          becomes({ ...evicted(node, off), evicts: 'nothing', position: node.fetched, loop: 'sent', ...clock }),
        );
      break;
    }
    case 'sent':
    case 'rejoining':
      renew(state, at, off, emit);
      break;
    case 'granted':
      emit('takes its lease', becomes({ ...IDLE, lease: 0 }));
      break;
    case 'unapplied':
      emit('evicts', becomes({ ...evicted(node, off), position: node.fetched, ...IDLE }));
  }
  if (node.loop !== 'idle' && node.loop !== 'unapplied' && world.left.losses > 0) {
    const owner = rowOwner(at, off);
    const cut = spend(becomes(IDLE), 'losses');
    if (node.loop === 'sent')
      emit(
        'loses its connection; the renewal is on its way',
        withNode(cut, owner, { row: { ...cut.nodes[owner].row, late: node.fetched } }),
      );
    else emit('loses its connection', cut);
  }
}

export function rowOwner(at: Index, off: Weakening | null): Index {
  return off === 'two processes share a row' ? 0 : at;
}

/** The row after a renewal, or null when it must fetch again first. */
export function renewed(row: Row, stated: number, counter: number, off: Weakening | null): Row | null {
  const free = off === 'a silent row is renewed unconditionally' || off === 'a rejoin does not hold the counter';
  if (row.applied === SILENT && stated !== counter && !free) return null;
  const [a, b] = row.watch;
  return { ...row, applied: stated, watch: [a === 'same' ? 'changed' : a, b === 'same' ? 'changed' : b] };
}

function renew(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { counter } = state.world;
  const node = state.nodes[at];
  const owner = rowOwner(at, off);
  const { row } = state.nodes[owner];
  if (off === 'a rejoin does not hold the counter' && row.applied === SILENT && node.loop === 'sent') {
    if (node.fetched === counter) emit('looks at the counter to rejoin', withNode(state, at, { loop: 'rejoining' }));
    else emit('may not rejoin', withNode(state, at, IDLE));
    return;
  }
  const next = renewed(row, node.fetched, counter, off);
  if (next === null) {
    emit('may not rejoin', withNode(state, at, IDLE));
    return;
  }
  const change: Partial<Node> = { ...(node.clock === EXPIRED ? {} : { lease: node.clock }), ...afterGrant(node, off) };
  const granted = forgetChanged(withNode(withNode(state, at, change), owner, { row: next }), owner, row, off);
  emit(row.applied === SILENT ? 'rejoins' : `renews, stating ${node.fetched}`, granted);
}

/** The answer is taken at once: a lease taken later ends no later. */
function afterGrant(node: Node, off: Weakening | null): Partial<Node> {
  if (off === 'the renewal states what is not applied yet') return { loop: 'unapplied', clock: 0 };
  if (off === 'the lease runs from the answer') return { ...IDLE, loop: 'granted', lease: node.lease };
  return IDLE;
}

/** A caller that will find the renewal changed begins anew, so that what it knew of leases is of no use. */
export function forgetChanged(state: State, at: Index, before: Row, off: Weakening | null): State {
  if (off === 'silent without comparing the renewal') return state;
  const node = state.nodes[at];
  let forget = 0;
  before.watch.forEach((watch, caller) => {
    if (watch === 'same') forget |= 1 << caller;
  });
  if (forget === 0) return state;
  return withNode(state, at, {
    clock: node.clock === EXPIRED ? EXPIRED : node.clock & ~forget,
    lease: node.lease < 0 ? node.lease : node.lease & ~forget,
  });
}

function lifeCycle(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { world } = state;
  const node = state.nodes[at];
  const { row } = node;
  if (row.late !== NOTHING) {
    const next = renewed(row, row.late, world.counter, off);
    const done = withNode(state, at, { row: { ...(next ?? row), late: NOTHING } });
    emit(
      `has its late renewal executed, stating ${row.late}`,
      forgetChanged(done, at, next ? row : done.nodes[at].row, off),
    );
  }
  if (node.position !== NOWHERE && world.left.crashes > 0) {
    const late = node.loop === 'sent' ? node.fetched : row.late;
    const crashed = spend(state, 'crashes');
    if (off === 'a restarted process takes over the row')
      emit('crashes and restarts', withNode(crashed, at, { ...NEW_PROCESS, row: { ...row, late } }));
    else emit('crashes and restarts', withNode(withWorld(crashed, { orphan: { ...row, late } }), at, NEW_PROCESS));
  }
  if (row.applied !== SILENT) {
    const deleted: Row = { ...row, applied: SILENT, late: NOTHING, watch: ['none', 'none'] };
    if (off === 'a row is deleted while its lease runs')
      emit('has its row deleted', withNode(state, at, { row: deleted, lease: node.lease === NO_LEASE ? NO_LEASE : 0 }));
    // The new process has a row of its own, so that a renewal still on its way finds none.
    else emit('stops cleanly, and is started again', withNode(state, at, NEW_PROCESS));
  }
}
