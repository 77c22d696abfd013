import { AggregatorRegistry, Histogram, Registry } from 'prom-client';
import { TalliedHistogram } from './tallied-histogram.js';

const OPTIONS = { name: 'waited_seconds', help: 'How long.', buckets: [0.1, 0.5, 1] };
const OBSERVED = [0, 0.05, 0.1, 0.100001, 0.5, 0.75, 1, 1.5, 30];

describe('TalliedHistogram', () => {
  it('prints what the histogram of prom-client prints', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const tallied = new TalliedHistogram(ours, OPTIONS);
    const histogram = new Histogram({ ...OPTIONS, registers: [theirs] });
    for (const value of OBSERVED) {
      tallied.observe(value);
      histogram.observe(value);
    }
    const text = await ours.metrics();
    expect(text).toBe(await theirs.metrics());
    expect(text).toContain('waited_seconds_bucket{le="0.5"} 5');
    expect(text).toContain('waited_seconds_count 9');
  });

  it('is zero in every bucket before anything was observed', async () => {
    const registry = new Registry();
    expect(new TalliedHistogram(registry, OPTIONS).name).toBe('waited_seconds');
    expect(await registry.metrics()).toContain('waited_seconds_bucket{le="+Inf"} 0\nwaited_seconds_sum 0\n');
  });

  it('is added up over processes', async () => {
    const registries = [1, 2].map((times) => {
      const registry = new Registry();
      const tallied = new TalliedHistogram(registry, OPTIONS);
      for (let i = 0; i < times; i++) for (const value of OBSERVED) tallied.observe(value);
      return registry;
    });
    const all = AggregatorRegistry.aggregate(
      await Promise.all(registries.map((registry) => registry.getMetricsAsJSON())),
    );
    const text = await all.metrics();
    expect(text).toContain('waited_seconds_bucket{le="0.1"} 9');
    expect(text).toContain('waited_seconds_count 27');
  });

  it('refuses a name that is taken', () => {
    const registry = new Registry();
    const taken = new TalliedHistogram(registry, OPTIONS);
    expect(() => new TalliedHistogram(registry, OPTIONS)).toThrow(`${taken.name} has already been registered`);
  });
});
