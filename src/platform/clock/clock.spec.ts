import { addSeconds, Clock, earliest, latest, truncateToSecond } from './clock.js';

const at = (text: string) => new Date(text);

describe('the arithmetic of time', () => {
  it('cuts fractions of a second off, towards the past', () => {
    expect(truncateToSecond(at('2026-11-21T10:00:00.999Z'))).toEqual(at('2026-11-21T10:00:00Z'));
    expect(truncateToSecond(at('1969-12-31T23:59:58.500Z'))).toEqual(at('1969-12-31T23:59:58Z'));
  });

  it('adds seconds, also negative ones, and changes no argument', () => {
    const start = at('2026-11-21T10:00:00Z');
    expect(addSeconds(start, 86_400)).toEqual(at('2026-11-22T10:00:00Z'));
    expect(addSeconds(start, -1)).toEqual(at('2026-11-21T09:59:59Z'));
    expect(start).toEqual(at('2026-11-21T10:00:00Z'));
  });

  it('finds the earliest and the latest', () => {
    const [one, two, three] = [at('2026-01-01'), at('2026-01-02'), at('2026-01-03')];
    expect(earliest(two, three, one)).toBe(one);
    expect(latest(two, three, one)).toBe(three);
    expect(earliest(two)).toBe(two);
  });

  it('is real time unless a test says otherwise', () => {
    const before = Date.now();
    expect(new Clock().now().getTime()).toBeGreaterThanOrEqual(before);
  });
});
