import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const FORMAT_VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The wrapped key was not made with this master key, or it was changed. */
export class UnwrapError extends Error {
  constructor() {
    super('a stored key does not open under this master key');
    this.name = 'UnwrapError';
  }
}

/** Wraps private keys with AES-256-GCM. Bytes: version (1), IV (12), tag (16), ciphertext. */
export class MasterKey {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    if (key.length !== 32) throw new Error('a master key has 32 bytes');
    this.#key = key;
  }

  /** @param context what the bytes belong to; they open for the same context only, so that rows can't be swapped */
  wrap(plaintext: Uint8Array, context: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(context));
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT_VERSION), iv, cipher.getAuthTag(), ciphertext]);
  }

  /** @throws UnwrapError */
  unwrap(wrapped: Buffer, context: string): Buffer {
    if (wrapped.length <= 1 + IV_BYTES + TAG_BYTES || wrapped[0] !== FORMAT_VERSION) throw new UnwrapError();
    const iv = wrapped.subarray(1, 1 + IV_BYTES);
    const tag = wrapped.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(wrapped.subarray(1 + IV_BYTES + TAG_BYTES)), decipher.final()]);
    } catch {
      throw new UnwrapError();
    }
  }
}
