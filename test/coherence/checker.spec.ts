import { check, describe as describeViolation, slowestRevokeMs } from './checker.js';
import { History, type HistoryEvent, type Query } from './history.js';

const LEASE_MS = 1000;
const LIMIT_MS = 3000;

function judge(...events: HistoryEvent[]): string[] {
  const history = new History({ seed: 0, leaseMs: LEASE_MS, unissued: ['nobody'] });
  for (const event of events) history.record(event);
  return check(history).map(({ rule }) => rule);
}

const revoke = (start: number, end: number, status = 200, certificate = 'cert'): HistoryEvent => ({
  kind: 'revoke',
  node: 'a',
  certificate,
  start,
  end,
  status,
});

const query = (
  start: number,
  end: number,
  answer: string,
  certificate = 'cert',
  nonces: Partial<Pick<Query, 'nonce' | 'echoedNonce'>> = {},
): HistoryEvent => ({
  kind: 'query',
  node: 'b',
  certificate,
  start,
  end,
  answer,
  nonce: null,
  echoedNonce: null,
  how: 'POST sha1',
  ...nonces,
});

const stall = (start: number, end: number, node: string | null): HistoryEvent => ({
  kind: 'stall',
  node,
  stall: 'held up',
  start,
  end,
});

const fault = (start: number, end: number, node = 'a', impairs = true): HistoryEvent => ({
  kind: 'fault',
  node,
  fault: 'freeze',
  impairs,
  start,
  end,
});

const reading = (start: number, status: string): HistoryEvent => ({
  kind: 'reading',
  node: 'b',
  certificate: 'cert',
  start,
  end: start + 5,
  status,
});

describe('the judge of histories', () => {
  it('finds a good that was asked for after the revocation had returned', () => {
    expect(judge(revoke(0, 10), query(11, 12, 'good'))).toEqual(['stale good']);
  });

  it('finds it in whatever order the calls were written down', () => {
    expect(judge(query(11, 12, 'good'), revoke(0, 10))).toEqual(['stale good']);
  });

  it('allows a good that was asked for before, though it came long after', () => {
    expect(judge(revoke(0, 10), query(9, 5000, 'good'))).toEqual([]);
  });

  it('counts from the first call that returned success', () => {
    expect(judge(revoke(0, 100), revoke(5, 20), query(50, 51, 'good'))).toEqual(['stale good']);
  });

  it.each([0, 404, 503])('takes nothing from a revocation that was answered with %d', (status) => {
    expect(judge(revoke(0, 10, status), query(11, 12, 'good'))).toEqual([]);
  });

  it.each(['revoked', 'tryLater', 'internalError', 'unknown', 'ECONNRESET'])('allows the answer %s', (answer) => {
    expect(judge(revoke(0, 10), query(11, 12, answer))).toEqual([]);
  });

  it('keeps certificates apart', () => {
    expect(judge(revoke(0, 10, 200, 'another'), query(11, 12, 'good'))).toEqual([]);
  });

  it('finds a revocation that was lost', () => {
    expect(judge(revoke(0, 10), reading(11, 'active'), reading(20, 'revoked'))).toEqual(['lost revocation']);
  });

  it('finds a good for what was never issued', () => {
    expect(judge(query(0, 1, 'good', 'nobody'), query(0, 1, 'unknown', 'nobody'))).toEqual(['good for nobody']);
  });

  it.each<[string, string | null, string | null]>([
    ['left out', '00ff', null],
    ['that of another', '00ff', '00fe'],
    ['put in unasked', null, '00ff'],
  ])('finds a nonce that was %s', (_, nonce, echoedNonce) => {
    expect(judge(query(0, 1, 'good', 'cert', { nonce, echoedNonce }))).toEqual(['nonce not echoed']);
  });

  it('allows a nonce that was echoed, and an error, which has none', () => {
    expect(judge(query(0, 1, 'good', 'cert', { nonce: '00ff', echoedNonce: '00ff' }))).toEqual([]);
    expect(judge(query(0, 1, 'tryLater', 'cert', { nonce: '00ff' }))).toEqual([]);
  });

  it('finds a revocation that took longer than a lease and two seconds', () => {
    expect(judge(revoke(0, LIMIT_MS), revoke(0, LIMIT_MS + 1))).toEqual(['slow revoke']);
  });

  it('does not count the time in which its own node was impaired, nor counts it off twice', () => {
    expect(judge(revoke(0, LIMIT_MS + 500), fault(100, 600))).toEqual([]);
    expect(judge(revoke(0, LIMIT_MS + 500), fault(100, 400), fault(200, 400))).toEqual(['slow revoke']);
    expect(judge(revoke(0, LIMIT_MS + 500), fault(-1000, 300), fault(LIMIT_MS + 300, LIMIT_MS + 9000))).toEqual([]);
  });

  it('counts the faults of other nodes, and those that impair nothing', () => {
    expect(judge(revoke(0, LIMIT_MS + 500), fault(100, 2000, 'b'))).toEqual(['slow revoke']);
    expect(judge(revoke(0, LIMIT_MS + 500), fault(100, 2000, 'a', false))).toEqual(['slow revoke']);
  });

  it('does not count the time in which the machine held up everybody, or the node of the call', () => {
    expect(judge(revoke(0, LIMIT_MS + 500), stall(100, 700, null))).toEqual([]);
    expect(judge(revoke(0, LIMIT_MS + 500), stall(100, 700, 'a'))).toEqual([]);
    expect(judge(revoke(0, LIMIT_MS + 500), stall(100, 700, 'b'))).toEqual(['slow revoke']);
  });

  it('tells the shortest history, in its order', () => {
    const history = new History({ seed: 0, leaseMs: LEASE_MS, unissued: [] });
    const impediments = [fault(-9000, -8000), fault(2, 4, 'b'), stall(-500, 5, null)];
    for (const event of [...impediments, revoke(0, 10), query(11, 12, 'good')]) {
      history.record(event);
    }
    expect(check(history).map(describeViolation)).toEqual([
      [
        'stale good:',
        '  0.0 to 10.0 ms: a revokes cert: HTTP 200',
        '  2.0 to 4.0 ms: b: freeze',
        '  11.0 to 12.0 ms: b is asked for cert (POST sha1): good',
      ].join('\n'),
    ]);
  });

  it('tells what was counted off a revocation that was slow all the same', () => {
    const history = new History({ seed: 0, leaseMs: LEASE_MS, unissued: [] });
    for (const event of [revoke(0, LIMIT_MS + 500), stall(10, 20, 'a'), stall(30, 330, 'a'), stall(40, 900, 'b')]) {
      history.record(event);
    }
    expect(slowestRevokeMs(history)).toBe(LIMIT_MS + 190);
    expect(check(history).map(describeViolation)).toEqual([
      ['slow revoke:', '  0.0 to 3500.0 ms: a revokes cert: HTTP 200', '  30.0 to 330.0 ms: a: held up'].join('\n'),
    ]);
  });
});
