import type { PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { CrlEntriesWriter } from '../pki/crl-entries-writer.js';
import { findRevocationReason, REVOCATION_REASON_CODES, REVOCATION_REASONS } from '../pki/revocation-reason.js';
import { CopyBinaryReader, type CopyField } from './copy-binary-reader.js';

/** CASE … END that maps the name of a reason to its code, so that a row is four short binary fields. */
const REASON_CODE = `CASE revocation_reason ${REVOCATION_REASONS.map(
  (reason) => `WHEN '${reason}' THEN ${REVOCATION_REASON_CODES[reason]}`,
).join(' ')} END`;

/**
 * Streams the revoked certificates of an issuer out of the database, straight into CRL entries.
 * @param expiredSince certificates that expired before this time are left out; null leaves out none
 * @param onBadRow called for a row that makes no entry; the others go on
 * @throws Error when the stream breaks off
 */
export async function streamRevokedCertificates(
  client: PoolClient,
  issuerId: string,
  expiredSince: Date | null,
  onBadRow: (error: unknown) => void,
): Promise<CrlEntriesWriter> {
  const expiry = expiredSince === null ? '' : `AND not_after >= ${client.escapeLiteral(expiredSince.toISOString())}`;
  const stream = client.query(
    copyTo(
      `COPY (SELECT serial_number, extract(epoch FROM revoked_at)::int8, ${REASON_CODE},
                    extract(epoch FROM invalidity_date)::int8
               FROM certificates
              WHERE issuer_id = ${client.escapeLiteral(issuerId)} AND revoked_at IS NOT NULL ${expiry}
            ) TO STDOUT (FORMAT binary)`,
    ),
  );
  const entries = new CrlEntriesWriter();
  const reader = new CopyBinaryReader();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    reader.push(chunk, (fields) => addEntry(entries, fields, onBadRow));
  }
  if (!reader.complete) throw new Error('the stream of revoked certificates broke off');
  return entries;
}

function addEntry(entries: CrlEntriesWriter, fields: readonly CopyField[], onBadRow: (error: unknown) => void): void {
  try {
    const [serialNumber, revokedAt, reasonCode, invalidityDate] = fields;
    const reason = reasonCode == null ? null : findRevocationReason(reasonCode.readInt32BE());
    if (serialNumber == null || revokedAt == null)
      throw new Error('a revoked certificate without a serial number or date');
    entries.add(
      serialNumber,
      readSeconds(revokedAt),
      // A reason that nobody knows must not take the entry out of the CRL.
      reason ?? 'unspecified',
      invalidityDate == null ? null : findWritableSeconds(invalidityDate),
    );
  } catch (error) {
    onBadRow(error);
  }
}

/** Null for a date that a CRL can't hold (years 0 to 9999): the certificate stays on it all the same. */
function findWritableSeconds(field: Buffer): number | null {
  const seconds = readSeconds(field);
  return seconds >= -62_167_219_200 && seconds < 253_402_300_800 ? seconds : null;
}

function readSeconds(field: Buffer): number {
  return Number(field.readBigInt64BE());
}
