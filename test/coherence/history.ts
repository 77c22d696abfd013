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

export interface Fault {
  readonly kind: 'fault';
  /** Null: the process that asks was itself held up, and with it every call. */
  readonly node: string | null;
  readonly fault: string;
  /** True when the node was stopped, or its database connections were not whole, from start to end. */
  readonly impairs: boolean;
  readonly start: number;
  readonly end: number;
}

export type HistoryEvent = Query | Revoke | Reading | Fault;

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
