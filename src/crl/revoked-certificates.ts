import { escapeLiteral } from 'pg';
import { REVOCATION_REASON_CODES, REVOCATION_REASONS } from '../pki/revocation-reason.js';
import type { CrlScope } from './crl-scope.js';

/** CASE … END that maps the name of a reason to its code, so that a row is four short binary fields. */
const REASON_CODE = `CASE revocation_reason ${REVOCATION_REASONS.map(
  (reason) => `WHEN '${reason}' THEN ${REVOCATION_REASON_CODES[reason]}`,
).join(' ')} END`;
const COLUMNS = `serial_number, extract(epoch FROM revoked_at)::int8 AS revoked_at, ${REASON_CODE} AS reason,
                 extract(epoch FROM invalidity_date)::int8 AS invalidity_date`;

/**
 * A query for what a complete CRL or a shard tells of.
 * @param expiredSince certificates that expired before this time are left out; null leaves out none
 */
export function selectRevoked({ issuerId, kind, shard }: CrlScope, expiredSince: Date | null): string {
  const ofShard = kind === 'shard' ? `AND crl_shard = ${escapeLiteral(String(shard))}` : '';
  const unexpired = expiredSince === null ? '' : `AND not_after >= ${escapeLiteral(expiredSince.toISOString())}`;
  return `SELECT ${COLUMNS} FROM certificates
           WHERE issuer_id = ${escapeLiteral(issuerId)} AND revoked_at IS NOT NULL ${ofShard} ${unexpired}`;
}

/** A query for what a delta CRL tells of: every certificate whose status changed after this dirty revision, as it is now. */
export function selectChanged(issuerId: string, baseRevision: string): string {
  const issuer = escapeLiteral(issuerId);
  // One by one, by the index: the cost is that of the changes, however many certificates there are.
  return `SELECT c.* FROM (
            SELECT DISTINCT serial_number FROM crl_changes
             WHERE issuer_id = ${issuer} AND revision > ${BigInt(baseRevision)}
          ) changed
          CROSS JOIN LATERAL (
            SELECT ${COLUMNS} FROM certificates
             WHERE issuer_id = ${issuer} AND serial_number = changed.serial_number LIMIT 1
          ) c`;
}
