import type { Child } from './child.js';
import type { LoadOrder, LoadResult } from './load.js';

/** What one slice of time brought. */
export interface Sample {
  readonly perSecond: number;
  /** What the measured process spent on each; unlike the rate, it hardly depends on what else the machine does. */
  readonly cpuMicrosEach: number;
  readonly load: LoadResult | null;
}

export interface Comparison {
  readonly base: Summary;
  readonly measured: Summary;
  /** Median over the pairs of measured / base, by rate. */
  readonly rateRatio: number;
  /** Median over the pairs of base / measured, by processor time: 1 is as cheap as the base. */
  readonly cpuRatio: number;
}

/** Medians over the slices. */
export interface Summary {
  readonly perSecond: number;
  readonly cpuMicrosEach: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly refusals: number;
}

/** Runs the two in turn, A B A B, so that both meet the same machine; the first pair only warms up. */
export async function compare(
  pairs: number,
  runBase: () => Promise<Sample>,
  runMeasured: () => Promise<Sample>,
): Promise<Comparison> {
  const base: Sample[] = [];
  const measured: Sample[] = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const samples = [await runBase(), await runMeasured()] as const;
    if (pair === 0) continue;
    base.push(samples[0]);
    measured.push(samples[1]);
  }
  return {
    base: summarize(base),
    measured: summarize(measured),
    rateRatio: median(measured.map(({ perSecond }, i) => perSecond / base[i]!.perSecond)),
    cpuRatio: median(measured.map(({ cpuMicrosEach }, i) => base[i]!.cpuMicrosEach / cpuMicrosEach)),
  };
}

export function summarize(samples: readonly Sample[]): Summary {
  const of = (pick: (sample: Sample) => number): number => median(samples.map(pick));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    cpuMicrosEach: of(({ cpuMicrosEach }) => cpuMicrosEach),
    p50: of(({ load }) => load?.p50 ?? Number.NaN),
    p99: of(({ load }) => load?.p99 ?? Number.NaN),
    p999: of(({ load }) => load?.p999 ?? Number.NaN),
    refusals: of(({ load }) => load?.refusals ?? 0),
  };
}

/** One slice of load on a server, with the processor time that the server took. */
export async function sampleServer(
  server: Child,
  generator: Child,
  order: Omit<Extract<LoadOrder, { kind: 'run' }>, 'kind'>,
): Promise<Sample> {
  const before = await server.cpuMicros();
  const load = await generator.ask<LoadResult>({ kind: 'run', ...order } satisfies LoadOrder);
  const after = await server.cpuMicros();
  return { perSecond: load.perSecond, cpuMicrosEach: (after - before) / load.answers, load };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
