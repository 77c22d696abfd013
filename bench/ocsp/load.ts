// The load generator: a process of its own, raw sockets, keep-alive, one request at a time on each connection.
import { connect, type Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { readAnswer, type AnswerShape } from './http-answer.js';
import { isProbeQuestion, type ProbeQuestion } from './probe.js';

export type LoadOrder =
  | { readonly kind: 'requests'; readonly name: string; readonly requests: readonly Uint8Array[] }
  | {
      readonly kind: 'run';
      readonly requests: string;
      readonly port: number;
      readonly connections: number;
      readonly seconds: number;
      /** Requests a second, sent at their time however long the others take; null: each as soon as the last is answered. */
      readonly rate: number | null;
    };

export interface LoadResult {
  readonly answers: number;
  /** Answers of five bytes: OCSP errors. */
  readonly refusals: number;
  readonly perSecond: number;
  /** Microseconds, from when the request was due to the end of its answer. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const REFUSAL_BYTES = 5;
const TICK_MS = 1;

/** A set is gone through in turn; the next run goes on where the last one ended. */
interface RequestSet {
  readonly requests: readonly Uint8Array[];
  next: number;
}

const requestSets = new Map<string, RequestSet>();

class Connection {
  dueMs = 0;
  busy = false;
  private pending: Buffer | null = null;
  private readonly shape: AnswerShape = { headBytes: 0, bodyBytes: 0 };

  constructor(
    readonly socket: Socket,
    private readonly onAnswer: (connection: Connection, bodyBytes: number) => void,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
  }

  send(request: Uint8Array, dueMs: number): void {
    this.dueMs = dueMs;
    this.busy = true;
    this.socket.write(request);
  }

  private take(chunk: Buffer): void {
    const bytes = this.pending === null ? chunk : Buffer.concat([this.pending, chunk]);
    if (!readAnswer(bytes, this.shape)) {
      this.pending = bytes;
      return;
    }
    this.pending = null;
    this.busy = false;
    this.onAnswer(this, this.shape.bodyBytes);
  }
}

/** One run: what was sent, and how long it took. */
class Run {
  private readonly histogram: RecordableHistogram = createHistogram({ figures: 3 });
  private answers = 0;
  private refusals = 0;
  private running = true;

  constructor(private readonly set: RequestSet) {}

  async closedLoop(port: number, count: number, seconds: number): Promise<LoadResult> {
    const send = (connection: Connection): void => connection.send(this.nextRequest(), performance.now());
    const connections = await this.open(port, count, (connection) => {
      if (this.running) send(connection);
    });
    const startedMs = performance.now();
    for (const connection of connections) send(connection);
    return this.finish(connections, startedMs, seconds);
  }

  async atRate(port: number, count: number, seconds: number, rate: number): Promise<LoadResult> {
    const waiting: number[] = [];
    const connections = await this.open(port, count, (connection) => {
      const dueMs = waiting.shift();
      if (dueMs !== undefined) connection.send(this.nextRequest(), dueMs);
    });
    const startedMs = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      for (const due = ((performance.now() - startedMs) * rate) / 1000; sent < due; sent += 1) {
        const dueMs = startedMs + (sent * 1000) / rate;
        const idle = connections.find(({ busy }) => !busy);
        if (idle === undefined) waiting.push(dueMs);
        else idle.send(this.nextRequest(), dueMs);
      }
    }, TICK_MS);
    const result = await this.finish(connections, startedMs, seconds);
    clearInterval(timer);
    return result;
  }

  private nextRequest(): Uint8Array {
    const { set } = this;
    set.next = set.next + 1 === set.requests.length ? 0 : set.next + 1;
    return set.requests[set.next]!;
  }

  private async open(port: number, count: number, onFree: (connection: Connection) => void): Promise<Connection[]> {
    const onAnswer = (connection: Connection, bodyBytes: number): void => {
      this.answers += 1;
      if (bodyBytes === REFUSAL_BYTES) this.refusals += 1;
      this.histogram.record(Math.max(1, Math.round((performance.now() - connection.dueMs) * 1000)));
      onFree(connection);
    };
    const opening = Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1');
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return new Connection(socket, onAnswer);
    });
    return Promise.all(opening);
  }

  private async finish(connections: readonly Connection[], startedMs: number, seconds: number): Promise<LoadResult> {
    const failed = new Promise<never>((_, reject) => {
      for (const { socket } of connections) {
        socket.on('error', reject);
        socket.on('close', () => reject(new Error('the server closed a connection')));
      }
    });
    failed.catch(() => undefined);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, seconds * 1000)), failed]);
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    const { answers, refusals, histogram } = this;
    this.running = false;
    for (const { socket } of connections) socket.destroy();
    const at = (percentile: number): number => histogram.percentile(percentile);
    return { answers, refusals, perSecond: answers / elapsedSeconds, p50: at(50), p99: at(99), p999: at(99.9) };
  }
}

async function execute(order: LoadOrder): Promise<LoadResult | null> {
  if (order.kind === 'requests') {
    requestSets.set(order.name, { requests: order.requests, next: -1 });
    return null;
  }
  const run = new Run(requestSets.get(order.requests)!);
  const { port, connections, seconds, rate } = order;
  return rate === null ? run.closedLoop(port, connections, seconds) : run.atRate(port, connections, seconds, rate);
}

process.on('message', (order: LoadOrder | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  execute(order).then(
    (result) => process.send?.(result ?? {}),
    (error: unknown) => {
      throw error;
    },
  );
});
