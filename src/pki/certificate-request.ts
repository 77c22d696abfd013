// @peculiar/x509 needs the Reflect metadata API before it loads.
import 'reflect-metadata';
import { Buffer } from 'node:buffer';
import { constants, verify, type KeyObject } from 'node:crypto';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, contextTag, TAG } from './der-tags.js';
import { checkDistinguishedName, findCommonName, formatDistinguishedName } from './distinguished-name.js';
import { findKeyWeakness, parsePublicKey } from './key-strength.js';
import { OID } from './object-identifiers.js';
import { parsePem } from './pem.js';
import { PkiError } from './pki-error.js';
import {
  findIpAddressText,
  NO_NAMES,
  validateSubjectAlternativeNames,
  type SubjectAlternativeNames,
} from './subject-alternative-names.js';
import { readAlgorithmIdentifier, readName } from './x509-elements.js';

/** A PKCS #10 request (RFC 2986) that its key has signed, with the parts of it that a certificate may take over. */
export interface CertificateRequest {
  /** May be the empty name. */
  readonly subjectDer: Buffer;
  /** RFC 4514. */
  readonly subject: string;
  /** The most specific one of the subject. */
  readonly commonName: string | null;
  readonly spkiDer: Buffer;
  readonly publicKey: KeyObject;
  /** Those of the extensionRequest attribute, in canonical form. No other requested extension is looked at. */
  readonly subjectAlternativeNames: SubjectAlternativeNames;
}

interface RequestFields {
  /** The DER of the CertificationRequestInfo: what is signed. */
  readonly info: Buffer;
  readonly subjectDer: Buffer;
  readonly spkiDer: Buffer;
  readonly signature: Buffer;
}

interface RequestAlgorithm {
  readonly name: string;
  readonly hash?: { readonly name: string };
  readonly saltLength?: number;
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const MAX_REQUEST_LENGTH = 64 * 1024;
const MAX_ATTRIBUTES = 32;
// RFC 5280 section 4.2.1.6.
const GENERAL_NAME_KINDS = new Map<number, keyof SubjectAlternativeNames>([
  [contextTag(1), 'email'],
  [contextTag(2), 'dns'],
  [contextTag(6), 'uri'],
  [contextTag(7), 'ip'],
]);
const KEY_TYPES = new Map([
  ['ECDSA', 'ec'],
  ['Ed25519', 'ed25519'],
  ['RSASSA-PKCS1-v1_5', 'rsa'],
  ['RSA-PSS', 'rsa'],
]);
const DIGESTS = new Map([
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
]);

/**
 * Reads one PEM request of at most 64 KiB, whose signature, key, subject and names are all in order.
 * @throws PkiError `invalid_pem`, `invalid_csr`, `unsupported_key`, `weak_key`, `csr_signature_invalid` or `invalid_name`
 */
export async function parseCertificateRequest(pem: string): Promise<CertificateRequest> {
  const [der, ...others] = parsePem(pem, 'CERTIFICATE REQUEST', { bytes: MAX_REQUEST_LENGTH, blocks: 16 });
  if (der === undefined || others.length > 0) throw new PkiError('invalid_pem', 'There must be exactly one request.');
  const { info, subjectDer, spkiDer, signature } = readDer(() => readRequest(new DerReader(der)));
  const publicKey = parsePublicKey(spkiDer);
  const weakness = findKeyWeakness(publicKey);
  if (weakness !== null) throw new PkiError('weak_key', weakness);
  const request = decode(() => new Pkcs10CertificateRequest(der));
  await checkSignature(request, info, publicKey, signature);
  checkDistinguishedName(subjectDer);
  const subjectAlternativeNames = getSubjectAlternativeNames(request);
  return {
    subjectDer,
    subject: formatDistinguishedName(subjectDer),
    commonName: findCommonName(subjectDer),
    spkiDer,
    publicKey,
    subjectAlternativeNames,
  };
}

/** The parts that go into a certificate or under the signature check are taken as they stand in the bytes. */
function readRequest(reader: DerReader): RequestFields {
  const request = reader.readSequence();
  reader.expectEnd();
  const reread = request.fork();
  const info = request.readElement(TAG.sequence);
  readAlgorithmIdentifier(request);
  const signature = request.readBitString();
  request.expectEnd();
  return { info, signature, ...readRequestInfo(reread.readSequence()) };
}

function readRequestInfo(info: DerReader): { subjectDer: Buffer; spkiDer: Buffer } {
  const start = info.offset;
  if (info.readInteger() !== 0n) throw info.error('a version that is not v1', start);
  const subjectDer = readName(info);
  const spkiDer = info.readElement(TAG.sequence);
  // RFC 2986 asks for the attributes even where there are none; some writers leave them out.
  const attributes = info.optional(constructedContextTag(0));
  info.expectEnd();
  for (let count = 0; attributes !== null && !attributes.atEnd; count += 1) {
    if (count === MAX_ATTRIBUTES) throw attributes.error(`more than ${MAX_ATTRIBUTES} attributes`);
    attributes.skip(TAG.sequence);
  }
  return { subjectDer, spkiDer };
}

async function checkSignature(
  request: Pkcs10CertificateRequest,
  info: Buffer,
  publicKey: KeyObject,
  signature: Buffer,
): Promise<void> {
  // The library's type leaves out what it inherits from the DOM's Algorithm.
  const algorithm = decode(() => request.signatureAlgorithm as object as RequestAlgorithm);
  const keyType = KEY_TYPES.get(algorithm.name);
  const digest = keyType === 'ed25519' ? null : DIGESTS.get(algorithm.hash?.name ?? '');
  if (keyType === undefined || digest === undefined) {
    const message = 'The request must be signed with Ed25519, or with ECDSA or RSA and SHA-256, SHA-384 or SHA-512.';
    throw new PkiError('csr_signature_invalid', message);
  }
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength };
  const key = { key: publicKey, ...(algorithm.name === 'RSA-PSS' ? pss : {}) };
  const isRight = keyType === publicKey.asymmetricKeyType && (await isSignature(digest, info, key, signature));
  if (!isRight) {
    const message = 'The signature of the request does not verify with the public key in it.';
    throw new PkiError('csr_signature_invalid', message);
  }
}

function isSignature(
  digest: string | null,
  info: Buffer,
  key: { readonly key: KeyObject; readonly padding?: number; readonly saltLength?: number | undefined },
  signature: Buffer,
): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    verify(digest, info, key, signature, (error, isRight) => resolve(error === null && isRight));
  }).catch(() => false);
}

function getSubjectAlternativeNames(request: Pkcs10CertificateRequest): SubjectAlternativeNames {
  const [extension, ...others] = decode(() => {
    if (request.getAttributes(EXTENSION_REQUEST).length > 1) throw new Error('a second extensionRequest attribute');
    return request.getExtensions(OID.subjectAltName);
  });
  if (extension === undefined) return NO_NAMES;
  if (others.length > 0) {
    throw new PkiError('invalid_csr', 'The request must have its subject alternative names in one extension.');
  }
  return validateSubjectAlternativeNames(readDer(() => readGeneralNames(new DerReader(Buffer.from(extension.value)))));
}

/** Not by the library, which passes over a name that it cannot read: the certificate would silently lack it. */
function readGeneralNames(reader: DerReader): SubjectAlternativeNames {
  const names = { dns: [] as string[], ip: [] as string[], email: [] as string[], uri: [] as string[] };
  const list = reader.readSequence();
  reader.expectEnd();
  while (!list.atEnd) {
    const tag = list.peekTag() ?? 0;
    const kind = GENERAL_NAME_KINDS.get(tag);
    if (kind === undefined) {
      const message = 'A subject alternative name must be a DNS name, an IP address, an e-mail address or a URI';
      throw new PkiError('invalid_name', `${message}; the request has one of another kind.`);
    }
    const value = list.readBytes(tag);
    names[kind].push(kind === 'ip' ? getIpAddressText(value) : value.toString('latin1'));
  }
  return names;
}

function getIpAddressText(octets: Buffer): string {
  const text = findIpAddressText(octets);
  if (text !== null) return text;
  throw new PkiError('invalid_name', `An IP address in the request has ${octets.length} octets instead of 4 or 16.`);
}

function readDer<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_csr', `The request is not a DER PKCS #10 request: ${error.message}.`);
  }
}

/** Runs the library on bytes that came from outside: whatever it throws, the request is to blame. */
function decode<T>(work: () => T): T {
  try {
    return work();
  } catch {
    throw new PkiError('invalid_csr', 'The request, or an extension that it asks for, cannot be read.');
  }
}
