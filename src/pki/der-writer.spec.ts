import * as fc from 'fast-check';
import { DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import {
  bitString,
  boolean,
  enumerated,
  explicit,
  generalizedTime,
  headerLength,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  time,
  tlv,
  utcTime,
} from './der-writer.js';
import { OpensslDirectory } from './testing/openssl.js';

const hex = (der: Uint8Array): string => Buffer.from(der).toString('hex');
const at = (iso: string): Date => new Date(iso);

describe('DER writer', () => {
  let openssl: OpensslDirectory;
  beforeAll(() => {
    openssl = new OpensslDirectory();
  });
  afterAll(() => {
    openssl.remove();
  });

  /** What openssl reads: one line of "depth, tag, value" an element. */
  function decoded(der: Uint8Array): string[] {
    openssl.write('element.der', der);
    const lines = openssl.run(['asn1parse', '-inform', 'DER', '-in', 'element.der']).trim().split('\n');
    return lines.map((line) =>
      line
        .replace(/^.*?d=(\d+).*?(?:prim|cons): /, '$1 ')
        .replace(/\s+/g, ' ')
        .trim(),
    );
  }

  it('writes what openssl reads as the same values', () => {
    const der = sequence(
      integer(0),
      integer(255n),
      integer(Buffer.from('00007fffffffffffffffff', 'hex')),
      boolean(true),
      boolean(false),
      nullValue(),
      enumerated(10),
      oid('2.5.29.20'),
      oid('1.2.840.113549.1.1.11'),
      oid('2.25.329800735698586629295641978511506172918'),
      octetString(Buffer.from('ab', 'hex'), Buffer.from('cd', 'hex')),
      bitString(Buffer.from('ff', 'hex')),
      utcTime(at('2026-02-28T23:59:59Z')),
      generalizedTime(at('2026-02-28T23:59:59Z')),
      explicit(3, integer(1)),
      set(integer(1)),
    );
    expect(decoded(der)).toEqual([
      '0 SEQUENCE',
      '1 INTEGER :00',
      '1 INTEGER :FF',
      '1 INTEGER :7FFFFFFFFFFFFFFFFF',
      '1 BOOLEAN :255',
      '1 BOOLEAN :0',
      '1 NULL',
      '1 ENUMERATED :0A',
      '1 OBJECT :X509v3 CRL Number',
      '1 OBJECT :sha256WithRSAEncryption',
      '1 OBJECT :2.25.329800735698586629295641978511506172918',
      '1 OCTET STRING [HEX DUMP]:ABCD',
      '1 BIT STRING',
      '1 UTCTIME :260228235959Z',
      '1 GENERALIZEDTIME :20260228235959Z',
      '1 cont [ 3 ]',
      '2 INTEGER :01',
      '1 SET',
      '2 INTEGER :01',
    ]);
  });

  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_535, '0482ffff'],
    [65_536, '0483010000'],
    [16_777_215, '0483ffffff'],
    [16_777_216, '048401000000'],
  ])('writes a length of %i in the fewest octets', (length, header) => {
    const der = octetString(Buffer.alloc(length, 1));
    expect(hex(der.subarray(0, headerLength(length)))).toBe(header);
    expect(new DerReader(der).readOctetString()).toHaveLength(length);
  });

  it('lets openssl read lengths on both sides of each step', () => {
    for (const length of [127, 128, 255, 256, 65_535, 65_536]) {
      openssl.write('element.der', octetString(Buffer.alloc(length)));
      expect(openssl.run(['asn1parse', '-inform', 'DER', '-in', 'element.der'])).toContain(
        `l=${String(length).padStart(4)} prim`,
      );
    }
  });

  it('refuses an element of 4 GiB', () => {
    expect(headerLength(2 ** 32 - 1)).toBe(6);
    expect(() => headerLength(2 ** 32)).toThrow(RangeError);
  });

  describe('integer', () => {
    it.each([
      [0, '020100'],
      [127, '02017f'],
      [128, '02020080'],
      [256n, '02020100'],
      [Buffer.alloc(0), '020100'],
      [Buffer.alloc(3), '020100'],
      [Buffer.from('0080', 'hex'), '02020080'],
      [Buffer.from('0001', 'hex'), '020101'],
    ])('writes %p as %s', (value, der) => {
      expect(hex(integer(value))).toBe(der);
    });

    it('comes back from the reader, whatever the value', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (value) => {
          expect(new DerReader(integer(value)).readInteger()).toBe(value);
        }),
      );
    });

    it.each([-1, -1n, 0.5, Number.NaN])('refuses %p', (value) => {
      expect(() => integer(value)).toThrow(RangeError);
    });
  });

  describe('oid', () => {
    it('comes back from the reader, whatever the arcs', () => {
      const arcs = fc.array(fc.bigInt({ min: 0n, max: 2n ** 128n }), { maxLength: 5 });
      const roots = fc.oneof(
        fc.tuple(fc.constantFrom(0n, 1n), fc.bigInt({ min: 0n, max: 39n })),
        fc.tuple(fc.constant(2n), fc.bigInt({ min: 0n, max: 2n ** 64n })),
      );
      fc.assert(
        fc.property(roots, arcs, (root, rest) => {
          const dotted = [...root, ...rest].join('.');
          expect(new DerReader(oid(dotted)).readOid()).toBe(dotted);
        }),
      );
    });

    it.each(['', '1', '1.40', '0.40', '3.1', '1.2.', '1..2', '1.02', '1.2.-3', '1.2.a', ' 1.2'])(
      'refuses %p',
      (dotted) => {
        expect(() => oid(dotted)).toThrow(RangeError);
      },
    );
  });

  describe('times', () => {
    it.each([
      ['1949-12-31T23:59:59Z', '180f31393439313233313233353935395a'],
      ['1950-01-01T00:00:00Z', '170d3530303130313030303030305a'],
      ['2049-12-31T23:59:59Z', '170d3439313233313233353935395a'],
      ['2049-12-31T23:59:59.999Z', '170d3439313233313233353935395a'],
      ['2050-01-01T00:00:00Z', '180f32303530303130313030303030305a'],
      ['0000-01-01T00:00:00Z', '180f30303030303130313030303030305a'],
      ['9999-12-31T23:59:59Z', '180f39393939313233313233353935395a'],
    ])('writes %s as RFC 5280 asks', (iso, der) => {
      expect(hex(time(at(iso)))).toBe(der);
    });

    it('cuts milliseconds off before 1970 too', () => {
      expect(new DerReader(time(at('1969-12-31T23:59:58.500Z'))).readTime()).toEqual(at('1969-12-31T23:59:58Z'));
    });

    it('comes back from the reader, whatever the second', () => {
      const seconds = fc.integer({
        min: at('0000-01-01T00:00:00Z').getTime() / 1000,
        max: at('9999-12-31T23:59:59Z').getTime() / 1000,
      });
      fc.assert(
        fc.property(seconds, (second) => {
          expect(new DerReader(time(new Date(second * 1000))).readTime().getTime()).toBe(second * 1000);
        }),
        { numRuns: 1000 },
      );
    });

    it('refuses what has no place in the form', () => {
      expect(() => time(new Date(Number.NaN))).toThrow(RangeError);
      expect(() => generalizedTime(at('+010000-01-01T00:00:00Z'))).toThrow(RangeError);
      expect(() => generalizedTime(at('-000001-12-31T23:59:59Z'))).toThrow(RangeError);
      expect(() => utcTime(at('2050-01-01T00:00:00Z'))).toThrow(RangeError);
      expect(() => utcTime(at('1949-12-31T23:59:59Z'))).toThrow(RangeError);
    });
  });

  describe('tags', () => {
    it('keeps an implicitly tagged element constructed or primitive', () => {
      expect(hex(implicit(0, octetString(Buffer.of(1))))).toBe('800101');
      expect(hex(implicit(1, sequence()))).toBe('a100');
    });

    it('does not change the element that is tagged', () => {
      const element = octetString(Buffer.of(1));
      implicit(0, element);
      expect(hex(element)).toBe('040101');
    });

    it('puts the elements of a SET in order', () => {
      expect(hex(set(integer(256), integer(2), boolean(true), integer(1)))).toBe('310d0101ff02010102010202020100');
    });

    it('knows low tag numbers only', () => {
      expect([contextTag(30), constructedContextTag(0)]).toEqual([0x9e, 0xa0]);
      for (const number of [31, -1, 1.5]) expect(() => explicit(number)).toThrow(RangeError);
    });

    it('writes the parts of an element one after another', () => {
      expect(hex(tlv(0x04, Buffer.of(1), Buffer.alloc(0), Buffer.of(2, 3)))).toBe('0403010203');
    });
  });

  it('refuses an ENUMERATED outside 0 to 127', () => {
    expect(hex(enumerated(127))).toBe('0a017f');
    for (const value of [-1, 128, 1.5]) expect(() => enumerated(value)).toThrow(RangeError);
  });
});
