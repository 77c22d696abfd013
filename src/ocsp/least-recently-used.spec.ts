import * as fc from 'fast-check';
import { LeastRecentlyUsed } from './least-recently-used.js';

describe('LeastRecentlyUsed', () => {
  it('finds what was set, and nothing else', () => {
    const map = new LeastRecentlyUsed<string>(100);
    map.set('a', 'one', 10);
    expect([map.get('a'), map.get('b')]).toEqual(['one', undefined]);
    expect([map.size, map.bytes]).toEqual([1, 10]);
  });

  it('lets go what was not read for the longest time', () => {
    const map = new LeastRecentlyUsed<string>(30);
    for (const key of ['a', 'b', 'c']) map.set(key, key, 10);
    map.get('a');
    map.set('d', 'd', 10);
    expect(['a', 'b', 'c', 'd'].filter((key) => map.get(key) !== undefined)).toEqual(['a', 'c', 'd']);
  });

  it('lets several go for one that is large', () => {
    const map = new LeastRecentlyUsed<string>(30);
    for (const key of ['a', 'b', 'c']) map.set(key, key, 10);
    map.set('d', 'd', 25);
    expect([map.size, map.bytes, map.get('d')]).toEqual([1, 25, 'd']);
  });

  it('does not keep what is larger than the whole, nor what that replaces', () => {
    const map = new LeastRecentlyUsed<string>(30);
    map.set('a', 'old', 10);
    map.set('a', 'new', 31);
    expect([map.size, map.bytes, map.get('a')]).toEqual([0, 0, undefined]);
  });

  it('counts a value that replaces another once', () => {
    const map = new LeastRecentlyUsed<string>(30);
    map.set('a', 'old', 10);
    map.set('a', 'new', 20);
    expect([map.size, map.bytes, map.get('a')]).toEqual([1, 20, 'new']);
  });

  it('is empty after clear, and works on', () => {
    const map = new LeastRecentlyUsed<string>(30);
    for (const key of ['a', 'b', 'c']) map.set(key, key, 10);
    map.clear();
    expect([map.size, map.bytes, map.get('a')]).toEqual([0, 0, undefined]);
    for (const key of ['d', 'e', 'f', 'g']) map.set(key, key, 10);
    expect(['d', 'e', 'f', 'g'].filter((key) => map.get(key) !== undefined)).toEqual(['e', 'f', 'g']);
  });

  it('does what a slow and simple one does, whatever comes', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const command = fc.oneof(
      fc.record({ does: fc.constant('set' as const), key, bytes: fc.integer({ min: 0, max: 45 }) }),
      fc.record({ does: fc.constant('get' as const), key }),
      fc.record({ does: fc.constant('delete' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const map = new LeastRecentlyUsed<number>(40);
        // Oldest first.
        let simple: { key: string; value: number; bytes: number }[] = [];
        const total = (): number => simple.reduce((sum, { bytes }) => sum + bytes, 0);
        for (const [index, step] of commands.entries()) {
          const held = simple.find((entry) => entry.key === step.key);
          const others = simple.filter((entry) => entry.key !== step.key);
          if (step.does === 'get') {
            expect(map.get(step.key)).toBe(held?.value);
            simple = held === undefined ? simple : [...others, held];
          } else if (step.does === 'delete') {
            map.delete(step.key);
            simple = others;
          } else {
            map.set(step.key, index, step.bytes);
            simple = step.bytes > 40 ? others : [...others, { key: step.key, value: index, bytes: step.bytes }];
            while (total() > 40) simple.shift();
          }
          expect([map.size, map.bytes]).toEqual([simple.length, total()]);
        }
      }),
    );
  });
});
