import type { KeyObject } from 'node:crypto';
import type { KeyAlgorithm } from '../pki/signature-algorithm.js';
import type { Signer } from '../pki/signer.js';
import type { Tx } from '../platform/database/transaction.js';

/** What a key signs; the name in the metric of signatures. */
export type SigningPurpose = 'certificate' | 'crl' | 'ocsp';

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

/** Where private keys live. Nothing outside this folder touches one. */
export abstract class KeyStore {
  abstract generate(algorithm: KeyAlgorithm): Promise<NewKey>;
  /** Takes in a key that was made elsewhere. */
  abstract adopt(privateKey: KeyObject): NewKey;
  /** @throws KeyUnavailableError when the key is not there, or can't be opened */
  abstract getSigner(keyId: string, purpose: SigningPurpose): Promise<Signer>;
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
