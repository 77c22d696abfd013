import * as fc from 'fast-check';
import { SourceRateLimiter } from './source-rate-limiter.js';

interface Hands {
  now: number;
}

function limiterOf(perMinute: number, maxSources = 1024): { limiter: SourceRateLimiter; clock: Hands } {
  const clock = { now: 5_000 };
  return { limiter: new SourceRateLimiter({ perMinute, maxSources, nowMs: () => clock.now }), clock };
}

/** How many of so many requests at once are allowed. */
function allowedOf(limiter: SourceRateLimiter, address: string, requests: number): number {
  let allowed = 0;
  for (let i = 0; i < requests; i++) if (limiter.take(address) === 0) allowed++;
  return allowed;
}

const ipv4 = (index: number): string => `${index >>> 24}.${(index >>> 16) & 255}.${(index >>> 8) & 255}.${index & 255}`;

describe('SourceRateLimiter', () => {
  it('allows a minute’s worth at once and then says how long to wait', () => {
    const { limiter } = limiterOf(10);
    expect(allowedOf(limiter, '192.0.2.1', 10)).toBe(10);
    expect(limiter.take('192.0.2.1')).toBe(6);
  });

  it.each([1, 2, 7, 59, 60, 61, 1000, 59_999])('refills evenly: %d a minute, to the millisecond', (perMinute) => {
    const { limiter, clock } = limiterOf(perMinute);
    const start = clock.now;
    expect(allowedOf(limiter, '192.0.2.1', perMinute + 5)).toBe(perMinute);
    for (let refilled = 1; refilled <= Math.min(perMinute, 500); refilled++) {
      const due = start + Math.ceil((refilled * 60_000) / perMinute);
      if (Math.floor(((due - 1 - start) * perMinute) / 60_000) < refilled) {
        clock.now = due - 1;
        expect(limiter.take('192.0.2.1')).toBe(1);
      }
      clock.now = due;
      expect(limiter.take('192.0.2.1')).toBe(0);
    }
  });

  it('names a wait after which the request is allowed, and a shorter one would not do', () => {
    const { limiter, clock } = limiterOf(3);
    allowedOf(limiter, '192.0.2.1', 3);
    clock.now += 500;
    const wait = limiter.take('192.0.2.1');
    expect(wait).toBe(20);
    clock.now += (wait - 1) * 1000;
    expect(limiter.take('192.0.2.1')).toBe(1);
    clock.now += 1000;
    expect(limiter.take('192.0.2.1')).toBe(0);
  });

  it('takes back what is not to count, and never more than was taken', () => {
    const { limiter, clock } = limiterOf(10);
    allowedOf(limiter, '192.0.2.1', 10);
    limiter.giveBack('192.0.2.2');
    limiter.giveBack('no address');
    expect(limiter.take('192.0.2.1')).toBe(6);
    limiter.giveBack('192.0.2.1');
    expect(allowedOf(limiter, '192.0.2.1', 5)).toBe(1);
    for (let i = 0; i < 100; i++) limiter.giveBack('192.0.2.1');
    expect(allowedOf(limiter, '192.0.2.1', 100)).toBe(10);
    clock.now += 6000;
    expect(allowedOf(limiter, '192.0.2.1', 100)).toBe(1);
    const off = new SourceRateLimiter({ perMinute: 0, maxSources: 8, nowMs: () => 0 });
    off.giveBack('192.0.2.1');
    expect(off.take('192.0.2.1')).toBe(0);
  });

  it('never holds more than a minute’s worth, and charges nothing for a refusal', () => {
    const { limiter, clock } = limiterOf(20);
    expect(allowedOf(limiter, '192.0.2.1', 5000)).toBe(20);
    clock.now += 3_600_000;
    expect(allowedOf(limiter, '192.0.2.1', 5000)).toBe(20);
    clock.now += 30_000;
    expect(allowedOf(limiter, '192.0.2.1', 5000)).toBe(10);
  });

  it.each([
    ['an IPv4 address and its IPv4-mapped form', '192.0.2.1', '::ffff:192.0.2.1', true],
    ['two spellings of an address', '2001:db8::1', '2001:0DB8:0:0:0:0:0:1', true],
    ['two addresses of one /64', '2001:db8:0:7::1', '2001:db8:0:7:ffff:ffff:ffff:ffff', true],
    ['a link-local address with and without its zone', 'fe80::1%eth0', 'fe80::2', true],
    ['two /64 of one /48', '2001:db8:0:7::1', '2001:db8:0:8::1', false],
    ['two IPv4 neighbours', '192.0.2.1', '192.0.2.2', false],
    ['an IPv4 address and the IPv6 address with its bits', '192.0.2.1', '::192.0.2.1', false],
    ['two IPv4-mapped addresses', '::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ])('%s: %s, %s share an allowance: %p', (_, first, second, shared) => {
    const { limiter } = limiterOf(5);
    allowedOf(limiter, first, 5);
    expect(limiter.take(second) > 0).toBe(shared);
  });

  it('does nothing at 0 a minute', () => {
    const { limiter } = limiterOf(0);
    expect(allowedOf(limiter, '192.0.2.1', 10_000)).toBe(10_000);
    expect(limiter.size).toBe(0);
  });

  it.each(['', 'unknown', '192.0.2.1:443', '[2001:db8::1]', '1'.repeat(100_000), undefined as unknown as string])(
    'allows what is no address',
    (text) => {
      const { limiter } = limiterOf(1);
      expect(allowedOf(limiter, text, 3)).toBe(3);
      expect(limiter.size).toBe(0);
    },
  );

  it.each([-1, 1.5, NaN, Infinity])('refuses to be made with %p', (value) => {
    expect(() => limiterOf(value)).toThrow(RangeError);
    expect(() => limiterOf(1, value)).toThrow(RangeError);
  });

  it('counts the sources whose allowance is not whole', () => {
    const { limiter, clock } = limiterOf(60);
    for (let i = 0; i < 50; i++) limiter.take(ipv4(i));
    allowedOf(limiter, ipv4(0), 30);
    expect(limiter.size).toBe(50);
    clock.now += 1000;
    expect(limiter.size).toBe(1);
    clock.now += 30_000;
    expect(limiter.size).toBe(0);
  });

  it('keeps what it allows within the bucket’s bounds at any times and from any sources', () => {
    const request = fc.record({ source: fc.nat(4), pause: fc.oneof(fc.constant(0), fc.nat(20_000)) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(request, { maxLength: 300 }), (perMinute, requests) => {
        const { limiter, clock } = limiterOf(perMinute);
        const buckets = new Map<number, { tokens: number; at: number }>();
        for (const { source, pause } of requests) {
          clock.now += pause;
          // Tokens are counted in 60,000ths, so that the reference is exact as well.
          const bucket = buckets.get(source) ?? { tokens: perMinute * 60_000, at: clock.now };
          const refilled = bucket.tokens + (clock.now - bucket.at) * perMinute;
          const tokens = Math.min(perMinute * 60_000, refilled);
          const allowed = tokens >= 60_000;
          const wait = allowed ? 0 : Math.ceil((60_000 - tokens) / perMinute / 1000);
          expect(limiter.take(`198.51.100.${source}`)).toBe(wait);
          buckets.set(source, { tokens: allowed ? tokens - 60_000 : tokens, at: clock.now });
        }
      }),
    );
  });
});

describe('SourceRateLimiter and its clock', () => {
  it('neither refills nor forgets while the clock stands still', () => {
    const { limiter } = limiterOf(100);
    expect(allowedOf(limiter, '192.0.2.1', 100_000)).toBe(100);
    expect(limiter.take('192.0.2.2')).toBe(0);
  });

  it('goes on from where it was when the clock jumps back', () => {
    const { limiter, clock } = limiterOf(60);
    allowedOf(limiter, '192.0.2.1', 60);
    clock.now -= 86_400_000;
    expect(limiter.take('192.0.2.1')).toBe(1);
    clock.now += 1000;
    expect(limiter.take('192.0.2.1')).toBe(0);
    expect(limiter.take('192.0.2.1')).toBe(1);
  });

  it('refills once, no more, when the clock jumps ahead', () => {
    const { limiter, clock } = limiterOf(60);
    allowedOf(limiter, '192.0.2.1', 60);
    clock.now += 1e12;
    expect(allowedOf(limiter, '192.0.2.1', 1000)).toBe(60);
  });

  it.each([
    ['is no number', () => NaN],
    ['is infinite', () => Infinity],
    [
      'throws',
      () => {
        throw new Error('no clock');
      },
    ],
  ])('allows while the clock %s, and limits again after that', (_, broken) => {
    let nowMs: () => number = () => 1000;
    const limiter = new SourceRateLimiter({ perMinute: 2, maxSources: 64, nowMs: () => nowMs() });
    expect(allowedOf(limiter, '192.0.2.1', 3)).toBe(2);
    nowMs = broken;
    expect(allowedOf(limiter, '192.0.2.1', 10)).toBe(10);
    expect(limiter.size).toBe(1);
    nowMs = () => 1001;
    expect(limiter.take('192.0.2.1')).toBe(30);
  });

  it('never refuses one that keeps within its allowance, however the clock moves', () => {
    const step = fc.integer({ min: -100_000, max: 100_000 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { limiter, clock } = limiterOf(60);
        for (const by of steps) {
          clock.now += by;
          expect(limiter.take('192.0.2.1')).toBe(0);
        }
      }),
    );
  });
});

describe('SourceRateLimiter under an attack from many addresses', () => {
  const MANY = 1_000_000;

  it.each([1, 7, 8, 100, 4096])('remembers at most %d sources', (maxSources) => {
    const { limiter } = limiterOf(10, maxSources);
    for (let i = 0; i < 20_000; i++) limiter.take(ipv4(i));
    expect(limiter.size).toBeLessThanOrEqual(maxSources);
    expect(limiter.size).toBeGreaterThan(maxSources * 0.8);
  });

  it('stays within its memory over a million addresses of either family', () => {
    const { limiter } = limiterOf(10, 4096);
    const before = process.memoryUsage().arrayBuffers;
    let refused = 0;
    for (let i = 0; i < MANY / 2; i++) {
      if (limiter.take(ipv4(i * 8191)) !== 0) refused++;
      if (limiter.take(`2001:db8:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`) !== 0) refused++;
    }
    expect(refused).toBe(0);
    expect(limiter.size).toBe(4096);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it('keeps the source that has used the most limited while a million others pass', () => {
    const { limiter } = limiterOf(100, 1024);
    allowedOf(limiter, '192.0.2.1', 100);
    for (let i = 0; i < MANY; i++) {
      limiter.take(ipv4(0x0a000000 + i));
      if (i % 1000 === 0 && limiter.take('192.0.2.1') === 0) throw new Error('its allowance was given back');
    }
    expect(limiter.take('192.0.2.1')).toBe(1);
  });

  it('never refuses a source that keeps within its allowance, while others fill the table with theirs used up', () => {
    const { limiter, clock } = limiterOf(60, 64);
    let refused = 0;
    for (let second = 0; second < 300; second++) {
      clock.now += 1000;
      if (limiter.take('192.0.2.1') !== 0) refused++;
      for (let i = 0; i < 1000; i++) allowedOf(limiter, ipv4(0x0a000000 + (i % 200)), 3);
    }
    expect(refused).toBe(0);
  });

  it('limits each of many sources exactly while the table has room', () => {
    const { limiter } = limiterOf(5, 65_536);
    let allowed = 0;
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 2000; i++) if (limiter.take(`2001:db8:${i.toString(16)}::1`) === 0) allowed++;
    }
    expect(allowed).toBe(10_000);
  });

  it('spreads neighbouring addresses over the whole table', () => {
    const { limiter } = limiterOf(5, 8192);
    for (let i = 0; i < 4096; i++) limiter.take(ipv4(i << 16));
    expect(limiter.size).toBeGreaterThan(3900);
  });
});
