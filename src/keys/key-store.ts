import type { KeyObject } from 'node:crypto';
import type { TransferListItem } from 'node:worker_threads';
import type { KeyAlgorithm } from '../pki/signature-algorithm.js';
import type { Signer } from '../pki/signer.js';
import type { Tx } from '../platform/database/transaction.js';

/** What a key signs; the name in the metric of signatures. */
export type SigningPurpose = 'certificate' | 'crl' | 'ocsp' | 'audit';

/** A key that exists but is not in the store yet. It signs at once, and stays if `save` commits. */
export interface NewKey {
  readonly id: string;
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
  /** The DER of the SubjectPublicKeyInfo. */
  readonly spkiDer: Buffer;
  signer(purpose: SigningPurpose): Signer;
  save(tx: Tx): Promise<void>;
}

/** Work that makes many signatures with one key, and that may be done in another thread. */
export interface SigningJob<Input, Output> {
  /** The URL of the module that exports {@link run} under this name: another thread imports it. */
  readonly module: string;
  /** Input and output have to be of what structured clone copies. */
  readonly run: (signer: Signer, input: Input) => Promise<Output>;
  /** What of the input goes to the other thread instead of being copied. When the thread ends it is lost, and so is the job. */
  readonly handOver?: (input: Input) => TransferListItem[];
}

/** Where private keys live. Nothing outside this folder touches one. */
export abstract class KeyStore {
  abstract generate(algorithm: KeyAlgorithm): Promise<NewKey>;
  /** Takes in a key that was made elsewhere. */
  abstract adopt(privateKey: KeyObject): NewKey;
  /** @throws KeyUnavailableError when the key is not there, or can't be opened */
  abstract getSigner(keyId: string, purpose: SigningPurpose): Promise<Signer>;
  /** Removes a key for good, in a transaction that removes the last that refers to it. */
  abstract remove(tx: Tx, keyId: string): Promise<void>;

  /** How many jobs get on at the same time. */
  get jobConcurrency(): number {
    return 1;
  }

  /**
   * Runs a job off the event loop where its key can go there, else here, after others had their turn.
   * @throws KeyUnavailableError, and what the job throws
   */
  async runJob<Input, Output>(
    keyId: string,
    purpose: SigningPurpose,
    job: SigningJob<Input, Output>,
    input: Input,
  ): Promise<Output> {
    const signer = await this.getSigner(keyId, purpose);
    await new Promise((resolve) => setImmediate(resolve));
    return job.run(signer, input);
  }

  /** Lets go of a key that is not needed here any more; it can still be asked for. */
  abstract forget(keyId: string): void;
}

export class KeyUnavailableError extends Error {
  constructor(
    readonly keyId: string,
    reason: string,
  ) {
    super(`key ${keyId}: ${reason}`);
    this.name = 'KeyUnavailableError';
  }
}
