import { createHash } from 'node:crypto';
import { Client } from 'pg';

const BATCH = 1_000_000;
/** Lookups by serial number read a row's place and not its certificate: a short one stands for it. */
const CERTIFICATE_BYTES = 64;

/** The serial number of the n-th generated certificate, 1 and up. The same as in the SQL below. */
export function serialNumberOf(n: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(n));
  const serial = createHash('sha256').update(number).digest().subarray(0, 16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40);
  return serial;
}

/** Serial numbers of `count` generated certificates, spread evenly over all of them. */
export function sampleOf(total: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => serialNumberOf(1 + Math.floor((i * total) / count)));
}

/**
 * Fills the inventory with good certificates, and `ocsp_responses` with a row for each that has no bytes yet: its size is
 * real, and a response is signed when it is first asked for.
 */
export async function generateCertificates(
  databaseUrl: string,
  issuerId: string,
  total: number,
  certificateBytes = CERTIFICATE_BYTES,
): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // Foreign keys hold by construction: checking each row would take most of the time.
    await client.query("SET session_replication_role = replica; SET work_mem = '256MB'; SET synchronous_commit = off");
    for (let first = 1; first <= total; first += BATCH) {
      await insert(client, issuerId, [first, Math.min(total, first + BATCH - 1)], certificateBytes);
    }
    await client.query('VACUUM (ANALYZE) certificates, ocsp_responses');
  } finally {
    await client.end();
  }
}

async function insert(
  client: Client,
  issuerId: string,
  [first, last]: readonly [number, number],
  certificateBytes: number,
): Promise<void> {
  const serials = `
    SELECT set_byte(digest, 0, (get_byte(digest, 0) & 63) | 64) AS serial
      FROM (SELECT substring(sha256(int8send(n)) FOR 16) AS digest FROM generate_series($2::bigint, $3::bigint) AS n) AS d
     ORDER BY serial`;
  await client.query(
    `INSERT INTO certificates (id, issuer_id, serial_number, profile, subject, subject_alternative_names, spki_sha256,
                               not_before, not_after, reserved_at, certificate_der, fingerprint_sha256)
     SELECT encode(serial, 'hex')::uuid, $1, serial, 'leaf', 'CN=bench.example', '{}', sha256(serial), now(),
            now() + interval '90 days', now(), decode(repeat('30', ${certificateBytes}), 'hex'), sha256(serial)
       FROM (${serials}) AS serials`,
    [issuerId, first, last],
  );
  await client.query(
    `INSERT INTO ocsp_responses (issuer_id, serial_number, cert_id_algorithm, refresh_at)
     SELECT $1, serial, 'sha1', now() + interval '1 year' FROM (${serials}) AS serials`,
    [issuerId, first, last],
  );
}
