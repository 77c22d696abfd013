import type { Bounds } from './fence-state.js';

/** The bounds of one exploration. */
export interface Scope extends Partial<Bounds> {
  readonly nodes: 1 | 2;
}

const ONE_CALL: Scope = { nodes: 1, calls: 1 };
const PRUNED: Scope = { nodes: 1, calls: 1, prunes: 1 };
const RELEASED: Scope = { nodes: 1, calls: 2, releases: 1 };
const PRESIGNED: Scope = { nodes: 1, calls: 1, presigns: 1 };

/** Rules taken away, named by what happens instead, each with a scope in which that makes a stale good answer. */
export const UNSAFE = {
  'a revoke call does not wait': ONE_CALL,
  'a repeated revoke call does not wait': { nodes: 1, calls: 2 },
  'rows are looked at before the commit': ONE_CALL,
  'only the first revocation is told': RELEASED,
  'numbers are drawn outside the commit order': { nodes: 1, calls: 1, others: 1 },
  'memory answers without a lease': ONE_CALL,
  'a request joins a fill without a lease': ONE_CALL,
  'an eviction leaves fills attached': ONE_CALL,
  'a detached fill is put into memory': ONE_CALL,
  'a fill is registered after its read': PRESIGNED,
  'the renewal states what is not applied yet': ONE_CALL,
  'a silent row is renewed unconditionally': ONE_CALL,
  'a rejoin does not hold the counter': ONE_CALL,
  'silent without waiting a lease': ONE_CALL,
  'silent without comparing the renewal': ONE_CALL,
  'the lease runs from the renewal': { nodes: 1, calls: 1, outages: 1 },
  'the lease runs from the answer': ONE_CALL,
  'a store is not guarded': ONE_CALL,
  'a bulk store is not guarded': PRESIGNED,
  'a revocation leaves the stored response': ONE_CALL,
  'a new process keeps its memory': ONE_CALL,
  'a new process keeps its fills': ONE_CALL,
  'a node behind the feed keeps its memory': PRUNED,
  'a node behind the feed keeps its fills': PRUNED,
  'a node behind the feed drops everything before it reads the counter': PRUNED,
  'a node looks for the pruned end before it fetches': PRUNED,
  'a node reads the counter after the feed': ONE_CALL,
  'two processes share a row': { nodes: 2, calls: 1 },
  'a row is deleted while its lease runs': ONE_CALL,
} as const satisfies Record<string, Scope>;

/** Rules that other rules make unnecessary for safety, each with the bounds within which that was looked at. */
export const HARMLESS = {
  'a restarted process takes over the row': { nodes: 1, calls: 1, crashes: 1, losses: 1 },
  'a fill is registered before its store only': PRESIGNED,
  'a response that was not stored is used': PRESIGNED,
  'the lease runs from the renewal': { nodes: 1, calls: 2 },
} as const satisfies Record<string, Scope>;

export type Weakening = keyof typeof UNSAFE | keyof typeof HARMLESS;
