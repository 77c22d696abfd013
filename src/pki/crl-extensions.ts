import type { Buffer } from 'node:buffer';
import { DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { explicit, generalizedTime, implicit, integer, octetString, sequence } from './der-writer.js';
import { buildCrlDistributionPoints, readCrlDistributionPoints } from './distribution-point.js';
import { buildIssuingDistributionPoint, readIssuingDistributionPoint } from './issuing-distribution-point.js';
import { OID } from './object-identifiers.js';
import { type Extension, buildExtension, readExtensionsKnowing } from './x509-elements.js';

/** What the extensions of a CRL say (RFC 5280 section 5.2). */
export interface CrlExtensionFields {
  /** The issuer's subjectKeyIdentifier. */
  readonly authorityKeyIdentifier: Uint8Array;
  /** Below 2^159, so that it takes at most 20 octets (RFC 5280 section 5.2.3). */
  readonly crlNumber: bigint;
  /** The URIs by which certificates name this CRL, where it is not about all certificates of the issuer. */
  readonly issuingDistributionPoint?: readonly string[] | null;
  /** Makes this a delta CRL: the number of the complete CRL that it begins at, below its own. */
  readonly baseCrlNumber?: bigint | null;
  /** The URIs of the delta CRL. */
  readonly freshestCrl?: readonly string[] | null;
  /** The CRL has the entries of all certificates that expired at this time or later (ITU-T X.509). */
  readonly expiredCertsOnCrl?: Date | null;
}

/** What the extensions of a CRL that was read say; null for those that it does not have. */
export interface ParsedCrlExtensions {
  /** The keyIdentifier of that extension. */
  readonly authorityKeyIdentifier: Buffer | null;
  readonly crlNumber: bigint;
  readonly issuingDistributionPoint: readonly string[] | null;
  /** Null for a CRL that is no delta. */
  readonly baseCrlNumber: bigint | null;
  readonly freshestCrl: readonly string[] | null;
  readonly expiredCertsOnCrl: Date | null;
}

const CRL_NUMBER_MAX_BYTES = 20;
const CRL_NUMBER_END = 1n << BigInt(8 * CRL_NUMBER_MAX_BYTES - 1);
// A relying party that passed over the first two would take the CRL for one of all certificates; the others may be passed over.
const CRITICAL = new Map<string, boolean>([
  [OID.issuingDistributionPoint, true],
  [OID.deltaCRLIndicator, true],
  [OID.freshestCRL, false],
  [OID.expiredCertsOnCRL, false],
]);
const KNOWN = [OID.authorityKeyIdentifier, OID.cRLNumber, ...CRITICAL.keys()];

/** The crlExtensions field. Throws RangeError where the fields contradict each other or cannot be written. */
export function buildCrlExtensions(fields: CrlExtensionFields): Buffer {
  checkFields(fields);
  const { issuingDistributionPoint, baseCrlNumber, freshestCrl, expiredCertsOnCrl } = fields;
  const keyIdentifier = sequence(implicit(0, octetString(fields.authorityKeyIdentifier)));
  const extensions = [
    buildExtension(OID.authorityKeyIdentifier, false, keyIdentifier),
    buildExtension(OID.cRLNumber, false, integer(fields.crlNumber)),
  ];
  const add = (id: string, value: Buffer): unknown => extensions.push(buildExtension(id, CRITICAL.get(id)!, value));
  if (baseCrlNumber != null) add(OID.deltaCRLIndicator, integer(baseCrlNumber));
  if (issuingDistributionPoint != null) {
    add(OID.issuingDistributionPoint, buildIssuingDistributionPoint(issuingDistributionPoint));
  }
  if (freshestCrl != null) add(OID.freshestCRL, buildCrlDistributionPoints(freshestCrl));
  if (expiredCertsOnCrl != null) add(OID.expiredCertsOnCRL, generalizedTime(expiredCertsOnCrl));
  return explicit(0, sequence(...extensions));
}

/** Reads the contents of crlExtensions. Refuses unknown critical extensions, and known ones with the wrong criticality. */
export function readCrlExtensions(tagged: DerReader): ParsedCrlExtensions {
  const start = tagged.offset;
  const extensions = readExtensionsKnowing(KNOWN, tagged);
  for (const [id, { critical }] of extensions) {
    if (CRITICAL.has(id) && CRITICAL.get(id) !== critical) {
      throw tagged.error(`the extension ${id}, ${critical ? '' : 'not '}marked as critical,`, start);
    }
  }
  const parsed = readKnown(extensions);
  const { crlNumber, baseCrlNumber, freshestCrl } = parsed;
  if (crlNumber === null) throw tagged.error('a CRL without a CRL number', start);
  if (baseCrlNumber !== null && freshestCrl !== null) throw tagged.error('a freshest CRL in a delta CRL', start);
  if (baseCrlNumber !== null && baseCrlNumber >= crlNumber) {
    throw tagged.error('a delta CRL whose number is not above that of its base', start);
  }
  return { ...parsed, crlNumber };
}

function checkFields({ authorityKeyIdentifier, crlNumber, baseCrlNumber, freshestCrl }: CrlExtensionFields): void {
  if (crlNumber < 0n || crlNumber >= CRL_NUMBER_END) throw new RangeError('a CRL number is from 0 to 2^159 - 1');
  if (authorityKeyIdentifier.length === 0) throw new RangeError('authorityKeyIdentifier is empty');
  if (baseCrlNumber == null) return;
  if (baseCrlNumber < 0n || baseCrlNumber >= crlNumber)
    throw new RangeError('a base CRL number is from 0 to crlNumber');
  // RFC 5280 section 5.2.6.
  if (freshestCrl != null) throw new RangeError('a delta CRL has no freshest CRL');
}

function readKnown(
  extensions: ReadonlyMap<string, Extension>,
): Omit<ParsedCrlExtensions, 'crlNumber'> & { readonly crlNumber: bigint | null } {
  const find = <T>(id: string, read: (reader: DerReader) => T): T | null => {
    const extension = extensions.get(id);
    return extension === undefined ? null : DerReader.readAll(extension.value, read);
  };
  return {
    authorityKeyIdentifier: find(OID.authorityKeyIdentifier, readKeyIdentifier),
    crlNumber: find(OID.cRLNumber, readCrlNumber),
    baseCrlNumber: find(OID.deltaCRLIndicator, readCrlNumber),
    issuingDistributionPoint: find(OID.issuingDistributionPoint, readIssuingDistributionPoint),
    freshestCrl: find(OID.freshestCRL, readCrlDistributionPoints),
    expiredCertsOnCrl: find(OID.expiredCertsOnCRL, (reader) => reader.readGeneralizedTime()),
  };
}

function readCrlNumber(reader: DerReader): bigint {
  const start = reader.offset;
  const { length } = reader.fork().readIntegerContents();
  if (length > CRL_NUMBER_MAX_BYTES) throw reader.error('a CRL number of more than 20 octets', start);
  return reader.readInteger();
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
