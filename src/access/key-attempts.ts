import { DomainError } from '../platform/errors/domain-error.js';
import type { Principal } from '../platform/http/caller.js';
import { SourceRateLimiter } from '../platform/rate-limit/source-rate-limiter.js';

const WRONG_KEYS_PER_MINUTE = 10;
/** A MiB of memory. */
const SOURCES_MAX = 65_536;
const PROVEN_MS = 3_600_000;
const PROVEN_MAX = 10_000;

/**
 * Slows down who tries keys: a source (an IPv4 address or an IPv6 /64) has ten wrong ones a minute, then its keys are not
 * even looked up, for an answer would tell which of them is right. A key that was right from the same address within the
 * last hour is not held up: behind a shared address the others go on working while one of them guesses.
 */
export class KeyAttempts {
  private readonly limiter: SourceRateLimiter;
  /** Until when, by address and hash of the key; oldest first. */
  private readonly proven = new Map<string, number>();
  private readonly underWay = new Map<string, number>();

  /** @param nowMs a monotonic clock in milliseconds */
  constructor(private readonly nowMs: () => number) {
    this.limiter = new SourceRateLimiter({ perMinute: WRONG_KEYS_PER_MINUTE, maxSources: SOURCES_MAX, nowMs });
  }

  /**
   * Looks a key up, unless its source has to wait. The attempt is paid for in advance, so that many at once are no way
   * around it, and given back when the key is right; one key on many connections is one attempt.
   * @throws DomainError too_many_attempts, and what `lookUp` throws
   */
  async judge(address: string, keySha256: Buffer, lookUp: () => Promise<Principal | null>): Promise<Principal | null> {
    const pair = `${address} ${keySha256.toString('base64')}`;
    const paid = !this.isProven(pair) && !this.underWay.has(pair);
    if (paid) this.pay(address);
    this.underWay.set(pair, (this.underWay.get(pair) ?? 0) + 1);
    try {
      const principal = await lookUp();
      if (principal === null) this.disprove(pair, address);
      else this.prove(pair);
      if (paid && principal !== null) this.limiter.giveBack(address);
      return principal;
    } catch (error) {
      // That the database is gone says nothing about the key.
      if (paid) this.limiter.giveBack(address);
      throw error;
    } finally {
      const left = this.underWay.get(pair)! - 1;
      if (left === 0) this.underWay.delete(pair);
      else this.underWay.set(pair, left);
    }
  }

  private pay(address: string): void {
    const retryAfterSeconds = this.limiter.take(address);
    if (retryAfterSeconds === 0) return;
    throw new DomainError(
      'too_many_attempts',
      `Too many wrong API keys came from your address. Wait ${retryAfterSeconds} s; until then none is looked at.`,
      [],
      { retryAfterSeconds },
    );
  }

  private isProven(pair: string): boolean {
    const until = this.proven.get(pair);
    if (until !== undefined && this.nowMs() < until) return true;
    this.proven.delete(pair);
    return false;
  }

  private prove(pair: string): void {
    this.proven.delete(pair);
    this.proven.set(pair, this.nowMs() + PROVEN_MS);
    for (const [oldest] of this.proven) {
      if (this.proven.size <= PROVEN_MAX) return;
      this.proven.delete(oldest);
    }
  }

  /** What was right once cost nothing in advance. */
  private disprove(pair: string, address: string): void {
    if (this.proven.delete(pair)) this.limiter.take(address);
  }
}
