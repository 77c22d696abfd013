import { createPrivateKey, createPublicKey, generateKeyPair, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { buildCertificateRequest } from '../pki/certificate-request-builder.js';
import { distinguishedNameFromAttributes, distinguishedNameFromText } from '../pki/distinguished-name.js';
import { formatPem } from '../pki/pem.js';
import { findKeyAlgorithm, signatureAlgorithmOf, type KeyAlgorithm } from '../pki/signature-algorithm.js';
import { validateSubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { usageFailure } from './failure.js';
import { readText } from './local-files.js';

const EMPTY_NAME = Buffer.from('3000', 'hex');
const CURVES = { 'ecdsa-p256': 'P-256', 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' } as const;
const RSA_BITS = { 'rsa-2048': 2048, 'rsa-3072': 3072, 'rsa-4096': 4096 } as const;
const generate = promisify(generateKeyPair);

/** What the certificate is to be for. */
export interface RequestedNames {
  /** RFC 4514; it stands instead of the common name. */
  readonly subject?: string | undefined;
  readonly commonName?: string | undefined;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly email?: readonly string[];
  readonly uri?: readonly string[];
}

export async function generatePrivateKey(algorithm: KeyAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case 'ed25519':
      return (await generate('ed25519')).privateKey;
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return (await generate('ec', { namedCurve: CURVES[algorithm] })).privateKey;
    default:
      return (await generate('rsa', { modulusLength: RSA_BITS[algorithm] })).privateKey;
  }
}

/** PKCS #8, not encrypted. */
export function formatPrivateKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** @throws Failure */
export function readPrivateKey(path: string): KeyObject {
  const text = readText(path);
  try {
    return createPrivateKey(text);
  } catch {
    throw usageFailure(`${path} holds no private key that can be read: PEM, not encrypted.`);
  }
}

/** A PKCS #10 request, PEM, signed with the key that it is for. @throws Failure, PkiError */
export async function requestCertificate(privateKey: KeyObject, names: RequestedNames): Promise<string> {
  const keyAlgorithm = findKeyAlgorithm(privateKey);
  if (keyAlgorithm === null) throw usageFailure('The private key is of a kind that certificates are not issued for.');
  const algorithm = signatureAlgorithmOf(keyAlgorithm);
  const signer = {
    algorithm,
    publicKey: createPublicKey(privateKey),
    sign: (tbs: Uint8Array) => Promise.resolve(sign(algorithm.digest, tbs, privateKey)),
  };
  const { dns, ip, email, uri } = names;
  const plan = {
    subjectDer: subjectOf(names),
    subjectAlternativeNames: validateSubjectAlternativeNames({ dns, ip, email, uri }),
  };
  return formatPem('CERTIFICATE REQUEST', await buildCertificateRequest(plan, signer));
}

function subjectOf({ subject, commonName }: RequestedNames): Buffer {
  if (subject !== undefined) return distinguishedNameFromText(subject).der;
  return commonName === undefined ? EMPTY_NAME : distinguishedNameFromAttributes({ common_name: commonName }).der;
}
