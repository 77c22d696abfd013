import type { KeyObject } from 'node:crypto';
import type { SignatureAlgorithm } from './signature-algorithm.js';

/** The one way to use a private key. Nothing that holds a Signer can ask where its key lives. */
export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: KeyObject;
  /** Signs the DER of a to-be-signed structure; ECDSA signatures come back as DER (RFC 3279 section 2.2.3). */
  sign(tbs: Uint8Array): Promise<Buffer>;
}
