import { PresignBatch } from '../../src/ocsp/presign-batch.js';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { OcspResponseStore } from '../../src/ocsp/ocsp-response-store.js';
import { parsePem } from '../../src/pki/pem.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk, type CertificateJson } from '../support/issuing.js';
import { OcspClient, ocspQuestion, readOcsp, type OcspReading } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const HOUR = 3600;
const DAY = 86_400;

interface ResponseRow {
  readonly issuer_id: string;
  readonly serial_number: Buffer;
  readonly cert_id_algorithm: string;
  readonly certificate_status: 'good' | 'revoked' | null;
  readonly response_der: Buffer | null;
  readonly produced_at: Date | null;
  readonly next_update: Date | null;
  /** Minus infinity for a row that was never signed. */
  readonly refresh_at: Date | number;
  readonly failures: number;
}

let openssl: OpensslWorkshop;
let csr: string;
let stops: (() => Promise<void> | void)[];

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=presign.example.com'));
});
afterAll(() => openssl.remove());

beforeEach(() => (stops = []));
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** An instance whose schedulers are run by hand. */
async function start(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp({ schedules: false, ...options });
  stops.push(() => app.stop());
  return app;
}

const issue = (app: TestApp, issuer = 'iss-local', validity = '60d'): Promise<CertificateJson> =>
  new IssuingDesk(app, openssl).issue({ csr, issuer, validity });
const presign = (app: TestApp): Promise<void> => app.app.nest.get(PresignScheduler).run();

const rowsOf = (app: TestApp, serialNumber?: string): Promise<ResponseRow[]> =>
  app.dataSource.query(
    `SELECT * FROM ocsp_responses WHERE $1::text IS NULL OR serial_number = decode($1, 'hex')
      ORDER BY issuer_id, serial_number, cert_id_algorithm`,
    [serialNumber ?? null],
  );

async function ask(app: TestApp, certificate: CertificateJson): Promise<OcspReading> {
  const client = new OcspClient(app.pkiUrl, certificate.issuer_id);
  try {
    return await client.ask(
      ocspQuestion(parsePem(certificate.chain_pem, 'CERTIFICATE')[0]!, certificate.serial_number),
    );
  } finally {
    client.close();
  }
}

/** Certificates as issuance leaves them, without their rows for OCSP; their serial numbers begin with `prefix`. */
async function addCertificates(app: TestApp, count: number, prefix: string): Promise<void> {
  await app.dataSource.query(
    `INSERT INTO certificates (id, issuer_id, serial_number, profile, subject, subject_alternative_names, spki_sha256,
                               not_before, not_after, reserved_at, certificate_der, fingerprint_sha256)
     SELECT gen_random_uuid(), 'iss-local', decode($2 || substr(md5(i::text), 1, 28), 'hex'), 'leaf', 'CN=many',
            '{"dns":[],"ip":[],"email":[],"uri":[]}', sha256(i::text::bytea), $3, $3::timestamptz + interval '60 days', $3,
            '\\x3000', sha256(i::text::bytea)
       FROM generate_series(1, $1) i`,
    [count, prefix, app.clock.now()],
  );
}

async function counterOf(app: TestApp, name: string): Promise<number> {
  const text = (await app.api.get('/api/v1/metrics/prometheus')).body.toString('utf8');
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

describe('a certificate that is handed over', () => {
  it('has its responses in the database before the answer is sent', async () => {
    const app = await start();
    for (let round = 0; round < 5; round++) {
      const { serial_number: serial } = await issue(app);
      const rows = await rowsOf(app, serial);
      expect(rows.map((row) => row.cert_id_algorithm)).toEqual(['sha1', 'sha256']);
      for (const row of rows) expect(readOcsp(row.response_der!).status).toBe('good');
    }
  });
});

describe('the schedule', () => {
  it('replaces every response at half of its validity, and none before', async () => {
    const app = await start();
    await addCertificates(app, 150, '70');
    await presign(app);
    const first = await rowsOf(app);
    expect(first.length).toBeGreaterThanOrEqual(300);
    expect(first).toHaveLength(2 * (await countAnswered(app)));
    for (const row of first) expect(row.certificate_status).toBe('good');
    app.clock.advance(11 * HOUR);
    await presign(app);
    expect((await rowsOf(app)).map((row) => row.produced_at)).toEqual(first.map((row) => row.produced_at));
    app.clock.advance(HOUR);
    await presign(app);
    const now = app.clock.now();
    for (const [index, row] of (await rowsOf(app)).entries()) {
      expect(row.produced_at!.getTime()).toBeGreaterThan(first[index]!.produced_at!.getTime());
      expect(row.next_update!.getTime() - now.getTime()).toBeGreaterThan(23 * HOUR * 1000);
      const reading = readOcsp(row.response_der!);
      expect([reading.status, reading.producedAt, reading.nextUpdate]).toEqual([
        'good',
        row.produced_at,
        row.next_update,
      ]);
    }
    expect(await counterOf(app, 'certplane_ocsp_presign_due')).toBe(0);
    expect(await counterOf(app, 'certplane_ocsp_presign_lag_seconds')).toBe(0);
  });

  it('signs what openssl verifies, and tells of a revocation when and why', async () => {
    const app = await start();
    const [good, revoked] = [await issue(app), await issue(app)];
    await app.api.create(`/api/v1/certificates/${revoked.id}/revoke`, { reason: 'affiliationChanged' });
    app.clock.advance(13 * HOUR);
    await presign(app);
    const { issuer, root } = await new IssuingDesk(app, openssl).files(good);
    for (const { certificate, says } of [
      { certificate: good, says: /: good\n/ },
      { certificate: revoked, says: /: revoked\n[^]*Reason: affiliationChanged\n/ },
    ]) {
      for (const row of await rowsOf(app, certificate.serial_number)) {
        const { output } = await openssl.run(
          ...['ocsp', '-respin', openssl.file('presigned.der', row.response_der!), '-issuer', issuer],
          ...['-CAfile', root, `-${row.cert_id_algorithm}`, '-serial', `0x${certificate.serial_number}`],
          ...['-no_nonce', '-validity_period', String(14 * HOUR)],
        );
        expect(output).toMatch(/Response verify OK/);
        expect(output).toMatch(says);
      }
    }
  });

  it('removes the rows of certificates that have expired', async () => {
    const app = await start();
    const [short, long] = [await issue(app, 'iss-local', '2h'), await issue(app)];
    app.clock.advance(13 * HOUR);
    await presign(app);
    expect(await rowsOf(app, short.serial_number)).toEqual([]);
    expect(await rowsOf(app, long.serial_number)).toHaveLength(2);
  });

  it('skips a row that can not be signed, tells of it, and tries it again later and later', async () => {
    const app = await start();
    await addCertificates(app, 20, '70');
    await presign(app);
    const bad = (await rowsOf(app)).find((row) => row.serial_number[0] === 0x70)!.serial_number;
    await app.dataSource.query(
      `UPDATE certificates SET revoked_at = '0044-03-15 BC', revocation_reason = 'superseded' WHERE serial_number = $1`,
      [bad],
    );
    const failures = 'certplane_ocsp_events_total{event="presign_failed"}';
    app.clock.advance(13 * HOUR);
    await presign(app);
    const now = app.clock.now();
    for (const row of await rowsOf(app)) {
      const isBad = row.serial_number.equals(bad);
      expect(row.failures).toBe(isBad ? 1 : 0);
      if (!isBad) expect(row.produced_at!.getTime()).toBeGreaterThan(now.getTime() - HOUR * 1000);
    }
    expect(await counterOf(app, failures)).toBe(2);
    await presign(app);
    expect(await counterOf(app, failures)).toBe(2);
    app.clock.advance(90);
    await presign(app);
    app.clock.advance(90);
    await presign(app);
    expect(await counterOf(app, failures)).toBe(4);
    app.clock.advance(60);
    await presign(app);
    expect(await counterOf(app, failures)).toBe(6);
    // The last good response is served as long as it holds, and not a moment longer.
    app.clock.advance(DAY);
    await presign(app);
    for (const row of await rowsOf(app, bad.toString('hex'))) expect(row.response_der).toBeNull();
    await app.dataSource.query(`UPDATE certificates SET revoked_at = now() WHERE serial_number = $1`, [bad]);
    app.clock.advance(DAY);
    await presign(app);
    for (const row of await rowsOf(app, bad.toString('hex'))) expect(row).toMatchObject({ failures: 0 });
  });

  it('goes on with the other issuers when one can not sign', async () => {
    const app = await start();
    const desk = new IssuingDesk(app, openssl);
    const issuers = ['aaa-good', 'bbb-broken', 'ccc-good'];
    for (const id of issuers) {
      await desk.root(id);
      await issue(app, id);
    }
    await app.dataSource.query(
      `UPDATE keys SET wrapped_private_key = '\\x00'
        WHERE id IN (SELECT key_id FROM issuers WHERE id = 'bbb-broken'
                     UNION SELECT key_id FROM ocsp_responders WHERE issuer_id = 'bbb-broken')`,
    );
    const other = await start({ beside: app });
    app.clock.advance(13 * HOUR);
    await presign(other);
    const fresh = (await rowsOf(app)).filter(({ refresh_at: at }) => at > app.clock.now());
    const renewed = fresh.filter((row) => row.failures === 0).map((row) => row.issuer_id);
    expect(renewed).toEqual(['aaa-good', 'aaa-good', 'ccc-good', 'ccc-good', 'iss-local', 'iss-local']);
    const postponed = fresh.filter((row) => row.failures === 1).map((row) => row.issuer_id);
    expect(postponed).toEqual(['bbb-broken', 'bbb-broken']);
  });

  it('finds the row that the database refuses, and stores the others', async () => {
    const app = await start();
    await addCertificates(app, 40, '70');
    await presign(app);
    const [bad] = await rowsOf(app);
    await app.dataSource.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.response_der IS DISTINCT FROM old.response_der THEN RAISE EXCEPTION 'this row fails'; END IF; RETURN new; END $$`);
    await app.dataSource.query(`CREATE TRIGGER refuse BEFORE UPDATE ON ocsp_responses FOR EACH ROW
      WHEN (old.serial_number = '\\x${bad!.serial_number.toString('hex')}') EXECUTE FUNCTION refuse()`);
    app.clock.advance(13 * HOUR);
    await presign(app);
    for (const row of await rowsOf(app)) {
      const refused = row.serial_number.equals(bad!.serial_number);
      expect(row.failures).toBe(refused ? 1 : 0);
      expect(row.produced_at!.getTime() > bad!.produced_at!.getTime()).toBe(!refused);
    }
  });

  it('waits for no certificate that somebody else has locked: it signs the others, and those later', async () => {
    const app = await start();
    await addCertificates(app, 1500, '70');
    const runner = app.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      await runner.query(
        'SELECT FROM certificates WHERE get_byte(serial_number, 0) = 112 AND get_byte(serial_number, 1) < 200 FOR NO KEY UPDATE',
      );
      await presign(app);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
    const rows = await rowsOf(app);
    const isLocked = ({ serial_number: serial }: ResponseRow): boolean => serial[0] === 0x70 && serial[1]! < 200;
    expect(rows.filter(isLocked).length).toBeGreaterThan(1000);
    for (const row of rows) expect(row.response_der === null).toBe(isLocked(row));
    app.clock.advance(60);
    await presign(app);
    for (const row of await rowsOf(app)) expect(row).toMatchObject({ certificate_status: 'good', failures: 0 });
  });

  it('goes on where it was after the database failed in the middle', async () => {
    const app = await start();
    await addCertificates(app, 3000, '70');
    const store = app.app.nest.get(OcspResponseStore);
    const storeMany = store.storeMany.bind(store);
    let batches = 0;
    store.storeMany = async (responses, bytes) => {
      if (++batches === 2) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
      return storeMany(responses, bytes);
    };
    await presign(app);
    const signed = async (): Promise<number> => (await rowsOf(app)).filter((row) => row.response_der !== null).length;
    const before = await signed();
    expect(before).toBeGreaterThan(0);
    await presign(app);
    const all = await rowsOf(app);
    expect(before).toBeLessThan(all.length);
    expect(await signed()).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(6000);
  });

  it('goes on in another process after one was killed in the middle', async () => {
    const app = await start();
    await addCertificates(app, 10_000, '70');
    const env = async (): Promise<Record<string, string>> => ({
      CERTPLANE_DATA_DIR: app.dataDir,
      CERTPLANE_DATABASE_URL: app.database.url,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: '0',
    });
    const signed = async (): Promise<number> => {
      const [row] = await app.dataSource.query<[{ count: number }]>(
        'SELECT count(*)::int AS count FROM ocsp_responses WHERE response_der IS NOT NULL',
      );
      return row.count;
    };
    const doomed = new AppProcess(await env());
    stops.push(async () => void (await doomed.stop('SIGKILL')));
    await waitUntil('some responses are signed', async () => (await signed()) > 1000, 40_000);
    await doomed.stop('SIGKILL');
    const before = await signed();
    expect(before).toBeLessThan(20_000);
    const next = new AppProcess(await env());
    stops.push(async () => void (await next.stop('SIGKILL')));
    await waitUntil('all responses are signed', async () => (await signed()) >= 20_000, 40_000);
    const rows = await rowsOf(app);
    const sample = rows.filter((row) => row.serial_number[0] === 0x70).filter((_, index) => index % 500 === 0);
    for (const row of sample) expect(readOcsp(row.response_der!).status).toBe('good');
    expect(await next.stop()).toBe(0);
  });

  it('is at work in one instance at a time', async () => {
    const app = await start();
    const other = await start({ beside: app });
    await addCertificates(app, 500, '70');
    await Promise.all([presign(app), presign(other), presign(app), presign(other)]);
    const name = 'certplane_ocsp_events_total{event="response_presigned"}';
    const [first, second] = [await counterOf(app, name), await counterOf(other, name)];
    expect(first + second).toBeGreaterThanOrEqual(1000);
    expect(Math.min(first, second)).toBe(0);
    for (const row of await rowsOf(app)) expect(row.response_der).not.toBeNull();
  });
});

describe('the lag', () => {
  it('is how long the most overdue response has been due, while nothing can be signed', async () => {
    const app = await start();
    await issue(app);
    await presign(app);
    app.clock.advance(12 * HOUR);
    const store = app.app.nest.get(OcspResponseStore);
    store.storeMany = () => Promise.reject(Object.assign(new Error('terminating connection'), { code: '57P01' }));
    await presign(app);
    const lag = await counterOf(app, 'certplane_ocsp_presign_lag_seconds');
    expect(lag).toBeGreaterThanOrEqual(300);
    app.clock.advance(HOUR);
    await presign(app);
    expect(await counterOf(app, 'certplane_ocsp_presign_lag_seconds')).toBeGreaterThanOrEqual(lag + HOUR);
    expect(await counterOf(app, 'certplane_ocsp_presign_due')).toBe((await rowsOf(app)).length);
  });
});

describe('a revocation during a batch', () => {
  it('is never overwritten by a good that was signed before it', async () => {
    const app = await start();
    const certificate = await issue(app);
    const batch = app.app.nest.get(PresignBatch);
    const sign = batch.sign.bind(batch);
    let revoked = false;
    batch.sign = async (rows) => {
      const signed = await sign(rows);
      if (!revoked) {
        revoked = true;
        await app.api.create(`/api/v1/certificates/${certificate.id}/revoke`, {});
      }
      return signed;
    };
    app.clock.advance(13 * HOUR);
    await presign(app);
    expect(revoked).toBe(true);
    for (const row of await rowsOf(app, certificate.serial_number)) expect(row.certificate_status).not.toBe('good');
    const other = await start({ beside: app });
    expect((await ask(other, certificate)).status).toBe('revoked');
  });

  it('is told by every answer and every row from its return on, however they meet', async () => {
    const app = await start();
    const other = await start({ beside: app });
    await addCertificates(app, 400, '70');
    await presign(app);
    for (let round = 0; round < 12; round++) {
      const certificates = await Promise.all(Array.from({ length: 6 }, () => issue(app)));
      await app.dataSource.query('UPDATE ocsp_responses SET refresh_at = $1', [app.clock.now()]);
      app.clock.advance(2);
      const signing = { on: true };
      const running = presign(round % 2 === 0 ? app : other).finally(() => (signing.on = false));
      const revocations = certificates.map(async (certificate, index) => {
        // One after another, over the time that the batch takes.
        for (let turns = index * 3; turns > 0 && signing.on; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        const at = index % 2 === 0 ? app : other;
        await at.api.create(`/api/v1/certificates/${certificate.id}/revoke`, {});
        for (const asked of [app, other]) expect((await ask(asked, certificate)).status).toBe('revoked');
      });
      await Promise.all([running, ...revocations]);
      for (const certificate of certificates) {
        for (const row of await rowsOf(app, certificate.serial_number)) {
          expect(row.certificate_status).not.toBe('good');
          if (row.response_der !== null) expect(readOcsp(row.response_der).status).toBe('revoked');
        }
      }
    }
  });
});

describe('without signing in advance', () => {
  it('enrolls nothing, renews nothing, and only removes what has expired', async () => {
    const app = await start({ env: { CERTPLANE_OCSP_PRESIGN: 'lazy' } });
    const [short, long, unasked] = [await issue(app, 'iss-local', '2h'), await issue(app), await issue(app)];
    expect(await rowsOf(app)).toEqual([]);
    await ask(app, short);
    await ask(app, long);
    const [before] = await rowsOf(app, long.serial_number);
    app.clock.advance(13 * HOUR);
    await presign(app);
    expect(await rowsOf(app, short.serial_number)).toEqual([]);
    expect(await rowsOf(app, unasked.serial_number)).toEqual([]);
    expect(await rowsOf(app, long.serial_number)).toEqual([before]);
  });

  it('is made up for when signing in advance is turned on, and when another hash is added', async () => {
    const lazy = await start({ env: { CERTPLANE_OCSP_PRESIGN: 'lazy' } });
    const early = await issue(lazy);
    const expired = await issue(lazy, 'iss-local', '1h');
    await ask(lazy, early);
    lazy.clock.advance(2 * HOUR);
    const eager = await start({ beside: lazy });
    await presign(eager);
    const algorithms = async ({ serial_number: serial }: CertificateJson): Promise<string[]> =>
      (await rowsOf(lazy, serial)).filter((row) => row.response_der !== null).map((row) => row.cert_id_algorithm);
    expect(await algorithms(early)).toEqual(['sha1', 'sha256']);
    expect(await rowsOf(lazy, expired.serial_number)).toEqual([]);

    // Issued by an instance that still runs without; found at the next start of one that does not.
    const between = await issue(lazy);
    expect(await algorithms(between)).toEqual([]);
    const more = await start({ beside: lazy, env: { CERTPLANE_OCSP_PRESIGN_HASHES: 'sha1,sha256,sha384' } });
    await presign(more);
    for (const each of [early, between]) expect(await algorithms(each)).toEqual(['sha1', 'sha256', 'sha384']);

    const responders = await lazy.dataSource.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM ocsp_responses JOIN certificates USING (issuer_id, serial_number)
        WHERE profile = 'ocsp-responder'`,
    );
    expect(responders[0]!.count).toBe(0);
  });

  it('does nothing at all where OCSP is turned off', async () => {
    const app = await start({ env: { CERTPLANE_OCSP_ENABLED: 'false' } });
    await issue(app);
    await presign(app);
    expect(await rowsOf(app)).toEqual([]);
  });
});

/** How many certificates there are that responses are signed for. */
async function countAnswered(app: TestApp): Promise<number> {
  const [row] = await app.dataSource.query<[{ count: number }]>(
    `SELECT count(*)::int AS count FROM certificates WHERE profile <> 'ocsp-responder'`,
  );
  return row.count;
}
