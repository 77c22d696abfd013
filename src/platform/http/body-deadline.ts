const TICK_MS = 1000;

/** One who waits, from {@link BodyDeadline.begin} to {@link BodyDeadline.end}. */
export interface Wait {
  readonly expire: () => void;
  readonly lastTick: number;
  earlier: Wait | null;
  later: Wait | null;
}

/**
 * Expires who waits for too long, up to two seconds late. One timer looks after all: to start and clear one for each of
 * many short waits would cost more than the waits. They are linked in the order in which they began.
 */
export class BodyDeadline {
  private first: Wait | null = null;
  private last: Wait | null = null;
  private tick = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly ticks: number;

  constructor(milliseconds: number) {
    this.ticks = Math.ceil(milliseconds / TICK_MS) + 1;
  }

  begin(expire: () => void): Wait {
    const wait: Wait = { expire, lastTick: this.tick + this.ticks, earlier: this.last, later: null };
    if (this.last === null) this.first = wait;
    else this.last.later = wait;
    this.last = wait;
    this.timer ??= setInterval(() => this.expireOverdue(), TICK_MS).unref();
    return wait;
  }

  /** To be called once for each wait, an expired one too. */
  end({ earlier, later }: Wait): void {
    if (earlier === null) this.first = later;
    else earlier.later = later;
    if (later === null) this.last = earlier;
    else later.earlier = earlier;
  }

  private expireOverdue(): void {
    this.tick += 1;
    if (this.first === null && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
    while (this.first !== null && this.first.lastTick <= this.tick) this.first.expire();
  }
}
