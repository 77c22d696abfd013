import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { RelativeDistinguishedNames } from 'pkijs';
import { oid, sequence, set, tlv } from './der-writer.js';
import {
  checkDistinguishedName,
  distinguishedNameFromAttributes,
  distinguishedNameFromText,
  findCommonName,
  formatDistinguishedName,
} from './distinguished-name.js';
import { PkiError } from './pki-error.js';

const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const TELETEX = 0x14;
const BMP = 0x1e;
const CN = '2.5.4.3';

function nameOf(...attributes: [type: string, tag: number, contents: Buffer | string][]): Buffer {
  return sequence(
    ...attributes.map(([type, tag, contents]) => set(sequence(oid(type), tlv(tag, Buffer.from(contents as string))))),
  );
}

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PkiError && error.code === 'invalid_name') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('distinguishedNameFromText', () => {
  it('puts the last RDN of the string first, a PrintableString for the country and UTF8Strings otherwise', () => {
    const { der, text } = distinguishedNameFromText('CN=Exämple Root,O=Example,C=de');
    expect(text).toBe('CN=Exämple Root,O=Example,C=DE');
    expect(der).toEqual(
      nameOf(['2.5.4.6', PRINTABLE, 'DE'], ['2.5.4.10', UTF8, 'Example'], [CN, UTF8, 'Exämple Root']),
    );
  });

  it.each([
    ['spaces around separators', ' CN = a , O=b ', 'CN=a,O=b'],
    ['keywords in any case', 'cn=a,dc=b', 'CN=a,DC=b'],
    ['dotted types', '2.5.4.3=a,OID.2.5.4.10=b', 'CN=a,O=b'],
    ['escaped specials', 'CN=a\\,b\\+c\\"\\\\\\<\\>\\;\\=d', 'CN=a\\,b\\+c\\"\\\\\\<\\>\\;=d'],
    ['hexadecimal escapes', 'CN=Lu\\C4\\8Di\\C4\\87', 'CN=Lučić'],
    ['escaped spaces at the ends', 'CN=\\ a\\  ,O=b', 'CN=\\ a\\ ,O=b'],
    ['an escaped number sign', 'CN=\\#1', 'CN=\\#1'],
    ['several values of one type', 'DC=a,DC=b', 'DC=a,DC=b'],
    ['an RDN of two attributes, in DER order', 'UID=x+CN=a,O=b', 'CN=a+UID=x,O=b'],
    ['characters beyond the BMP', 'CN=🔐', 'CN=🔐'],
  ])('accepts %s', (_name, given, text) => {
    expect(distinguishedNameFromText(given).text).toBe(text);
    expect(distinguishedNameFromText(text).text).toBe(text);
  });

  it.each([
    ['', /no "type=value" at character 1/],
    ['CN', /no "type=value" at character 1/],
    ['CN=a,', /no "type=value" at character 6/],
    ['CN=a,,O=b', /no "type=value" at character 6/],
    ['=a', /no "type=value"/],
    ['CN=', /common name is empty/],
    ['CN=  ', /common name is empty/],
    ['CN=\\ ', /common name is empty/],
    ['XX=a', /type "XX" is not known/],
    ['1.2.3=a', /type "1\.2\.3" is not known/],
    ['CN=#0c0161', /#hex/],
    ['CN="a"', /character " at 4/],
    ['CN=a;O=b', /character ; at 5/],
    ['CN=a\\', /character \\ at 5/],
    ['CN=a\\x', /character \\ at 5/],
    ['CN=\\ff', /not UTF-8/],
    ['CN=\\C0\\80', /not UTF-8/],
    ['CN=a\\00b', /U\+0000/],
    ['CN=a+CN=b', /type twice/],
    ['C=Germany', /exactly two letters/],
    ['C=D1', /exactly two letters/],
    ['DC=ü', /must be ASCII/],
    ['serialNumber=a_b', /may only have/],
    [`CN=${'a'.repeat(8200)}`, /longer than 8192/],
    ['CN=\ud800', /well-formed Unicode/],
    [Array.from({ length: 21 }, (_, index) => `OU=${index}`).join(','), /21 attributes; at most 20/],
    [Array.from({ length: 21 }, (_, index) => `OU=${index}`).join('+'), /21 attributes; at most 20/],
  ])('refuses %j', (text, rule) => {
    expect(refusalOf(() => distinguishedNameFromText(text))).toMatch(rule);
  });

  it('throws nothing but PkiError, and what it accepts reads the same again', () => {
    const piece = fc.constantFrom(
      'CN',
      'O',
      '=',
      ',',
      '+',
      '\\',
      ' ',
      '#',
      '"',
      'a',
      'é',
      '\\2C',
      '\\ ',
      '🔐',
      ';',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        let name;
        try {
          name = distinguishedNameFromText(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
          return;
        }
        expect(distinguishedNameFromText(name.text)).toEqual(name);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('distinguishedNameFromAttributes', () => {
  it('goes from the country down to the common name', () => {
    const name = distinguishedNameFromAttributes({
      common_name: 'Example Root, the 1st',
      organizational_unit: 'PKI',
      organization: 'Example',
      postal_code: '1234',
      street_address: 'Main Street 1',
      locality: 'Bern',
      state: 'BE',
      country: 'CH',
      serial_number: 'A-1',
    });
    expect(name.text).toBe(
      'CN=Example Root\\, the 1st,serialNumber=A-1,OU=PKI,O=Example,STREET=Main Street 1,postalCode=1234,L=Bern,ST=BE,C=CH',
    );
    expect(distinguishedNameFromText(name.text)).toEqual(name);
  });

  it.each([
    ['no attributes', {}, /is empty/],
    ['only undefined attributes', { common_name: undefined }, /is empty/],
    ['an empty value', { common_name: '' }, /common name is empty/],
    ['a common name of 65 characters', { common_name: 'a'.repeat(65) }, /65 characters; at most 64/],
    ['an organization of 65 characters', { organization: 'a'.repeat(65) }, /at most 64/],
    ['an organizational unit of 65 characters', { organizational_unit: 'a'.repeat(65) }, /at most 64/],
    ['a locality of 129 characters', { locality: 'a'.repeat(129) }, /at most 128/],
    ['a state of 129 characters', { state: 'a'.repeat(129) }, /at most 128/],
    ['a country of one letter', { country: 'D' }, /two letters/],
    ['a country of three letters', { country: 'DEU' }, /two letters/],
    ['a country that is no letters', { country: 'Ä1' }, /two letters/],
  ])('refuses %s', (_name, attributes, rule) => {
    expect(refusalOf(() => distinguishedNameFromAttributes(attributes))).toMatch(rule);
  });

  it('counts characters, not octets or code units', () => {
    expect(distinguishedNameFromAttributes({ common_name: '🔐'.repeat(64) }).text).toHaveLength(3 + 128);
  });

  it.each([
    0x00, 0x07, 0x0a, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0x061c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a,
    0x202e, 0x2066, 0x2069, 0xfeff,
  ])('refuses the code point %i in a value, and in a name from outside', (codePoint) => {
    const value = `a${String.fromCodePoint(codePoint)}b`;
    const named = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
    expect(refusalOf(() => distinguishedNameFromAttributes({ common_name: value }))).toContain(named);
    expect(refusalOf(() => checkDistinguishedName(nameOf([CN, UTF8, value])))).toContain(named);
    expect(formatDistinguishedName(nameOf([CN, UTF8, value]))).toMatch(/^CN=a(?:\\[0-9a-f]{2})+b$/);
  });

  it.each(['\ud800', '\udc00', 'a\udfffb'])('refuses the lone surrogate in %j', (value) => {
    expect(refusalOf(() => distinguishedNameFromAttributes({ common_name: value }))).toMatch(/well-formed Unicode/);
  });
});

describe('checkDistinguishedName', () => {
  it.each([
    ['an empty name', sequence()],
    ['a BMPString', nameOf([CN, BMP, Buffer.from('00e4006200630064', 'hex')])],
    ['a country as a UTF8String', nameOf(['2.5.4.6', UTF8, 'de'])],
    ['an attribute without a keyword', nameOf(['1.3.6.1.4.1.99999.1', UTF8, 'x'])],
  ])('accepts %s', (_name, der) => {
    expect(() => checkDistinguishedName(der)).not.toThrow();
  });

  it.each([
    ['a T61String', nameOf([CN, TELETEX, 'abc']), /must be a well-formed/],
    ['an INTEGER', nameOf([CN, 0x02, '\x01']), /must be a well-formed/],
    ['a SEQUENCE', nameOf([CN, 0x30, '']), /must be a well-formed/],
    ['a UTF8String that is not UTF-8', nameOf([CN, UTF8, Buffer.from([0xff])]), /must be a well-formed/],
    ['a UTF8String with a surrogate', nameOf([CN, UTF8, Buffer.from([0xed, 0xa0, 0x80])]), /must be a well-formed/],
    ['a PrintableString that is not', nameOf([CN, PRINTABLE, 'a@b']), /must be a well-formed/],
    ['a BMPString of three octets', nameOf([CN, BMP, 'abc']), /must be a well-formed/],
    ['a BMPString with half a character', nameOf([CN, BMP, Buffer.from([0xd8, 0x00])]), /must be a well-formed/],
    ['an empty value', nameOf([CN, UTF8, '']), /common name is empty/],
    ['a long value of an unknown type', nameOf(['1.2.3.4', UTF8, 'a'.repeat(257)]), /at most 256/],
    [
      'a type twice in one RDN',
      sequence(set(...[1, 2].map(() => sequence(oid(CN), tlv(UTF8, Buffer.from('a')))))),
      /twice/,
    ],
    [
      '21 attributes',
      nameOf(...Array.from({ length: 21 }, (): [string, number, string] => [CN, UTF8, 'a'])),
      /at most 20/,
    ],
    ['an empty RDN', sequence(set()), /not DER/],
    ['a trailing byte', Buffer.concat([sequence(), Buffer.alloc(1)]), /not DER/],
    ['no bytes', Buffer.alloc(0), /not DER/],
  ])('refuses %s', (_name, der, rule) => {
    expect(refusalOf(() => checkDistinguishedName(der))).toMatch(rule);
  });

  it('throws nothing but PkiError for changed bytes', () => {
    const { der } = distinguishedNameFromText('CN=a+UID=b,O=Example,C=DE');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (index, octet, length) => {
        const changed = Buffer.from(der.subarray(0, length));
        if (index < length) changed[index] = octet;
        for (const work of [checkDistinguishedName, formatDistinguishedName]) {
          try {
            work(changed);
          } catch (error) {
            expect(error).toBeInstanceOf(PkiError);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('formatDistinguishedName', () => {
  it.each([
    ['CN=ä', nameOf([CN, TELETEX, Buffer.from([0xe4])])],
    ['CN=ä', nameOf([CN, BMP, Buffer.from('00e4', 'hex')])],
    ['CN=\\ ', nameOf([CN, UTF8, ' '])],
    ['CN=\\ \\ ', nameOf([CN, UTF8, '  '])],
    ['CN=', nameOf([CN, UTF8, ''])],
    ['CN=\\# a #', nameOf([CN, UTF8, '# a #'])],
    ['CN=#0c01ff', nameOf([CN, UTF8, Buffer.from([0xff])])],
    ['1.2.3.4=#0c0161', nameOf(['1.2.3.4', UTF8, 'a'])],
    ['CN=a,O=b', nameOf(['2.5.4.10', UTF8, 'b'], [CN, UTF8, 'a'])],
    ['', sequence()],
  ])('writes %s', (text, der) => {
    expect(formatDistinguishedName(der)).toBe(text);
  });
});

describe('findCommonName', () => {
  it.each([
    ['CN=b,O=x,CN=a', 'b'],
    ['CN=a+UID=x', 'a'],
    ['O=x', null],
  ])('finds the most specific one in %s', (text, commonName) => {
    expect(findCommonName(distinguishedNameFromText(text).der)).toBe(commonName);
  });

  it('finds none that is not text', () => {
    expect(findCommonName(nameOf([CN, UTF8, Buffer.from([0xff])]))).toBeNull();
    expect(findCommonName(sequence())).toBeNull();
  });
});

describe('the bytes of a name', () => {
  it('are read by pkijs as the same values', () => {
    const { der } = distinguishedNameFromText('CN=Example Root,O=Exämple,C=DE');
    const { typesAndValues } = RelativeDistinguishedNames.fromBER(der);
    expect(typesAndValues.map(({ type, value }) => [type, value.valueBlock.value])).toEqual([
      ['2.5.4.6', 'DE'],
      ['2.5.4.10', 'Exämple'],
      [CN, 'Example Root'],
    ]);
  });

  it('are written by openssl as the same text', () => {
    const directory = mkdtempSync(join(tmpdir(), 'certplane-name-'));
    try {
      const { der, text } = distinguishedNameFromText('CN=a\\,b\\"c\\\\ \\<x\\>,OU=\\#1,O=Example,ST=x,C=DE');
      const spki = '302a300506032b6570032100' + '11'.repeat(32);
      const request = sequence(
        sequence(Buffer.from('020100', 'hex'), der, Buffer.from(spki, 'hex'), Buffer.from('a000', 'hex')),
        Buffer.from('300506032b6570', 'hex'),
        tlv(0x03, Buffer.alloc(65)),
      );
      const file = join(directory, 'request.der');
      writeFileSync(file, request);
      const shown = execFileSync('openssl', [
        'req',
        '-inform',
        'DER',
        '-in',
        file,
        '-noout',
        '-subject',
        '-nameopt',
        'RFC2253',
      ]);
      expect(shown.toString()).toBe(`subject=${text}\n`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
