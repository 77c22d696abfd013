import { readFileSync, writeFileSync } from 'node:fs';

/** All times are milliseconds of the one monotonic clock of the process that asks. */
interface Call {
  readonly node: string;
  readonly certificate: string;
  /** Before the first byte was sent. */
  readonly start: number;
  /** After the last byte of the answer was there, or when there was none. */
  readonly end: number;
}

export interface Query extends Call {
  readonly kind: 'query';
  /** The certificate's status, the name of an OCSP error, or why there was no answer. */
  readonly answer: string;
  /** Hexadecimal: that of the request, or null. */
  readonly nonce: string | null;
  /** Hexadecimal: that of the answer, or null. */
  readonly echoedNonce: string | null;
  /** How it was asked, for the reader. */
  readonly how: string;
}

export interface Revoke extends Call {
  readonly kind: 'revoke';
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
}

/** What the REST interface says of a certificate. */
export interface Reading extends Call {
  readonly kind: 'reading';
  readonly status: string;
}

/** What the test did to a node. */
export interface Fault {
  readonly kind: 'fault';
  readonly node: string;
  readonly fault: string;
  /** True when the node was stopped, or its database connections were not whole, from start to end. */
  readonly impairs: boolean;
  readonly start: number;
  readonly end: number;
}

/** What the machine did to it. */
export interface Stall {
  readonly kind: 'stall';
  /** Null: every call was held up. */
  readonly node: string | null;
  readonly stall: string;
  readonly start: number;
  readonly end: number;
}

export type HistoryEvent = Query | Revoke | Reading | Fault | Stall;

/** What a run was, so that it can be judged and run again. */
export interface RunFacts {
  readonly seed: number;
  readonly leaseMs: number;
  /** Certificates that nobody was ever given. */
  readonly unissued: readonly string[];
}

/** Everything that was asked and answered, and what was done to the nodes meanwhile. */
export class History {
  readonly events: HistoryEvent[] = [];

  constructor(readonly facts: RunFacts) {}

  record(event: HistoryEvent): void {
    this.events.push(event);
  }

  /** One JSON object a line, the facts first. */
  save(path: string): void {
    const lines = [this.facts, ...this.events].map((value) => JSON.stringify(value));
    writeFileSync(path, `${lines.join('\n')}\n`);
  }

  static load(path: string): History {
    const [facts, ...events] = readFileSync(path, 'utf8').trimEnd().split('\n');
    const history = new History(JSON.parse(facts ?? '') as RunFacts);
    for (const line of events) history.record(JSON.parse(line) as HistoryEvent);
    return history;
  }
}

/** What has happened in a run. */
export interface EventCounts {
  readonly queries: number;
  /** Queries with a nonce that were answered with `revoked`: there a `good` might have been stale. */
  readonly revokedNonces: number;
  /** That succeeded. */
  readonly revocations: number;
  readonly faults: number;
}

export function countEvents({ events }: History): EventCounts {
  const counts = { queries: 0, revokedNonces: 0, revocations: 0, faults: 0 };
  for (const event of events) {
    if (event.kind === 'query') counts.queries += 1;
    if (event.kind === 'query' && event.nonce !== null && event.answer === 'revoked') counts.revokedNonces += 1;
    if (event.kind === 'revoke' && event.status === 200) counts.revocations += 1;
    if (event.kind === 'fault') counts.faults += 1;
  }
  return counts;
}
