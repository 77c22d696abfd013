import { randomSerialNumber } from '../pki/serial-number.js';
import { crlShardOf } from './crl-shard.js';

describe('crlShardOf', () => {
  it('is the serial number modulo the number of shards, whatever its length', () => {
    for (const hex of ['01', 'ff', '0100', '7fffffffffffffffffffffffffffffffffffffff', '80'.repeat(20)]) {
      for (const shards of [2, 3, 4, 7, 10, 100, 1000, 1023, 1024]) {
        const expected = Number(BigInt(`0x${hex}`) % BigInt(shards));
        expect([hex, shards, crlShardOf(Buffer.from(hex, 'hex'), shards)]).toEqual([hex, shards, expected]);
      }
    }
  });

  it('is none where there is one: the distribution point is the complete CRL', () => {
    expect(crlShardOf(randomSerialNumber(), 1)).toBeNull();
  });

  it('fills all shards about evenly', () => {
    const counts = Array.from({ length: 7 }, () => 0);
    for (let issued = 0; issued < 7000; issued++) counts[crlShardOf(randomSerialNumber(), 7)!]! += 1;
    // 1000 each, with a standard deviation of 29.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(300);
  });
});
