import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { BenchOptions } from './bench.js';
import type { Comparison, Summary } from './comparison.js';
import type { NginxResult } from './nginx.js';
import type { Flood, ResponseMemory } from './phases.js';

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function tellTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]): void => say(`| ${cells.join(' | ')} |`);
  say();
  line(head);
  line(head.map((_, column) => (column === 0 ? '---' : '--:')));
  rows.forEach(line);
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const mebibytes = (bytes: number): string => `${whole(bytes / 2 ** 20)} MiB`;

export function tellProcessor(): void {
  say(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${whole(totalmem() / 2 ** 30)} GiB`,
  );
  say(`Node ${process.version}; load average before the run: ${loadavg()[0]!.toFixed(1)}`);
}

export function tellMachine({ certificates, pairs, seconds }: BenchOptions): void {
  tellProcessor();
  say(`${whole(certificates)} certificates; medians of ${pairs} pairs of ${seconds} s each`);
}

export interface Line {
  readonly name: string;
  readonly base: string;
  readonly wanted: string;
  readonly result: Comparison;
}

/** Ratios: 1 is as fast, or as cheap, as the base. */
export function tellComparisons(lines: readonly Line[]): void {
  tellTable(
    ['measured', 'against', 'per second', 'against', 'ratio', 'wanted', 'CPU µs', 'against', 'ratio'],
    lines.map(({ name, base, wanted, result }) => [
      name,
      base,
      whole(result.measured.perSecond),
      whole(result.base.perSecond),
      result.rateRatio.toFixed(2),
      wanted,
      result.measured.cpuMicrosEach.toFixed(1),
      result.base.cpuMicrosEach.toFixed(1),
      result.cpuRatio.toFixed(2),
    ]),
  );
  tellLatencies(
    lines.flatMap(({ name, base, result }) => [[name, result.measured] as const, [base, result.base] as const]),
  );
}

function tellLatencies(lines: readonly (readonly [name: string, summary: Summary])[]): void {
  tellTable(
    ['µs from when it was due to the end of the answer', 'p50', 'p99', 'p99.9', 'refused'],
    lines
      .filter(([, { p50 }]) => !Number.isNaN(p50))
      .map(([name, { p50, p99, p999, refusals }]) => [name, whole(p50), whole(p99), whole(p999), whole(refusals)]),
  );
}

export function tellFlood({ floodConnections, quiet, flooded, flood }: Flood): void {
  tellLatencies([
    ['cached POST at a steady rate, nothing else', quiet],
    [`the same under ${whole(flood.perSecond)} nonces a second on ${floodConnections} connections`, flooded],
    ['the nonces', flood],
  ]);
}

export function tellMemory({ entries, heldBytes, residentBytes }: ResponseMemory): void {
  say();
  say(`${whole(entries)} responses in memory hold ${mebibytes(heldBytes)}, ${whole(heldBytes / entries)} bytes each;`);
  say(`the process became ${mebibytes(residentBytes)} larger.`);
}

export function tellNginx(result: NginxResult | null): void {
  say();
  if (result === null) {
    say('nginx and wrk are not both installed: not compared with them.');
    return;
  }
  say('The same bytes by GET, asked by wrk, one process each:');
  tellTable(
    ['', 'per second'],
    [
      ['Certplane', whole(result.certplane)],
      ['node:http', whole(result.bare)],
      ['nginx, from a file', whole(result.nginx)],
    ],
  );
}
