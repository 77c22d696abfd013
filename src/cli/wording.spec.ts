import { counted, listed, toMinute, toMoment, toSecond } from './wording.js';

const now = new Date('2026-11-21T08:00:00Z');

describe('a time', () => {
  it('is written for people, in UTC', () => {
    expect(toMinute('2026-12-21T04:55:30.123Z')).toBe('2026-12-21 04:55');
    expect(toSecond('2026-12-21T04:55:30.123Z')).toBe('2026-12-21 04:55:30');
    expect(toMinute(null)).toBe('-');
    expect(toMoment(null)).toBeNull();
  });

  it.each([
    ['2026-11-21T08:00:00Z', '0 seconds ago', 'in 0 seconds'],
    ['2026-11-21T08:00:01Z', 'in 1 second'],
    ['2026-11-21T07:58:01Z', '1 minute ago'],
    ['2026-11-21T10:00:00Z', 'in 2 hours'],
    ['2026-11-22T07:59:59Z', 'in 23 hours'],
    ['2026-12-21T08:00:00Z', 'in 30 days'],
    ['2036-11-21T20:00:00Z', 'in 10 years'],
  ])('%s is told as %s', (time, ...distances) => {
    const told = toMoment(time, now);
    expect(distances.some((distance) => told?.endsWith(` UTC (${distance})`))).toBe(true);
  });
});

describe('counts and lists', () => {
  it('are put into words', () => {
    expect([counted(0, 'key'), counted(1, 'key'), counted(2, 'key')]).toEqual(['0 keys', '1 key', '2 keys']);
    expect([listed(null), listed(['a', 'b'])]).toEqual(['all', 'a, b']);
  });
});
