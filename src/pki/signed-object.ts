import type { Buffer } from 'node:buffer';
import { DerError, DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { isSignedBy, readSignatureScheme, type SignatureScheme } from './foreign-signature.js';
import { parsePublicKey } from './key-strength.js';
import { PkiError } from './pki-error.js';

interface Signed {
  /** The DER of what is signed. */
  readonly tbs: Buffer;
  readonly scheme: SignatureScheme | null;
  readonly signature: Buffer;
}

/**
 * Whether this certificate or CRL (RFC 5280 sections 4.1 and 5.1: what is signed, how, and the signature) was signed with the
 * key of this SubjectPublicKeyInfo. Read here, byte for byte: node:crypto takes text in PEM that lies somewhere in a
 * certificate for the certificate. SHA-1 and what else is not accepted is false, as is whatever can't be read.
 */
export async function isSignedWith(der: Uint8Array, spkiDer: Uint8Array): Promise<boolean> {
  try {
    const { tbs, scheme, signature } = DerReader.readAll(der, readSigned);
    return scheme !== null && (await isSignedBy(parsePublicKey(spkiDer), scheme, tbs, signature));
  } catch (error) {
    if (error instanceof DerError || error instanceof PkiError) return false;
    throw error;
  }
}

function readSigned(reader: DerReader): Signed {
  const object = reader.readSequence();
  const tbs = object.readElement(TAG.sequence);
  const scheme = readSignatureScheme(object.readSequence());
  const signature = object.readBitString();
  object.expectEnd();
  return { tbs, scheme, signature };
}
