import type { Buffer } from 'node:buffer';
import { type KeyObject, verify } from 'node:crypto';
import { type CrlEntry, readCrlEntry } from './crl-entry.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG, constructedContextTag, contextTag } from './der-tags.js';
import { integer } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { canonicalSerialNumber } from './serial-number.js';
import { findKeyAlgorithm, signatureAlgorithmOf } from './signature-algorithm.js';
import { readAlgorithmIdentifier, readExtensionsKnowing, readName } from './x509-elements.js';

/** A complete CRL. The buffers are views of its DER. */
export interface ParsedCrl {
  readonly issuerDer: Buffer;
  readonly crlNumber: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entryCount: number;
  /** The keyIdentifier of that extension. */
  readonly authorityKeyIdentifier: Buffer | null;
  /** In the order of the CRL. */
  entries(): IterableIterator<CrlEntry>;
  /** The entry of this serial number, by a search through the whole list. Throws PkiError('invalid_serial_number'). */
  find(serialNumber: Uint8Array): CrlEntry | null;
  /** Whether this key made the signature, with the algorithm that Certplane signs with for such a key. */
  verify(publicKey: KeyObject): boolean;
}

// RFC 5280 section 5.2.3: at most 20 octets.
const CRL_NUMBER_END = 1n << 159n;
const NO_ENTRIES = new DerReader(new Uint8Array(0));
const V2 = integer(1);
const KNOWN_EXTENSIONS = [OID.authorityKeyIdentifier, OID.cRLNumber];

/**
 * Reads a complete v2 CRL (RFC 5280 section 5.1) with a CRL number, and checks every entry. Delta, indirect and partitioned
 * CRLs are refused, as is whatever has an unknown critical extension (section 5.2). No signature is checked.
 * The time is in proportion to the size; no entry is kept. Throws PkiError('invalid_crl').
 */
export function parseCrl(der: Uint8Array): ParsedCrl {
  try {
    return DerReader.readAll(der, readCertificateList);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_crl', `The CRL is not a complete CRL in DER: ${error.message}.`);
  }
}

function readCertificateList(reader: DerReader): ParsedCrl {
  const list = reader.readSequence();
  const tbsDer = list.fork().readElement(TAG.sequence);
  const tbs = list.readSequence();
  const algorithm = readAlgorithmIdentifier(list);
  const signature = list.readBitString();
  list.expectEnd();
  return {
    ...readTbsCertList(tbs, algorithm),
    verify: (publicKey) => isSignedBy(publicKey, tbsDer, algorithm, signature),
  };
}

function readTbsCertList(tbs: DerReader, algorithm: Buffer): Omit<ParsedCrl, 'verify'> {
  if (!tbs.accept(V2)) throw tbs.error('a version that is not v2');
  // RFC 5280 section 5.1.1.2: the same as outside the signed part.
  if (!tbs.accept(algorithm)) throw tbs.error('a signature algorithm that differs from the outer one');
  const issuerDer = readName(tbs);
  const thisUpdate = tbs.readTime();
  const nextUpdate = tbs.readTime();
  const revoked = tbs.optional(TAG.sequence);
  const entryCount = revoked === null ? 0 : countEntries(revoked.fork());
  const extensions = readCrlExtensions(tbs.read(constructedContextTag(0)));
  tbs.expectEnd();
  return {
    issuerDer,
    thisUpdate,
    nextUpdate,
    entryCount,
    ...extensions,
    entries: () => iterate((revoked ?? NO_ENTRIES).fork()),
    find: (serialNumber) => findEntry((revoked ?? NO_ENTRIES).fork(), serialNumber),
  };
}

/** Reads every entry: one that is malformed makes the whole CRL so. */
function countEntries(revoked: DerReader): number {
  let count = 0;
  // RFC 5280 section 5.1.2.6: an empty list is left out.
  do {
    readCrlEntry(revoked);
    count += 1;
  } while (!revoked.atEnd);
  return count;
}

function* iterate(revoked: DerReader): IterableIterator<CrlEntry> {
  while (!revoked.atEnd) yield readCrlEntry(revoked);
}

function findEntry(revoked: DerReader, serialNumber: Uint8Array): CrlEntry | null {
  const wanted = integer(canonicalSerialNumber(serialNumber));
  while (!revoked.atEnd) {
    const entry = revoked.fork();
    if (revoked.readSequence().accept(wanted)) return readCrlEntry(entry);
  }
  return null;
}

function readCrlExtensions(tagged: DerReader): Pick<ParsedCrl, 'crlNumber' | 'authorityKeyIdentifier'> {
  const start = tagged.offset;
  const extensions = readExtensionsKnowing(KNOWN_EXTENSIONS, tagged);
  const crlNumber = extensions.get(OID.cRLNumber);
  const authorityKey = extensions.get(OID.authorityKeyIdentifier);
  if (crlNumber === undefined) throw tagged.error('a CRL without a CRL number', start);
  return {
    crlNumber: DerReader.readAll(crlNumber.value, readCrlNumber),
    authorityKeyIdentifier:
      authorityKey === undefined ? null : DerReader.readAll(authorityKey.value, readKeyIdentifier),
  };
}

function readCrlNumber(reader: DerReader): bigint {
  const start = reader.offset;
  const crlNumber = reader.readInteger();
  if (crlNumber >= CRL_NUMBER_END) throw reader.error('a CRL number of more than 20 octets', start);
  return crlNumber;
}

/** AuthorityKeyIdentifier of RFC 5280 section 4.2.1.1. */
function readKeyIdentifier(reader: DerReader): Buffer | null {
  const fields = reader.readSequence();
  const keyIdentifier = fields.peekTag() === contextTag(0) ? fields.readBytes(contextTag(0)) : null;
  fields.optional(constructedContextTag(1));
  fields.optional(contextTag(2));
  fields.expectEnd();
  return keyIdentifier;
}

function isSignedBy(publicKey: KeyObject, tbsDer: Buffer, algorithm: Buffer, signature: Buffer): boolean {
  const keyAlgorithm = findKeyAlgorithm(publicKey);
  if (keyAlgorithm === null) return false;
  const { der, digest } = signatureAlgorithmOf(keyAlgorithm);
  return der.equals(algorithm) && verify(digest, tbsDer, publicKey, signature);
}
