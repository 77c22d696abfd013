import type { Machine } from './explore.js';
import { callerSteps, worldSteps } from './fence-caller.js';
import { type Emit, follow, nodeSteps } from './fence-node.js';
import type { Scope, Weakening } from './fence-rules.js';
import {
  BOTH,
  type Bounds,
  type Caller,
  INITIAL,
  NO_LEASE,
  type Node,
  type Row,
  type State,
  type World,
} from './fence-state.js';

/** Numbers for the parts of a state: two that read alike have the same. */
class Numbers<T extends object> {
  private readonly known = new WeakMap<T, number>();
  private readonly byText = new Map<string, number>();
  readonly values: T[] = [];

  constructor(private readonly text: (value: T) => string) {}

  of(value: T): number {
    const known = this.known.get(value);
    if (known !== undefined) return known;
    const text = this.text(value);
    let number = this.byText.get(text);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.byText.set(text, number);
      this.known.set(value, number);
    }
    return number;
  }

  get(number: number): T {
    const value = this.values[number];
    if (value === undefined) throw new RangeError('no such part');
    return value;
  }
}

const rowText = (row: Row): string => `${row.applied},${row.late},${row.watch[0]},${row.watch[1]}`;
const nodeText = (n: Node): string =>
  `${n.memory};${n.fill};${n.position};${n.loop};${n.fetched};${n.evicts};${n.clock};${n.lease};${rowText(n.row)}`;
const callerText = (c: Caller): string => `${c.phase},${c.ofKey},${c.target}`;
const boundsText = (b: Bounds): string =>
  `${b.calls},${b.others},${b.releases},${b.crashes},${b.losses},${b.prunes},${b.presigns},${b.outages}`;
const worldText = (w: World): string =>
  `${w.revoked};${w.keyNumber};${w.counter};${w.pruned};${w.stored};${w.presigning};${w.returned};${rowText(w.orphan)};` +
  `${callerText(w.callers[0])};${callerText(w.callers[1])};${boundsText(w.left)}`;

const NODES = 2 ** 17;

/**
 * The freshness lease, the guarded store and the wait of a revoke call for one key, within bounds and without one rule.
 * Time is left out but for what the protocol trusts: when a caller has waited a whole lease, every lease whose clock was
 * read before that wait began is over. Until then each runs on, which is the worst that it can do.
 */
export function fenceMachine(scope: Scope, off: Weakening | null, fault = staleGood): Machine<State> {
  const nodes = new Numbers(nodeText);
  const worlds = new Numbers(worldText);
  const { nodes: running, ...bounds } = scope;
  const interchangeable = running === 2 && off !== 'two processes share a row';
  return {
    initial: { ...INITIAL, world: { ...INITIAL.world, left: { ...INITIAL.world.left, ...bounds } } },
    key({ world, nodes: [first, second] }) {
      const a = nodes.of(first);
      const b = nodes.of(second);
      const swap = interchangeable && a > b;
      return (worlds.of(world) * NODES + (swap ? b : a)) * NODES + (swap ? a : b);
    },
    state(key) {
      const world = Math.floor(key / (NODES * NODES));
      const rest = key - world * NODES * NODES;
      return { world: worlds.get(world), nodes: [nodes.get(Math.floor(rest / NODES)), nodes.get(rest % NODES)] };
    },
    next(state, emit) {
      worldSteps(state, off, emit);
      for (const at of BOTH) {
        if (at < running) nodeSteps(state, at, off, emit);
        callerSteps(state, at, off, emit);
      }
    },
    fault: (state) => fault(state, off),
  };
}

/** How a request that starts now would be answered good though a revoke call has returned, or null. */
export function staleGood({ world, nodes }: State, off: Weakening | null): string | null {
  if (!world.returned) return null;
  if (world.stored) return 'a request reads the stored good response';
  for (const at of BOTH) {
    const { memory, fill, lease } = nodes[at];
    const leased = lease !== NO_LEASE;
    if (memory && (leased || off === 'memory answers without a lease'))
      return `node ${at + 1} answers good from memory`;
    const unguarded = off === 'a store is not guarded' || off === 'a response that was not stored is used';
    const good = fill === 'ready' || (fill === 'signing' && unguarded);
    if (good && (leased || off === 'a request joins a fill without a lease'))
      return `node ${at + 1} lets a request join a fill that read good`;
  }
  return null;
}

/** A revoke call that can't return by its own steps, or a node that can't get a lease by its own, or null. */
export function stuck(state: State): string | null {
  for (const at of BOTH) {
    const returned = alone(
      state,
      (now, emit) => callerSteps(now, at, null, emit),
      ({ world }) => world.callers[at].phase === 'idle',
    );
    if (!returned) return `revoke call ${at + 1} can't return`;
    const { counter } = state.world;
    const holds = ({ nodes }: State): boolean => nodes[at].lease !== NO_LEASE && nodes[at].position === counter;
    if (!alone(state, (now, emit) => follow(now, at, null, emit), holds)) return `node ${at + 1} can't get a lease`;
  }
  return null;
}

/** Whether the first step offered, taken again and again, soon leads to what is wanted. */
function alone(start: State, steps: (state: State, emit: Emit) => void, wanted: (state: State) => boolean): boolean {
  let state = start;
  for (let left = 10; left > 0; left -= 1) {
    if (wanted(state)) return true;
    let first: State | undefined;
    steps(state, (_step, next) => (first ??= next));
    if (first === undefined) return false;
    state = first;
  }
  return false;
}
