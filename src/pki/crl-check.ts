import type { KeyObject } from 'node:crypto';
import { type ParsedCrl, parseCrl } from './crl-parser.js';
import type { CrlFields } from './crl.js';

/** The fields that a CRL was built from; of its entries, only their count. */
export type PlannedCrl = Omit<CrlFields, 'entries'> & { readonly entries: { readonly count: number } };

/**
 * Reads a finished CRL as a stranger would, and verifies its signature: what differs from the plan must not be published.
 * @throws PkiError `invalid_crl`
 * @throws Error which names the fields that differ
 */
export function checkCrl(der: Uint8Array, planned: PlannedCrl, publicKey: KeyObject): ParsedCrl {
  const crl = parseCrl(der);
  const faults = Object.entries({
    issuer: crl.issuerDer.equals(planned.issuerDer),
    authorityKeyIdentifier: crl.authorityKeyIdentifier?.equals(planned.authorityKeyIdentifier),
    crlNumber: crl.crlNumber === planned.crlNumber,
    baseCrlNumber: crl.baseCrlNumber === (planned.baseCrlNumber ?? null),
    issuingDistributionPoint: isSameList(crl.issuingDistributionPoint, planned.issuingDistributionPoint),
    freshestCrl: isSameList(crl.freshestCrl, planned.freshestCrl),
    expiredCertsOnCrl: isSameSecond(crl.expiredCertsOnCrl, planned.expiredCertsOnCrl),
    thisUpdate: isSameSecond(crl.thisUpdate, planned.thisUpdate),
    nextUpdate: isSameSecond(crl.nextUpdate, planned.nextUpdate),
    entries: crl.entryCount === planned.entries.count,
    signature: crl.verify(publicKey),
  }).flatMap(([part, isRight]) => (isRight === true ? [] : [part]));
  if (faults.length > 0) throw new Error(`the signed CRL is not what was planned: ${faults.join(', ')}`);
  return crl;
}

function isSameList(read: readonly string[] | null, planned: readonly string[] | null | undefined): boolean {
  return JSON.stringify(read) === JSON.stringify(planned ?? null);
}

function isSameSecond(read: Date | null, planned: Date | null | undefined): boolean {
  const seconds = planned == null ? null : Math.floor(planned.getTime() / 1000);
  return seconds === (read === null ? null : read.getTime() / 1000);
}
