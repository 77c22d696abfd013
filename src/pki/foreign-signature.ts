import type { Buffer } from 'node:buffer';
import { constants, verify, type KeyObject } from 'node:crypto';
import type { DerReader } from './der-reader.js';
import { constructedContextTag } from './der-tags.js';
import { OID } from './object-identifiers.js';

/** How somebody else signed: the algorithms that a CSR or an OCSP request may be signed with. */
export interface SignatureScheme {
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly digest: string | null;
  /** The salt length in octets of RSA-PSS, absent for every other algorithm. */
  readonly saltLength?: number;
}

const RSASSA_PSS = '1.2.840.113549.1.1.10';
/** Some take the longest that the key allows; no key here has more than 8192 bits. */
const MAX_SALT_LENGTH = 1024n;
const MGF1 = '1.2.840.113549.1.1.8';
const DIGESTS = new Map<string, string>([
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
]);
// RFC 8017 appendix A.2.4, RFC 5758 section 3.2, RFC 8410 section 3.
const SCHEMES = new Map<string, SignatureScheme>([
  ['1.2.840.113549.1.1.11', { keyType: 'rsa', digest: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyType: 'rsa', digest: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyType: 'rsa', digest: 'sha512' }],
  ['1.2.840.10045.4.3.2', { keyType: 'ec', digest: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyType: 'ec', digest: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyType: 'ec', digest: 'sha512' }],
  ['1.3.101.112', { keyType: 'ed25519', digest: null }],
]);

/**
 * Reads the contents of an AlgorithmIdentifier; null for an algorithm that is not accepted, SHA-1 and MD5 among them.
 * Throws DerError.
 */
export function readSignatureScheme(identifier: DerReader): SignatureScheme | null {
  const id = identifier.readOid();
  if (id === RSASSA_PSS) return readPssParameters(identifier.readSequence());
  const scheme = SCHEMES.get(id);
  if (scheme === undefined) return null;
  // RFC 4055 section 5: NULL for RSA, which some writers leave out. Nothing for the others.
  if (scheme.keyType === 'rsa' && !identifier.atEnd) identifier.readNull();
  identifier.expectEnd();
  return scheme;
}

/** RFC 4055 section 3.1, with the same digest in both places; null for SHA-1, which is the default. */
function readPssParameters(parameters: DerReader): SignatureScheme | null {
  const digest = readDigest(parameters.optional(constructedContextTag(0)));
  const mask = parameters.optional(constructedContextTag(1))?.readSequence();
  if (digest === null || mask?.readOid() !== MGF1 || readDigest(mask) !== digest) return null;
  const saltLength = parameters.optional(constructedContextTag(2))?.readInteger() ?? 20n;
  parameters.expectEnd();
  if (saltLength > MAX_SALT_LENGTH) return null;
  return { keyType: 'rsa', digest, saltLength: Number(saltLength) };
}

function readDigest(holder: DerReader | null): string | null {
  const identifier = holder?.readSequence();
  if (identifier === undefined) return null;
  const digest = DIGESTS.get(identifier.readOid()) ?? null;
  if (!identifier.atEnd) identifier.readNull();
  identifier.expectEnd();
  return digest;
}

/** Whether this key made this signature. Off the main thread. */
export function isSignedBy(
  publicKey: KeyObject,
  { keyType, digest, saltLength }: SignatureScheme,
  signed: Buffer,
  signature: Buffer,
): Promise<boolean> {
  if (keyType !== publicKey.asymmetricKeyType) return Promise.resolve(false);
  const pss = saltLength === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return new Promise<boolean>((resolve) => {
    verify(digest, signed, { key: publicKey, ...pss }, signature, (error, isRight) =>
      resolve(error === null && isRight),
    );
  }).catch(() => false);
}
