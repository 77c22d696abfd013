import { Buffer } from 'node:buffer';
import type { CertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { explicit, sequence, tlv } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';

/** More than any certificate in use has. */
const MAX_URIS = 64;
const URI_MAX_BYTES = 2048;
/** An absolute URI, as far as a relying party must be able to read it: a scheme, and printable ASCII without spaces. */
const ABSOLUTE_URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i;
// RFC 5280 section 4.2.1.6: uniformResourceIdentifier of GeneralName.
const URI_TAG = contextTag(6);
const FULL_NAME = constructedContextTag(0);

/**
 * The distributionPoint field of RFC 5280, which names one CRL by 1 to 64 URIs. A certificate's cRLDistributionPoints and a
 * CRL's issuingDistributionPoint both take it from here: relying parties compare the two (sections 4.2.1.13 and 5.2.5).
 * Throws RangeError where a URI is not absolute, not printable ASCII, or longer than 2048 octets.
 */
export function buildDistributionPointName(uris: readonly string[]): Buffer {
  if (uris.length === 0 || uris.length > MAX_URIS) throw new RangeError('a distribution point has 1 to 64 URIs');
  const names = uris.map((uri) => {
    if (!isUri(uri)) throw new RangeError(`${JSON.stringify(uri)} is not the absolute URI of a distribution point`);
    return tlv(URI_TAG, Buffer.from(uri, 'latin1'));
  });
  // DistributionPointName is a CHOICE, so that its own tag is explicit.
  return explicit(0, tlv(FULL_NAME, ...names));
}

/** The value of cRLDistributionPoints and of freshestCRL: one distribution point. Throws like buildDistributionPointName. */
export function buildCrlDistributionPoints(uris: readonly string[]): Buffer {
  return sequence(sequence(buildDistributionPointName(uris)));
}

/** Reads what buildDistributionPointName builds, and refuses names that are no URIs. */
export function readDistributionPointName(reader: DerReader): string[] {
  const name = reader.read(constructedContextTag(0));
  const names = name.read(FULL_NAME);
  name.expectEnd();
  const uris: string[] = [];
  do {
    uris.push(readUri(names, uris.length));
  } while (!names.atEnd);
  return uris;
}

/**
 * Reads the value of cRLDistributionPoints or freshestCRL (RFC 5280 section 4.2.1.13): the URIs of all distribution points, in
 * their order. Names of other kinds are passed over; reasons and cRLIssuer are not looked at.
 */
export function readCrlDistributionPoints(reader: DerReader): string[] {
  const points = reader.readSequence();
  const uris: string[] = [];
  do {
    const start = points.offset;
    const point = points.readSequence();
    const name = point.optional(constructedContextTag(0));
    if (name !== null) readUrisOf(name, uris);
    point.optional(contextTag(1));
    const crlIssuer = point.optional(constructedContextTag(2));
    point.expectEnd();
    if (name === null && crlIssuer === null) throw points.error('a distribution point without a name', start);
  } while (!points.atEnd);
  return uris;
}

/** The URIs in the certificate's cRLDistributionPoints, at most 64; none without it. Throws PkiError('invalid_certificate'). */
export function crlDistributionPointsOf({ extensions }: Pick<CertificateFields, 'extensions'>): string[] {
  const extension = extensions.get(OID.cRLDistributionPoints);
  if (extension === undefined) return [];
  try {
    return DerReader.readAll(extension.value, readCrlDistributionPoints);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_certificate', `The CRL distribution points are malformed: ${error.message}.`);
  }
}

/** Adds the URIs of a DistributionPointName. */
function readUrisOf(name: DerReader, uris: string[]): void {
  const names = name.optional(FULL_NAME);
  // The other choice, nameRelativeToCRLIssuer.
  if (names === null) name.skip(constructedContextTag(1));
  name.expectEnd();
  if (names === null) return;
  do {
    if (names.peekTag() === URI_TAG) uris.push(readUri(names, uris.length));
    else names.skip();
  } while (!names.atEnd);
}

function readUri(names: DerReader, count: number): string {
  const start = names.offset;
  if (count === MAX_URIS) throw names.error('more than 64 URIs', start);
  const contents = names.readBytes(URI_TAG);
  const uri = contents.length > URI_MAX_BYTES ? '' : contents.toString('latin1');
  if (!isUri(uri)) throw names.error('a URI that is not absolute, not printable ASCII, or too long', start);
  return uri;
}

function isUri(text: string): boolean {
  return text.length <= URI_MAX_BYTES && ABSOLUTE_URI.test(text);
}
