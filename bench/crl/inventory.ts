import type { Client } from 'pg';
import { ISSUER_ID } from '../ocsp/bench.js';

const SERIALS = `
  SELECT set_byte(digest, 0, (get_byte(digest, 0) & 63) | 64) AS serial, n
    FROM (SELECT substring(sha256(int8send(n)) FOR 16) AS digest, n FROM generate_series($2::bigint, $3::bigint) AS n) AS d`;

/** Certificates first to last of `serialNumberOf`, revoked. */
export async function addRevokedCertificates(client: Client, first: number, last: number): Promise<void> {
  // Foreign keys hold by construction: checking each row would take most of the time.
  await client.query('SET session_replication_role = replica');
  await client.query(
    `INSERT INTO certificates (id, issuer_id, serial_number, profile, subject, subject_alternative_names, spki_sha256,
                               not_before, not_after, reserved_at, certificate_der, fingerprint_sha256, revoked_at,
                               revocation_reason)
     SELECT encode(serial, 'hex')::uuid, $1, serial, 'leaf', 'CN=bench.example', '{}', sha256(serial), now(),
            now() + interval '90 days', now(), decode(repeat('30', 900), 'hex'), sha256(serial),
            now() - (n % 86400) * interval '1 second', (ARRAY['superseded', 'keyCompromise', 'cessationOfOperation'])[n % 3 + 1]
       FROM (${SERIALS} ORDER BY serial) AS serials`,
    [ISSUER_ID, first, last],
  );
  await client.query('RESET session_replication_role');
  await client.query('VACUUM (ANALYZE) certificates');
}

/** Counts the last of the certificates as changed since the newest complete CRL. */
export async function markChanged(client: Client, entries: number, changes: number): Promise<void> {
  await client.query('SET session_replication_role = replica');
  await client.query(
    `INSERT INTO crl_changes (issuer_id, serial_number, revision)
     SELECT $1, serial, (SELECT dirty_revision FROM crls WHERE issuer_id = $1 AND kind = 'complete') + n - $2 + 1
       FROM (${SERIALS}) AS serials`,
    [ISSUER_ID, entries - changes + 1, entries],
  );
  await client.query('RESET session_replication_role');
  await client.query(
    `UPDATE crls SET dirty_revision = dirty_revision + $2, dirty_since = clock_timestamp()
      WHERE issuer_id = $1 AND kind = 'complete'`,
    [ISSUER_ID, changes],
  );
}
