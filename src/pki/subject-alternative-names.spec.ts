import { isIPv4, isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { PkiError } from './pki-error.js';
import {
  findIpAddressBytes,
  findIpAddressText,
  NO_NAMES,
  validateSubjectAlternativeNames,
} from './subject-alternative-names.js';

type Names = Parameters<typeof validateSubjectAlternativeNames>[0];

function refusalOf(names: Names): string {
  try {
    validateSubjectAlternativeNames(names);
  } catch (error) {
    if (error instanceof PkiError && error.code === 'invalid_name') return error.message;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(names)}`);
}

const label63 = 'a'.repeat(63);
const dns253 = `${`${label63}.`.repeat(3)}${'b'.repeat(61)}`;

describe('validateSubjectAlternativeNames', () => {
  it('gives every name its canonical form, drops duplicates and keeps the order', () => {
    const names = validateSubjectAlternativeNames({
      dns: ['WWW.Example.com', 'a.example', 'www.example.com'],
      ip: ['2001:0DB8:0:0:0:0:0:1', '192.0.2.1', '2001:db8::1'],
      email: ['Postmaster@EXAMPLE.com', 'Postmaster@example.com'],
      uri: ['HTTPS://Example.com:8443/A?b=C#d', 'spiffe://trust.example/workload'],
    });
    expect(names).toEqual({
      dns: ['www.example.com', 'a.example'],
      ip: ['2001:db8::1', '192.0.2.1'],
      email: ['Postmaster@example.com'],
      uri: ['https://example.com:8443/A?b=C#d', 'spiffe://trust.example/workload'],
    });
    expect(validateSubjectAlternativeNames(names)).toEqual(names);
  });

  it('accepts no names at all', () => {
    expect(validateSubjectAlternativeNames({})).toEqual(NO_NAMES);
    expect(validateSubjectAlternativeNames({ dns: undefined })).toEqual(NO_NAMES);
  });

  it.each(['localhost', 'db', '*.example.com', 'xn--mnchen-3ya.example', '3com.example', 'a--b.example', dns253])(
    'accepts the DNS name %s',
    (name) => {
      expect(validateSubjectAlternativeNames({ dns: [name] }).dns).toEqual([name]);
    },
  );

  it.each([
    ['', /must not be empty/],
    ['.', /must not end with a dot/],
    ['example.com.', /must not end with a dot/],
    ['.example.com', /label must not be empty/],
    ['a..b', /label must not be empty/],
    [`${label63}a.example`, /at most 63/],
    [`${dns253}b`, /at most 253/],
    ['-a.example', /hyphen at either end/],
    ['a-.example', /hyphen at either end/],
    ['under_score.example', /underscore/],
    ['*', /leftmost label/],
    ['*.example', /two labels behind/],
    ['*.', /must not end with a dot/],
    ['a.*.example.com', /leftmost label/],
    ['w*.example.com', /leftmost label/],
    ['*.*.example.com', /leftmost label/],
    ['**.example.com', /leftmost label/],
    ['192.0.2.1', /give IP addresses as ip names/],
    ['127.1', /give IP addresses as ip names/],
    ['10', /give IP addresses as ip names/],
    ['0x7f000001', /give IP addresses as ip names/],
    ['a.0x1', /give IP addresses as ip names/],
    ['::1', /letters, digits and hyphens/],
    ['[::1]', /letters, digits and hyphens/],
    ['münchen.example', /xn-- form/],
    ['ex\u0430mple.com', /xn-- form/],
    ['example\u3002com', /xn-- form/],
    ['a\u202egpj.example', /\\u202egpj.*xn-- form/],
    ['a\0.example', /printable ASCII/],
    ['a\n.example', /printable ASCII/],
    [' example.com', /printable ASCII/],
    ['exa mple.com', /printable ASCII/],
    ['example.com:443', /letters, digits and hyphens/],
    ['https://example.com', /letters, digits and hyphens/],
    ['example.com/x', /letters, digits and hyphens/],
    ['a@example.com', /letters, digits and hyphens/],
  ])('refuses the DNS name %j', (name, rule) => {
    const message = refusalOf({ dns: [name] });
    expect(message).toMatch(/^The dns name "/);
    expect(message).toMatch(rule);
    expect(message).toMatch(/^[\x20-\x7e…]*$/);
  });

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:C000:0221', '::ffff:192.0.2.33'],
    ['::ffff:192.0.2.33', '::ffff:192.0.2.33'],
    ['0:0:0:0:0:0:0:0', '::'],
  ])('writes the address %s as %s', (given, canonical) => {
    expect(validateSubjectAlternativeNames({ ip: [given] }).ip).toEqual([canonical]);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.0x4',
    '1.2.3.4 ',
    '1.2.3.-4',
    ':',
    ':::',
    '1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    ':1::',
    '::1:',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::01.2.3.4',
    '[::1]',
    'fe80::1%eth0',
    '10.0.0.0/8',
    'example.com',
    '1'.repeat(5000),
  ])('refuses the address %j', (address) => {
    expect(refusalOf({ ip: [address] })).toMatch(/^The ip name "/);
    expect(findIpAddressText(findIpAddressBytes(address) ?? Buffer.alloc(0))).toBeNull();
  });

  it('reads and writes every IPv6 address to the same 16 octets', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Buffer.concat(groups.map((value) => Buffer.from([value >> 8, value & 255])));
        const text = findIpAddressText(bytes) ?? '';
        expect(isIPv6(text)).toBe(true);
        expect(findIpAddressBytes(text)).toEqual(bytes);
      }),
    );
  });

  it('knows the same addresses as node:net', () => {
    const piece = fc.constantFrom('0', '1', '10', '255', '256', '00', 'ffff', 'abcd', '12345', '.', ':', '::', 'g');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
        const text = pieces.join('');
        expect(findIpAddressBytes(text) !== null).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['example.com', /local-part@domain/],
    ['@example.com', /dot-atom/],
    ['a@', /must not be empty/],
    ['a@b@example.com', /dot-atom/],
    ['a..b@example.com', /dot-atom/],
    ['.a@example.com', /dot-atom/],
    ['"a b"@example.com', /printable ASCII/],
    ['"a"@example.com', /dot-atom/],
    ['a@[192.0.2.1]', /letters, digits and hyphens/],
    ['a@192.0.2.1', /IP addresses/],
    ['a@*.example.com', /wildcard/],
    ['jürgen@example.com', /xn-- form/],
    ['a\r\nBcc:b@example.com', /printable ASCII/],
    [`${'a'.repeat(65)}@example.com`, /at most 64/],
    [`a@${dns253}`, /at most 254/],
    ['Name <a@example.com>', /printable ASCII/],
  ])('refuses the e-mail address %j', (email, rule) => {
    expect(refusalOf({ email: [email] })).toMatch(rule);
  });

  it.each([
    ['https://example.com', 'https://example.com'],
    ['ldap://[2001:DB8::1]:389/cn=x', 'ldap://[2001:db8::1]:389/cn=x'],
    ['urn+x://192.0.2.1/?q=%20#frag', 'urn+x://192.0.2.1/?q=%20#frag'],
  ])('accepts the URI %s', (uri, canonical) => {
    expect(validateSubjectAlternativeNames({ uri: [uri] }).uri).toEqual([canonical]);
  });

  it.each([
    ['', /absolute/],
    ['/path', /absolute/],
    ['example.com/path', /absolute/],
    ['mailto:a@example.com', /absolute/],
    ['urn:uuid:1', /absolute/],
    ['//example.com', /absolute/],
    ['1http://example.com', /absolute/],
    ['file:///etc/passwd', /must have a host/],
    ['http://', /must have a host/],
    ['http://:80/', /must have a host/],
    ['http://example.com:/', /port/],
    ['http://example.com:65536/', /port/],
    ['http://example.com:80:80/', /must have a host/],
    ['http://user@example.com/', /user information/],
    ['http://user:pw@example.com/', /user information/],
    ['http://exa_mple.com/', /underscore/],
    ['http://*.example.com/', /wildcard/],
    ['http://256.1.1.1/', /number/],
    ['http://[::1/', /must have a host/],
    ['http://[1.2.3.4]/', /not an IPv6 address/],
    ['http://example.com/a b', /printable ASCII/],
    ['http://example.com/ü', /xn-- form/],
    ['http://example.com/%zz', /percent-encoded/],
    ['http://example.com/<', /percent-encoded/],
    ['http://example.com/#a#b', /percent-encoded/],
    ['http://example.com\\@evil.example/', /user information|letters, digits/],
    [`http://example.com/${'a'.repeat(2048)}`, /at most 2048/],
  ])('refuses the URI %j', (uri, rule) => {
    const message = refusalOf({ uri: [uri] });
    expect(message).toMatch(rule);
    expect(message.length).toBeLessThan(400);
  });

  it('accepts 1000 names together and says so where there are more', () => {
    const dns = Array.from({ length: 999 }, (_, index) => `host-${index}.example`);
    expect(validateSubjectAlternativeNames({ dns, ip: ['::1'] }).dns).toHaveLength(999);
    expect(refusalOf({ dns, ip: ['::1', '::2'] })).toMatch(/There are 1001 .* at most 1000/);
  });

  it('throws nothing but PkiError for any text, and leaves no control character in a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const kind of ['dns', 'ip', 'email', 'uri'] as const) {
          try {
            expect(validateSubjectAlternativeNames({ [kind]: [text] })[kind][0]).toMatch(/^[\x21-\x7e]+$/);
          } catch (error) {
            if (!(error instanceof PkiError)) throw error;
            expect(error.message).toMatch(/^[\x20-\x7e…]*$/);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
