import * as fc from 'fast-check';
import { DerError, DerReader } from './der-reader.js';
import { integer } from './der-writer.js';
import { PkiError } from './pki-error.js';
import {
  canonicalSerialNumber,
  formatSerialNumber,
  parseSerialNumber,
  randomSerialNumber,
  readSerialNumber,
  serialNumberFromDer,
} from './serial-number.js';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

const expectRefused = (work: () => unknown): void => {
  expect(work).toThrow(PkiError);
  expect(work).toThrow(expect.objectContaining({ code: 'invalid_serial_number' }));
};

describe('parseSerialNumber', () => {
  it.each([
    ['0a1b2c', '0a1b2c'],
    ['a1b2c', '0a1b2c'],
    ['0A1B2C', '0a1b2c'],
    ['0A:1B:2C', '0a1b2c'],
    ['a:1b:2c', '0a1b2c'],
    ['0a 1b 2c', '0a1b2c'],
    ['0x0a1b2c', '0a1b2c'],
    ['0XA1B2C', '0a1b2c'],
    ['0x0A:1B:2C', '0a1b2c'],
    ['  0a1b2c\n', '0a1b2c'],
    ['0000000a1b2c', '0a1b2c'],
    ['000a1b2c', '0a1b2c'],
    ['00:0a:1b:2c', '0a1b2c'],
    ['1', '01'],
    ['ff', 'ff'],
    ['00ff', 'ff'],
    [`${'0'.repeat(80)}7f`, '7f'],
    [`7f${'ff'.repeat(19)}`, `7f${'ff'.repeat(19)}`],
  ])('takes %p for %s', (text, canonical) => {
    expect(parseSerialNumber(text).toString('hex')).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    '0',
    '0x',
    '00:00',
    '-1',
    '+1',
    '0a1g',
    '12.5',
    '0x0x1',
    '1:2:3',
    '0a::1b',
    ':0a',
    '0a:',
    '0a:1b 2c',
    '0a-1b',
    '0a\u00001b',
    '１２',
    `80${'00'.repeat(19)}`,
    `01${'00'.repeat(20)}`,
    'f'.repeat(10_000),
    '0'.repeat(10_000),
  ])('refuses %p', (text) => {
    expectRefused(() => parseSerialNumber(text));
  });

  it('throws nothing but PkiError, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '7', 'f', 'F', 'x', ':', ' ', '-') })),
        (text) => {
          try {
            expect(parseSerialNumber(text).length).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toBeInstanceOf(PkiError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('finds the same number in every writing of it', () => {
    const value = fc.bigInt({ min: 1n, max: 2n ** 159n - 1n });
    fc.assert(
      fc.property(value, fc.nat({ max: 8 }), (number, zeros) => {
        const digits = number.toString(16);
        const even = digits.length % 2 === 0 ? digits : `0${digits}`;
        const octets = even.match(/../g) ?? [];
        const writings = [
          digits,
          digits.toUpperCase(),
          even,
          `0x${digits}`,
          '0'.repeat(zeros) + digits,
          octets.join(':'),
          octets.join(' '),
        ];
        expect(new Set(writings.map((text) => formatSerialNumber(parseSerialNumber(text))))).toEqual(new Set([even]));
        expect(readSerialNumber(new DerReader(integer(number))).toString('hex')).toBe(even);
      }),
    );
  });
});

describe('formatSerialNumber', () => {
  it('writes lower-case hexadecimal of the canonical bytes', () => {
    expect(formatSerialNumber(bytes('0A1B'))).toBe('0a1b');
    expect(formatSerialNumber(bytes('00ff'))).toBe('ff');
    expect(formatSerialNumber(Uint8Array.of(0xab))).toBe('ab');
  });

  it('refuses zero', () => {
    expectRefused(() => formatSerialNumber(Buffer.alloc(2)));
  });
});

describe('canonicalSerialNumber', () => {
  it('strips leading zeros', () => {
    expect(canonicalSerialNumber(bytes('000080')).toString('hex')).toBe('80');
  });

  it('takes numbers below 2^159 and no others', () => {
    const largest = bytes(`7f${'ff'.repeat(19)}`);
    expect(canonicalSerialNumber(largest)).toEqual(largest);
    for (const hex of ['', '00', `80${'00'.repeat(19)}`, `01${'00'.repeat(20)}`]) {
      expectRefused(() => canonicalSerialNumber(bytes(hex)));
    }
  });
});

describe('randomSerialNumber', () => {
  it('is always of 16 octets, canonical, and positive in DER', () => {
    for (let i = 0; i < 2000; i++) {
      const serialNumber = randomSerialNumber();
      expect(serialNumber).toHaveLength(16);
      expect(canonicalSerialNumber(serialNumber)).toEqual(serialNumber);
      expect(serialNumber.readUInt8(0)).toBeLessThan(0x80);
    }
  });

  it('sets each of its 127 bits about half of the time', () => {
    const rounds = 2000;
    const counts = Array.from({ length: 128 }, () => 0);
    for (let i = 0; i < rounds; i++) {
      const serialNumber = randomSerialNumber();
      for (let bit = 0; bit < 128; bit++)
        counts[bit] = (counts[bit] ?? 0) + ((serialNumber.readUInt8(bit >> 3) >> (7 - (bit & 7))) & 1);
    }
    const [sign, ...bits] = counts;
    expect(sign).toBe(0);
    // Eight standard deviations to either side.
    for (const count of bits) expect(Math.abs(count - rounds / 2)).toBeLessThan(4 * Math.sqrt(rounds) + 10);
  });
});

describe('serialNumberFromDer', () => {
  it.each([
    ['01', '01'],
    ['7f', '7f'],
    ['0080', '80'],
    ['00ff01', 'ff01'],
    [`7f${'ff'.repeat(19)}`, `7f${'ff'.repeat(19)}`],
    [`00ff${'00'.repeat(18)}`, `ff${'00'.repeat(18)}`],
  ])('takes the contents %s', (contents, canonical) => {
    expect(serialNumberFromDer(bytes(contents)).toString('hex')).toBe(canonical);
  });

  it.each([
    ['nothing', ''],
    ['zero', '00'],
    ['a negative number', '80'],
    ['minus one', 'ff'],
    ['a redundant zero', '007f'],
    ['21 octets', `00ff${'00'.repeat(19)}`],
    ['21 octets without a sign octet', `01${'00'.repeat(20)}`],
  ])('refuses %s', (_, contents) => {
    expect(() => serialNumberFromDer(bytes(contents))).toThrow(DerError);
  });

  it('says where the serial number stands', () => {
    const reader = new DerReader(bytes('0500020100'));
    reader.skip();
    expect(() => readSerialNumber(reader)).toThrow(new DerError('a serial number that is not positive', 2));
  });
});
