import type { Fault, History, HistoryEvent, Query, Reading, Revoke, Stall } from './history.js';

/** What a revoke call may take beyond one lease. */
const REVOKE_SLACK_MS = 2000;
/** Shorter ones are counted off, but not told. */
const TOLD_STALL_MS = 100;

const CERT_STATUSES = new Set(['good', 'revoked', 'unknown']);

export type Rule = 'stale good' | 'lost revocation' | 'slow revoke' | 'good for nobody' | 'nonce not echoed';

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
 *   its own node was stopped or its database connections were not whole, nor that in which the machine had no time for it;
 * - *good for nobody*: a serial number that was never issued was called good;
 * - *nonce not echoed*: a status came with another nonce than it was asked for with, or with one where there was none.
 */
export function check({ facts, events }: History): Violation[] {
  const faults = events.filter((event) => event.kind === 'fault');
  const firstByCertificate = findFirstRevokes(events);
  const unissued = new Set(facts.unissued);
  const violations: Violation[] = [];
  const report = (rule: Rule, calls: readonly (Query | Reading | Revoke)[], stalls: readonly Stall[] = []): void => {
    violations.push({ rule, events: withImpediments(calls, [...faults, ...stalls], facts.leaseMs) });
  };

  for (const event of events) {
    if (event.kind !== 'query' && event.kind !== 'reading') continue;
    if (event.kind === 'query' && event.answer === 'good' && unissued.has(event.certificate)) {
      report('good for nobody', [event]);
    }
    if (event.kind === 'query' && CERT_STATUSES.has(event.answer) && event.nonce !== event.echoedNonce) {
      report('nonce not echoed', [event]);
    }
    const revoke = firstByCertificate.get(event.certificate);
    if (revoke === undefined || event.start <= revoke.end) continue;
    if (event.kind === 'query' && event.answer === 'good') report('stale good', [revoke, event]);
    if (event.kind === 'reading' && event.status !== 'revoked') report('lost revocation', [revoke, event]);
  }
  for (const { revoke, countedMs, stalls } of timeRevokes(events)) {
    if (countedMs > facts.leaseMs + REVOKE_SLACK_MS) report('slow revoke', [revoke], stalls);
  }
  return violations;
}

/** The longest that a revoke call took, counted as {@link check} does: milliseconds. */
export function slowestRevokeMs({ events }: History): number {
  return Math.max(0, ...timeRevokes(events).map(({ countedMs }) => countedMs));
}

/** For each certificate the call that was the first to return success. */
function findFirstRevokes(events: readonly HistoryEvent[]): Map<string, Revoke> {
  const first = new Map<string, Revoke>();
  for (const event of events) {
    if (event.kind !== 'revoke' || event.status !== 200) continue;
    if (event.end < (first.get(event.certificate)?.end ?? Number.POSITIVE_INFINITY))
      first.set(event.certificate, event);
  }
  return first;
}

/** How long each revoke call that succeeded took, and which stalls were counted off. */
function timeRevokes(events: readonly HistoryEvent[]): { revoke: Revoke; countedMs: number; stalls: Stall[] }[] {
  const impairments = events.filter((event) => event.kind === 'fault' && event.impairs);
  const allStalls = events.filter((event) => event.kind === 'stall');
  return events
    .filter((event): event is Revoke => event.kind === 'revoke' && event.status === 200)
    .map((revoke) => {
      const faults = impairments.filter(({ node }) => node === revoke.node);
      const stalls = allStalls.filter(({ node }) => node === null || node === revoke.node);
      return { revoke, countedMs: revoke.end - revoke.start - overlap(revoke, [...faults, ...stalls]), stalls };
    });
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
    case 'query': {
      const nonces =
        event.nonce === event.echoedNonce ? '' : `, nonce ${event.nonce} answered with ${event.echoedNonce}`;
      return `${event.node} is asked for ${event.certificate} (${event.how}): ${event.answer}${nonces}`;
    }
    case 'revoke':
      return `${event.node} revokes ${event.certificate}: HTTP ${event.status}`;
    case 'reading':
      return `${event.node} shows ${event.certificate}: ${event.status}`;
    case 'fault':
      return `${event.node}: ${event.fault}`;
    case 'stall':
      return `${event.node ?? 'all'}: ${event.stall}`;
  }
}

function withImpediments(
  calls: readonly (Query | Reading | Revoke)[],
  impediments: readonly (Fault | Stall)[],
  leaseMs: number,
): HistoryEvent[] {
  const from = Math.min(...calls.map(({ start }) => start)) - 2 * leaseMs;
  const to = Math.max(...calls.map(({ end }) => end));
  const told = impediments.filter(({ kind, start, end }) => kind === 'fault' || end - start >= TOLD_STALL_MS);
  return [...told.filter(({ start, end }) => end >= from && start <= to), ...calls];
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
