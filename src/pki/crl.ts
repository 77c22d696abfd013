import { Buffer } from 'node:buffer';
import type { CrlEntriesWriter } from './crl-entries-writer.js';
import { TAG } from './der-tags.js';
import {
  HEADER_MAX_BYTES,
  bitString,
  explicit,
  headerLength,
  implicit,
  integer,
  octetString,
  sequence,
  time,
  writeHeader,
} from './der-writer.js';
import { OID } from './object-identifiers.js';
import type { Signer } from './signer.js';
import { buildExtension } from './x509-elements.js';

/** The fields of a complete CRL (RFC 5280 section 5.1). Times are cut to the second. */
export interface CrlFields {
  readonly issuerDer: Uint8Array;
  /** The issuer's subjectKeyIdentifier. */
  readonly authorityKeyIdentifier: Uint8Array;
  /** Below 2^159, so that it takes at most 20 octets (RFC 5280 section 5.2.3). */
  readonly crlNumber: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: CrlEntriesWriter;
}

const CRL_NUMBER_END = 1n << 159n;
/** A BIT STRING with an RSA signature of 8192 bits, which is longer than that of any algorithm signed with here. */
const SIGNATURE_MAX_BYTES = 1024 + 5;
const V2 = integer(1);

/**
 * Builds and signs a v2 CRL. The entries are copied once, so that the whole takes about twice the memory of the CRL.
 * Rejects with what the signer rejects with, and with RangeError where the fields make no CRL.
 */
export async function buildCrl(fields: CrlFields, signer: Signer): Promise<Buffer> {
  const algorithm = signer.algorithm.der;
  const parts = buildTbsParts(fields, algorithm);
  const length = lengthOf(parts);
  const crl = Buffer.allocUnsafeSlow(2 * HEADER_MAX_BYTES + length + algorithm.length + SIGNATURE_MAX_BYTES);
  const tbsEnd = writeParts(crl, writeHeader(crl, HEADER_MAX_BYTES, TAG.sequence, length), parts);
  const signature = bitString(await signer.sign(crl.subarray(HEADER_MAX_BYTES, tbsEnd)));
  if (signature.length > SIGNATURE_MAX_BYTES) throw new RangeError('a signature of more than 8192 bits');
  const end = writeParts(crl, tbsEnd, [algorithm, signature]);
  // The length of the whole is the last thing known: its header goes right before the signed part.
  const start = HEADER_MAX_BYTES - headerLength(end - HEADER_MAX_BYTES);
  writeHeader(crl, start, TAG.sequence, end - HEADER_MAX_BYTES);
  return crl.subarray(start, end);
}

function buildTbsParts(fields: CrlFields, algorithm: Uint8Array): Uint8Array[] {
  const { issuerDer, thisUpdate, nextUpdate, entries } = fields;
  if (!(nextUpdate > thisUpdate)) throw new RangeError('nextUpdate is not after thisUpdate');
  return [V2, algorithm, issuerDer, time(thisUpdate), time(nextUpdate), ...entries.list(), buildExtensions(fields)];
}

function buildExtensions({ authorityKeyIdentifier, crlNumber }: CrlFields): Buffer {
  if (crlNumber < 0n || crlNumber >= CRL_NUMBER_END) throw new RangeError('a CRL number is from 0 to 2^159 - 1');
  if (authorityKeyIdentifier.length === 0) throw new RangeError('authorityKeyIdentifier is empty');
  const keyIdentifier = sequence(implicit(0, octetString(authorityKeyIdentifier)));
  return explicit(
    0,
    sequence(
      buildExtension(OID.authorityKeyIdentifier, false, keyIdentifier),
      buildExtension(OID.cRLNumber, false, integer(crlNumber)),
    ),
  );
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}

function writeParts(target: Uint8Array, offset: number, parts: readonly Uint8Array[]): number {
  let at = offset;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return at;
}
