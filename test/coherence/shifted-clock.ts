import { closeSync, openSync, writeSync } from 'node:fs';

/** The clocks of one node, as the test moves them (see clock-hook.mjs). */
export class ShiftedClock {
  private readonly file: number;
  private wallMs = 0;
  private monotonicMs = 0;

  constructor(readonly path: string) {
    this.file = openSync(path, 'w');
    this.write();
  }

  /** Sets the wall clock off by so many milliseconds. */
  setWall(offsetMs: number): void {
    this.wallMs = offsetMs;
    this.write();
  }

  /** The monotonic clock did not see these milliseconds; the node must have been stopped for that long. */
  loseMonotonic(milliseconds: number): void {
    this.monotonicMs -= milliseconds;
    this.write();
  }

  close(): void {
    closeSync(this.file);
  }

  private write(): void {
    writeSync(this.file, new Float64Array([this.wallMs, this.monotonicMs]), 0, 16, 0);
  }
}
