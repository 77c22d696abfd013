import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { readSourceKey } from './source-key.js';

const keyOf = (address: string): string | null => {
  const key = new Uint32Array(2);
  return readSourceKey(address, key) ? Buffer.from(key.buffer).swap32().toString('hex') : null;
};

/** An IPv6 address in a random spelling: upper case, leading zeros, `::`, a dotted quad at the end. */
const spelledIpv6 = fc
  .record({
    groups: fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }),
    padded: fc.boolean(),
    upper: fc.boolean(),
    dotted: fc.boolean(),
    gap: fc.nat(7),
  })
  .map(({ groups, padded, upper, dotted, gap }) => {
    const texts = groups.map((group) => group.toString(16).padStart(padded ? 4 : 1, '0'));
    if (dotted) {
      const [high, low] = [groups[6]!, groups[7]!];
      texts.splice(6, 2, `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`);
    }
    let end = gap;
    while (end < 6 && groups[end] === 0) end++;
    const plain = texts.join(':');
    const short = end > gap ? `${texts.slice(0, gap).join(':')}::${texts.slice(end).join(':')}` : plain;
    return { groups, text: upper ? short.toUpperCase() : short };
  });

const hex = (groups: readonly number[]): string => groups.map((group) => group.toString(16).padStart(4, '0')).join('');

describe('readSourceKey', () => {
  it.each([
    ['192.0.2.1', 'ffffffffc0000201'],
    ['255.255.255.255', 'ffffffffffffffff'],
    ['0.0.0.0', 'ffffffff00000000'],
    ['::ffff:192.0.2.1', 'ffffffffc0000201'],
    ['::FFFF:c000:0201', 'ffffffffc0000201'],
    ['0:0:0:0:0:ffff:192.0.2.1', 'ffffffffc0000201'],
    ['::', '0000000000000000'],
    ['::1', '0000000000000000'],
    ['::192.0.2.1', '0000000000000000'],
    ['2001:db8::1', '20010db800000000'],
    ['2001:DB8:0:0:ffff::', '20010db800000000'],
    ['2001:db8:0:1::', '20010db800000001'],
    ['2001:db8:1:2:3:4:192.0.2.1', '20010db800010002'],
    ['1:2:3:4:5:6:7::', '0001000200030004'],
    ['::2:3:4:5:6:7:8', '0000000200030004'],
    ['fe80::1%eth0', 'fe80000000000000'],
  ])('reads %s', (address, key) => {
    expect(keyOf(address)).toBe(key);
  });

  it.each([
    '',
    ' ',
    'unknown',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.4 ',
    '1.2.3.4:80',
    '0x1.2.3.4',
    '[::1]',
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    '::1.2.3',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3.4:5',
    '::1.2.3.4.5',
    'fe80::1%',
    '%eth0',
    '::ffff:1.2.3.4g',
  ])('refuses %p', (text) => {
    expect(keyOf(text)).toBeNull();
  });

  it('gives every spelling of an IPv6 address the key of its first 64 bits, or of the IPv4 address in it', () => {
    fc.assert(
      fc.property(spelledIpv6, ({ groups, text }) => {
        const mapped = hex(groups.slice(0, 6)) === '00000000000000000000ffff';
        expect(keyOf(text)).toBe(mapped ? `ffffffff${hex(groups.slice(6))}` : hex(groups.slice(0, 4)));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes exactly the texts that are addresses', () => {
    const pieces = fc.constantFrom(
      ':',
      '::',
      '.',
      '0',
      '1',
      '25',
      '255',
      '256',
      '01',
      'f',
      'ffff',
      'fffff',
      'x',
      '1.2.3.4',
    );
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: pieces, maxLength: 17 }), fc.string());
    fc.assert(
      fc.property(address, (text) => {
        fc.pre(!text.includes('%'));
        expect(keyOf(text) !== null).toBe(isIP(text) !== 0);
      }),
      { numRuns: 5000 },
    );
  });
});
