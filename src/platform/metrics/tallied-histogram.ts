import type { Metric, MetricValueWithName, Registry } from 'prom-client';

/** What prom-client takes for a scraped histogram. */
interface HistogramObject {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
  readonly values: MetricValueWithName<'le'>[];
}

interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

/** A histogram without labels that is plain numbers until somebody scrapes it: to observe costs a few comparisons. */
export class TalliedHistogram {
  readonly name: string;
  readonly help: string;
  private readonly bounds: readonly number[];
  /** One for each bound, and one for what lies above them all. */
  private readonly counts: number[];
  private sum = 0;

  constructor(registry: Registry, { name, help, buckets }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.bounds = buckets;
    this.counts = Array.from({ length: buckets.length + 1 }, () => 0);
    // The registry asks a metric for its name and for `get()`, and for nothing else.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]! += 1;
    this.sum += value;
  }

  /** What the registry prints, and adds to that of other processes. */
  get(): Promise<HistogramObject> {
    const { name, help, bounds, counts, sum } = this;
    let count = 0;
    const values: MetricValueWithName<'le'>[] = counts.map((inBucket, i) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf' }, value: count };
    });
    values.push({ metricName: `${name}_sum`, labels: {}, value: sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
  }
}
