import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { createClientAddressResolver } from './client-address.js';

const PROXY = '10.0.0.1';
const resolve = createClientAddressResolver(['10.0.0.0/8', '2001:db8:ffff::/48', '::1', 'fe80::/10']);

const requestOf = (remoteAddress: string | undefined, headers: IncomingHttpHeaders = {}): IncomingMessage =>
  ({ socket: { remoteAddress, remotePort: 40_000 }, headers }) as unknown as IncomingMessage;

const xff = (header: string): string => resolve(requestOf(PROXY, { 'x-forwarded-for': header }));
const forwarded = (header: string): string => resolve(requestOf(PROXY, { forwarded: header }));

describe('createClientAddressResolver', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    [undefined, ''],
  ])('takes the peer %p for %p when there is no header', (peer, client) => {
    expect(resolve(requestOf(peer))).toBe(client);
    expect(createClientAddressResolver([])(requestOf(peer))).toBe(client);
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '11.0.0.1', undefined])(
    'ignores every header of the untrusted peer %p',
    (peer) => {
      const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
      expect(resolve(requestOf(peer, headers))).toBe(resolve(requestOf(peer)));
      const alone = createClientAddressResolver([]);
      expect(alone(requestOf(peer, headers))).toBe(alone(requestOf(peer)));
    },
  );

  it.each(['10.0.0.1', '::ffff:10.255.0.1', '2001:db8:ffff:1::1', '::1', 'fe80::1%eth0'])(
    'reads the headers of the trusted peer %p',
    (peer) => {
      expect(resolve(requestOf(peer, { 'x-forwarded-for': '203.0.113.9' }))).toBe('203.0.113.9');
      expect(resolve(requestOf(peer, { forwarded: 'for=203.0.113.9' }))).toBe('203.0.113.9');
    },
  );

  it('remembers the peer of a socket, not what its requests carried', () => {
    const socket = { remoteAddress: PROXY };
    const ask = (headers: IncomingHttpHeaders): string => resolve({ socket, headers } as unknown as IncomingMessage);
    expect(ask({ 'x-forwarded-for': '203.0.113.9' })).toBe('203.0.113.9');
    socket.remoteAddress = undefined as unknown as string;
    expect(ask({ 'x-forwarded-for': '203.0.113.10' })).toBe('203.0.113.10');
    expect(ask({})).toBe(PROXY);
  });

  it('does not remember a socket that had no peer', () => {
    const request = requestOf(undefined);
    expect(resolve(request)).toBe('');
    Object.assign(request.socket, { remoteAddress: '192.0.2.1' });
    expect(resolve(request)).toBe('192.0.2.1');
  });

  it('does not look at the headers at all when the peer is not trusted', () => {
    const request = {
      socket: { remoteAddress: '192.0.2.1' },
      get headers(): never {
        throw new Error('looked at');
      },
    } as unknown as IncomingMessage;
    expect(resolve(request)).toBe('192.0.2.1');
  });

  it('refuses an entry that is neither an address nor a CIDR, by name', () => {
    expect(() => createClientAddressResolver(['10.0.0.0/8', 'proxy.example'])).toThrow(/entry 2, "proxy.example"/);
  });
});

describe('X-Forwarded-For from a trusted proxy', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:50001', '203.0.113.9'],
    ['203.0.113.9:50002', '203.0.113.9'],
    ['2001:DB8:0::9', '2001:db8::9'],
    ['[2001:db8::9]', '2001:db8::9'],
    ['[2001:db8::9]:443', '2001:db8::9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['[::ffff:203.0.113.9]:1', '203.0.113.9'],
    ['  203.0.113.9\t', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1,203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.2:80, ::ffff:10.0.0.3, [2001:db8:ffff::1]:80', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9, 10.0.0.2, 10.0.0.3', '203.0.113.9'],
    ['10.0.0.9, 10.0.0.2', '10.0.0.9'],
    ['10.0.0.9', '10.0.0.9'],
  ])('%p is %p', (header, client) => {
    expect(xff(header)).toBe(client);
  });

  it.each([
    ['no client', ', 203.0.113.9'],
    ['nonsense', 'nonsense, 203.0.113.9'],
    ['an open quote', '", 203.0.113.9'],
    ['a forged trusted hop', '198.51.100.1, 10.0.0.7, 203.0.113.9'],
    ['sixteen thousand characters', `${'10.0.0.2, '.repeat(1600)}203.0.113.9`],
    ['sixteen thousand commas', `${','.repeat(16_000)} 203.0.113.9`],
    ['an endless address', `${'1'.repeat(16_000)}, 203.0.113.9`],
  ])('is not led astray by %s that the client has put in front', (_, header) => {
    expect(xff(header)).toBe('203.0.113.9');
  });

  it.each([
    ['empty', ''],
    ['blank', '  '],
    ['a hostname', 'client.example'],
    ['unknown', 'unknown'],
    ['an obfuscated identifier', '_hidden'],
    ['a port out of shape', '203.0.113.9:http'],
    ['an empty port', '203.0.113.9:'],
    ['a port too long', '203.0.113.9:123456'],
    ['IPv4 in brackets', '[203.0.113.9]'],
    ['a bracket left open', '[2001:db8::9'],
    ['text after the bracket', '[2001:db8::9]x'],
    ['a zone', 'fe80::9%eth0'],
    ['quotes', '"203.0.113.9"'],
    ['two addresses without a comma', '198.51.100.1 203.0.113.9'],
    ['an octet too great', '203.0.113.256'],
    ['a leading zero', '203.0.113.09'],
    ['nothing after the last comma', '203.0.113.9,'],
    ['nothing between trusted hops', '203.0.113.9, , 10.0.0.2'],
    ['nonsense behind a trusted hop', '203.0.113.9, nonsense, 10.0.0.2'],
    ['more trusted hops than are read', `203.0.113.9${', 10.0.0.2'.repeat(32)}`],
    ['more characters than are read', `203.0.113.9,${' '.repeat(3000)}10.0.0.2`],
    ['a hop behind more blanks than are read', `${' '.repeat(3000)}203.0.113.9`],
    ['one endless hop', '1'.repeat(16_000)],
  ])('leaves the peer when it is malformed: %s', (_, header) => {
    expect(xff(header)).toBe(PROXY);
  });

  it('is read up to its thirty-second hop', () => {
    expect(xff(`203.0.113.9${', 10.0.0.2'.repeat(31)}`)).toBe('203.0.113.9');
  });
});

describe('Forwarded from a trusted proxy', () => {
  it.each([
    ['for=203.0.113.9', '203.0.113.9'],
    ['For=203.0.113.9', '203.0.113.9'],
    ['for="203.0.113.9"', '203.0.113.9'],
    ['for="203.0.113.9:47011"', '203.0.113.9'],
    ['for="203.0.113.9:_port"', '203.0.113.9'],
    ['for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="[2001:DB8:cafe:0::17]:_obf"', '2001:db8:cafe::17'],
    ['for="[::ffff:203.0.113.9]"', '203.0.113.9'],
    ['for=203.0.113.9;proto=http;by=203.0.113.43', '203.0.113.9'],
    ['proto=https; by="_secret" ; for=203.0.113.9 ; host=pki.example', '203.0.113.9'],
    ['for=203.0.113.9;;proto=https;', '203.0.113.9'],
    ['host="a,b;for=198.51.100.1";for=203.0.113.9', '203.0.113.9'],
    ['for=198.51.100.1, for=203.0.113.9', '203.0.113.9'],
    ['for=203.0.113.9,for=10.0.0.2;by="a,b", for="[2001:db8:ffff::1]:80"', '203.0.113.9'],
    ['for=10.0.0.9, for=10.0.0.2', '10.0.0.9'],
    ['for=unknown, for=203.0.113.9', '203.0.113.9'],
    ['for="_gazonk", for=203.0.113.9, for=10.0.0.2', '203.0.113.9'],
  ])('%p is %p', (header, client) => {
    expect(forwarded(header)).toBe(client);
  });

  it.each([
    ['an open quote', 'for="198.51.100.1, for=203.0.113.9'],
    ['an open quote in another parameter', 'for=198.51.100.1;host="x, for=203.0.113.9;proto=https'],
    ['an escaped quote', 'for="198.51.100.1\\", for=203.0.113.9'],
    ['a quote opened before a quoted address', 'host=", for="203.0.113.9:1"'],
    ['sixteen thousand quotes', `${'"'.repeat(15_999)}, for=203.0.113.9`],
  ])('is not led astray by %s that the client has put in front', (_, header) => {
    expect(forwarded(header)).toBe('203.0.113.9');
  });

  it.each([
    ['empty', ''],
    ['no parameter', '203.0.113.9'],
    ['no for', 'proto=https;by=203.0.113.43'],
    ['an empty for', 'for='],
    ['an empty quoted for', 'for=""'],
    ['unknown', 'for=unknown'],
    ['an obfuscated identifier', 'for="_hidden"'],
    ['two for', 'for=203.0.113.9;for=198.51.100.1'],
    ['IPv6 without quotes', 'for=[2001:db8::9]'],
    ['IPv6 without brackets', 'for="2001:db8::9"'],
    ['a port without quotes', 'for=203.0.113.9:80'],
    ['a quote left open', 'for="203.0.113.9'],
    ['a quoted pair', 'for="203.0.113\\.9"'],
    ['blanks around the equals sign', 'for = 203.0.113.9'],
    ['two values', 'for=203.0.113.9 198.51.100.1'],
    ['nothing after the last comma', 'for=203.0.113.9,'],
    ['an unknown hop behind a trusted one', 'for=203.0.113.9, for=unknown, for=10.0.0.2'],
    ['many blanks', `for=203.0.113.9${' '.repeat(2000)}x`],
  ])('leaves the peer when it names no address: %s', (_, header) => {
    expect(forwarded(header)).toBe(PROXY);
  });
});

describe('both headers from a trusted proxy', () => {
  const both = (older: string, newer: string): string =>
    resolve(requestOf(PROXY, { 'x-forwarded-for': older, forwarded: newer }));

  it('are believed when they name one client', () => {
    expect(both('203.0.113.9', 'for="203.0.113.9:80";proto=https')).toBe('203.0.113.9');
    expect(both('2001:DB8::9', 'for="[2001:db8:0::9]"')).toBe('2001:db8::9');
  });

  it.each([
    ['the client wrote the older', '198.51.100.1', 'for=203.0.113.9'],
    ['the client wrote the newer', '203.0.113.9', 'for=198.51.100.1'],
    ['the older is malformed', 'nonsense', 'for=203.0.113.9'],
    ['the newer is malformed', '203.0.113.9', 'nonsense'],
    ['both are malformed', 'nonsense', 'nonsense'],
  ])('leave the peer when they disagree: %s', (_, older, newer) => {
    expect(both(older, newer)).toBe(PROXY);
  });
});

describe('any header', () => {
  // Neither 203.0.113.0/24 nor 2001:db8:1::/48 is trusted; the groups are spelled as a socket spells them.
  const untrusted = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 255 })).map(([ipv4, host]) => {
    return ipv4 ? `203.0.113.${host}` : `2001:db8:1::${host.toString(16)}`;
  });
  const trustedHops = fc.array(fc.constantFrom('10.0.0.2', '2001:db8:ffff::5', '::1'), { maxLength: 6 });
  const node = (address: string): string => (address.includes(':') ? `"[${address}]"` : address);

  it('yields what the nearest trusted proxies wrote, whatever stands in front of it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), untrusted, trustedHops, (forged, client, hops) => {
        expect(xff([forged, client, ...hops].join(', '))).toBe(client);
        expect(forwarded([forged, ...[client, ...hops].map((hop) => `for=${node(hop)}`)].join(', '))).toBe(client);
      }),
    );
  });

  it('yields an address, and throws nothing', () => {
    const pieces = fc.constantFrom(
      'for=',
      '"',
      ',',
      ';',
      '[',
      ']',
      ':',
      '1.2.3.4',
      '10.0.0.2',
      '::1',
      '\\',
      ' ',
      'x',
      '=',
      '%',
    );
    const header = fc.oneof(fc.string(), fc.string({ unit: pieces, maxLength: 20 }));
    fc.assert(
      fc.property(header, header, (older, newer) => {
        for (const headers of [
          { 'x-forwarded-for': older },
          { forwarded: newer },
          { 'x-forwarded-for': older, forwarded: newer },
        ]) {
          expect(isIP(resolve(requestOf(PROXY, headers)))).not.toBe(0);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
