import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { parseCertificateFields, type CertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { sequence } from './der-writer.js';
import { formatDistinguishedName } from './distinguished-name.js';
import { findKeyWeakness, parsePublicKey } from './key-strength.js';
import { OID } from './object-identifiers.js';
import { listPemLabels, parsePem, type PemLimits } from './pem.js';
import { PkiError } from './pki-error.js';
import { findKeyAlgorithm, signatureAlgorithmOf, type KeyAlgorithm } from './signature-algorithm.js';

export interface ImportedIssuerInput {
  readonly certificatePem: string;
  /** The certificates above, in any order; the certificate itself may be among them. */
  readonly chainPem?: string | undefined;
  /** PKCS #8, SEC 1 or PKCS #1, not encrypted; left out where the key is elsewhere. */
  readonly privateKeyPem?: string | undefined;
}

export interface ImportedIssuer {
  readonly certificateDer: Buffer;
  readonly fields: CertificateFields;
  /** From the issuer of the certificate upwards; each has signed the one before it. */
  readonly chain: Buffer[];
  /** Null when none was given. */
  readonly privateKey: KeyObject | null;
  readonly publicKey: KeyObject;
  readonly keyAlgorithm: KeyAlgorithm;
  /** The pathLenConstraint of the certificate, null where there is none. */
  readonly pathLength: number | null;
}

interface Authority {
  readonly der: Buffer;
  readonly fields: CertificateFields;
  readonly pathLength: number | null;
}

const MAX_CHAIN = 10;
const CHAIN_LIMITS: PemLimits = { bytes: 512 * 1024, blocks: MAX_CHAIN + 1 };
const PRIVATE_KEY_LABELS = [
  ['PRIVATE KEY', 'pkcs8'],
  ['EC PRIVATE KEY', 'sec1'],
  ['RSA PRIVATE KEY', 'pkcs1'],
] as const;
const EMPTY_NAME = sequence();
// RFC 5280 section 4.2.1.3: bits 5 and 6, counted from the left.
const KEY_CERT_SIGN_AND_CRL_SIGN = 0x06;

/**
 * Checks that a CA certificate that was made elsewhere, and its private key if it is given, can issue: a CA by
 * basicConstraints with keyCertSign and cRLSign, valid at `now`, its key sound and its own, its chain in one line.
 * @throws PkiError `invalid_pem`, `invalid_certificate`, `key_mismatch`, `unsupported_key` or `weak_key`
 */
export function checkImportedIssuer(input: ImportedIssuerInput, now: Date): ImportedIssuer {
  const [certificateDer, ...others] = parsePem(input.certificatePem, 'CERTIFICATE', CHAIN_LIMITS);
  if (certificateDer === undefined || others.length > 0) {
    throw new PkiError('invalid_pem', 'There must be exactly one certificate; those above it belong into the chain.');
  }
  const authority = readAuthority(certificateDer, 'The certificate', now);
  const { fields, pathLength } = authority;
  const publicKey = parsePublicKey(fields.spkiDer);
  const weakness = findKeyWeakness(publicKey);
  if (weakness !== null) throw new PkiError('weak_key', weakness);
  const keyAlgorithm = findKeyAlgorithm(publicKey);
  if (keyAlgorithm === null) {
    const supported = 'ECDSA P-256, P-384 or P-521, RSA with 2048, 3072 or 4096 bits, or Ed25519';
    throw new PkiError('unsupported_key', `The key of an issuer must be ${supported}.`);
  }
  const privateKey = input.privateKeyPem === undefined ? null : parsePrivateKey(input.privateKeyPem);
  if (privateKey !== null && !belongTogether(privateKey, publicKey, keyAlgorithm)) {
    throw new PkiError('key_mismatch', 'The private key is not the one of the certificate.');
  }
  const chain = orderChain(authority, input.chainPem, now);
  return { certificateDer, fields, chain, privateKey, publicKey, keyAlgorithm, pathLength };
}

function readAuthority(der: Buffer, what: string, now: Date): Authority {
  const fields = parseCertificateFields(der);
  const { ca, pathLength } = readBasicConstraints(fields, what);
  if (!ca) refuse(`${what} is not a CA certificate: its basicConstraints do not say cA.`);
  if ((readKeyUsage(fields, what) & KEY_CERT_SIGN_AND_CRL_SIGN) !== KEY_CERT_SIGN_AND_CRL_SIGN) {
    refuse(`${what} does not have the key usages keyCertSign and cRLSign.`);
  }
  if (fields.subjectDer.equals(EMPTY_NAME)) refuse(`${what} has no subject.`);
  if (fields.notAfter < now) refuse(`${what} expired at ${fields.notAfter.toISOString()}.`);
  if (fields.notBefore > now) refuse(`${what} is not valid before ${fields.notBefore.toISOString()}.`);
  return { der, fields, pathLength };
}

function readBasicConstraints(fields: CertificateFields, what: string): { ca: boolean; pathLength: number | null } {
  return readExtension(fields, OID.basicConstraints, what, { ca: false, pathLength: null }, (reader) => {
    const constraints = reader.readSequence();
    const ca = constraints.peekTag() === TAG.boolean && constraints.readBoolean();
    const pathLength = constraints.atEnd ? null : Number(constraints.readInteger());
    constraints.expectEnd();
    return { ca, pathLength };
  });
}

/** The first octet of the bits, 0 where there is no such extension. */
function readKeyUsage(fields: CertificateFields, what: string): number {
  return readExtension(fields, OID.keyUsage, what, 0, (reader) => reader.readBytes(TAG.bitString)[1] ?? 0);
}

function readExtension<T>(
  fields: CertificateFields,
  id: string,
  what: string,
  absent: T,
  read: (reader: DerReader) => T,
): T {
  const extension = fields.extensions.get(id);
  if (extension === undefined) return absent;
  try {
    const reader = new DerReader(extension.value);
    const value = read(reader);
    reader.expectEnd();
    return value;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return refuse(`${what} has a malformed extension ${id}: ${error.message}.`);
  }
}

function parsePrivateKey(pem: string): KeyObject {
  const labels = listPemLabels(pem);
  if (labels.includes('ENCRYPTED PRIVATE KEY')) {
    throw new PkiError(
      'invalid_pem',
      'The private key is encrypted; decrypt it first, for example with `openssl pkey`.',
    );
  }
  const [kind, ...others] = PRIVATE_KEY_LABELS.filter(([label]) => labels.includes(label));
  if (kind === undefined || others.length > 0) {
    throw new PkiError('invalid_pem', 'There must be one PEM block PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY.');
  }
  const [label, type] = kind;
  const [der, ...more] = parsePem(pem, label);
  if (der === undefined || more.length > 0) throw new PkiError('invalid_pem', 'There must be exactly one private key.');
  try {
    return createPrivateKey({ key: der, format: 'der', type });
  } catch {
    throw new PkiError('invalid_pem', `The block ${label} does not hold a private key that can be read.`);
  }
}

/** Compares the public halves, then lets the private key sign: a key file may hold a public half that is not its own. */
function belongTogether(privateKey: KeyObject, publicKey: KeyObject, keyAlgorithm: KeyAlgorithm): boolean {
  const { digest } = signatureAlgorithmOf(keyAlgorithm);
  const probe = Buffer.from('a private key that signs this is the one of the certificate');
  try {
    const publicHalf = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    if (!publicHalf.equals(publicKey.export({ format: 'der', type: 'spki' }))) return false;
    return verify(digest, probe, publicKey, sign(digest, probe, privateKey));
  } catch {
    return false;
  }
}

function orderChain(authority: Authority, chainPem: string | undefined, now: Date): Buffer[] {
  const given = chainPem === undefined || chainPem.trim() === '' ? [] : parsePem(chainPem, 'CERTIFICATE', CHAIN_LIMITS);
  const rest = new Map(given.map((der) => [der.toString('base64'), der]));
  rest.delete(authority.der.toString('base64'));
  const above = [...rest.values()].map((der) => readAuthority(der, 'A certificate of the chain', now));
  const chain: Authority[] = [];
  let following = 0;
  for (let below = authority; !isSelfSigned(below);) {
    const issuer = above.find((candidate) => !chain.includes(candidate) && hasSigned(candidate, below));
    if (issuer === undefined) break;
    chain.push(issuer);
    // RFC 5280 section 4.2.1.9: how many CA certificates that are not self-issued may follow.
    if (!isSelfIssued(below)) following += 1;
    if (issuer.pathLength !== null && issuer.pathLength < following) {
      refuse(`The path length of ${nameOf(issuer)} does not allow the CA certificates below it.`);
    }
    below = issuer;
  }
  const stray = above.find((candidate) => !chain.includes(candidate));
  if (stray !== undefined) refuse(`${nameOf(stray)} is in the chain, but has signed nothing in it.`);
  checkSelfSignature(chain.at(-1) ?? authority);
  return chain.map(({ der }) => der);
}

function hasSigned(issuer: Authority, below: Authority): boolean {
  return issuer.fields.subjectDer.equals(below.fields.issuerDer) && isSignedBy(below.der, issuer.fields.spkiDer);
}

function checkSelfSignature(top: Authority): void {
  if (!isSelfIssued(top) || isSelfSigned(top)) return;
  refuse(`The signature of the self-signed certificate ${nameOf(top)} does not verify.`);
}

function isSignedBy(certificateDer: Buffer, spkiDer: Buffer): boolean {
  const key = parsePublicKey(spkiDer);
  try {
    return new X509Certificate(certificateDer).verify(key);
  } catch {
    return false;
  }
}

/** A CA that changes its key may be self-issued and signed by its former key. */
function isSelfSigned(authority: Authority): boolean {
  return isSelfIssued(authority) && isSignedBy(authority.der, authority.fields.spkiDer);
}

function isSelfIssued({ fields }: Authority): boolean {
  return fields.subjectDer.equals(fields.issuerDer);
}

function nameOf({ fields }: Authority): string {
  return `"${formatDistinguishedName(fields.subjectDer)}"`;
}

function refuse(message: string): never {
  throw new PkiError('invalid_certificate', message);
}
