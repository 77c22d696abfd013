import type { KeyObject } from 'node:crypto';

/** The key algorithms that an issuer or a responder may have. */
export const KEY_ALGORITHMS = [
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

export interface SignatureAlgorithm {
  readonly name: 'ecdsa-sha256' | 'ecdsa-sha384' | 'ecdsa-sha512' | 'rsa-sha256' | 'ed25519';
  /** The digest that node:crypto is to use; null where the algorithm has its own (Ed25519). */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  /** The DER of the AlgorithmIdentifier. */
  readonly der: Buffer;
}

const algorithm = (
  name: SignatureAlgorithm['name'],
  digest: SignatureAlgorithm['digest'],
  hex: string,
): SignatureAlgorithm => ({ name, digest, der: Buffer.from(hex, 'hex') });

// RFC 5758 section 3.2: no parameters for ECDSA. RFC 4055 section 5: NULL for RSA. RFC 8410 section 3: none for Ed25519.
const ECDSA_SHA256 = algorithm('ecdsa-sha256', 'sha256', '300a06082a8648ce3d040302');
const ECDSA_SHA384 = algorithm('ecdsa-sha384', 'sha384', '300a06082a8648ce3d040303');
const ECDSA_SHA512 = algorithm('ecdsa-sha512', 'sha512', '300a06082a8648ce3d040304');
const RSA_SHA256 = algorithm('rsa-sha256', 'sha256', '300d06092a864886f70d01010b0500');
const ED25519 = algorithm('ed25519', null, '300506032b6570');

/** The algorithm name of a public or private key, or null for a kind that Certplane does not sign with. */
export function findKeyAlgorithm(key: KeyObject): KeyAlgorithm | null {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return 'ed25519';
    case 'ec':
      switch (details.namedCurve) {
        case 'prime256v1':
          return 'ecdsa-p256';
        case 'secp384r1':
          return 'ecdsa-p384';
        case 'secp521r1':
          return 'ecdsa-p521';
        default:
          return null;
      }
    case 'rsa':
      switch (details.modulusLength) {
        case 2048:
          return 'rsa-2048';
        case 3072:
          return 'rsa-3072';
        case 4096:
          return 'rsa-4096';
        default:
          return null;
      }
    default:
      return null;
  }
}

/** The signature algorithm that a key of this kind signs with: the digest matches the curve (CA/B BR 7.1.3.2.2). */
export function signatureAlgorithmOf(key: KeyAlgorithm): SignatureAlgorithm {
  switch (key) {
    case 'ecdsa-p256':
      return ECDSA_SHA256;
    case 'ecdsa-p384':
      return ECDSA_SHA384;
    case 'ecdsa-p521':
      return ECDSA_SHA512;
    case 'ed25519':
      return ED25519;
    default:
      return RSA_SHA256;
  }
}
