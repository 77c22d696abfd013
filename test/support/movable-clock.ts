import { Clock } from '../../src/platform/clock/clock.js';

/** The real clock, moved by as much as a test wants. */
export class MovableClock extends Clock {
  private offsetMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  /** Moves the time; negative seconds move it back. */
  advance(seconds: number): void {
    this.offsetMs += seconds * 1000;
  }
}
