import * as fc from 'fast-check';
import { DerError, DerReader } from './der-reader.js';
import { MALFORMED, withLongerLength } from './testing/hostile-bytes.js';

const reader = (hex: string): DerReader => new DerReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

const time = (tag: string, text: string): DerReader =>
  reader(tag + text.length.toString(16).padStart(2, '0') + Buffer.from(text, 'latin1').toString('hex'));

/** Goes through everything that looks like DER, to any depth. */
function walk(bytes: Uint8Array): void {
  const open = [new DerReader(bytes)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    while (!next.atEnd) {
      const tag = next.peekTag() ?? 0;
      if ((tag & 0x20) === 0) next.skip();
      else open.push(next.read(tag));
    }
  }
}

describe('DerReader', () => {
  describe('elements', () => {
    it('steps into an element and leaves the outer reader behind it', () => {
      const outer = reader('30 03 020105 0500');
      const inner = outer.readSequence();
      expect([inner.readInteger(), inner.atEnd, outer.offset]).toEqual([5n, true, 5]);
      outer.readNull();
      outer.expectEnd();
    });

    it('returns views of the input', () => {
      const input = Buffer.from('0403010203', 'hex');
      const contents = new DerReader(input).readOctetString();
      input[2] = 9;
      expect(contents.toString('hex')).toBe('090203');
    });

    it('reads a plain Uint8Array that is a part of a larger buffer', () => {
      const part = Uint8Array.from([1, 2, 0x02, 0x01, 0x07, 3]).subarray(2, 5);
      expect(DerReader.readAll(part, (whole) => whole.readInteger())).toBe(7n);
    });

    it('reads a part of its bytes, with places in the whole', () => {
      const bytes = Buffer.from('0500020105020106', 'hex');
      const part = DerReader.over(bytes, 2, 5);
      expect([part.offset, part.readInteger(), part.atEnd]).toEqual([2, 5n, true]);
      expect(() => DerReader.over(bytes, 2, 4).readInteger()).toThrow('longer than what holds it at byte 2');
      for (const [start, end] of [
        [-1, 5],
        [3, 2],
        [0, 9],
      ] as const) {
        expect(() => DerReader.over(bytes, start, end)).toThrow(RangeError);
      }
    });

    it('takes an optional element only when its tag is next', () => {
      const elements = reader('a0 00 0500');
      expect(elements.optional(0xa1)).toBeNull();
      expect(elements.optional(0xa0)?.atEnd).toBe(true);
      elements.skip();
      expect(elements.optional(0x05)).toBeNull();
      expect(elements.peekTag()).toBeNull();
    });

    it('accepts an element only when it is next, byte for byte', () => {
      const elements = reader('020105 020106');
      expect(elements.accept(Buffer.from('020106', 'hex'))).toBe(false);
      expect(elements.accept(Buffer.from('020105', 'hex'))).toBe(true);
      expect(elements.accept(Buffer.from('02010600', 'hex'))).toBe(false);
      expect(elements.offset).toBe(3);
    });

    it('returns a whole element with its header', () => {
      expect(reader('3003020105 00').readElement().toString('hex')).toBe('3003020105');
      expect(() => reader('3003020105').readElement(0x31)).toThrow('expected tag 0x31 but found 0x30 at byte 0');
    });

    it('forks without moving', () => {
      const elements = reader('020105');
      expect(elements.fork().readInteger()).toBe(5n);
      expect(elements.offset).toBe(0);
    });

    it('says at which byte of the whole input the error is', () => {
      const inner = reader('3005 020105 0600').readSequence();
      inner.skip();
      expect(() => inner.readNull()).toThrow(new DerError('expected tag 0x05 but found 0x06', 5));
    });

    it('refuses bytes where the end is expected', () => {
      expect(() => DerReader.readAll(Buffer.from('050000', 'hex'), (whole) => whole.readNull())).toThrow(DerError);
    });
  });

  describe('headers', () => {
    it.each([0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_216])(
      'reads a length of %i in its minimal form only',
      (length) => {
        const digits = length.toString(16).padStart(2, '0');
        const octets = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
        const header =
          length < 128 ? Buffer.of(4, length) : Buffer.concat([Buffer.of(4, 0x80 | octets.length), octets]);
        const element = Buffer.concat([header, Buffer.alloc(length)]);
        expect(new DerReader(element).readOctetString()).toHaveLength(length);
        const longer = Buffer.concat([Buffer.of(4, 0x80 | (octets.length + 1), 0), octets, Buffer.alloc(length)]);
        expect(() => new DerReader(longer).readOctetString()).toThrow(DerError);
      },
    );

    it.each([
      ['an indefinite length', '3080 0000'],
      ['a length of 127 in two octets', `04817f${'00'.repeat(127)}`],
      ['a length of 255 in three octets', `048200ff${'00'.repeat(255)}`],
      ['a length in five octets', '04850000000001 00'],
      ['the reserved length 0xff', '04ff'],
      ['a length that is cut short', '0482 01'],
      ['a length of one more than there is', '0402 00'],
      ['a length of 4 GiB less one', '0484 ffffffff 00'],
      ['a tag alone', '04'],
      ['nothing', ''],
      ['a high tag number', '1f81 01 00'],
      ['a high tag number in the context class', 'bf22 00'],
      ['end-of-contents octets', '0000'],
      ['a primitive SEQUENCE', '1000'],
      ['a primitive SET', '1100'],
      ['a constructed OCTET STRING', '2402 0400'],
    ])('refuses %s', (_, hex) => {
      expect(() => reader(hex).skip()).toThrow(DerError);
      expect(() => reader(hex).readElement()).toThrow(DerError);
    });

    it('refuses an inner element that is longer than the outer one, although the input goes on', () => {
      const inner = reader('3003 0402 00 0000').readSequence();
      expect(() => inner.readOctetString()).toThrow('longer than what holds it at byte 2');
    });

    it.each(MALFORMED)('refuses %s as a pair of integers', (_, bytes) => {
      expect(() => DerReader.readAll(bytes, (whole) => whole.readSequence().readInteger())).toThrow(DerError);
    });

    it('makes DER with a longer length unreadable', () => {
      for (const length of [3, 200, 300]) {
        const element = Buffer.concat([
          Buffer.from(length < 128 ? [4, length] : length < 256 ? [4, 0x81, length] : [4, 0x82, 1, 44]),
          Buffer.alloc(length),
        ]);
        expect(new DerReader(element).readOctetString()).toHaveLength(length);
        expect(() => new DerReader(withLongerLength(element)).skip()).toThrow('not minimal');
      }
    });
  });

  describe('INTEGER', () => {
    it.each([
      ['020100', 0n],
      ['02017f', 127n],
      ['02020080', 128n],
      ['020200ff', 255n],
      ['02020100', 256n],
      ['0209 00ffffffffffffffff', 2n ** 64n - 1n],
    ])('reads %s', (hex, value) => {
      expect(reader(hex).readInteger()).toBe(value);
    });

    it.each([
      ['without contents', '0200'],
      ['with a redundant zero octet', '0202007f'],
      ['with two zero octets', '02020000'],
      ['that is negative', '0201ff'],
      ['that is negative with a redundant octet', '0202ff80'],
      ['with another tag', '0a0101'],
    ])('refuses one %s', (_, hex) => {
      expect(() => reader(hex).readInteger()).toThrow(DerError);
    });

    it('returns the contents of a negative one when asked for them', () => {
      expect(reader('0202ff7f').readIntegerContents().toString('hex')).toBe('ff7f');
    });
  });

  describe('OBJECT IDENTIFIER', () => {
    it.each([
      ['06 01 00', '0.0'],
      ['06 01 27', '0.39'],
      ['06 01 28', '1.0'],
      ['06 01 4f', '1.39'],
      ['06 01 50', '2.0'],
      ['06 03 883703', '2.999.3'],
      ['06 03 551d13', '2.5.29.19'],
      ['06 09 2a864886f70d01010b', '1.2.840.113549.1.1.11'],
      ['06 14 6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776', '2.25.329800735698586629295641978511506172918'],
    ])('reads %s', (hex, dotted) => {
      expect(reader(hex).readOid()).toBe(dotted);
    });

    it.each([
      ['without contents', '0600'],
      ['that ends inside an arc', '0602 5580'],
      ['with an arc that is not minimal', '0603 558001'],
      ['whose first arc is not minimal', '0602 8055'],
      ['of more than 128 octets', `068181${'55'.repeat(129)}`],
    ])('refuses one %s', (_, hex) => {
      expect(() => reader(hex).readOid()).toThrow(DerError);
    });
  });

  describe('other types', () => {
    it('reads a BOOLEAN of 0x00 and 0xff only', () => {
      expect([reader('010100').readBoolean(), reader('0101ff').readBoolean()]).toEqual([false, true]);
      for (const hex of ['010101', '0100', '0102ffff']) expect(() => reader(hex).readBoolean()).toThrow(DerError);
    });

    it('reads an ENUMERATED of one octet up to 127 only', () => {
      expect([reader('0a0100').readEnumerated(), reader('0a017f').readEnumerated()]).toEqual([0, 127]);
      for (const hex of ['0a00', '0a0180', '0a020001']) expect(() => reader(hex).readEnumerated()).toThrow(DerError);
    });

    it('reads a NULL without contents only', () => {
      expect(() => reader('0500').readNull()).not.toThrow();
      expect(() => reader('050100').readNull()).toThrow(DerError);
    });

    it('reads a BIT STRING without unused bits only', () => {
      expect(reader('030300abcd').readBitString().toString('hex')).toBe('abcd');
      expect(reader('030100').readBitString()).toHaveLength(0);
      for (const hex of ['0300', '030201fe', '0302 0800']) expect(() => reader(hex).readBitString()).toThrow(DerError);
    });

    it('reads a SET', () => {
      expect(reader('3103020105').readSet().readInteger()).toBe(5n);
    });
  });

  describe('times', () => {
    it.each([
      ['500101000000Z', '1950-01-01T00:00:00.000Z'],
      ['991231235959Z', '1999-12-31T23:59:59.000Z'],
      ['000229120000Z', '2000-02-29T12:00:00.000Z'],
      ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ])('reads the UTCTime %s', (text, iso) => {
      expect(time('17', text).readTime().toISOString()).toBe(iso);
    });

    it.each([
      ['20500101000000Z', '2050-01-01T00:00:00.000Z'],
      ['20491231235959Z', '2049-12-31T23:59:59.000Z'],
      ['19000101000000Z', '1900-01-01T00:00:00.000Z'],
      ['00500101000000Z', '0050-01-01T00:00:00.000Z'],
      ['20000229000000Z', '2000-02-29T00:00:00.000Z'],
      ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
    ])('reads the GeneralizedTime %s', (text, iso) => {
      expect(time('18', text).readTime().toISOString()).toBe(iso);
      expect(time('18', text).readGeneralizedTime().toISOString()).toBe(iso);
    });

    it.each([
      ['17', '2601010000Z'],
      ['17', '260101000000'],
      ['17', '260101000000+0000'],
      ['17', '20260101000000Z'],
      ['17', '260229000000Z'],
      ['17', '260001000000Z'],
      ['17', '261301000000Z'],
      ['17', '260100000000Z'],
      ['17', '260431000000Z'],
      ['17', '260101240000Z'],
      ['17', '260101006000Z'],
      ['17', '260101000060Z'],
      ['17', '2601010000 0Z'],
      ['17', '-10101000000Z'],
      ['18', '260101000000Z'],
      ['18', '20260101000000.5Z'],
      ['18', '20260101000000'],
      ['18', '20260101000000z'],
      ['18', '19000229000000Z'],
      ['18', '2026010100000aZ'],
      ['18', ''],
    ])('refuses tag 0x%s of %s', (tag, text) => {
      expect(() => time(tag, text).readTime()).toThrow(DerError);
    });

    it('refuses a UTCTime where a GeneralizedTime must stand', () => {
      expect(() => time('17', '260101000000Z').readGeneralizedTime()).toThrow(DerError);
    });
  });

  it('throws nothing but DerError, and ends, whatever the bytes', () => {
    const der = fc.array(
      fc.oneof(fc.constantFrom(0x30, 0x31, 0x02, 0x04, 0x06, 0x17, 0xa0, 0x81, 0x82), fc.nat({ max: 255 })),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(der, (octets) => {
        try {
          walk(Uint8Array.from(octets));
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
