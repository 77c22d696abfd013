import type { Weakening } from './fence-rules.js';
import { type Emit, renewed } from './fence-node.js';
import {
  BOTH,
  type Caller,
  EXPIRED,
  type Index,
  NO_LEASE,
  NOTHING,
  type Node,
  put,
  spend,
  type Row,
  SILENT,
  type State,
  type Watch,
  withNode,
  withWorld,
} from './fence-state.js';

const NAMES = ['caller A', 'caller B'] as const;

/** Every step that a revoke call can take next. */
export function callerSteps(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const caller = state.world.callers[at];
  const named: Emit = (step, next) => emit(`${NAMES[at]} ${step}`, next);
  switch (caller.phase) {
    case 'idle':
      begin(state, at, off, named);
      break;
    case 'numbered':
    case 'looked':
      commitKey(state, at, off, named);
      break;
    case 'waiting':
      wait(state, at, off, named);
      break;
    case 'blind':
      named('has waited a whole lease, and returns', returns(endLeases(state, at, BOTH), at));
  }
}

function withCaller(state: State, at: Index, change: Partial<Caller>): State {
  const { callers } = state.world;
  return withWorld(state, { callers: put(callers, at, { ...callers[at], ...change }) });
}

function begin(full: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { world } = full;
  if (world.left.calls === 0) return;
  const state = spend(full, 'calls');
  const next = Math.max(world.counter, world.keyNumber) + 1;
  if (!world.revoked) {
    if (off === 'numbers are drawn outside the commit order') {
      if (world.keyNumber === 0)
        emit(`draws number ${next}`, withCaller(withWorld(state, { keyNumber: next }), at, { phase: 'numbered' }));
    } else if (off === 'rows are looked at before the commit') {
      if (rows(state).every(({ applied }) => applied === SILENT))
        emit('finds every row silent', withCaller(state, at, { phase: 'looked' }));
    } else commitKey(state, at, off, emit);
  }
  if (world.revoked && !world.returned) {
    if (off === 'a repeated revoke call does not wait')
      emit('repeats the revoke, and returns', returns(withCaller(state, at, { ofKey: true }), at));
    else emit('repeats the revoke', withCaller(state, at, { phase: 'waiting', ofKey: true, target: world.counter }));
  }
  emit(
    `revokes another certificate: number ${next}`,
    withCaller(withWorld(state, { counter: next }), at, { phase: 'waiting', ofKey: false, target: next }),
  );
}

function commitKey(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { world } = state;
  if (world.revoked) return;
  const told =
    world.callers[at].phase === 'numbered' || (world.keyNumber > 0 && off === 'only the first revocation is told');
  const keyNumber = told ? world.keyNumber : world.counter + 1;
  const committed = withWorld(state, {
    revoked: true,
    keyNumber,
    counter: Math.max(world.counter, keyNumber),
    stored: world.stored && off === 'a revocation leaves the stored response',
  });
  const looked = world.callers[at].phase === 'looked';
  emit(
    `revokes the key: number ${keyNumber}`,
    looked
      ? returns(withCaller(committed, at, { ofKey: true }), at)
      : withCaller(committed, at, { phase: 'waiting', ofKey: true, target: keyNumber }),
  );
}

export function rows(state: State): [Row, Row, Row] {
  return [state.nodes[0].row, state.nodes[1].row, state.world.orphan];
}

const ROW_NAMES = ["node 1's row", "node 2's row", "the crashed process's row"] as const;

function wait(state: State, at: Index, off: Weakening | null, emit: Emit): void {
  const { target } = state.world.callers[at];
  const behind = rows(state).map(({ applied }) => applied !== SILENT && applied < target);
  if (!behind.includes(true) || off === 'a revoke call does not wait') emit('returns', returns(state, at));
  rows(state).forEach((row, index) => {
    const name = ROW_NAMES[index] ?? '';
    const watch = row.watch[at];
    if (behind[index] && watch !== 'same') emit(`reads that ${name} is behind`, watched(state, at, index));
    const waited = watch === 'same' || (watch === 'changed' && off === 'silent without comparing the renewal');
    if (waited) emit(`has waited a whole lease, and marks ${name} silent`, silenced(state, at, index));
    else if (behind[index] && off === 'silent without waiting a lease')
      emit(`marks ${name} silent`, silenced(state, at, index));
  });
  if (state.world.left.outages > 0) emit('can no longer ask the database', blinded(spend(state, 'outages'), at, off));
}

function withRow(state: State, index: number, row: Row): State {
  return index === 0 || index === 1 ? withNode(state, index, { row }) : withWorld(state, { orphan: row });
}

function rowAt(state: State, index: number): Row {
  return index === 0 || index === 1 ? state.nodes[index].row : state.world.orphan;
}

function setWatch(row: Row, at: Index, watch: Watch): Row {
  return row.watch[at] === watch ? row : { ...row, watch: put(row.watch, at, watch) };
}

/** From now on, the leases that were granted so far end within the caller's own lease of waiting. */
function watched(state: State, at: Index, index: number): State {
  const next = withRow(state, index, setWatch(rowAt(state, index), at, 'same'));
  return index === 0 || index === 1 ? withNode(next, index, covered(next.nodes[index], at, ['granted'])) : next;
}

function covered(node: Node, at: Index, read: readonly Node['loop'][]): Partial<Node> {
  return {
    lease: node.lease === NO_LEASE ? NO_LEASE : node.lease | (1 << at),
    clock: node.clock !== EXPIRED && read.includes(node.loop) ? node.clock | (1 << at) : node.clock,
  };
}

function endLeases(state: State, at: Index, nodes: readonly Index[]): State {
  return nodes.reduce((next, index) => {
    const node = next.nodes[index];
    const bit = 1 << at;
    const over = node.clock !== EXPIRED && (node.clock & bit) !== 0;
    const answer = over && node.loop === 'granted';
    return withNode(next, index, {
      lease: node.lease !== NO_LEASE && (node.lease & bit) !== 0 ? NO_LEASE : node.lease,
      ...(answer ? { loop: 'idle', clock: 0 } : over ? { clock: EXPIRED } : {}),
    });
  }, state);
}

function silenced(state: State, at: Index, index: number): State {
  const ended = index === 0 || index === 1 ? endLeases(state, at, [index]) : state;
  const row: Row = { ...rowAt(ended, index), applied: SILENT, watch: ['none', 'none'] };
  const silent = withRow(ended, index, row);
  return index === 0 || index === 1 ? uncovered(silent, [index], 3) : silent;
}

/** Takes callers out of the sets of those whose waiting covers a clock reading. */
function uncovered(state: State, nodes: readonly Index[], callers: number): State {
  return nodes.reduce((next, index) => {
    const { lease, clock } = next.nodes[index];
    return withNode(next, index, {
      lease: lease === NO_LEASE ? NO_LEASE : lease & ~callers,
      clock: clock === EXPIRED ? EXPIRED : clock & ~callers,
    });
  }, state);
}

function unwatched(state: State, at: Index): State {
  const cleared = [0, 1, 2].reduce(
    (next, index) => withRow(next, index, setWatch(rowAt(next, index), at, 'none')),
    state,
  );
  return uncovered(cleared, BOTH, 1 << at);
}

function blinded(state: State, at: Index, off: Weakening | null): State {
  const fresh = withCaller(unwatched(state, at), at, { phase: 'blind', target: 0 });
  const read: Node['loop'][] =
    off === 'the lease runs from the answer'
      ? []
      : off === 'the lease runs from the renewal'
        ? ['sent', 'rejoining', 'granted']
        : ['halfway', 'fetched', 'sent', 'rejoining', 'granted'];
  return BOTH.reduce((next, index) => withNode(next, index, covered(next.nodes[index], at, read)), fresh);
}

function returns(state: State, at: Index): State {
  const { ofKey } = state.world.callers[at];
  const done = withCaller(unwatched(state, at), at, { phase: 'idle', ofKey: false, target: 0 });
  return ofKey ? withWorld(done, { returned: true }) : done;
}

/** Steps that nobody in particular takes. */
export function worldSteps(state: State, off: Weakening | null, emit: Emit): void {
  const { world } = state;
  if (world.left.presigns > 0 && !world.revoked)
    emit('the pre-signer reads that the status is good', withWorld(spend(state, 'presigns'), { presigning: true }));
  if (world.presigning) {
    const stored = !world.revoked || off === 'a bulk store is not guarded';
    emit(
      stored ? 'the pre-signer stores its good response' : 'the pre-signer is refused by the guard',
      withWorld(state, { presigning: false, stored: world.stored || stored }),
    );
  }
  if (world.left.others > 0) {
    const next = Math.max(world.counter, world.keyNumber) + 1;
    emit(`another certificate is revoked: number ${next}`, withWorld(spend(state, 'others'), { counter: next }));
  }
  if (world.left.releases > 0 && world.revoked)
    emit(`the key is released: number ${world.counter + 1}`, released(spend(state, 'releases')));
  for (let end = world.pruned + 1; end <= world.counter && world.left.prunes > 0; end += 1)
    emit(`the feed is pruned up to ${end}`, withWorld(spend(state, 'prunes'), { pruned: end }));
  const { orphan } = world;
  if (orphan.late !== NOTHING) {
    const next = renewed(orphan, orphan.late, world.counter, off) ?? orphan;
    emit(
      `the crashed process has its late renewal executed, stating ${orphan.late}`,
      withWorld(state, { orphan: { ...next, late: NOTHING } }),
    );
  }
}

/** Whoever revoked the key before says nothing about it any more. */
function released(state: State): State {
  const keyNumber = state.world.counter + 1;
  const [first, second] = state.world.callers;
  return withWorld(state, {
    revoked: false,
    returned: false,
    keyNumber,
    counter: keyNumber,
    callers: [
      { ...first, ofKey: false },
      { ...second, ofKey: false },
    ],
  });
}
