import { Buffer } from 'node:buffer';
import type { CrlEntriesWriter } from './crl-entries-writer.js';
import { type CrlExtensionFields, buildCrlExtensions } from './crl-extensions.js';
import { TAG } from './der-tags.js';
import { HEADER_MAX_BYTES, bitString, headerLength, integer, time, writeHeader } from './der-writer.js';
import type { Signer } from './signer.js';

/** The fields of a CRL (RFC 5280 section 5.1). Times are cut to the second. */
export interface CrlFields extends CrlExtensionFields {
  readonly issuerDer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: CrlEntriesWriter;
}

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
  if (entries.hasRemovals && fields.baseCrlNumber == null) throw new RangeError('removeFromCRL is for delta CRLs');
  return [V2, algorithm, issuerDer, time(thisUpdate), time(nextUpdate), ...entries.list(), buildCrlExtensions(fields)];
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
