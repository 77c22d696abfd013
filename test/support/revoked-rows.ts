import type { TestApp } from './test-app.js';

/**
 * Puts revoked certificates into the inventory, straight into the database and without telling the CRLs. Each has 20 octets of
 * serial number, a reason and an invalidity date: about 80 octets of a CRL.
 */
export async function insertRevoked(app: TestApp, issuerId: string, count: number): Promise<void> {
  await app.dataSource.query(
    `INSERT INTO certificates (id, issuer_id, serial_number, profile, subject, subject_alternative_names, spki_sha256,
                               not_before, not_after, reserved_at, revoked_at, revocation_reason, invalidity_date)
     SELECT gen_random_uuid(), $1, '\\x40'::bytea || substr(sha256(('serial' || $1 || n)::bytea), 1, 19), 'leaf', 'CN=revoked',
            '{"dns": [], "ip": [], "email": [], "uri": []}', sha256(('key' || n)::bytea), now(), now() + interval '90 days',
            now(), date_trunc('second', now()), 'superseded', date_trunc('second', now())
       FROM generate_series(1, $2) AS n`,
    [issuerId, count],
  );
}
