import { mock } from 'node:test';
import { BodyDeadline } from './body-deadline.js';

describe('BodyDeadline', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
  afterEach(() => mock.timers.reset());

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
    mock.timers.tick(2999);
    expect(expired).toEqual([]);
    mock.timers.tick(2001);
    expect(expired).toEqual(['a']);
    mock.timers.tick(60_000);
    expect(expired).toEqual(['a']);
  });

  it('expires nobody who has ended, wherever they stood', () => {
    const expired: string[] = [];
    const deadline = new BodyDeadline(3000);
    const waits = ['a', 'b', 'c', 'd', 'e'].map((name) => begin(deadline, expired, name));
    for (const ended of [2, 0, 4]) deadline.end(waits[ended]!);
    mock.timers.tick(6000);
    expect(expired).toEqual(['b', 'd']);
  });

  it('gives each the same time, whenever it began', () => {
    const expired: string[] = [];
    const deadline = new BodyDeadline(3000);
    begin(deadline, expired, 'early');
    mock.timers.tick(2500);
    begin(deadline, expired, 'late');
    mock.timers.tick(2500);
    expect(expired).toEqual(['early']);
    mock.timers.tick(400);
    expect(expired).toEqual(['early']);
    mock.timers.tick(2600);
    expect(expired).toEqual(['early', 'late']);
  });

  it('begins again after a pause in which nobody waited', () => {
    const deadline = new BodyDeadline(3000);
    deadline.end(begin(deadline, [], 'a'));
    mock.timers.tick(10_000);
    const expired: string[] = [];
    begin(deadline, expired, 'again');
    mock.timers.tick(2999);
    expect(expired).toEqual([]);
    mock.timers.tick(2001);
    expect(expired).toEqual(['again']);
  });
});
