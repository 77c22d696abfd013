import type { Buffer } from 'node:buffer';
import { DerError, DerReader } from './der-reader.js';
import { TAG, constructedContextTag, contextTag } from './der-tags.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { readSerialNumber } from './serial-number.js';
import { type Extension, readAlgorithmIdentifier, readExtensions, readName } from './x509-elements.js';

/** No X.509 certificate in use is near this; certificates with post-quantum signatures take up to 50 kB. */
export const CERTIFICATE_MAX_BYTES = 65_536;

/** The parts of a certificate that CRLs and OCSP are about. The buffers are views of the certificate. */
export interface CertificateFields {
  /** Canonical, see serial-number.ts. */
  readonly serialNumber: Buffer;
  readonly issuerDer: Buffer;
  readonly subjectDer: Buffer;
  readonly spkiDer: Buffer;
  /** The bits of subjectPublicKey, without the octet that counts the unused ones: what issuerKeyHash is the hash of. */
  readonly publicKeyBits: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** By dotted object identifier. */
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly subjectKeyIdentifier: Buffer | null;
}

/** Reads the DER of one certificate (RFC 5280 section 4.1). No signature is checked. Throws PkiError('invalid_certificate'). */
export function parseCertificateFields(der: Uint8Array): CertificateFields {
  if (der.length > CERTIFICATE_MAX_BYTES) {
    throw new PkiError('invalid_certificate', `The certificate has more than ${CERTIFICATE_MAX_BYTES} bytes.`);
  }
  try {
    return DerReader.readAll(der, readCertificate);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_certificate', `The certificate is not a DER X.509 certificate: ${error.message}.`);
  }
}

function readCertificate(reader: DerReader): CertificateFields {
  const certificate = reader.readSequence();
  const tbs = certificate.readSequence();
  const algorithm = readAlgorithmIdentifier(certificate);
  certificate.readBitString();
  certificate.expectEnd();
  return readTbsCertificate(tbs, algorithm);
}

function readTbsCertificate(tbs: DerReader, algorithm: Buffer): CertificateFields {
  const version = readVersion(tbs);
  const serialNumber = readSerialNumber(tbs);
  // RFC 5280 section 4.1.1.2: the same as outside the signed part.
  if (!tbs.accept(algorithm)) throw tbs.error('a signature algorithm that differs from the outer one');
  const issuerDer = readName(tbs);
  const validity = tbs.readSequence();
  const notBefore = validity.readTime();
  const notAfter = validity.readTime();
  validity.expectEnd();
  const subjectDer = readName(tbs);
  const { spkiDer, publicKeyBits } = readPublicKey(tbs);
  if (version >= 2) skipUniqueIdentifiers(tbs);
  const extensions = version === 3 ? readOptionalExtensions(tbs) : new Map<string, Extension>();
  tbs.expectEnd();
  const subjectKeyIdentifier = findSubjectKeyIdentifier(extensions);
  return {
    serialNumber,
    issuerDer,
    subjectDer,
    spkiDer,
    publicKeyBits,
    notBefore,
    notAfter,
    extensions,
    subjectKeyIdentifier,
  };
}

function readVersion(tbs: DerReader): number {
  const start = tbs.offset;
  const tagged = tbs.optional(constructedContextTag(0));
  if (tagged === null) return 1;
  const version = tagged.readInteger();
  tagged.expectEnd();
  // Version 1 is the default, which DER leaves out.
  if (version !== 1n && version !== 2n) throw tbs.error('a version that is not v2 or v3', start);
  return Number(version) + 1;
}

function readPublicKey(tbs: DerReader): { spkiDer: Buffer; publicKeyBits: Buffer } {
  const fork = tbs.fork();
  const spkiDer = tbs.readElement(TAG.sequence);
  const spki = fork.readSequence();
  readAlgorithmIdentifier(spki);
  const publicKeyBits = spki.readBitString();
  spki.expectEnd();
  return { spkiDer, publicKeyBits };
}

function skipUniqueIdentifiers(tbs: DerReader): void {
  tbs.optional(contextTag(1));
  tbs.optional(contextTag(2));
}

function readOptionalExtensions(tbs: DerReader): Map<string, Extension> {
  const tagged = tbs.optional(constructedContextTag(3));
  return tagged === null ? new Map() : readExtensions(tagged);
}

function findSubjectKeyIdentifier(extensions: ReadonlyMap<string, Extension>): Buffer | null {
  const extension = extensions.get(OID.subjectKeyIdentifier);
  return extension === undefined ? null : DerReader.readAll(extension.value, (reader) => reader.readOctetString());
}
