import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, contextTag, TAG } from './der-tags.js';
import { checkDistinguishedName, findCommonName, formatDistinguishedName } from './distinguished-name.js';
import { isSignedBy, readSignatureScheme, type SignatureScheme } from './foreign-signature.js';
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
import { readAlgorithmIdentifier, readExtensions, readName } from './x509-elements.js';

// Read by hand: @peculiar/x509 takes a second for 40 KiB of small extensions, and passes over names that it cannot read.

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
  /** The contents of the value of the extensionRequest attribute. */
  readonly extensions: DerReader | null;
  /** Null where it is not one of those that are accepted. */
  readonly algorithm: SignatureScheme | null;
  readonly signature: Buffer;
}

const MAX_REQUEST_LENGTH = 64 * 1024;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
// RFC 5280 section 4.2.1.6.
const GENERAL_NAME_KINDS = new Map<number, keyof SubjectAlternativeNames>([
  [contextTag(1), 'email'],
  [contextTag(2), 'dns'],
  [contextTag(6), 'uri'],
  [contextTag(7), 'ip'],
]);

/**
 * Reads one PEM request of at most 64 KiB, whose signature, key, subject and names are all in order.
 * @throws PkiError `invalid_pem`, `invalid_csr`, `unsupported_key`, `weak_key`, `csr_signature_invalid` or `invalid_name`
 */
export async function parseCertificateRequest(pem: string): Promise<CertificateRequest> {
  const [der, ...others] = parsePem(pem, 'CERTIFICATE REQUEST', { bytes: MAX_REQUEST_LENGTH, blocks: 16 });
  if (der === undefined || others.length > 0) throw new PkiError('invalid_pem', 'There must be exactly one request.');
  const fields = readDer(() => readRequest(new DerReader(der)));
  const { subjectDer, spkiDer } = fields;
  const publicKey = parsePublicKey(spkiDer);
  const weakness = findKeyWeakness(publicKey);
  if (weakness !== null) throw new PkiError('weak_key', weakness);
  await checkSignature(fields, publicKey);
  checkDistinguishedName(subjectDer);
  const subjectAlternativeNames = validateSubjectAlternativeNames(readDer(() => readRequestedNames(fields.extensions)));
  return {
    subjectDer,
    subject: formatDistinguishedName(subjectDer),
    commonName: findCommonName(subjectDer),
    spkiDer,
    publicKey,
    subjectAlternativeNames,
  };
}

function readRequest(reader: DerReader): RequestFields {
  const request = reader.readSequence();
  reader.expectEnd();
  const infoReader = request.fork();
  const info = request.readElement(TAG.sequence);
  const algorithmReader = request.fork();
  readAlgorithmIdentifier(request);
  const signature = request.readBitString();
  request.expectEnd();
  const algorithm = readSignatureScheme(algorithmReader.readSequence());
  return { info, algorithm, signature, ...readRequestInfo(infoReader.readSequence()) };
}

function readRequestInfo(info: DerReader): Pick<RequestFields, 'subjectDer' | 'spkiDer' | 'extensions'> {
  const start = info.offset;
  if (info.readInteger() !== 0n) throw info.error('a version that is not v1', start);
  const subjectDer = readName(info);
  const spkiDer = info.readElement(TAG.sequence);
  // RFC 2986 asks for the attributes even where there are none; some writers leave them out.
  const attributes = info.optional(constructedContextTag(0));
  info.expectEnd();
  return { subjectDer, spkiDer, extensions: attributes === null ? null : readExtensionRequest(attributes) };
}

function readExtensionRequest(attributes: DerReader): DerReader | null {
  let found: DerReader | null = null;
  while (!attributes.atEnd) {
    const start = attributes.offset;
    const attribute = attributes.readSequence();
    const id = attribute.readOid();
    const values = attribute.readSet();
    attribute.expectEnd();
    if (id !== EXTENSION_REQUEST) continue;
    if (found !== null) throw attributes.error('a second extensionRequest attribute', start);
    found = values;
  }
  return found;
}

function readRequestedNames(extensionRequest: DerReader | null): SubjectAlternativeNames {
  const extension = extensionRequest === null ? undefined : readExtensions(extensionRequest).get(OID.subjectAltName);
  return extension === undefined ? NO_NAMES : readGeneralNames(new DerReader(extension.value));
}

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

async function checkSignature({ info, algorithm, signature }: RequestFields, publicKey: KeyObject): Promise<void> {
  if (algorithm === null) {
    const message = 'The request must be signed with Ed25519, or with ECDSA or RSA and SHA-256, SHA-384 or SHA-512.';
    throw new PkiError('csr_signature_invalid', message);
  }
  if (await isSignedBy(publicKey, algorithm, info, signature)) return;
  const message = 'The signature of the request does not verify with the public key in it.';
  throw new PkiError('csr_signature_invalid', message);
}

function readDer<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_csr', `The request is not a DER PKCS #10 request: ${error.message}.`);
  }
}
