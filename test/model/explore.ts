/** A state of a machine, told apart by its key; `next` hands every possible step to `emit`. */
export interface Machine<S> {
  readonly initial: S;
  /** One number for a state, the same for states that need not be told apart. */
  key(state: S): number;
  /** Some state with that key. */
  state(key: number): S;
  next(state: S, emit: (step: string, next: S) => void): void;
  /** What is wrong in this state, or null. */
  fault(state: S): string | null;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The shortest way to a fault, one line a step and the fault last, or null when no reachable state has one. */
  readonly trace: readonly string[] | null;
}

/** Visits every reachable state, nearest first, and stops at the first fault. */
export function explore<S>(machine: Machine<S>): Exploration {
  const first = machine.key(machine.initial);
  const seen = new Set([first]);
  const queue = [first];
  const parents = [-1];
  let transitions = 0;
  for (let at = 0; at < queue.length; at += 1) {
    const state = machine.state(queue[at] ?? first);
    const fault = machine.fault(state);
    if (fault !== null) {
      const trace = [...stepsTo(machine, pathTo(at, queue, parents)), fault];
      return { states: seen.size, transitions, trace };
    }
    machine.next(state, (_step, next) => {
      transitions += 1;
      const key = machine.key(next);
      if (seen.has(key)) return;
      seen.add(key);
      queue.push(key);
      parents.push(at);
    });
  }
  return { states: seen.size, transitions, trace: null };
}

function pathTo(end: number, queue: readonly number[], parents: readonly number[]): number[] {
  const path: number[] = [];
  for (let at = end; at > 0; at = parents[at] ?? -1) path.push(queue[at] ?? -1);
  return path.reverse();
}

/** Walks the path again from the initial state, so that interchangeable parts keep their names from step to step. */
function stepsTo<S>(machine: Machine<S>, path: readonly number[]): string[] {
  let state = machine.initial;
  return path.map((key) => {
    let taken: [string, S] | undefined;
    machine.next(state, (step, next) => {
      if (taken === undefined && machine.key(next) === key) taken = [step, next];
    });
    if (taken === undefined) throw new Error('a step of the path is gone: the key tells too little');
    state = taken[1];
    return taken[0];
  });
}
