import { MasterKey, UnwrapError } from './master-key.js';

const key = new MasterKey(Buffer.alloc(32, 1));
const secret = Buffer.from('a private key');

describe('MasterKey', () => {
  it('opens what it wrapped, for the same context', () => {
    expect(key.unwrap(key.wrap(secret, 'key-1'), 'key-1')).toEqual(secret);
    expect(new MasterKey(Buffer.alloc(32, 1)).unwrap(key.wrap(secret, 'key-1'), 'key-1')).toEqual(secret);
  });

  it('wraps the same bytes differently each time, and hides them', () => {
    const [one, two] = [key.wrap(secret, 'key-1'), key.wrap(secret, 'key-1')];
    expect(one.equals(two)).toBe(false);
    expect(one.includes(secret)).toBe(false);
    expect(one).toHaveLength(1 + 12 + 16 + secret.length);
  });

  it('opens nothing for another context or under another key', () => {
    const wrapped = key.wrap(secret, 'key-1');
    expect(() => key.unwrap(wrapped, 'key-2')).toThrow(UnwrapError);
    expect(() => new MasterKey(Buffer.alloc(32, 2)).unwrap(wrapped, 'key-1')).toThrow(UnwrapError);
  });

  it('opens nothing of which any bit was changed', () => {
    const wrapped = key.wrap(secret, 'key-1');
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = Buffer.from(wrapped);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => key.unwrap(changed, 'key-1')).toThrow(UnwrapError);
    }
  });

  it('opens nothing that was cut or lengthened', () => {
    const wrapped = key.wrap(secret, 'key-1');
    for (let length = 0; length < wrapped.length; length++) {
      expect(() => key.unwrap(wrapped.subarray(0, length), 'key-1')).toThrow(UnwrapError);
    }
    expect(() => key.unwrap(Buffer.concat([wrapped, Buffer.of(0)]), 'key-1')).toThrow(UnwrapError);
  });

  it.each([0, 16, 31, 33])('is not made of %d bytes', (length) => {
    expect(() => new MasterKey(Buffer.alloc(length))).toThrow('a master key has 32 bytes');
  });

  it('does not show its key', () => {
    expect(JSON.stringify(key)).toBe('{}');
    expect(Object.values(key)).toEqual([]);
  });
});
