import type { CertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';

/** Where a certificate says that its status and its issuer are to be had: http and https URIs, in its order. */
export interface StatusAddresses {
  readonly ocsp: readonly string[];
  readonly crl: readonly string[];
  readonly caIssuers: readonly string[];
}

const MAX_URIS = 64;
const URI_TAG = contextTag(6);
const DISTRIBUTION_POINT_NAME = constructedContextTag(0);
const FULL_NAME = constructedContextTag(0);
const WEB_ADDRESS = /^https?:\/\/[\x21-\x7e]{1,2040}$/i;

/**
 * Reads authorityInfoAccess and cRLDistributionPoints (RFC 5280 sections 4.2.2.1 and 4.2.1.13). Names of other kinds, reasons
 * and cRLIssuer are passed over. Throws PkiError('invalid_certificate').
 */
export function readStatusAddresses({ extensions }: Pick<CertificateFields, 'extensions'>): StatusAddresses {
  const access = extensions.get(OID.authorityInfoAccess);
  const points = extensions.get(OID.cRLDistributionPoints);
  try {
    const descriptions = access === undefined ? [] : DerReader.readAll(access.value, readAccessDescriptions);
    const of = (method: string): string[] => descriptions.filter(([id]) => id === method).map(([, uri]) => uri);
    const crl = points === undefined ? [] : DerReader.readAll(points.value, readDistributionPoints);
    return {
      ocsp: of(OID.adOcsp).filter(isWebAddress),
      crl: crl.filter(isWebAddress),
      caIssuers: of(OID.adCaIssuers).filter(isWebAddress),
    };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_certificate', `The addresses in the certificate are malformed: ${error.message}.`);
  }
}

function readAccessDescriptions(reader: DerReader): [method: string, uri: string][] {
  const list = reader.readSequence();
  const found: [string, string][] = [];
  while (!list.atEnd) {
    const description = list.readSequence();
    const method = description.readOid();
    if (description.peekTag() === URI_TAG) found.push([method, readUri(description, found.length)]);
    else description.skip();
    description.expectEnd();
  }
  return found;
}

function readDistributionPoints(reader: DerReader): string[] {
  const list = reader.readSequence();
  const uris: string[] = [];
  while (!list.atEnd) {
    const fullName = list.readSequence().optional(DISTRIBUTION_POINT_NAME)?.optional(FULL_NAME);
    if (fullName) readUrisOf(fullName, uris);
  }
  return uris;
}

/** Adds the URIs among these GeneralNames. */
function readUrisOf(names: DerReader, uris: string[]): void {
  while (!names.atEnd) {
    if (names.peekTag() === URI_TAG) uris.push(readUri(names, uris.length));
    else names.skip();
  }
}

function readUri(reader: DerReader, count: number): string {
  if (count === MAX_URIS) throw reader.error(`more than ${MAX_URIS} URIs`);
  return reader.readBytes(URI_TAG).toString('latin1');
}

function isWebAddress(uri: string): boolean {
  return WEB_ADDRESS.test(uri) && URL.canParse(uri);
}
