import { BodyDeadline } from './body-deadline.js';

const { jest } = import.meta;

describe('BodyDeadline', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const begin = (deadline: BodyDeadline, expired: string[], name: string) => {
    const wait = deadline.begin(() => {
      expired.push(name);
      deadline.end(wait);
    });
    return wait;
  };

  it('expires who waits for too long, at the time or up to two seconds later, and once', () => {
    const expired: string[] = [];
    const deadline = new BodyDeadline(3000);
    begin(deadline, expired, 'a');
    jest.advanceTimersByTime(2999);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(2001);
    expect(expired).toEqual(['a']);
    jest.advanceTimersByTime(60_000);
    expect(expired).toEqual(['a']);
  });

  it('expires nobody who has ended, wherever they stood', () => {
    const expired: string[] = [];
    const deadline = new BodyDeadline(3000);
    const waits = ['a', 'b', 'c', 'd', 'e'].map((name) => begin(deadline, expired, name));
    for (const ended of [2, 0, 4]) deadline.end(waits[ended]!);
    jest.advanceTimersByTime(6000);
    expect(expired).toEqual(['b', 'd']);
  });

  it('gives each the same time, whenever it began', () => {
    const expired: string[] = [];
    const deadline = new BodyDeadline(3000);
    begin(deadline, expired, 'early');
    jest.advanceTimersByTime(2500);
    begin(deadline, expired, 'late');
    jest.advanceTimersByTime(2500);
    expect(expired).toEqual(['early']);
    jest.advanceTimersByTime(400);
    expect(expired).toEqual(['early']);
    jest.advanceTimersByTime(2600);
    expect(expired).toEqual(['early', 'late']);
  });

  it('begins again after a pause in which nobody waited', () => {
    const deadline = new BodyDeadline(3000);
    deadline.end(begin(deadline, [], 'a'));
    jest.advanceTimersByTime(10_000);
    const expired: string[] = [];
    begin(deadline, expired, 'again');
    jest.advanceTimersByTime(2999);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(2001);
    expect(expired).toEqual(['again']);
  });
});
