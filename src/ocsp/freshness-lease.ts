/** Two clocks of this machine: a suspended machine may stop the one, an operator may set the other back. */
export interface LeaseClock {
  monotonicMs(): number;
  wallMs(): number;
}

export const SYSTEM_LEASE_CLOCK: LeaseClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** When a lease began, by both clocks. */
export interface LeaseReading {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** How much sooner than agreed a node ends its lease, and how much longer others wait: clocks run at slightly different rates. */
export function leaseMarginMs(leaseMs: number): number {
  return Math.max(100, leaseMs / 10);
}

/**
 * The time for which this node may answer from memory. It begins before the feed was asked for revocations, so that
 * whatever had been committed one lease ago has been applied: no other machine's clock is ever compared.
 */
export class FreshnessLease {
  private monotonicEnd = Number.NEGATIVE_INFINITY;
  private wallEnd = Number.NEGATIVE_INFINITY;
  private readonly lengthMs: number;

  /** @param leaseMs what the nodes have agreed on; a margin is taken off */
  constructor(
    leaseMs: number,
    private readonly clock: LeaseClock = SYSTEM_LEASE_CLOCK,
  ) {
    this.lengthMs = leaseMs - leaseMarginMs(leaseMs);
  }

  /** To be taken before the feed is asked. */
  read(): LeaseReading {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.wallMs() };
  }

  /** A renewal was granted that states all that was fetched after this reading. */
  grant(reading: LeaseReading): void {
    this.monotonicEnd = reading.monotonicMs + this.lengthMs;
    this.wallEnd = reading.wallMs + this.lengthMs;
  }

  end(): void {
    this.monotonicEnd = Number.NEGATIVE_INFINITY;
    this.wallEnd = Number.NEGATIVE_INFINITY;
  }

  /** Whichever clock says later counts. */
  isRunning(): boolean {
    return this.clock.monotonicMs() < this.monotonicEnd && this.clock.wallMs() < this.wallEnd;
  }
}
