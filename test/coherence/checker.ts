import type { Fault, History, HistoryEvent, Query, Reading, Revoke } from './history.js';

/** What a revoke call may take beyond one lease. */
const REVOKE_SLACK_MS = 2000;

export type Rule = 'stale good' | 'lost revocation' | 'slow revoke' | 'good for nobody';

export interface Violation {
  readonly rule: Rule;
  /** The shortest history that shows it: the calls, and the faults that were under way. */
  readonly events: readonly HistoryEvent[];
}

/**
 * Judges a history.
 * - *stale good*: a query answered `good` that started after a revoke call of its certificate had returned success;
 * - *lost revocation*: the REST interface calls such a certificate anything but revoked;
 * - *slow revoke*: a revoke call that succeeded took longer than one lease and two seconds, not counting the time in which
 *   its own node was stopped or its database connections were not whole, nor that in which the asking process stood still;
 * - *good for nobody*: a serial number that was never issued was called good.
 */
export function check({ facts, events }: History): Violation[] {
  const revokes = events.filter((event): event is Revoke => event.kind === 'revoke' && event.status === 200);
  const faults = events.filter((event): event is Fault => event.kind === 'fault');
  const firstByCertificate = new Map<string, Revoke>();
  for (const revoke of revokes) {
    const first = firstByCertificate.get(revoke.certificate);
    if (first === undefined || revoke.end < first.end) firstByCertificate.set(revoke.certificate, revoke);
  }
  const unissued = new Set(facts.unissued);
  const violations: Violation[] = [];
  const report = (rule: Rule, calls: readonly (Query | Reading | Revoke)[]): void => {
    violations.push({ rule, events: withFaults(calls, faults, facts.leaseMs) });
  };

  for (const event of events) {
    if (event.kind !== 'query' && event.kind !== 'reading') continue;
    if (event.kind === 'query' && event.answer === 'good' && unissued.has(event.certificate)) {
      report('good for nobody', [event]);
    }
    const revoke = firstByCertificate.get(event.certificate);
    if (revoke === undefined || event.start <= revoke.end) continue;
    if (event.kind === 'query' && event.answer === 'good') report('stale good', [revoke, event]);
    if (event.kind === 'reading' && event.status !== 'revoked') report('lost revocation', [revoke, event]);
  }
  for (const revoke of revokes) {
    const own = faults.filter(({ node, impairs }) => impairs && (node === null || node === revoke.node));
    const counted = revoke.end - revoke.start - overlap(revoke, own);
    if (counted > facts.leaseMs + REVOKE_SLACK_MS) report('slow revoke', [revoke]);
  }
  return violations;
}

/** A violation in words: its events in their order, in milliseconds since the first of them. */
export function describe({ rule, events }: Violation): string {
  const origin = Math.min(...events.map(({ start }) => start));
  const lines = [...events]
    .sort((one, other) => one.start - other.start)
    .map((event) => {
      const span = `${(event.start - origin).toFixed(1)} to ${(event.end - origin).toFixed(1)} ms`;
      return `  ${span}: ${describeEvent(event)}`;
    });
  return [`${rule}:`, ...lines].join('\n');
}

function describeEvent(event: HistoryEvent): string {
  switch (event.kind) {
    case 'query':
      return `${event.node} is asked for ${event.certificate} (${event.how}): ${event.answer}`;
    case 'revoke':
      return `${event.node} revokes ${event.certificate}: HTTP ${event.status}`;
    case 'reading':
      return `${event.node} shows ${event.certificate}: ${event.status}`;
    case 'fault':
      return `${event.node ?? 'the asking process'}: ${event.fault}`;
  }
}

function withFaults(
  calls: readonly (Query | Reading | Revoke)[],
  faults: readonly Fault[],
  leaseMs: number,
): HistoryEvent[] {
  const from = Math.min(...calls.map(({ start }) => start)) - 2 * leaseMs;
  const to = Math.max(...calls.map(({ end }) => end));
  return [...faults.filter(({ start, end }) => end >= from && start <= to), ...calls];
}

/** How much of a call lies in these spans, which may overlap each other. */
function overlap(call: { start: number; end: number }, spans: readonly { start: number; end: number }[]): number {
  let covered = 0;
  let reached = call.start;
  for (const { start, end } of [...spans].sort((one, other) => one.start - other.start)) {
    const from = Math.max(reached, start);
    const to = Math.min(call.end, end);
    if (to <= from) continue;
    covered += to - from;
    reached = to;
  }
  return covered;
}
