import { Injectable } from '@nestjs/common';
import { MasterKey } from './master-key.js';

/** Keeps what others must store but nobody may read in the database, under the master key. */
@Injectable()
export class SecretBox {
  constructor(private readonly masterKey: MasterKey) {}

  /** @param context what the bytes belong to: they open for the same context only */
  seal(plaintext: Uint8Array, context: string): Buffer {
    return this.masterKey.wrap(plaintext, context);
  }

  /** @throws UnwrapError when it was sealed under another key or for another context, or was changed */
  open(sealed: Buffer, context: string): Buffer {
    return this.masterKey.unwrap(sealed, context);
  }
}
