import { Buffer } from 'node:buffer';
import { type KeyObject, verify } from 'node:crypto';
import type { CrlEntry } from './crl-entry.js';
import { CrlEntryCursor, type CrlEntryView } from './crl-entry-cursor.js';
import { type ParsedCrlExtensions, readCrlExtensions } from './crl-extensions.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG, constructedContextTag } from './der-tags.js';
import { integer } from './der-writer.js';
import { PkiError } from './pki-error.js';
import { canonicalSerialNumber } from './serial-number.js';
import { findKeyAlgorithm, signatureAlgorithmOf } from './signature-algorithm.js';
import { readAlgorithmIdentifier, readName } from './x509-elements.js';

/** A CRL. The buffers are views of its DER. */
export interface ParsedCrl extends ParsedCrlExtensions {
  readonly issuerDer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entryCount: number;
  /** In the order of the CRL. */
  entries(): IterableIterator<CrlEntry>;
  /** Shows every entry in the order of the CRL, in one object that changes: for lists of millions. */
  walk(visit: (entry: CrlEntryView) => void): void;
  /** The entry of this serial number, by a search through the whole list. Throws PkiError('invalid_serial_number'). */
  find(serialNumber: Uint8Array): CrlEntry | null;
  /** Whether this key made the signature, with the algorithm that Certplane signs with for such a key. */
  verify(publicKey: KeyObject): boolean;
}

const V2 = integer(1);

/**
 * Reads a v2 CRL (RFC 5280 section 5.1) with a CRL number, and checks every entry. It may be complete, that of a distribution
 * point, or a delta; indirect CRLs are refused, as is whatever has an unknown critical extension (section 5.2). No signature is
 * checked. The time is in proportion to the size; no entry is kept. Throws PkiError('invalid_crl').
 */
export function parseCrl(der: Uint8Array): ParsedCrl {
  const crl = Buffer.isBuffer(der) ? der : Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  try {
    return DerReader.readAll(crl, (reader) => readCertificateList(reader, crl));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_crl', `The CRL is not a v2 CRL in DER: ${error.message}.`);
  }
}

function readCertificateList(reader: DerReader, crl: Buffer): ParsedCrl {
  const list = reader.readSequence();
  const tbsDer = list.fork().readElement(TAG.sequence);
  const tbs = list.readSequence();
  const algorithm = readAlgorithmIdentifier(list);
  const signature = list.readBitString();
  list.expectEnd();
  return {
    ...readTbsCertList(tbs, algorithm, crl),
    verify: (publicKey) => isSignedBy(publicKey, tbsDer, algorithm, signature),
  };
}

function readTbsCertList(tbs: DerReader, algorithm: Buffer, crl: Buffer): Omit<ParsedCrl, 'verify'> {
  if (!tbs.accept(V2)) throw tbs.error('a version that is not v2');
  // RFC 5280 section 5.1.1.2: the same as outside the signed part.
  if (!tbs.accept(algorithm)) throw tbs.error('a signature algorithm that differs from the outer one');
  const issuerDer = readName(tbs);
  const thisUpdate = tbs.readTime();
  const nextUpdate = tbs.readTime();
  const revoked = tbs.optional(TAG.sequence);
  // RFC 5280 section 5.1.2.6: an empty list is left out.
  if (revoked?.atEnd) throw revoked.error('an empty list of entries');
  const [start, end] = revoked === null ? [0, 0] : [revoked.offset, tbs.offset];
  const extensions = readCrlExtensions(tbs.read(constructedContextTag(0)));
  tbs.expectEnd();
  const cursor = (): CrlEntryCursor => new CrlEntryCursor(crl, start, end);
  return {
    issuerDer,
    thisUpdate,
    nextUpdate,
    ...extensions,
    entryCount: countEntries(cursor(), extensions.baseCrlNumber !== null),
    entries: () => iterate(cursor()),
    walk: (visit) => {
      const entry = cursor();
      while (entry.next()) visit(entry);
    },
    find: (serialNumber) => findEntry(cursor(), canonicalSerialNumber(serialNumber)),
  };
}

/** Reads every entry: one that is malformed makes the whole CRL so. */
function countEntries(cursor: CrlEntryCursor, isDelta: boolean): number {
  let count = 0;
  for (let { offset } = cursor; cursor.next(); { offset } = cursor) {
    if (cursor.reason === 'removeFromCRL' && !isDelta) {
      throw new DerError('the reason removeFromCRL in a CRL that is no delta', offset);
    }
    count += 1;
  }
  return count;
}

function* iterate(cursor: CrlEntryCursor): IterableIterator<CrlEntry> {
  while (cursor.next()) yield cursor.copy();
}

function findEntry(cursor: CrlEntryCursor, canonical: Buffer): CrlEntry | null {
  while (cursor.next()) if (cursor.isOf(canonical)) return cursor.copy();
  return null;
}

function isSignedBy(publicKey: KeyObject, tbsDer: Buffer, algorithm: Buffer, signature: Buffer): boolean {
  const keyAlgorithm = findKeyAlgorithm(publicKey);
  if (keyAlgorithm === null) return false;
  const { der, digest } = signatureAlgorithmOf(keyAlgorithm);
  return der.equals(algorithm) && verify(digest, tbsDer, publicKey, signature);
}
