import type { KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { SigningJob } from './key-store.js';
import { LocalSigner } from './local-signer.js';

/** What the pool asks of its thread. */
export interface SigningTask {
  readonly id: number;
  readonly key: KeyObject;
  readonly module: string;
  readonly input: unknown;
}

/** What the thread answers. */
export type SigningOutcome =
  | { readonly id: number; readonly output: unknown; readonly signatures: number }
  | { readonly id: number; readonly error: unknown };

async function perform({ id, key, module, input }: SigningTask): Promise<SigningOutcome> {
  try {
    const { run } = (await import(module)) as SigningJob<unknown, unknown>;
    let signatures = 0;
    const output = await run(new LocalSigner(key, () => (signatures += 1)), input);
    return { id, output, signatures };
  } catch (error) {
    return { id, error };
  }
}

/** Bytes that fill their memory alone are handed over instead of being copied. */
function ownBuffers(outcome: SigningOutcome): ArrayBuffer[] {
  const output: unknown = 'output' in outcome ? outcome.output : null;
  if (typeof output !== 'object' || output === null) return [];
  return Object.values(output).flatMap((value: unknown) =>
    value instanceof Uint8Array && value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength
      ? [value.buffer]
      : [],
  );
}

parentPort?.on('message', (task: SigningTask) => {
  void perform(task).then((outcome) => parentPort?.postMessage(outcome, ownBuffers(outcome)));
});
// A sign of life, of no task.
const alive: SigningOutcome = { id: 0, output: null, signatures: 0 };
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows; this is a thread
parentPort?.postMessage(alive);
