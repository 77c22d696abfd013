import * as fc from 'fast-check';
import { createProxyMatcher, findCanonicalAddress, parseTrustedProxies, unmapIpv4 } from './trusted-proxies.js';

describe('unmapIpv4', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:0:192.0.2.1', '::ffff:0:192.0.2.1'],
    ['::ffff:1', '::ffff:1'],
    ['', ''],
  ])('%p is %p', (address, plain) => {
    expect(unmapIpv4(address)).toBe(plain);
  });
});

describe('findCanonicalAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0001', '2001:db8::1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::', '::'],
  ])('%s is %s', (text, address) => {
    expect(findCanonicalAddress(text)).toBe(address);
  });

  it.each(['', 'unknown', '192.0.2', '192.0.2.01', '192.0.2.1:80', '[::1]', 'fe80::1%eth0', '::1/128', ' ::1'])(
    'refuses %p',
    (text) => {
      expect(findCanonicalAddress(text)).toBeNull();
    },
  );

  it('gives one text to all spellings, and takes its own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = findCanonicalAddress(text)!;
        expect(findCanonicalAddress(address)).toBe(address);
        expect(findCanonicalAddress(text.toUpperCase())).toBe(address);
      }),
    );
  });
});

describe('parseTrustedProxies', () => {
  it.each([
    ['', []],
    [' \n', []],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8,fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    [' 10.0.0.0/8 , ::1\n192.168.0.0/16,', ['10.0.0.0/8', '::1', '192.168.0.0/16']],
    ['0.0.0.0/1 128.0.0.0/1', ['0.0.0.0/1', '128.0.0.0/1']],
    ['::ffff:10.0.0.0/104', ['::ffff:10.0.0.0/104']],
  ])('reads %p', (text, proxies) => {
    expect(parseTrustedProxies(text)).toEqual({ proxies });
  });

  it.each([
    ['10.0.0.0/33', 1, '10.0.0.0/33'],
    ['10.0.0.0/8, 10.1', 2, '10.1'],
    ['10.0.0.0/', 1, '10.0.0.0/'],
    ['10.0.0.0/-1', 1, '10.0.0.0/-1'],
    ['10.0.0.0/8/8', 1, '10.0.0.0/8/8'],
    ['10.0.0.0/8;fd00::/8', 1, '10.0.0.0/8;fd00::/8'],
    ['::1 localhost', 2, 'localhost'],
    ['fd00::/129', 1, 'fd00::/129'],
    ['[::1]', 1, '[::1]'],
    ['10.0.0.1:80', 1, '10.0.0.1:80'],
    ['fe80::1%eth0', 1, 'fe80::1%eth0'],
    ['::1, *', 2, '*'],
    ['loopback', 1, 'loopback'],
  ])('%p is refused for entry %d, which it shows', (text, position, entry) => {
    const result = parseTrustedProxies(text);
    expect(result).toEqual({
      fault: `must be addresses or CIDRs of at least /1: entry ${position}, "${entry}", is not`,
    });
    expect(() => createProxyMatcher(text.split(/[\s,]+/))).toThrow(RangeError);
  });

  it.each(['0.0.0.0/0', '::/0', '::ffff:0:0/96', '::ffff:0:0/90'])('does not let %s trust everybody', (entry) => {
    expect(parseTrustedProxies(entry)).toHaveProperty('fault', expect.stringContaining(entry));
  });

  it('bounds the number of entries, and what a fault shows', () => {
    expect(parseTrustedProxies('::1 '.repeat(1000))).toHaveProperty('proxies.length', 1000);
    expect(parseTrustedProxies('::1 '.repeat(1001))).toEqual({ fault: 'must have at most 1000 entries' });
    expect((parseTrustedProxies('x'.repeat(10_000)) as { fault: string }).fault.length).toBeLessThan(150);
  });

  it('either gives proxies that a matcher takes, or a fault', () => {
    const pieces = fc.constantFrom('10.0.0.0', '::', 'ffff:', '1', '/', '8', '128', ',', ' ', '.', 'x', '%');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: pieces, maxLength: 12 })), (text) => {
        const result = parseTrustedProxies(text);
        if ('proxies' in result) expect(createProxyMatcher(result.proxies)('192.0.2.1')).toBe(false);
        else expect(result.fault).not.toBe('');
      }),
    );
  });
});

describe('createProxyMatcher', () => {
  const isTrusted = createProxyMatcher([
    '10.0.0.0/8',
    '192.0.2.7',
    '2001:db8:1::/48',
    '::1',
    '::ffff:198.51.100.0/120',
  ]);

  it.each([
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:1:ffff::1', true],
    ['2001:db8:2::', false],
    ['::1', true],
    ['::2', false],
    ['198.51.100.255', true],
    ['198.51.101.0', false],
    ['', false],
  ])('%p: %p', (address, trusted) => {
    expect(isTrusted(address)).toBe(trusted);
  });

  it('does not take a prefix of IPv6 for IPv4 addresses, whose mapped form it covers', () => {
    expect(createProxyMatcher(['::/8'])('192.0.2.1')).toBe(false);
  });

  it('compares exactly the bits of the prefix', () => {
    const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(octets, fc.integer({ min: 1, max: 128 }), fc.nat(127), fc.boolean(), (bytes, length, flip, ipv4) => {
        const width = ipv4 ? 32 : 128;
        const prefix = Math.min(length, width);
        const bit = flip % width;
        // 2000::/4, so that no address is an IPv4-mapped one.
        const network = Uint8Array.from(bytes.slice(0, width / 8));
        if (!ipv4) network[0] = 0x20;
        const address = Uint8Array.from(network);
        address[bit >> 3]! ^= 0x80 >> (bit & 7);
        const matcher = createProxyMatcher([`${textOf(network)}/${prefix}`]);
        expect(matcher(textOf(network))).toBe(true);
        expect(matcher(textOf(address))).toBe(bit >= prefix);
      }),
    );
  });
});

function textOf(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  return Buffer.from(address)
    .toString('hex')
    .replace(/(.{4})(?!$)/g, '$1:');
}
