import type { CertificateStatus, CertificateStatusService } from '../certificates/certificate-status.service.js';
import { FencedCache } from './fenced-cache.js';
import { FencedStatuses } from './fenced-statuses.js';
import { FreshnessLease } from './freshness-lease.js';
import { formatStatusKey, type OcspNode } from './ocsp-node.service.js';

const LEASE_MS = 5000;
const GOOD: CertificateStatus = { status: 'good' };
const REVOKED: CertificateStatus = { status: 'revoked', revokedAt: new Date(0), reason: 'keyCompromise' };
const RESERVED: CertificateStatus = { status: 'reserved' };
const SERIAL = Buffer.of(0x17);

/** An inventory that answers when the test says so, the lease, and the clock that it runs by. */
class Bench {
  now = 0;
  /** What the inventory was asked for. */
  readonly asked: string[] = [];
  readonly lease = new FreshnessLease(LEASE_MS, { monotonicMs: () => this.now, wallMs: () => this.now });
  readonly memory: FencedCache<CertificateStatus | null>;
  readonly statuses: FencedStatuses;
  private readonly pending: { resolve(status: CertificateStatus | null): void; reject(error: Error): void }[] = [];

  constructor(maxBytes = 100_000) {
    this.memory = new FencedCache(this.lease, maxBytes);
    const inventory: Pick<CertificateStatusService, 'find'> = {
      find: (issuerId, serialNumber) => {
        this.asked.push(`${issuerId} ${serialNumber.toString('hex')}`);
        return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
      },
    };
    const node = { statuses: this.memory } as unknown as OcspNode;
    this.statuses = new FencedStatuses(node, inventory as CertificateStatusService);
  }

  renew(): this {
    this.lease.grant(this.lease.read());
    return this;
  }

  lapse(): void {
    this.now += LEASE_MS;
  }

  find(serialNumber = SERIAL, issuerId = 'iss'): CertificateStatus | Promise<CertificateStatus | null> {
    return this.statuses.find(issuerId, serialNumber);
  }

  async ask(): Promise<CertificateStatus | null> {
    return this.find();
  }

  /** Has the inventory answer its oldest question. */
  bring(status: CertificateStatus | null): void {
    this.pending.shift()!.resolve(status);
  }

  fail(): void {
    this.pending.shift()!.reject(new Error('the database is gone'));
  }

  /** Asks, and has the inventory answer at once. */
  async learn(status: CertificateStatus | null, serialNumber = SERIAL, issuerId = 'iss'): Promise<void> {
    const found = this.find(serialNumber, issuerId);
    this.bring(status);
    await found;
  }

  /** What a revocation in the feed does. */
  evict(serialNumber = SERIAL, issuerId = 'iss'): void {
    this.memory.evict(formatStatusKey(issuerId, serialNumber));
  }
}

describe('FencedStatuses', () => {
  it.each([
    ['good', GOOD],
    ['revoked', REVOKED],
  ])('asks the inventory once for what is %s, and then finds it at once', async (_, status) => {
    const bench = new Bench().renew();
    const first = bench.ask();
    bench.bring(status);
    await expect(first).resolves.toEqual(status);
    expect(bench.find()).toEqual(status);
    expect(bench.asked).toEqual(['iss 17']);
  });

  it.each([
    ['a serial number that was never given away', null],
    ['one that is reserved', RESERVED],
  ])('keeps nothing of %s: it may be issued in a moment', async (_, status) => {
    const bench = new Bench().renew();
    await bench.learn(status);
    expect(bench.memory.size).toBe(0);
    const again = bench.ask();
    bench.bring(GOOD);
    await expect(again).resolves.toEqual(GOOD);
    expect(bench.asked).toHaveLength(2);
  });

  it('lets no number of random serial numbers fill the memory, nor push anything out', async () => {
    const bench = new Bench(1000).renew();
    await bench.learn(GOOD);
    for (let serial = 1000; serial < 1100; serial++) await bench.learn(null, Buffer.of(serial >> 8, serial & 0xff));
    expect(bench.find()).toEqual(GOOD);
    expect(bench.memory.size).toBe(1);
  });

  it('keeps as many as its memory holds, and of these the last that were asked for', async () => {
    const bench = new Bench(1000).renew();
    const serials = Array.from({ length: 20 }, (_, index) => Buffer.of(index + 1));
    for (const serial of serials) await bench.learn(GOOD, serial);
    expect(bench.memory.size).toBeGreaterThan(1);
    expect(bench.memory.size).toBeLessThan(serials.length);
    expect(bench.memory.bytes).toBeLessThanOrEqual(1000);
    expect(bench.find(serials.at(-1))).toEqual(GOOD);
    expect(bench.find(serials[0])).toBeInstanceOf(Promise);
  });

  it('tells the certificates of one issuer from those of another, and serial numbers that begin alike', async () => {
    const bench = new Bench().renew();
    const longer = Buffer.of(...SERIAL, 0x3a);
    await bench.learn(GOOD);
    await bench.learn(REVOKED, SERIAL, 'iss-2');
    await bench.learn(REVOKED, longer);
    expect([bench.find(), bench.find(SERIAL, 'iss-2'), bench.find(longer)]).toEqual([GOOD, REVOKED, REVOKED]);
    bench.evict();
    expect([bench.find(SERIAL, 'iss-2'), bench.find(longer)]).toEqual([REVOKED, REVOKED]);
    expect(bench.find()).toBeInstanceOf(Promise);
  });

  it('asks once for all who want the same at the same time', async () => {
    const bench = new Bench().renew();
    const all = [bench.ask(), bench.ask(), bench.ask()];
    bench.bring(GOOD);
    await expect(Promise.all(all)).resolves.toEqual([GOOD, GOOD, GOOD]);
    expect(bench.asked).toHaveLength(1);
  });

  it('asks each time without a lease, lets nobody join, and keeps nothing', async () => {
    const bench = new Bench();
    const both = [bench.ask(), bench.ask()];
    expect(bench.asked).toHaveLength(2);
    bench.bring(GOOD);
    bench.bring(REVOKED);
    await expect(Promise.all(both)).resolves.toEqual([GOOD, REVOKED]);
    bench.renew();
    expect(bench.memory.size).toBe(0);
  });

  it('does not say what it held once the lease has lapsed, and does again when it is renewed', async () => {
    const bench = new Bench().renew();
    await bench.learn(GOOD);
    bench.lapse();
    const asking = bench.ask();
    expect(bench.asked).toHaveLength(2);
    bench.bring(REVOKED);
    await expect(asking).resolves.toEqual(REVOKED);
    bench.renew();
    expect(bench.find()).toEqual(GOOD);
  });

  it('asks again once a revocation has named the certificate', async () => {
    const bench = new Bench().renew();
    await bench.learn(GOOD);
    bench.evict();
    await bench.learn(REVOKED);
    expect(bench.find()).toEqual(REVOKED);
    expect(bench.asked).toHaveLength(2);
  });

  it('does not keep what it was reading when a revocation named the certificate, and lets nobody join that', async () => {
    const bench = new Bench().renew();
    const before = bench.ask();
    bench.evict();
    const after = bench.ask();
    expect(bench.asked).toHaveLength(2);
    bench.bring(GOOD);
    await expect(before).resolves.toEqual(GOOD);
    expect(bench.memory.size).toBe(0);
    bench.bring(REVOKED);
    await expect(after).resolves.toEqual(REVOKED);
    expect(bench.find()).toEqual(REVOKED);
  });

  it('fails all who wait when the inventory does, holds no status then, and asks anew', async () => {
    const bench = new Bench().renew();
    const all = [bench.ask(), bench.ask()];
    bench.fail();
    for (const failed of await Promise.allSettled(all)) {
      expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'the database is gone' } });
    }
    expect(bench.memory.size).toBe(0);
    await bench.learn(GOOD);
    expect(bench.find()).toEqual(GOOD);
  });
});
