import type { SeededRandom } from './seeded-random.js';
import type { History } from './history.js';
import type { NodeProcess } from './node-process.js';

/** What is done to one node, one thing after another. */
export interface PlannedFault {
  /** Before it: nothing is wrong with the node for so long. */
  readonly restMs: number;
  readonly lengthMs: number;
  readonly kind: FaultKind;
  /** Made of the random numbers, for what the kind wants to vary: at least 0, less than 1. */
  readonly variation: number;
}

const KINDS = {
  freeze: 5,
  suspend: 2,
  hold: 4,
  'hold and break': 3,
  'hold the feed': 3,
  'hold answers': 2,
  'break connections': 3,
  'refuse connections': 2,
  delay: 3,
  'move the wall clock': 3,
  kill: 1,
  stop: 1,
} as const;
export type FaultKind = keyof typeof KINDS;

const HAT = (Object.keys(KINDS) as FaultKind[]).flatMap((kind) => Array.from({ length: KINDS[kind] }, () => kind));

/** The faults of one node for as long as a run lasts; the same for the same random numbers. */
export function planFaults(random: SeededRandom, runMs: number, leaseMs: number): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (let plannedMs = 0; plannedMs < runMs;) {
    const kind = random.pick(HAT);
    // A pause that a clock does not see must not come within a lease of one that the other clock does not see.
    const restMs = random.between(100, 1500) + (kind === 'suspend' ? 2 * leaseMs : 0);
    // As often much shorter than a lease as longer.
    const lengthMs = random.next() < 0.5 ? random.between(10, leaseMs) : random.between(leaseMs, 3 * leaseMs);
    faults.push({ kind, restMs, lengthMs, variation: random.next() });
    plannedMs += restMs + lengthMs;
  }
  return faults;
}

/** Does one fault to a node, and undoes it; records it. */
export async function injectFault(node: NodeProcess, fault: PlannedFault, history: History): Promise<void> {
  const start = performance.now();
  const impairs = await INJECTORS[fault.kind](node, fault);
  const text = `${fault.kind}, ${Math.round(fault.lengthMs)} ms`;
  history.record({ kind: 'fault', node: node.name, fault: text, impairs, start, end: performance.now() });
}

/** Resolves to whether the node was stopped or cut off meanwhile. */
type Injector = (node: NodeProcess, fault: PlannedFault) => Promise<boolean>;

const INJECTORS: Readonly<Record<FaultKind, Injector>> = {
  freeze: async (node, { lengthMs }) => {
    node.freeze();
    await pause(lengthMs);
    node.thaw();
    return true;
  },
  suspend: async (node, { lengthMs }) => {
    node.freeze();
    await pause(lengthMs);
    // Less than it was stopped for: the clock must not run backwards.
    node.clock.loseMonotonic(lengthMs * 0.95);
    node.thaw();
    return true;
  },
  hold: whileCutOff(({ relay }) => relay.hold()),
  'hold and break': whileCutOff(
    ({ relay }) => relay.hold(),
    ({ relay }) => relay.drop(),
  ),
  'hold the feed': whileCutOff(({ relay }) => relay.hold('feed')),
  'hold answers': whileCutOff(({ relay }, { variation }) => relay.hold(variation < 0.5 ? 'all' : 'pool', ['down'])),
  'break connections': whileCutOff(({ relay }, { variation }) => relay.drop(variation < 0.5 ? 'all' : 'feed')),
  'refuse connections': whileCutOff(({ relay }) => relay.refuse()),
  delay: whileCutOff(({ relay }, { variation }) => relay.delay(1 + variation * variation * 150)),
  'move the wall clock': async (node, { lengthMs, variation }) => {
    // From a day back to a day ahead, most often a little.
    const shift = (variation * 2 - 1) ** 3 * 86_400_000;
    node.clock.setWall(shift);
    await pause(lengthMs);
    node.clock.setWall(0);
    return false;
  },
  kill: restart('SIGKILL'),
  stop: restart('SIGTERM'),
};

function whileCutOff(
  begin: (node: NodeProcess, fault: PlannedFault) => void,
  end?: (node: NodeProcess) => void,
): Injector {
  return async (node, fault) => {
    begin(node, fault);
    await pause(fault.lengthMs);
    end?.(node);
    node.relay.restore();
    return true;
  };
}

function restart(signal: 'SIGKILL' | 'SIGTERM'): Injector {
  return async (node) => {
    await node.end(signal);
    await node.start();
    return true;
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
