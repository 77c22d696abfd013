import { findDurationSeconds, formatDuration } from './duration.js';

describe('findDurationSeconds', () => {
  it.each([
    ['0s', 0],
    ['90s', 90],
    ['15m', 900],
    ['1h', 3600],
    ['7d', 604_800],
    ['007d', 604_800],
    ['999999999s', 999_999_999],
  ])('reads %s as %d seconds', (text, seconds) => {
    expect(findDurationSeconds(text)).toBe(seconds);
  });

  it.each([
    '',
    '1',
    'd',
    '1 h',
    ' 1h',
    '1h ',
    '1h\n',
    '-1h',
    '+1h',
    '1.5h',
    '1H',
    '1w',
    '1h30m',
    '1e3s',
    '9999999999s',
    '١s',
  ])('refuses %j', (text) => {
    expect(findDurationSeconds(text)).toBeNull();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [59, '59s'],
    [60, '1m'],
    [90, '90s'],
    [3600, '1h'],
    [5400, '90m'],
    [86_400, '1d'],
    [90_000, '25h'],
    [604_800, '7d'],
  ])('writes %d seconds as %s, which reads back', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
    expect(findDurationSeconds(text)).toBe(seconds);
  });
});
