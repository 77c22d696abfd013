import type { Client } from 'pg';
import { FeedFollower, followerTimeoutMs } from './feed-follower.js';
import { FreshnessLease } from './freshness-lease.js';

const LEASE_MS = 5000;

interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** What the follower sees of the database, and what the cache saw of the follower, in one order. */
class Bench {
  readonly log: string[] = [];
  lastNumber = 0;
  prunedNumber = 0;
  node: { applied: number; silent: boolean } | null = null;
  feed: { number: number; serial: string; profile: string }[] = [];
  now = 0;
  /** Called before a statement is carried out, with the first words of what is done. */
  before: (what: string) => void = () => undefined;
  /** How many leases are granted before the follower is stopped. */
  rounds = 1;
  readonly lease = new FreshnessLease(LEASE_MS, { monotonicMs: () => this.now, wallMs: () => this.now });
  readonly follower = new FeedFollower(
    {
      evictCertificate: (_issuerId, serial) => this.log.push(`evict ${serial.toString('hex')}`),
      evictResponder: (issuerId) => this.log.push(`evict all of ${issuerId}`),
      clear: () => this.log.push('clear'),
    },
    this.lease,
    LEASE_MS,
  );
  private notify: () => void = () => undefined;

  /** Follows for as many rounds as are wanted, without resting between them. */
  async follow(): Promise<void> {
    const client = {
      on: (_event: string, listener: () => void) => (this.notify = listener),
      query: (text: string | Statement, values?: unknown[]) =>
        Promise.resolve(
          this.run(typeof text === 'string' ? text : text.text, values ?? (text as Statement).values ?? []),
        ),
    };
    await this.follower.follow(client as unknown as Client, () => this.rounds <= 0);
  }

  revoke(serial: string, profile = 'leaf'): void {
    this.lastNumber += 1;
    this.feed.push({ number: this.lastNumber, serial, profile });
  }

  private run(text: string, values: readonly unknown[]): { rows: unknown[]; rowCount: number } {
    const what = this.nameOf(text);
    this.before(what);
    this.log.push(what);
    switch (what) {
      case 'register':
        this.node = { applied: this.lastNumber, silent: true };
        return rowsOf([{ id: 'node', applied: String(this.lastNumber) }]);
      case 'fetch':
        return this.fetch(Number(values[0]), Number(values[1]));
      case 'renew':
        return { rows: [], rowCount: this.node?.silent === false ? this.renewed(values) : 0 };
      case 'rejoin': {
        const granted = this.node !== null && Number(values[1]) === this.lastNumber;
        if (granted) this.renewed(values);
        return rowsOf([{ granted, present: this.node !== null }]);
      }
      case 'delete':
        this.node = null;
        return rowsOf([]);
      default:
        return rowsOf([]);
    }
  }

  private nameOf(text: string): string {
    if (text.startsWith('LISTEN')) return 'listen';
    if (text.startsWith('INSERT')) return 'register';
    if (text.startsWith('SELECT')) return 'fetch';
    if (text.startsWith('UPDATE')) return 'renew';
    return text.startsWith('DELETE') ? 'delete' : 'rejoin';
  }

  private fetch(applied: number, limit: number): { rows: unknown[]; rowCount: number } {
    const counter = { last_number: String(this.lastNumber), pruned_number: String(this.prunedNumber) };
    const rows = this.feed
      .filter(({ number }) => number > applied)
      .slice(0, limit)
      .map(({ number, serial, profile }) =>
        Object.assign(
          { number: String(number), issuer_id: 'iss', serial_number: Buffer.from(serial, 'hex'), profile },
          counter,
        ),
      );
    return rowsOf(rows.length > 0 ? rows : [{ ...counter, number: null, profile: null }]);
  }

  private renewed(values: readonly unknown[]): number {
    this.node = { applied: Number(values[1]), silent: false };
    this.rounds -= 1;
    this.notify();
    return 1;
  }
}

function rowsOf(rows: unknown[]): { rows: unknown[]; rowCount: number } {
  return { rows, rowCount: rows.length };
}

describe('FeedFollower', () => {
  it('begins silent, with nothing in memory, and is granted a lease when it has applied everything', async () => {
    const bench = new Bench();
    bench.lastNumber = 7;
    await bench.follow();
    expect(bench.log).toEqual(['listen', 'register', 'clear', 'fetch', 'renew', 'rejoin']);
    expect(bench.node).toEqual({ applied: 7, silent: false });
    expect(bench.lease.isRunning()).toBe(true);
    expect([bench.follower.id, bench.follower.appliedNumber]).toEqual(['node', 7n]);
  });

  it('evicts what was revoked before it states that it has', async () => {
    const bench = new Bench();
    bench.rounds = 2;
    let fetches = 0;
    bench.before = (what) => {
      if (what !== 'fetch' || ++fetches !== 2) return;
      bench.revoke('0a');
      bench.revoke('0b');
    };
    await bench.follow();
    expect(bench.log.slice(-4)).toEqual(['fetch', 'evict 0a', 'evict 0b', 'renew']);
    expect(bench.node?.applied).toBe(2);
  });

  it('evicts all that a revoked responder may have signed, too, before it states that it has', async () => {
    const bench = new Bench();
    bench.before = (what) => {
      if (what !== 'fetch') return;
      bench.before = () => undefined;
      bench.revoke('0a', 'ocsp-responder');
      bench.revoke('0b', 'intermediate');
    };
    await bench.follow();
    expect(bench.log.slice(3)).toEqual(['fetch', 'evict 0a', 'evict all of iss', 'evict 0b', 'renew', 'rejoin']);
  });

  it('fetches again when something was revoked between its fetch and its return', async () => {
    const bench = new Bench();
    bench.before = (what) => {
      if (what !== 'rejoin') return;
      bench.before = () => undefined;
      bench.revoke('0a');
    };
    await bench.follow();
    expect(bench.log.slice(3)).toEqual(['fetch', 'renew', 'rejoin', 'fetch', 'evict 0a', 'renew', 'rejoin']);
  });

  it('has no lease before the renewal was granted', async () => {
    const bench = new Bench();
    bench.before = () => expect(bench.lease.isRunning()).toBe(false);
    await bench.follow();
    expect(bench.lease.isRunning()).toBe(true);
  });

  it('has a lease from before the feed was asked, however long the answers take', async () => {
    const bench = new Bench();
    bench.before = (what) => {
      if (what === 'fetch' || what === 'rejoin') bench.now += 2000;
    };
    await bench.follow();
    expect(bench.lease.isRunning()).toBe(true);
    bench.now += 500;
    expect(bench.lease.isRunning()).toBe(false);
  });

  it('goes on fetching while there is more than one answer holds', async () => {
    const bench = new Bench();
    bench.before = (what) => {
      if (what !== 'fetch') return;
      bench.before = () => undefined;
      for (let number = 0; number < 5001; number++) bench.revoke('0a');
    };
    await bench.follow();
    expect(bench.log.filter((what) => what === 'fetch')).toHaveLength(2);
    expect(bench.log.filter((what) => what === 'evict 0a')).toHaveLength(5001);
    expect(bench.node?.applied).toBe(5001);
  });

  it('drops everything when the feed no longer reaches back to where it stands', async () => {
    const bench = new Bench();
    bench.before = (what) => {
      if (what !== 'fetch') return;
      bench.before = () => undefined;
      bench.revoke('0a');
      bench.revoke('0b');
      bench.prunedNumber = 1;
      bench.feed.shift();
    };
    await bench.follow();
    expect(bench.log.slice(1)).toEqual(['register', 'clear', 'fetch', 'clear', 'renew', 'rejoin']);
    expect(bench.node?.applied).toBe(2);
  });

  it('begins anew, with nothing in memory, when its row is gone', async () => {
    const bench = new Bench();
    bench.rounds = 2;
    let renewals = 0;
    bench.before = (what) => {
      if (what !== 'renew' || ++renewals !== 2) return;
      bench.node = null;
      bench.lastNumber = 9;
    };
    await bench.follow();
    expect(bench.log.slice(6)).toEqual(['fetch', 'renew', 'rejoin', 'register', 'clear', 'fetch', 'renew', 'rejoin']);
    expect(bench.node?.applied).toBe(9);
  });

  it('begins anew in each session', async () => {
    const bench = new Bench();
    await bench.follow();
    bench.rounds = 1;
    bench.log.length = 0;
    let running = true;
    bench.before = (what) => {
      if (what === 'delete') running = bench.lease.isRunning();
    };
    await bench.follow();
    expect(bench.log).toEqual(['listen', 'delete', 'register', 'clear', 'fetch', 'renew', 'rejoin']);
    expect(running).toBe(false);
  });

  it('rejects when the connection fails, and the lease runs out by itself', async () => {
    const bench = new Bench();
    bench.rounds = 2;
    let fetches = 0;
    bench.before = (what) => {
      if (what === 'fetch' && ++fetches === 2) throw new Error('the connection broke');
    };
    await expect(bench.follow()).rejects.toThrow('the connection broke');
    expect(bench.lease.isRunning()).toBe(true);
    bench.now += LEASE_MS;
    expect(bench.lease.isRunning()).toBe(false);
  });

  it('gives a statement no longer than a lease, and a second at the least', () => {
    expect([1000, 2000, 5000].map(followerTimeoutMs)).toEqual([1000, 1800, 4500]);
  });
});
