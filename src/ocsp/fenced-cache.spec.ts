import { FencedCache, type Filled } from './fenced-cache.js';
import { FreshnessLease } from './freshness-lease.js';

/** A cache, its lease and its clock. */
class Bench {
  now = 0;
  readonly lease = new FreshnessLease(5000, { monotonicMs: () => this.now, wallMs: () => this.now });
  readonly cache = new FencedCache<string>(this.lease, 1000);

  renew(): this {
    this.lease.grant(this.lease.read());
    return this;
  }

  lapse(): void {
    this.now += 5000;
  }
}

/** A load that ends when the test says so. */
class SlowLoad {
  loads = 0;
  private readonly pending: { resolve(filled: Filled<string>): void; reject(error: Error): void }[] = [];

  load = (): Promise<Filled<string>> => {
    this.loads += 1;
    return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
  };

  bring(value: string, bytes: number | null = 10): void {
    this.pending.shift()!.resolve({ value, bytes });
  }

  fail(): void {
    this.pending.shift()!.reject(new Error('the database is gone'));
  }
}

const bring =
  (value: string, bytes: number | null = 10) =>
  () =>
    Promise.resolve({ value, bytes });

describe('FencedCache', () => {
  it('keeps what was loaded while the lease runs', async () => {
    const { cache } = new Bench().renew();
    await expect(cache.load('key', bring('good'))).resolves.toBe('good');
    expect(cache.find('key')).toBe('good');
    expect([cache.size, cache.bytes]).toEqual([1, 10]);
  });

  it('finds nothing without a lease, and the same again when it is renewed', async () => {
    const bench = new Bench().renew();
    await bench.cache.load('key', bring('good'));
    bench.lapse();
    expect(bench.cache.find('key')).toBeUndefined();
    bench.renew();
    expect(bench.cache.find('key')).toBe('good');
  });

  it('keeps nothing that was loaded without a lease, and lets nobody join it', async () => {
    const { cache } = new Bench();
    const slow = new SlowLoad();
    const both = [cache.load('key', slow.load), cache.load('key', slow.load)];
    expect(slow.loads).toBe(2);
    slow.bring('one');
    slow.bring('two');
    await expect(Promise.all(both)).resolves.toEqual(['one', 'two']);
    expect(cache.size).toBe(0);
  });

  it('loads once for all who ask at the same time', async () => {
    const { cache } = new Bench().renew();
    const slow = new SlowLoad();
    const all = [1, 2, 3].map(() => cache.load('key', slow.load));
    expect(slow.loads).toBe(1);
    slow.bring('good');
    await expect(Promise.all(all)).resolves.toEqual(['good', 'good', 'good']);
  });

  it('lets nobody join a fill once the lease has lapsed', async () => {
    const bench = new Bench().renew();
    const slow = new SlowLoad();
    const before = bench.cache.load('key', slow.load);
    bench.lapse();
    const after = bench.cache.load('key', slow.load);
    expect(slow.loads).toBe(2);
    slow.bring('old');
    slow.bring('new');
    await expect(Promise.all([before, after])).resolves.toEqual(['old', 'new']);
  });

  it('detaches a fill whose key is evicted: who waited is answered, nobody joins, nothing is kept', async () => {
    const { cache } = new Bench().renew();
    const slow = new SlowLoad();
    const before = cache.load('key', slow.load);
    cache.evict('key');
    const after = cache.load('key', slow.load);
    expect(slow.loads).toBe(2);
    slow.bring('good');
    await expect(before).resolves.toBe('good');
    expect(cache.find('key')).toBeUndefined();
    slow.bring('revoked');
    await expect(after).resolves.toBe('revoked');
    expect(cache.find('key')).toBe('revoked');
  });

  it('does not let a detached fill that ends late replace or forget a newer one', async () => {
    const { cache } = new Bench().renew();
    const old = new SlowLoad();
    const fresh = new SlowLoad();
    const before = cache.load('key', old.load);
    cache.evict('key');
    const after = cache.load('key', fresh.load);
    old.bring('good');
    await before;
    const joined = cache.load('key', fresh.load);
    expect(fresh.loads).toBe(1);
    fresh.bring('revoked');
    await expect(Promise.all([after, joined])).resolves.toEqual(['revoked', 'revoked']);
    expect(cache.find('key')).toBe('revoked');
  });

  it('evicts everything, the fills too', async () => {
    const { cache } = new Bench().renew();
    await cache.load('kept', bring('good'));
    const slow = new SlowLoad();
    const filling = cache.load('filling', slow.load);
    cache.clear();
    slow.bring('good');
    await filling;
    expect([cache.find('kept'), cache.find('filling'), cache.size]).toEqual([undefined, undefined, 0]);
  });

  it('forgets a fill that failed', async () => {
    const { cache } = new Bench().renew();
    const slow = new SlowLoad();
    const failing = cache.load('key', slow.load);
    slow.fail();
    await expect(failing).rejects.toThrow('the database is gone');
    await expect(cache.load('key', bring('good'))).resolves.toBe('good');
  });

  it('keeps nothing that says so', async () => {
    const { cache } = new Bench().renew();
    await expect(cache.load('key', bring('unknown', null))).resolves.toBe('unknown');
    expect(cache.size).toBe(0);
  });
});
