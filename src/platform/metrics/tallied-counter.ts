import { Counter, type Registry } from 'prom-client';

/** One series of a {@link TalliedCounter}. */
export interface Tally {
  count: number;
}

/**
 * A counter whose series are plain numbers until somebody scrapes them: counting costs an addition, and no look-up of labels.
 */
export class TalliedCounter<Label extends string> {
  readonly counter: Counter<Label>;
  private readonly tallies: { labels: Record<Label, string>; tally: Tally; reported: number }[] = [];

  constructor(registry: Registry, options: { name: string; help: string; labelNames: readonly Label[] }) {
    const { tallies } = this;
    this.counter = new Counter({
      ...options,
      labelNames: [...options.labelNames],
      registers: [registry],
      collect() {
        for (const entry of tallies) {
          this.inc(entry.labels, entry.tally.count - entry.reported);
          entry.reported = entry.tally.count;
        }
      },
    });
  }

  /** The series with these labels; the same one for the same labels. To be kept by who counts often. */
  tally(labels: Record<Label, string>): Tally {
    const wanted = JSON.stringify(labels);
    const known = this.tallies.find((entry) => JSON.stringify(entry.labels) === wanted);
    if (known !== undefined) return known.tally;
    const tally: Tally = { count: 0 };
    this.tallies.push({ labels, tally, reported: 0 });
    return tally;
  }

  inc(labels: Record<Label, string>): void {
    this.tally(labels).count += 1;
  }
}
