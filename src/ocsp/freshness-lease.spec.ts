import { FreshnessLease, leaseMarginMs } from './freshness-lease.js';

const LEASE_MS = 5000;
const LENGTH_MS = LEASE_MS - leaseMarginMs(LEASE_MS);

class Hands {
  monotonic = 1_000;
  wall = 1_700_000_000_000;
  monotonicMs = (): number => this.monotonic;
  wallMs = (): number => this.wall;

  pass(milliseconds: number): void {
    this.monotonic += milliseconds;
    this.wall += milliseconds;
  }
}

function leaseWithHands(): { lease: FreshnessLease; hands: Hands } {
  const hands = new Hands();
  return { lease: new FreshnessLease(LEASE_MS, hands), hands };
}

describe('FreshnessLease', () => {
  it('does not run before it was granted', () => {
    expect(leaseWithHands().lease.isRunning()).toBe(false);
  });

  it('runs for its length less the margin, to the millisecond', () => {
    const { lease, hands } = leaseWithHands();
    lease.grant(lease.read());
    hands.pass(LENGTH_MS - 1);
    expect(lease.isRunning()).toBe(true);
    hands.pass(1);
    expect(lease.isRunning()).toBe(false);
  });

  it('runs from the reading, not from the grant', () => {
    const { lease, hands } = leaseWithHands();
    const reading = lease.read();
    hands.pass(LENGTH_MS - 1);
    lease.grant(reading);
    expect(lease.isRunning()).toBe(true);
    hands.pass(1);
    expect(lease.isRunning()).toBe(false);
  });

  it('is over already when it was granted too late', () => {
    const { lease, hands } = leaseWithHands();
    const reading = lease.read();
    hands.pass(LENGTH_MS);
    lease.grant(reading);
    expect(lease.isRunning()).toBe(false);
  });

  it('ends when the wall clock says so, though the monotonic clock stood still', () => {
    const { lease, hands } = leaseWithHands();
    lease.grant(lease.read());
    hands.wall += LENGTH_MS;
    expect(lease.isRunning()).toBe(false);
  });

  it('ends when the monotonic clock says so, though the wall clock was set back', () => {
    const { lease, hands } = leaseWithHands();
    lease.grant(lease.read());
    hands.wall -= 3_600_000;
    hands.monotonic += LENGTH_MS;
    expect(lease.isRunning()).toBe(false);
  });

  it('goes on when it is renewed, from the later reading', () => {
    const { lease, hands } = leaseWithHands();
    lease.grant(lease.read());
    hands.pass(LENGTH_MS - 1);
    lease.grant(lease.read());
    hands.pass(LENGTH_MS - 1);
    expect(lease.isRunning()).toBe(true);
  });

  it('ends at once when it is ended', () => {
    const { lease } = leaseWithHands();
    lease.grant(lease.read());
    lease.end();
    expect(lease.isRunning()).toBe(false);
  });

  it('has a margin of a tenth, and of 100 ms at the least', () => {
    expect([500, 1000, 5000, 60_000].map(leaseMarginMs)).toEqual([100, 100, 500, 6000]);
  });
});
