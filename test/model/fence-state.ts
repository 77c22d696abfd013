/** A good response of one key on its way into a node's memory. */
export type Fill =
  | 'none'
  /** Has read, but can't be found by an eviction yet; no step of the whole protocol leads here. */
  | 'unregistered'
  | 'ready, unregistered'
  /** Has read that the status is good, is signing, and will store. */
  | 'signing'
  /** Holds a good response, which was stored or read from `ocsp_responses`. */
  | 'ready'
  | 'signing, detached'
  | 'ready, detached';

export const SILENT = -1;
export const NOTHING = -1;
export const NOWHERE = -1;
/** Instead of a set of callers: the clock reading is older than a lease. */
export const EXPIRED = -1;
export const NO_LEASE = -2;

/** What a caller knows of a row: nothing, that `renewal` is unchanged since it was read, or (once asked) that it isn't. */
export type Watch = 'none' | 'same' | 'changed';

/** A row of `responder_nodes`. One that is missing is as good as silent: a renewal never makes it, only a rejoin. */
export interface Row {
  /** The number stated last, or SILENT. */
  readonly applied: number;
  /** The number stated by a renewal on a dropped connection, which may still be executed; or NOTHING. */
  readonly late: number;
  readonly watch: readonly [Watch, Watch];
}

export interface Node {
  /** Memory holds a good response. */
  readonly memory: boolean;
  readonly fill: Fill;
  /** The number up to which the feed has been applied; NOWHERE in a new process. */
  readonly position: number;
  readonly loop: 'idle' | 'halfway' | 'fetched' | 'sent' | 'rejoining' | 'granted' | 'unapplied';
  readonly fetched: number;
  readonly evicts: 'nothing' | 'key' | 'all';
  /** The callers whose whole lease of waiting covers the loop's clock reading (a set of bits), or EXPIRED. */
  readonly clock: number;
  /** The same of the running lease, or NO_LEASE. */
  readonly lease: number;
  readonly row: Row;
}

/** One who revokes the key, or revokes it again, or revokes another certificate. */
export interface Caller {
  readonly phase: 'idle' | 'numbered' | 'looked' | 'waiting' | 'blind';
  readonly ofKey: boolean;
  readonly target: number;
}

/** How often something may still happen: what makes an exploration end. Renewals, fills and stops are not bounded. */
export interface Bounds {
  /** Revoke calls that wait: the first for the key, a repeated one, or one for another certificate. */
  readonly calls: number;
  /** Revocations of other certificates, whose own wait is left out. */
  readonly others: number;
  /** Releases of the key, after which it can be revoked again. */
  readonly releases: number;
  readonly crashes: number;
  /** Connections of a node that drop. */
  readonly losses: number;
  readonly prunes: number;
  readonly presigns: number;
  /** Revoke calls that can't ask the database while they wait. */
  readonly outages: number;
}

export interface World {
  /** The key's certificate is revoked. */
  readonly revoked: boolean;
  /** The last feed entry that names the key: its revocation or its release. */
  readonly keyNumber: number;
  readonly counter: number;
  /** Feed entries up to this one are gone. */
  readonly pruned: number;
  /** `ocsp_responses` holds a good response. */
  readonly stored: boolean;
  /** Another process has read good and will store in bulk. */
  readonly presigning: boolean;
  /** A call that revoked the key, or repeated it, has returned, and it was not released since that call committed. */
  readonly returned: boolean;
  readonly left: Bounds;
  /** The row of a process that has crashed. */
  readonly orphan: Row;
  readonly callers: readonly [Caller, Caller];
}

export interface State {
  readonly world: World;
  readonly nodes: readonly [Node, Node];
}

export const NO_ROW: Row = { applied: SILENT, late: NOTHING, watch: ['none', 'none'] };

export const NEW_PROCESS: Node = {
  memory: false,
  fill: 'none',
  position: NOWHERE,
  loop: 'idle',
  fetched: 0,
  evicts: 'nothing',
  clock: 0,
  lease: NO_LEASE,
  row: NO_ROW,
};

const IDLE: Caller = { phase: 'idle', ofKey: false, target: 0 };

export const INITIAL: State = {
  world: {
    revoked: false,
    keyNumber: 0,
    counter: 0,
    pruned: 0,
    stored: false,
    presigning: false,
    returned: false,
    left: { calls: 0, others: 0, releases: 0, crashes: 0, losses: 0, prunes: 0, presigns: 0, outages: 0 },
    orphan: NO_ROW,
    callers: [IDLE, IDLE],
  },
  nodes: [NEW_PROCESS, NEW_PROCESS],
};

export type Index = 0 | 1;
export const BOTH: readonly Index[] = [0, 1];

export function put<T>(pair: readonly [T, T], at: Index, value: T): readonly [T, T] {
  return at === 0 ? [value, pair[1]] : [pair[0], value];
}

export function withNode(state: State, at: Index, change: Partial<Node>): State {
  return { world: state.world, nodes: put(state.nodes, at, { ...state.nodes[at], ...change }) };
}

export function withWorld(state: State, change: Partial<World>): State {
  return { world: { ...state.world, ...change }, nodes: state.nodes };
}

/** Something bounded happens once more. */
export function spend(state: State, what: keyof Bounds): State {
  const { left } = state.world;
  return withWorld(state, { left: { ...left, [what]: left[what] - 1 } });
}
