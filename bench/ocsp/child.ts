import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemoryUse, ProbeQuestion, ProcessorUse } from './probe.js';

const EXIT_GRACE_MS = 10_000;

/** A process of the bench, which answers one order at a time. */
export class Child {
  private constructor(
    readonly process: ChildProcess,
    private readonly name: string,
  ) {}

  /** @param module beside this file, or an absolute path */
  static start(module: string, options: ForkOptions = {}): Child {
    const path = module.startsWith('/') ? module : fileURLToPath(new URL(module, import.meta.url));
    const execArgv = ['--expose-gc', ...(options.execArgv ?? [])];
    return new Child(fork(path, { serialization: 'advanced', ...options, execArgv }), module);
  }

  /** Sends an order and waits for what it brings. */
  async ask<Result>(order: unknown): Promise<Result> {
    const abort = new AbortController();
    const { signal } = abort;
    try {
      const answer = once(this.process, 'message', { signal }) as Promise<[Result]>;
      const gone = once(this.process, 'exit', { signal }).then(() =>
        Promise.reject(new Error(`${this.name} has ended`)),
      );
      gone.catch(() => undefined);
      this.process.send(order as object);
      const [result] = await Promise.race([answer, gone]);
      return result;
    } finally {
      abort.abort();
    }
  }

  async cpuMicros(): Promise<number> {
    return (await this.ask<ProcessorUse>('processor' satisfies ProbeQuestion)).cpuMicros;
  }

  memory(): Promise<MemoryUse> {
    return this.ask<MemoryUse>('memory' satisfies ProbeQuestion);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), EXIT_GRACE_MS);
    this.process.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  }
}
