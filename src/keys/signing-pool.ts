import type { KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker, type TransferListItem } from 'node:worker_threads';
import type { SigningJob } from './key-store.js';
import type { SigningOutcome, SigningTask } from './signing-worker.js';

/** One core is left to everything else. */
const THREADS = Math.min(4, Math.max(1, availableParallelism() - 1));
/** Per thread: the one it works on, and those that lie ready while this thread is busy with something else. */
const TASKS_PER_THREAD = 4;
const IDLE_MS = 10_000;
const WORKER = new URL('./signing-worker.js', import.meta.url);

export interface JobDone<Output> {
  readonly output: Output;
  /** How many signatures were made. */
  readonly signatures: number;
}

interface Pending {
  readonly task: SigningTask;
  readonly handOver: (() => TransferListItem[]) | null;
  readonly settle: (done: JobDone<unknown> | null) => void;
  readonly fail: (error: unknown) => void;
}

class Thread {
  readonly pending = new Map<number, Pending>();
  /** False until it has done something: one that ends before never will. */
  proven = false;

  constructor(readonly worker: Worker) {}
}

/** Threads that sign with keys of this process. They are started when there is work, and ended when there is none for a while. */
export class SigningPool {
  private readonly threads = new Set<Thread>();
  private readonly waiting: Pending[] = [];
  private lastId = 0;
  private usable = true;
  private closed = false;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly size = THREADS,
    private readonly entry = WORKER,
  ) {}

  /** False when threads can't be started here. */
  get isUsable(): boolean {
    return this.usable && !this.closed;
  }

  /** How many jobs keep all threads busy. */
  get concurrency(): number {
    return this.isUsable ? this.size * TASKS_PER_THREAD : 1;
  }

  /**
   * @returns null when no thread could do it, or its thread ended: do it elsewhere
   * @throws what the job throws, and Error when its thread ended with what was handed over
   */
  run<Input, Output>(key: KeyObject, job: SigningJob<Input, Output>, input: Input): Promise<JobDone<Output> | null> {
    if (!this.isUsable) return Promise.resolve(null);
    clearTimeout(this.idle);
    return new Promise((resolve, reject) => {
      this.waiting.push({
        task: { id: ++this.lastId, key, module: job.module, input },
        handOver: job.handOver === undefined ? null : () => job.handOver!(input),
        settle: (done) => resolve(done as JobDone<Output> | null),
        fail: reject,
      });
      this.dispatch();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idle);
    for (const { settle } of this.waiting.splice(0)) settle(null);
    await Promise.all([...this.threads].map(({ worker }) => worker.terminate()));
  }

  private dispatch(): void {
    while (this.waiting.length > 0) {
      const thread = this.findThread();
      if (thread === null) return;
      // What is handed over to a thread that never gets going is lost: it waits for a sign of life.
      if (this.waiting[0]!.handOver !== null && !thread.proven) return;
      const next = this.waiting.shift()!;
      thread.pending.set(next.task.id, next);
      thread.worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows; this is a thread
      thread.worker.postMessage(next.task, next.handOver?.() ?? []);
    }
  }

  /** The least busy thread, or a new one while there are fewer than allowed. */
  private findThread(): Thread | null {
    let best: Thread | null = null;
    for (const thread of this.threads) {
      if (thread.pending.size < (best?.pending.size ?? TASKS_PER_THREAD)) best = thread;
    }
    if (best !== null && best.pending.size === 0) return best;
    return this.threads.size < this.size ? this.start() : best;
  }

  private start(): Thread {
    const thread = new Thread(new Worker(this.entry));
    this.threads.add(thread);
    thread.worker.on('message', (outcome: SigningOutcome) => this.finish(thread, outcome));
    // The end follows, and says it all.
    thread.worker.on('error', () => undefined);
    thread.worker.once('exit', () => this.bury(thread));
    return thread;
  }

  private finish(thread: Thread, outcome: SigningOutcome): void {
    thread.proven = true;
    const pending = thread.pending.get(outcome.id);
    thread.pending.delete(outcome.id);
    if (thread.pending.size === 0) thread.worker.unref();
    if (pending !== undefined) {
      if ('error' in outcome) pending.fail(outcome.error);
      else pending.settle(outcome);
    }
    this.dispatch();
    if ([...this.threads].every(({ pending: { size } }) => size === 0)) this.restSoon();
  }

  private bury(thread: Thread): void {
    this.threads.delete(thread);
    if (!thread.proven) this.usable = false;
    for (const { handOver, settle, fail } of thread.pending.values()) {
      if (handOver === null) settle(null);
      else fail(new Error('the thread ended that had a job which can not be repeated'));
    }
    if (!this.usable) for (const { settle } of this.waiting.splice(0)) settle(null);
    else if (!this.closed) this.dispatch();
  }

  private restSoon(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      for (const thread of this.threads) {
        this.threads.delete(thread);
        void thread.worker.terminate();
      }
    }, IDLE_MS).unref();
  }
}
