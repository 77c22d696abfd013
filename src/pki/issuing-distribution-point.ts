import type { Buffer } from 'node:buffer';
import type { DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { sequence } from './der-writer.js';
import { buildDistributionPointName, readDistributionPointName } from './distribution-point.js';

// What else the extension can say, by identifier octet. DER leaves FALSE out, so that each of them narrows the scope of the CRL.
const RESTRICTIONS = new Map([
  [contextTag(1), 'onlyContainsUserCerts'],
  [contextTag(2), 'onlyContainsCACerts'],
  [contextTag(3), 'onlySomeReasons'],
  [contextTag(4), 'indirectCRL'],
  [contextTag(5), 'onlyContainsAttributeCerts'],
]);

/** The value of issuingDistributionPoint (RFC 5280 section 5.2.5) of a CRL with these URIs. Throws like buildDistributionPointName. */
export function buildIssuingDistributionPoint(uris: readonly string[]): Buffer {
  return sequence(buildDistributionPointName(uris));
}

/**
 * Reads the URIs out of the value of issuingDistributionPoint. Refuses what says that the CRL is only about certificates of one
 * kind or about some reasons, or is indirect.
 */
export function readIssuingDistributionPoint(reader: DerReader): string[] {
  const fields = reader.readSequence();
  const uris = fields.peekTag() === constructedContextTag(0) ? readDistributionPointName(fields) : null;
  const restriction = RESTRICTIONS.get(fields.peekTag() ?? 0);
  if (restriction !== undefined) throw fields.error(`${restriction}, which is not supported,`);
  fields.expectEnd();
  // RFC 5280 section 5.2.5: never an empty sequence.
  if (uris === null) throw fields.error('an issuing distribution point without a name');
  return uris;
}
