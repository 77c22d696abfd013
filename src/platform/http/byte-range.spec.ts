import type { IncomingMessage } from 'node:http';
import { selectRange } from './byte-range.js';

const lastModified = new Date('2026-11-21T10:00:00.900Z');
const select = (headers: Record<string, string>, length = 1000, method = 'GET') =>
  selectRange({ method, headers } as IncomingMessage, length, { etag: '"abc"', lastModified });

describe('selectRange', () => {
  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-499', 0, 500],
    ['bytes=500-', 500, 1000],
    ['bytes=-300', 700, 1000],
    ['bytes=-5000', 0, 1000],
    ['bytes=999-999', 999, 1000],
    ['bytes=10-99999999999999999999999', 10, 1000],
    [`bytes=-${'9'.repeat(400)}`, 0, 1000],
    [`bytes=5-${'9'.repeat(400)}`, 5, 1000],
    ['BYTES= 0-9 ', 0, 10],
    ['bytes=000-0009', 0, 10],
  ])('understands %s', (range, start, end) => {
    expect(select({ range })).toEqual({ start, end });
  });

  it.each(['bytes=1000-', 'bytes=1000-1001', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])(
    'can not satisfy %s',
    (range) => {
      expect(select({ range })).toBe('unsatisfiable');
    },
  );

  it.each([
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=5-4',
    'bytes=0-1,5-6',
    'bytes=0-1, 5-6',
    'bytes=0--1',
    'bytes=0x1-2',
    'bytes 0-1',
    'items=0-1',
    'bytes=0-1;x',
    '0-1',
    '',
  ])('gives the whole for %j', (range) => {
    expect(select({ range })).toBeNull();
  });

  it('gives the whole without the header, and for every method but GET', () => {
    expect(select({})).toBeNull();
    expect(select({ range: 'bytes=0-1' }, 1000, 'HEAD')).toBeNull();
  });

  it('finds no range in nothing', () => {
    expect(select({ range: 'bytes=0-' }, 0)).toBe('unsatisfiable');
    expect(select({ range: 'bytes=-1' }, 0)).toBe('unsatisfiable');
  });

  it.each([
    ['"abc"', true],
    [' "abc" ', true],
    ['W/"abc"', false],
    ['"other"', false],
    ['"abc", "abc"', false],
    ['Sat, 21 Nov 2026 10:00:00 GMT', true],
    ['Sat, 21 Nov 2026 10:00:01 GMT', false],
    ['Sat, 21 Nov 2026 09:59:59 GMT', false],
    ['yesterday', false],
    ['', false],
  ])('heeds If-Range: %s', (ifRange, holds) => {
    expect(select({ range: 'bytes=1-2', 'if-range': ifRange })).toEqual(holds ? { start: 1, end: 3 } : null);
    expect(select({ range: 'bytes=1000-', 'if-range': ifRange })).toBe(holds ? 'unsatisfiable' : null);
  });
});
