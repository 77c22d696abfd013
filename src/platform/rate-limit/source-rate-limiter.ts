import { randomFillSync } from 'node:crypto';
import { readSourceKey } from './source-key.js';

const WINDOW_MS = 60_000;
const WAYS = 8;

export interface SourceRateLimiterOptions {
  /** How many requests a source may make a minute, and at once after a pause; 0 turns the limiter off. */
  readonly perMinute: number;
  /** How many sources are remembered at most, at 16 bytes each, taken at once. */
  readonly maxSources: number;
  /** A monotonic clock in milliseconds. If it does step back, time goes on from where it was. */
  readonly nowMs: () => number;
}

/**
 * A token bucket for each source (an IPv4 address or an IPv6 /64) in a table of fixed size. `take` allocates nothing.
 *
 * What holds whatever others send: a source is refused only for requests of its own that were granted within the last
 * minute, so one that keeps within `perMinute` is never refused. Buckets are exact per source, shared by nobody; a
 * refused request costs nothing.
 *
 * A slot in use is one whose bucket isn't full. Each granted request keeps its slot in use for 60 / `perMinute` seconds
 * longer, so flooding the table takes about `maxSources` × `perMinute` / 60 granted requests a second. Beyond that,
 * of the eight slots that a source may lie in (chosen by a secret random hash) the one with the fullest bucket is given
 * away: its source starts again with a full one, which only favours it, and those that have used the most stay limited.
 */
export class SourceRateLimiter {
  private readonly perMinute: number;
  private readonly nowMs: () => number;
  private readonly ways: number;
  private readonly sets: number;
  /** Two words a slot. */
  private readonly keys: Uint32Array;
  /** When each slot's bucket is full again, in milliseconds × perMinute: in this unit all arithmetic is in integers. */
  private readonly fullAt: Float64Array;
  /** Tabulation hashing: nobody without it can choose addresses that fall into one set. */
  private readonly hashTable: Uint32Array;
  private readonly key = new Uint32Array(2);
  private elapsedMs = 0;
  private lastMs = Infinity;

  /** @throws RangeError if an option isn't a whole number, or out of range. */
  constructor(options: SourceRateLimiterOptions) {
    const { perMinute, maxSources } = options;
    if (!Number.isSafeInteger(perMinute) || perMinute < 0) throw new RangeError('perMinute must be 0 or more');
    if (!Number.isSafeInteger(maxSources) || maxSources < 1) throw new RangeError('maxSources must be 1 or more');
    this.perMinute = perMinute;
    this.nowMs = options.nowMs;
    this.ways = Math.min(WAYS, maxSources);
    this.sets = Math.floor(maxSources / this.ways);
    const slots = perMinute === 0 ? 0 : this.sets * this.ways;
    this.keys = new Uint32Array(slots * 2);
    this.fullAt = new Float64Array(slots);
    this.hashTable = randomFillSync(new Uint32Array(perMinute === 0 ? 0 : 8 * 256));
  }

  /**
   * Takes one request out of the bucket of an address's source.
   * @returns 0 when it is allowed, else the seconds to wait (Retry-After), 1 to 60. Never throws: what can't be judged
   * (text that is no address, a clock that fails) is allowed.
   */
  take(address: string): number {
    if (this.perMinute === 0) return 0;
    try {
      return readSourceKey(address, this.key) && this.readClock() ? this.takeToken() : 0;
    } catch {
      return 0;
    }
  }

  /** Puts back what {@link take} took for a request that is not to count after all. Never throws. */
  giveBack(address: string): void {
    if (this.perMinute === 0 || !readSourceKey(address, this.key)) return;
    const slot = this.findSlot(this.key[0]!, this.key[1]!);
    if (slot !== -1) this.fullAt[slot] = Math.max(0, this.fullAt[slot]! - WINDOW_MS);
  }

  /** The sources whose bucket isn't full at the moment. It looks at the whole table: for metrics, not for each request. */
  get size(): number {
    try {
      this.readClock();
    } catch {
      // The time of the last request will do.
    }
    const now = this.elapsedMs * this.perMinute;
    let count = 0;
    for (const fullAt of this.fullAt) if (fullAt > now) count++;
    return count;
  }

  /** Moves the limiter's own time, which never goes back. */
  private readClock(): boolean {
    const reading = Math.floor(this.nowMs());
    if (!Number.isFinite(reading)) return false;
    if (reading > this.lastMs) this.elapsedMs += reading - this.lastMs;
    this.lastMs = reading;
    return true;
  }

  private takeToken(): number {
    const now = this.elapsedMs * this.perMinute;
    const slot = this.findOrClaimSlot(this.key[0]!, this.key[1]!);
    const fullAt = Math.max(this.fullAt[slot]!, now) + WINDOW_MS;
    const early = fullAt - now - WINDOW_MS * this.perMinute;
    if (early > 0) return Math.ceil(early / (1000 * this.perMinute));
    this.fullAt[slot] = fullAt;
    return 0;
  }

  private findOrClaimSlot(high: number, low: number): number {
    const first = this.setOf(high, low) * this.ways;
    const end = first + this.ways;
    let fullest = first;
    for (let slot = first; slot < end; slot++) {
      if (this.keys[slot * 2] === high && this.keys[slot * 2 + 1] === low) return slot;
      if (this.fullAt[slot]! < this.fullAt[fullest]!) fullest = slot;
    }
    this.keys[fullest * 2] = high;
    this.keys[fullest * 2 + 1] = low;
    this.fullAt[fullest] = 0;
    return fullest;
  }

  private findSlot(high: number, low: number): number {
    const first = this.setOf(high, low) * this.ways;
    for (let slot = first; slot < first + this.ways; slot++) {
      if (this.keys[slot * 2] === high && this.keys[slot * 2 + 1] === low) return slot;
    }
    return -1;
  }

  private setOf(high: number, low: number): number {
    const table = this.hashTable;
    const hash =
      table[high >>> 24]! ^
      table[0x100 | ((high >>> 16) & 0xff)]! ^
      table[0x200 | ((high >>> 8) & 0xff)]! ^
      table[0x300 | (high & 0xff)]! ^
      table[0x400 | (low >>> 24)]! ^
      table[0x500 | ((low >>> 16) & 0xff)]! ^
      table[0x600 | ((low >>> 8) & 0xff)]! ^
      table[0x700 | (low & 0xff)]!;
    return Math.floor(((hash >>> 0) * this.sets) / 0x1_0000_0000);
  }
}
