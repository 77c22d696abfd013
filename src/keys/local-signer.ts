import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { findKeyAlgorithm, signatureAlgorithmOf, type SignatureAlgorithm } from '../pki/signature-algorithm.js';
import type { Signer } from '../pki/signer.js';

const signInThread = promisify(sign);

/** Inputs above this are hashed off the event loop. */
const INLINE_MAX_BYTES = 64 * 1024;

/** Signs with a key that this process holds in memory. */
export class LocalSigner implements Signer {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: KeyObject;

  constructor(
    private readonly privateKey: KeyObject,
    private readonly onSigned: () => void,
  ) {
    const keyAlgorithm = findKeyAlgorithm(privateKey);
    if (keyAlgorithm === null) throw new Error('keys of this kind do not sign here');
    this.algorithm = signatureAlgorithmOf(keyAlgorithm);
    this.publicKey = createPublicKey(privateKey);
  }

  async sign(tbs: Uint8Array): Promise<Buffer> {
    // A P-256 signature takes less time than the way to a thread and back; RSA and long inputs would hold up everything else.
    const inline = this.privateKey.asymmetricKeyType !== 'rsa' && tbs.length <= INLINE_MAX_BYTES;
    const signature = inline
      ? sign(this.algorithm.digest, tbs, this.privateKey)
      : await signInThread(this.algorithm.digest, tbs, this.privateKey);
    this.onSigned();
    return signature;
  }
}
