import { createHash, type KeyObject } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { SigningJob } from '../keys/key-store.js';
import { buildCrl, type CrlFields } from '../pki/crl.js';
import { checkCrl } from '../pki/crl-check.js';
import type { Signer } from '../pki/signer.js';
import { EntryRows, type BadRows } from './entry-rows.js';

/** A piece of the stream of rows, or that it has ended, well or not. */
export type RowsMessage = Uint8Array | 'end' | 'broken';

/** A CRL that is to be built. */
export interface CrlTask {
  readonly fields: Omit<CrlFields, 'entries'>;
  /** Where the {@link RowsMessage}s come from. */
  readonly rows: MessagePort;
  /** Seconds since 1970: when certificates that are not revoked are taken off the CRL. */
  readonly removedAt: number;
  /** The issuer's. */
  readonly publicKey: KeyObject;
}

/** A CRL that was signed: a part of bytes that fill their memory alone, so that a thread hands them over without a copy. */
export interface CrlTaskResult {
  readonly memory: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly sha256: Uint8Array;
  readonly entryCount: number;
  readonly badRows: BadRows | null;
}

/**
 * Builds a CRL from rows as they come, signs it, and reads it back as a relying party would.
 * @throws Error when it is not what it should be, or the rows broke off
 */
export async function run(signer: Signer, task: CrlTask): Promise<CrlTaskResult> {
  const { fields, rows, removedAt, publicKey } = task;
  const { entries, badRows } = await readEntries(rows, removedAt).finally(() => rows.close());
  const planned = { ...fields, entries };
  const der = await buildCrl(planned, signer);
  checkCrl(der, planned, publicKey);
  return {
    memory: new Uint8Array(der.buffer),
    start: der.byteOffset,
    end: der.byteOffset + der.length,
    sha256: createHash('sha256').update(der).digest(),
    entryCount: entries.count,
    badRows,
  };
}

function readEntries(rows: MessagePort, removedAt: number): Promise<EntryRows> {
  const entryRows = new EntryRows(removedAt);
  return new Promise((resolve, reject) => {
    const take = (message: RowsMessage): void => {
      if (message instanceof Uint8Array) {
        entryRows.push(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
        return;
      }
      if (message === 'end') entryRows.end();
      else throw new Error('the rows broke off');
      resolve(entryRows);
    };
    rows.on('message', (message: RowsMessage) => {
      try {
        take(message);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    rows.once('close', () => reject(new Error('the rows broke off')));
  });
}

/** For `KeyStore.runJob`. */
export const CRL_JOB: SigningJob<CrlTask, CrlTaskResult> = {
  module: import.meta.url,
  run,
  handOver: ({ rows }) => [rows],
};
