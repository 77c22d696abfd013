import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import { completeCrlOf } from '../../src/crl/crl-scope.js';
import { CrlScheduler } from '../../src/crl/crl.scheduler.js';
import { KeyStore } from '../../src/keys/key-store.js';
import { OcspNode } from '../../src/ocsp/ocsp-node.service.js';
import { parseCrl, type ParsedCrl } from '../../src/pki/crl-parser.js';
import { parsePem } from '../../src/pki/pem.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { OrphanScheduler } from '../../src/revocation/orphan.scheduler.js';
import { ApiClient } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk, problemCode, type CertificateJson } from '../support/issuing.js';
import { OcspClient, ocspQuestion, type OcspReading } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { TcpRelay } from '../support/tcp-relay.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const DAY = 86_400;
/** Responses, and so the responders that sign them, are made when somebody asks. */
const ON_DEMAND = { CERTPLANE_OCSP_PRESIGN: 'lazy' };

let openssl: OpensslWorkshop;
let csr: string;
let stops: (() => Promise<void> | void)[];

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=schedulers.example.com'));
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

interface World {
  readonly app: TestApp;
  readonly desk: IssuingDesk;
  /** Issues under an issuer. */
  issue(issuer: string, validity?: string): Promise<CertificateJson>;
  /** Asks for the status of a certificate, at this instance or another. */
  ask(certificate: CertificateJson, at?: TestApp): Promise<OcspReading>;
  crl(issuerId: string, at?: TestApp): Promise<ParsedCrl>;
  sql<Row = Record<string, unknown>>(statement: string, values?: unknown[]): Promise<Row[]>;
}

function worldOf(app: TestApp): World {
  const desk = new IssuingDesk(app, openssl);
  return {
    app,
    desk,
    issue: (issuer, validity) => desk.issue({ issuer, csr, ...(validity === undefined ? {} : { validity }) }),
    ask: async ({ serial_number: serialNumber, issuer_id: issuerId, chain_pem: chain }, at = app) => {
      const client = new OcspClient(at.pkiUrl, issuerId);
      const reading = await client.ask(ocspQuestion(parsePem(chain, 'CERTIFICATE')[0]!, serialNumber));
      client.close();
      return reading;
    },
    crl: async (issuerId, at = app) => {
      const { status, body } = await at.pki(`/.well-known/pki/crl/${issuerId}`);
      if (status !== 200) throw new Error(`CRL of ${issuerId}: ${status} ${body.toString('latin1')}`);
      return parseCrl(body);
    },
    sql: (statement, values = []) => app.dataSource.query(statement, values),
  };
}

/** Builds, after a build that is under way. */
async function build(app: TestApp, issuerId: string): Promise<string> {
  let result = 'busy';
  await waitUntil('no other build of this CRL is under way', async () => {
    result = await app.app.nest.get(CrlBuilder).build(completeCrlOf(issuerId), { force: true });
    return result !== 'busy';
  });
  return result;
}

/** Flips a byte of the stored form of a key. */
async function damageKey({ sql }: World, keyId: string): Promise<void> {
  await sql(
    `UPDATE keys SET wrapped_private_key = set_byte(wrapped_private_key, 40, get_byte(wrapped_private_key, 40) # 1)
              WHERE id = $1`,
    [keyId],
  );
}

async function damageIssuerKey(world: World, issuerId: string): Promise<void> {
  const [row] = await world.sql<{ key_id: string }>('SELECT key_id FROM issuers WHERE id = $1', [issuerId]);
  await damageKey(world, row!.key_id);
}

describe('6. Last good stays', () => {
  it('keeps the last CRL and the last answers of an issuer whose key is damaged', async () => {
    const world = worldOf(await start());
    await world.desk.root('broken');
    const certificate = await world.issue('broken');
    const doomed = await world.issue('broken');
    expect(await world.ask(certificate)).toMatchObject({ status: 'good' });
    const last = await world.crl('broken');
    await damageIssuerKey(world, 'broken');

    const other = await start({ beside: world.app });
    await expect(build(other, 'broken')).rejects.toThrow('does not open under this master key');
    expect((await world.crl('broken', other)).crlNumber).toBe(last.crlNumber);
    await other.api.create(`/api/v1/certificates/${doomed.id}/revoke`, { reason: 'superseded' });
    expect(await world.ask(doomed, other)).toMatchObject({ status: 'revoked' });
    expect(await world.ask(certificate, other)).toMatchObject({ status: 'good' });
    const ready = await other.api.get('/ready');
    expect(ready.status).toBe(503);
  });

  it('goes on with the old OCSP responder while a new one can not be signed', async () => {
    const world = worldOf(await start());
    await world.desk.root('broken');
    const certificate = await world.issue('broken');
    const { responderDer } = await world.ask(certificate);
    await damageIssuerKey(world, 'broken');
    const other = await start({ beside: world.app });
    // In the rotation's grace, eight days before the end of the responder's thirty.
    world.app.clock.advance(24 * DAY);
    const answer = await world.ask(certificate, other);
    expect(answer.status).toBe('good');
    expect(answer.responderDer.equals(responderDer)).toBe(true);
  });

  it('does not publish a CRL whose signature is wrong', async () => {
    const world = worldOf(await start());
    const last = await world.crl('iss-local');
    const keyStore = world.app.app.nest.get(KeyStore);
    const getSigner = keyStore.getSigner.bind(keyStore);
    keyStore.getSigner = async (keyId, purpose) => {
      const signer = await getSigner(keyId, purpose);
      const sign = async (tbs: Uint8Array): Promise<Buffer> => signer.sign(Buffer.concat([tbs, Buffer.of(0)]));
      return { algorithm: signer.algorithm, publicKey: signer.publicKey, sign };
    };
    await expect(build(world.app, 'iss-local')).rejects.toThrow('the signed CRL is not what was planned: signature');
    expect((await world.crl('iss-local')).crlNumber).toBe(last.crlNumber);
    const refused = await world.app.api.post('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    expect(problemCode(refused)).toEqual([500, 'internal_error']);
  });

  it('does not let every question reserve another serial number while a responder can not be signed', async () => {
    const world = worldOf(await start({ env: ON_DEMAND }));
    await world.desk.root('broken');
    const certificate = await world.issue('broken');
    await damageIssuerKey(world, 'broken');
    const other = await start({ beside: world.app, env: ON_DEMAND });
    for (let questions = 0; questions < 10; questions++) {
      expect(await world.ask(certificate, other)).toMatchObject({ status: 'internalError' });
    }
    const [row] = await world.sql<{ reserved: number }>(
      'SELECT count(*)::int AS reserved FROM certificates WHERE certificate_der IS NULL',
    );
    expect(row!.reserved).toBeLessThanOrEqual(1);
  });
});

describe('7. No orphan', () => {
  interface Doomed {
    readonly process: AppProcess;
    post(path: string, body: unknown): Promise<void>;
  }

  /** A process of its own on the database of an instance, with the same master key and API key. */
  async function startProcess({ dataDir, database }: TestApp): Promise<Doomed> {
    const httpsPort = await findFreePort();
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_DATABASE_URL: database.url,
      CERTPLANE_HTTPS_PORT: String(httpsPort),
      CERTPLANE_PKI_HTTP_PORT: '0',
    });
    stops.push(async () => void (await process.stop('SIGKILL')));
    await process.ready();

    const ca = readFileSync(`${dataDir}/ca.pem`, 'utf8');
    const api = new ApiClient(
      `https://localhost:${httpsPort}`,
      ca,
      readFileSync(`${dataDir}/admin.key`, 'utf8').trim(),
    );
    return {
      process,
      // Whoever is killed does not answer.
      post: (path, body) =>
        api.post(path, body).then(
          () => undefined,
          () => undefined,
        ),
    };
  }

  /** Runs a statement that takes a lock, in a session of its own; gives back what lets it go. */
  async function lock({ app }: World, statement: string): Promise<() => Promise<void>> {
    const runner = app.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(statement);
    return async () => {
      await runner.rollbackTransaction();
      await runner.release();
    };
  }

  async function waitForLockWait({ sql }: World): Promise<void> {
    await waitUntil('a session waits for the lock', async () => {
      const rows = await sql(`SELECT 1 FROM pg_stat_activity
                               WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      return rows.length > 0;
    });
  }

  const RESERVATION = 'INSERT';
  const CONFIRMATION = 'UPDATE OF certificate_der';

  /** Makes every statement of a kind on the certificates wait, until what comes back is called. */
  async function hold(world: World, event: string): Promise<() => Promise<void>> {
    const { sql } = world;
    await sql(`CREATE FUNCTION hold_here() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$`);
    await sql(`CREATE TRIGGER hold_here BEFORE ${event} ON certificates EXECUTE FUNCTION hold_here()`);
    const release = await lock(world, 'SELECT pg_advisory_xact_lock(4711)');
    return async () => {
      await release();
      await sql('DROP TRIGGER hold_here ON certificates');
    };
  }

  async function findReserved({ sql }: World): Promise<CertificateJson[]> {
    const rows = await sql<{ id: string; issuer_id: string; serial_number: Buffer }>(
      'SELECT id, issuer_id, serial_number FROM certificates WHERE certificate_der IS NULL AND revoked_at IS NULL',
    );
    const issuers = await sql<{ id: string; certificate_der: Buffer }>('SELECT id, certificate_der FROM issuers');
    return rows.map((row) => ({
      id: row.id,
      issuer_id: row.issuer_id,
      serial_number: row.serial_number.toString('hex'),
      chain_pem: new X509Certificate(issuers.find(({ id }) => id === row.issuer_id)!.certificate_der).toString(),
    })) as CertificateJson[];
  }

  async function expectCaughtUp(world: World, orphan: CertificateJson): Promise<void> {
    const { app, sql, ask, crl } = world;
    expect(await ask(orphan)).toMatchObject({ status: 'unknown' });
    const scheduler = app.app.nest.get(OrphanScheduler);
    app.clock.advance(400);
    await scheduler.run();
    expect(await ask(orphan)).toMatchObject({ status: 'unknown' });
    app.clock.advance(201);
    await scheduler.run();
    expect(await ask(orphan)).toMatchObject({ status: 'revoked' });
    await waitUntil(
      'the CRL has it',
      async () => (await crl(orphan.issuer_id)).find(parseSerialNumber(orphan.serial_number)) !== null,
    );
    const events = await sql(
      `SELECT actor, outcome FROM audit_events WHERE action = 'certificate.revoke' AND subject_id = $1`,
      [orphan.id],
    );
    expect(events).toEqual([{ actor: 'system:orphan-scheduler', outcome: 'success' }]);
    const { revocation_history: history } = await app.api.fetch(`/api/v1/certificates/${orphan.id}`);
    expect(history).toMatchObject([
      { action: 'revoke', actor: 'system:orphan-scheduler', reason: 'cessationOfOperation' },
    ]);
    expect(await findReserved(world)).toEqual([]);
  }

  it('revokes what a process left that was killed between reservation and signature', async () => {
    const world = worldOf(await start());
    const doomed = await startProcess(world.app);
    const release = await hold(world, RESERVATION);
    void doomed.post('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    await waitForLockWait(world);
    expect(await doomed.process.stop('SIGKILL')).toBeNull();
    // The server finishes what it was told; nobody is there to hear of it.
    await release();
    const [orphan, ...others] = await findReserved(world);
    expect(others).toEqual([]);
    await expectCaughtUp(world, orphan!);
  });

  it('revokes what a process left that was killed between signature and storage', async () => {
    const world = worldOf(await start());
    const doomed = await startProcess(world.app);
    const release = await hold(world, CONFIRMATION);
    void doomed.post('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    await waitForLockWait(world);
    expect(await doomed.process.stop('SIGKILL')).toBeNull();
    await release();
    const [orphan, ...others] = await findReserved(world);
    expect(others).toEqual([]);
    await expectCaughtUp(world, orphan!);
  });

  it('refuses a confirmation that comes after the serial number was given up', async () => {
    const world = worldOf(await start());
    const other = await start({ beside: world.app });
    const release = await hold(world, CONFIRMATION);
    const issuing = world.app.api.post('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    await waitForLockWait(world);
    const [reserved] = await findReserved(world);
    world.app.clock.advance(601);
    await other.app.nest.get(OrphanScheduler).run();
    await release();
    expect(problemCode(await issuing)).toEqual([409, 'issuance_interrupted']);
    expect(await world.ask(reserved!)).toMatchObject({ status: 'revoked' });
  });
});

describe('8. One bad row never stops the rest', () => {
  it('goes on with the CRLs of the other issuers when one key is damaged', async () => {
    const world = worldOf(await start());
    for (const id of ['aaa-good', 'bbb-broken', 'ccc-good']) await world.desk.root(id);
    await damageIssuerKey(world, 'bbb-broken');
    const other = await start({ beside: world.app });
    await other.app.nest.get(CrlScheduler).run();
    const rows = await world.sql<{ issuer_id: string }>(
      'SELECT issuer_id FROM crls WHERE crl_number IS NOT NULL ORDER BY issuer_id',
    );
    expect(rows.map(({ issuer_id: id }) => id)).toEqual(['aaa-good', 'ccc-good', 'iss-local']);
  });

  it('goes on with the other certificates when the row of one makes no CRL entry', async () => {
    const world = worldOf(await start());
    const [first, bad, last] = [
      await world.issue('iss-local'),
      await world.issue('iss-local'),
      await world.issue('iss-local'),
    ];
    for (const certificate of [first, bad, last]) await world.desk.revoke(certificate, { reason: 'superseded' });
    await world.sql(`UPDATE certificates SET revoked_at = '0044-03-15 BC' WHERE id = $1`, [bad.id]);
    expect(await build(world.app, 'iss-local')).toBe('published');
    const crl = await world.crl('iss-local');
    expect(crl.find(parseSerialNumber(first.serial_number))).not.toBeNull();
    expect(crl.find(parseSerialNumber(last.serial_number))).not.toBeNull();
  });

  it('goes on with the other orphans when one can not be revoked', async () => {
    const world = worldOf(await start());
    const [one, bad, other] = [
      await world.issue('iss-local'),
      await world.issue('iss-local'),
      await world.issue('iss-local'),
    ];
    for (const certificate of [one, bad, other]) await world.desk.forgetResponses(certificate);
    await world.sql(`UPDATE certificates SET certificate_der = NULL WHERE id IN ($1, $2, $3)`, [
      one.id,
      bad.id,
      other.id,
    ]);
    await world.sql(`CREATE FUNCTION fail_one() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'this row fails'; END $$`);
    await world.sql(`CREATE TRIGGER fail_one BEFORE UPDATE ON certificates FOR EACH ROW
                     WHEN (old.id = '${bad.id}') EXECUTE FUNCTION fail_one()`);
    world.app.clock.advance(3600);
    await world.app.app.nest.get(OrphanScheduler).run();
    expect((await Promise.all([one, bad, other].map((each) => world.ask(each)))).map(({ status }) => status)).toEqual([
      'revoked',
      'unknown',
      'revoked',
    ]);
  });

  it('finds the issuers of relying parties although the certificate of one is damaged', async () => {
    const world = worldOf(await start());
    await world.desk.root('damaged');
    const certificate = await world.issue('iss-local');
    await world.sql(`UPDATE issuers SET certificate_der = '\\x3000' WHERE id = 'damaged'`);
    const other = await start({ beside: world.app });
    expect(await world.ask(certificate, other)).toMatchObject({ status: 'good' });
    expect((await other.pki('/.well-known/pki/ca/damaged')).status).toBe(404);
  });
});

describe('the CRL scheduler', () => {
  it('builds on the interval, up to a tenth earlier, and not before', async () => {
    const world = worldOf(await start());
    const scheduler = world.app.app.nest.get(CrlScheduler);
    await scheduler.run();
    const first = await world.crl('iss-local');
    const other = await start({ beside: world.app });
    world.app.clock.advance(3200);
    await other.app.nest.get(CrlScheduler).run();
    expect((await world.crl('iss-local')).crlNumber).toBe(first.crlNumber);
    world.app.clock.advance(410);
    await other.app.nest.get(CrlScheduler).run();
    expect((await world.crl('iss-local')).crlNumber).toBeGreaterThan(first.crlNumber);
  });

  it('keeps an entry on one CRL after its certificate expired, and then drops it', async () => {
    const world = worldOf(await start());
    const certificate = await world.issue('iss-local', '2h');
    const serialNumber = parseSerialNumber(certificate.serial_number);
    await world.desk.revoke(certificate, { reason: 'superseded' });
    const onNext = async (): Promise<boolean> => {
      expect(await build(world.app, 'iss-local')).toBe('published');
      return (await world.crl('iss-local')).find(serialNumber) !== null;
    };
    expect(await onNext()).toBe(true);
    // However long nobody built a CRL, there is one that was issued after the end and tells of it.
    world.app.clock.advance(5 * DAY);
    const expired = await world.app.api.fetch<CertificateJson>(`/api/v1/certificates/${certificate.id}`);
    expect(Date.parse(expired.not_after)).toBeLessThan(world.app.clock.now().getTime());
    expect(await onNext()).toBe(true);
    expect((await world.crl('iss-local')).thisUpdate.getTime()).toBeGreaterThan(Date.parse(expired.not_after));
    expect(await onNext()).toBe(false);
  });

  it('keeps revocations of two instances apart from no CRL', async () => {
    const world = worldOf(await start({ schedules: true }));
    const other = await start({ beside: world.app, schedules: true });
    const certificates = await Promise.all(Array.from({ length: 12 }, () => world.issue('iss-local')));
    await Promise.all(
      certificates.map(({ id }, index) =>
        [world.app, other][index % 2]!.api.create(`/api/v1/certificates/${id}/revoke`, {}),
      ),
    );
    await waitUntil('the CRL has all of them', async () => {
      const crl = await world.crl('iss-local');
      return certificates.every(({ serial_number: serial }) => crl.find(parseSerialNumber(serial)) !== null);
    });
  });

  it('leaves connections for others while the database is silent, and gets over it', async () => {
    const world = worldOf(await start());
    const certificate = await world.issue('iss-local');
    const relay = await TcpRelay.start(world.app.database.url);
    const app = await start({
      beside: world.app,
      databaseUrl: (url) => relay.throughRelay(url),
      env: { CERTPLANE_OCSP_LEASE: '1s' },
    });
    stops.splice(stops.length - 1, 0, () => relay.stop());
    stops.push(() => relay.drop());
    expect(await world.ask(certificate, app)).toMatchObject({ status: 'good' });
    // The pool is full when it happens.
    await Promise.all(Array.from({ length: 20 }, () => app.dataSource.query('SELECT pg_sleep(0.2)')));
    expect(relay.connections).toBeGreaterThanOrEqual(20);
    relay.swallow();
    const scheduler = app.app.nest.get(CrlScheduler);
    for (let ticks = 0; ticks < 30; ticks++) {
      void scheduler.run();
      void app.api.get('/ready').catch(() => undefined);
    }
    await waitUntil('the lease is over', () => !app.app.nest.get(OcspNode).state.leaseRunning);
    expect(await world.ask(certificate, app)).toMatchObject({ status: 'tryLater' });
    // New connections work again; the old ones stay silent, as after the failover of a server.
    relay.forward();
    await waitUntil('OCSP answers', async () => (await world.ask(certificate, app)).status === 'good', 15_000);
  });

  it('builds the first CRLs of many issuers that are asked for at once', async () => {
    const world = worldOf(await start());
    const ids = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id) => world.desk.root(id)));
    const other = await start({ beside: world.app });
    const crls = await Promise.all(ids.map((id) => world.crl(id, other)));
    expect(crls).toHaveLength(30);
  });
});

describe('the OCSP responder', () => {
  async function responders({ sql }: World, issuerId: string): Promise<Buffer[]> {
    const rows = await sql<{ certificate_der: Buffer }>(
      'SELECT certificate_der FROM ocsp_responders WHERE issuer_id = $1 ORDER BY id',
      [issuerId],
    );
    return rows.map(({ certificate_der: der }) => der);
  }

  it('is made on first need, and by one of several instances', async () => {
    const world = worldOf(await start({ env: ON_DEMAND }));
    const others = await Promise.all([1, 2].map(() => start({ beside: world.app, env: ON_DEMAND })));
    const certificates = await Promise.all(Array.from({ length: 6 }, () => world.issue('iss-local')));
    expect(await responders(world, 'iss-local')).toEqual([]);
    const readings = await Promise.all(
      certificates.flatMap((certificate) => [world.app, ...others].map((app) => world.ask(certificate, app))),
    );
    expect(readings.map(({ status }) => status)).toEqual(readings.map(() => 'good'));
    expect(new Set(readings.map(({ responderDer }) => sha256(responderDer))).size).toBe(1);
    expect(await responders(world, 'iss-local')).toHaveLength(1);
  });

  it('is made for many issuers that are asked at once', async () => {
    const world = worldOf(await start({ env: ON_DEMAND }));
    const ids = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id) => world.desk.root(id)));
    const certificates = await Promise.all(ids.map((id) => world.issue(id)));
    const other = await start({ beside: world.app });
    const readings = await Promise.all(certificates.map((certificate) => world.ask(certificate, other)));
    expect(readings.map(({ status }) => status)).toEqual(ids.map(() => 'good'));
  });

  it('is replaced in the grace before it expires, as configured, and both stand in the inventory', async () => {
    const world = worldOf(
      await start({ env: { CERTPLANE_OCSP_RESPONDER_VALIDITY: '10h', CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE: '2h' } }),
    );
    const earliest = world.app.clock.now().getTime();
    const [first, second, third] = [
      await world.issue('iss-local'),
      await world.issue('iss-local'),
      await world.issue('iss-local'),
    ];
    const made = await world.ask(first);
    const responder = new X509Certificate(made.responderDer);
    const madeAt = Date.parse(responder.validTo) - 36_000_000;
    // Certificates know no fractions of a second.
    expect(madeAt).toBeGreaterThan(earliest - 1000);
    expect(madeAt).toBeLessThanOrEqual(world.app.clock.now().getTime());
    expect(made.nextUpdate.getTime()).toBeLessThanOrEqual(Date.parse(responder.validTo));
    world.app.clock.advance(7 * 3600 + 3000);
    expect((await world.ask(second)).responderDer.equals(made.responderDer)).toBe(true);
    world.app.clock.advance(1200);
    const replaced = await world.ask(third);
    expect(replaced.responderDer.equals(made.responderDer)).toBe(false);
    expect(await responders(world, 'iss-local')).toHaveLength(2);
    const inventory = await world.app.api.fetch<{ items: unknown[] }>('/api/v1/certificates?profile=ocsp-responder');
    expect(inventory.items).toHaveLength(2);
    const issued = await world.app.api.fetch<{ items: unknown[] }>('/api/v1/audit?action=ocsp_responder.issue');
    expect(issued.items).toHaveLength(2);
  });

  it('is not outlived by its answers, and does not outlive its issuer', async () => {
    const world = worldOf(await start());
    const issuer = await world.desk.root('short', { validity: '3d' });
    const certificate = await world.issue('short', '2d');
    const { responderDer, nextUpdate } = await world.ask(certificate);
    expect(Date.parse(new X509Certificate(responderDer).validTo)).toBe(Date.parse(issuer.not_after));
    expect(nextUpdate.getTime()).toBeLessThanOrEqual(Date.parse(issuer.not_after));
    world.app.clock.advance(3 * DAY - 600);
    const late = await world.ask(certificate);
    expect(late.status).toBe('good');
    expect(late.responderDer.equals(responderDer)).toBe(true);
    expect(late.nextUpdate.getTime()).toBeLessThanOrEqual(Date.parse(issuer.not_after));
    world.app.clock.advance(1200);
    expect(await world.ask(certificate)).toMatchObject({ status: 'unauthorized' });
  });

  it('is made anew when its key is damaged or gone', async () => {
    const world = worldOf(await start({ env: ON_DEMAND }));
    const certificates = [await world.issue('iss-local'), await world.issue('iss-local')];
    const made = await world.ask(certificates[0]!);
    const [row] = await world.sql<{ key_id: string }>('SELECT key_id FROM ocsp_responders');
    await damageKey(world, row!.key_id);
    const other = await start({ beside: world.app, env: ON_DEMAND });
    const remade = await world.ask(certificates[1]!, other);
    expect(remade.status).toBe('good');
    expect(remade.responderDer.equals(made.responderDer)).toBe(false);
    expect(await responders(world, 'iss-local')).toHaveLength(2);
    expect(await world.ask(certificates[0]!, other)).toMatchObject({ status: 'good' });
  });

  it('replaces stored answers at half of their validity', async () => {
    const world = worldOf(await start({ env: { CERTPLANE_OCSP_VALIDITY: '10h' } }));
    const certificate = await world.issue('iss-local');
    const first = await world.ask(certificate);
    expect(first.nextUpdate.getTime() - first.thisUpdate.getTime()).toBe(36_000_000);
    world.app.clock.advance(4 * 3600);
    expect((await world.ask(certificate)).der.equals(first.der)).toBe(true);
    world.app.clock.advance(3600);
    const next = await world.ask(certificate);
    expect(next.der.equals(first.der)).toBe(false);
    expect(next.producedAt.getTime() - first.producedAt.getTime()).toBeGreaterThanOrEqual(5 * 3_600_000);
  });
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
