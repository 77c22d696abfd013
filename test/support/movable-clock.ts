import { Clock } from '../../src/platform/clock/clock.js';

/** The real clock, moved by as much as a test wants. */
export class MovableClock extends Clock {
  private offsetMs = 0;
  /** The real time at which it was stopped. */
  private stoppedMs: number | null = null;

  override now(): Date {
    return new Date((this.stoppedMs ?? Date.now()) + this.offsetMs);
  }

  /** Moves the time; negative seconds move it back. */
  advance(seconds: number): void {
    this.offsetMs += Math.round(seconds * 1000);
  }

  /** From here on time passes only where it is moved. */
  stop(): void {
    this.stoppedMs = Date.now();
  }

  /** Goes on as if it had never been stopped. */
  resume(): void {
    this.stoppedMs = null;
  }
}
