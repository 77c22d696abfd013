import type { FreshnessLease } from './freshness-lease.js';
import { LeastRecentlyUsed } from './least-recently-used.js';

/** One load of one key that several requests may wait for. */
interface Fill<V> {
  readonly value: Promise<V>;
  /** False once a revocation named its key: what it brings may be older than that. */
  attached: boolean;
}

/** What a fill brings: the value, and what it takes in memory; null bytes keep it out of memory. */
export interface Filled<V> {
  readonly value: V;
  readonly bytes: number | null;
}

/**
 * Memory behind the freshness lease. *No stale good:* a value is read, and a fill that is under way is joined, only while the
 * lease runs; and before a lease is renewed, all that was revoked meanwhile has been evicted, and its fills detached.
 */
export class FencedCache<V> {
  private readonly memory: LeastRecentlyUsed<V>;
  private readonly fills = new Map<string, Fill<V>>();

  constructor(
    private readonly lease: FreshnessLease,
    maxBytes: number,
  ) {
    this.memory = new LeastRecentlyUsed<V>(maxBytes);
  }

  get size(): number {
    return this.memory.size;
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  /** From memory, at once; undefined when it is not there or no lease runs. */
  find(key: string): V | undefined {
    return this.lease.isRunning() ? this.memory.get(key) : undefined;
  }

  /**
   * Loads a value: one load for all who ask for a key at the same time. Without a lease everybody loads alone, and nothing is
   * kept: what somebody else began to read may be from before a revocation that this request must see.
   */
  load(key: string, load: () => Promise<Filled<V>>): Promise<V> {
    if (!this.lease.isRunning()) return load().then(({ value }) => value);
    const running = this.fills.get(key);
    if (running !== undefined) return running.value;
    const fill: Fill<V> = { value: load().then((filled) => this.keep(key, fill, filled)), attached: true };
    this.fills.set(key, fill);
    const forget = (): void => {
      if (this.fills.get(key) === fill) this.fills.delete(key);
    };
    fill.value.then(forget, forget);
    return fill.value;
  }

  /** Removes a key, and detaches its fill: who waits for it is answered, but nobody joins it and nothing is kept. */
  evict(key: string): void {
    this.memory.delete(key);
    const fill = this.fills.get(key);
    if (fill === undefined) return;
    fill.attached = false;
    this.fills.delete(key);
  }

  /** Evicts everything: nobody knows any more what was revoked. */
  clear(): void {
    this.memory.clear();
    for (const key of [...this.fills.keys()]) this.evict(key);
  }

  private keep(key: string, fill: Fill<V>, { value, bytes }: Filled<V>): V {
    if (fill.attached && bytes !== null) this.memory.set(key, value, bytes);
    return value;
  }
}
