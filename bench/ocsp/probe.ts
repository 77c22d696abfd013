// Imported by every process that is measured, into the app ahead of its own code: it tells what the process has used.
// `global.gc` is there when node was started with --expose-gc.

/** What is asked of the probe. Only `memory` collects garbage first: what runs next would pay for that. */
export type ProbeQuestion = 'processor' | 'memory';

/** Since the process started. */
export interface ProcessorUse {
  readonly cpuMicros: number;
}

export interface MemoryUse {
  /** Bytes that are reachable: the heap and what it holds outside. */
  readonly heldBytes: number;
  readonly residentBytes: number;
}

export function isProbeQuestion(message: unknown): message is ProbeQuestion {
  return message === 'processor' || message === 'memory';
}

process.on('message', (message) => {
  if (message === 'processor') {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system } satisfies ProcessorUse);
  }
  if (message === 'memory') {
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send?.({ heldBytes: heapUsed + external, residentBytes: rss } satisfies MemoryUse);
  }
});
