import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { type KeyAlgorithm, signatureAlgorithmOf } from '../signature-algorithm.js';
import type { Signer } from '../signer.js';

/** A signer for tests, whose private key openssl can be given too. */
export interface LocalSigner extends Signer {
  readonly privateKey: KeyObject;
}

const EC_CURVES = { 'ecdsa-p256': 'P-256', 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' } as const;
const RSA_BITS = { 'rsa-2048': 2048, 'rsa-3072': 3072, 'rsa-4096': 4096 } as const;

export function generateLocalSigner(keyAlgorithm: KeyAlgorithm): LocalSigner {
  const { privateKey, publicKey } = generateKeyPair(keyAlgorithm);
  const algorithm = signatureAlgorithmOf(keyAlgorithm);
  return {
    algorithm,
    publicKey,
    privateKey,
    sign: (tbs) => Promise.resolve(sign(algorithm.digest, tbs, privateKey)),
  };
}

function generateKeyPair(algorithm: KeyAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (algorithm) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return generateKeyPairSync('ec', { namedCurve: EC_CURVES[algorithm] });
    default:
      return generateKeyPairSync('rsa', { modulusLength: RSA_BITS[algorithm] });
  }
}
