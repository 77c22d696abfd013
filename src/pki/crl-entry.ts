import type { Buffer } from 'node:buffer';
import { DerReader } from './der-reader.js';
import { TIME_MAX_BYTES } from './der-time.js';
import { enumerated, generalizedTime } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { type CrlReason, findCrlReason } from './revocation-reason.js';
import { readSerialNumber } from './serial-number.js';
import { buildExtension, readExtensionsKnowing } from './x509-elements.js';

/** One of revokedCertificates (RFC 5280 section 5.1.2.6). */
export interface CrlEntry {
  /** Canonical, see serial-number.ts. */
  readonly serialNumber: Buffer;
  readonly revokedAt: Date;
  /** Unspecified also where the CRL gives none; removeFromCRL only in a delta CRL. */
  readonly reason: CrlReason;
  readonly invalidityDate: Date | null;
}

/** The DER of the reasonCode extension up to the code, which is its last octet (RFC 5280 section 5.3.1). */
export const REASON_CODE = buildExtension(OID.cRLReason, false, enumerated(0)).subarray(0, -1);
/** The DER of the invalidityDate extension up to the GeneralizedTime that ends it (RFC 5280 section 5.3.2). */
export const INVALIDITY_DATE = buildExtension(OID.invalidityDate, false, generalizedTime(new Date(0))).subarray(
  0,
  -TIME_MAX_BYTES,
);

const KNOWN_EXTENSIONS = [OID.cRLReason, OID.invalidityDate];

/** Reads the entry that is the next element. */
export function readCrlEntry(revoked: DerReader): CrlEntry {
  const entry = revoked.readSequence();
  const serialNumber = readSerialNumber(entry);
  const revokedAt = entry.readTime();
  if (entry.atEnd) return { serialNumber, revokedAt, reason: 'unspecified', invalidityDate: null };
  const extensions = readExtensionsKnowing(KNOWN_EXTENSIONS, entry);
  const reason = extensions.get(OID.cRLReason);
  const invalidityDate = extensions.get(OID.invalidityDate);
  return {
    serialNumber,
    revokedAt,
    reason: reason === undefined ? 'unspecified' : DerReader.readAll(reason.value, readReason),
    invalidityDate:
      invalidityDate === undefined
        ? null
        : DerReader.readAll(invalidityDate.value, (reader) => reader.readGeneralizedTime()),
  };
}

function readReason(reader: DerReader): CrlReason {
  const start = reader.offset;
  const reason = findCrlReason(reader.readEnumerated());
  if (reason === null) throw reader.error('a reason that RFC 5280 does not have', start);
  return reason;
}
