import { createHash, randomBytes } from 'node:crypto';
import { CertificateStatusService } from '../../src/certificates/certificate-status.service.js';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import { CrlPublication } from '../../src/crl/crl-publication.js';
import { completeCrlOf, scopeKey } from '../../src/crl/crl-scope.js';
import { KeyStore, type SigningPurpose } from '../../src/keys/key-store.js';
import { OcspNode } from '../../src/ocsp/ocsp-node.service.js';
import { OcspResponseStore, type OcspResponseKey, type StoredResponse } from '../../src/ocsp/ocsp-response-store.js';
import { parseCrl, type ParsedCrl } from '../../src/pki/crl-parser.js';
import { parsePem } from '../../src/pki/pem.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { IssuingDesk, problemCode, type CertificateJson, type RevocationJson } from '../support/issuing.js';
import { OcspClient, ocspQuestion, type OcspMethod, type Question } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { TcpRelay } from '../support/tcp-relay.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const LOCAL = 'iss-local';

let first: TestApp;
let second: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;
let localDer: Buffer;
let clients: [OcspClient, OcspClient];

beforeAll(async () => {
  first = await startTestApp();
  second = await startTestApp({ beside: first });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(first, openssl);
  ({ csr } = await openssl.csr('/CN=invariants.example.com'));
  localDer = parsePem(first.ca, 'CERTIFICATE')[0]!;
  clients = [new OcspClient(first.pkiUrl), new OcspClient(second.pkiUrl)];
});

afterAll(async () => {
  for (const client of clients) client.close();
  await second.stop();
  await first.stop();
  openssl.remove();
});

const issue = (issuer = LOCAL): Promise<CertificateJson> => desk.issue({ issuer, csr });

function sql<Row = Record<string, unknown>>(statement: string, values: unknown[] = []): Promise<Row[]> {
  return first.dataSource.query(statement, values);
}

async function fetchCrl(app: TestApp, issuerId: string): Promise<ParsedCrl> {
  const { status, body } = await app.pki(`/.well-known/pki/crl/${issuerId}`);
  if (status !== 200) throw new Error(`CRL of ${issuerId}: ${status} ${body.toString('latin1')}`);
  return parseCrl(body);
}

/** Makes every statement of this kind on a table fail, while `work` runs. */
async function whileFailing<T>(table: string, event: string, work: () => Promise<T>): Promise<T> {
  await sql(`CREATE OR REPLACE FUNCTION fail_here() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'this table fails'; END $$`);
  await sql(`CREATE TRIGGER fail_here BEFORE ${event} ON ${table} EXECUTE FUNCTION fail_here()`);
  try {
    return await work();
  } finally {
    await sql(`DROP TRIGGER fail_here ON ${table}`);
  }
}

describe('1. No stale good', () => {
  const WAYS: readonly { method: OcspMethod; nonce: boolean }[] = [
    { method: 'POST', nonce: false },
    { method: 'GET', nonce: false },
    { method: 'POST', nonce: true },
  ];

  interface Heard {
    readonly startedAt: number;
    readonly endedAt: number;
    readonly status: string;
  }

  /** Asks again and again until told to stop, all the time noting what was said when. */
  async function ask(
    client: OcspClient,
    serialNumber: string,
    way: (typeof WAYS)[number],
    heard: Heard[],
    go: () => boolean,
  ) {
    while (go()) {
      const question = ocspQuestion(localDer, serialNumber, way.nonce ? { nonce: randomBytes(16) } : {});
      const startedAt = performance.now();
      const { status } = await client.ask(question, way.method);
      heard.push({ startedAt, endedAt: performance.now(), status });
    }
  }

  it('holds while two instances answer and revoke thousands of times over', async () => {
    const CERTIFICATES = 60;
    let answers = 0;
    let overtaking = 0;
    const statuses = new Set<string>();
    for (let round = 0; round < CERTIFICATES; round++) {
      const { id, serial_number: serialNumber } = await issue();
      const heard: Heard[] = [];
      let goOn = true;
      const asking = clients.flatMap((client) => WAYS.map((way) => ask(client, serialNumber, way, heard, () => goOn)));
      const wanted = 6 + Math.floor(Math.random() * 18);
      await waitUntil('enough answers came in', () => heard.length >= wanted);
      const revoker = round % 2 === 0 ? first : second;
      const revokeStartedAt = performance.now();
      await revoker.api.create(`/api/v1/certificates/${id}/revoke`, { reason: 'superseded' });
      const revokedAt = performance.now();
      const before = heard.length;
      await waitUntil('each client has asked twice more', () => heard.length >= before + 24);
      goOn = false;
      await Promise.all(asking);
      const stale = heard.filter((answer) => answer.startedAt >= revokedAt && answer.status !== 'revoked');
      expect(stale).toEqual([]);
      expect(heard.filter(({ endedAt, status }) => endedAt < revokeStartedAt && status !== 'good')).toEqual([]);
      for (const { status, startedAt, endedAt } of heard) {
        statuses.add(status);
        answers += 1;
        if (startedAt < revokedAt && endedAt > revokeStartedAt) overtaking += 1;
      }
    }
    expect([...statuses].sort()).toEqual(['good', 'revoked']);
    expect(answers).toBeGreaterThan(2000);
    expect(overtaking).toBeGreaterThan(CERTIFICATES);
  });

  it('holds for an answer that was signed before the revocation and is stored after it', async () => {
    const certificate = await issue();
    await desk.forgetResponses(certificate);
    const { id, serial_number: serialNumber } = certificate;
    const responses = first.app.nest.get(OcspResponseStore);
    const store = responses.store.bind(responses);
    const outcomes: [status: string, stored: boolean][] = [];
    let signed = 0;
    responses.store = async (key, status, response) => {
      signed += 1;
      // By the other instance, so that the one that answers signs nothing more in advance.
      if (signed === 1) await second.api.create(`/api/v1/certificates/${id}/revoke`, {});
      const stored = await store(key, status, response);
      outcomes.push([status.status, stored]);
      return stored;
    };
    try {
      expect(await clients[0].ask(ocspQuestion(localDer, serialNumber))).toMatchObject({ status: 'revoked' });
    } finally {
      responses.store = store;
    }
    expect(outcomes).toEqual([
      ['good', false],
      ['revoked', true],
    ]);
    expect(await clients[0].ask(ocspQuestion(localDer, serialNumber))).toMatchObject({ status: 'revoked' });
    expect(await clients[1].ask(ocspQuestion(localDer, serialNumber), 'GET')).toMatchObject({ status: 'revoked' });
  });

  it('holds for every hash algorithm that a good answer was stored under', async () => {
    const { id, serial_number: serialNumber } = await issue();
    const algorithms = ['sha1', 'sha256', 'sha384', 'sha512', 'sha1-absent', 'sha256-absent'] as const;
    const askAll = () =>
      Promise.all(algorithms.map((algorithm) => clients[0].ask(ocspQuestion(localDer, serialNumber, { algorithm }))));
    expect((await askAll()).map(({ status }) => status)).toEqual(algorithms.map(() => 'good'));
    const rows = await sql('SELECT 1 FROM ocsp_responses WHERE serial_number = $1', [parseSerialNumber(serialNumber)]);
    expect(rows).toHaveLength(algorithms.length);
    await desk.revoke({ id });
    expect((await askAll()).map(({ status }) => status)).toEqual(algorithms.map(() => 'revoked'));
  });
});

describe('1. No stale good, from memory', () => {
  const memoryHits = async ({ api }: TestApp): Promise<number> =>
    (await api.fetch<{ memory: { hits: number } }>('/api/v1/admin/ocsp/cache')).memory.hits;

  /** Asks an instance until it answers from its memory. */
  async function warm(app: TestApp, client: OcspClient, question: Question): Promise<void> {
    await waitUntil('the answer comes from memory', async () => {
      const before = await memoryHits(app);
      expect(await client.ask(question)).toMatchObject({ status: 'good' });
      return (await memoryHits(app)) === before + 1;
    });
  }

  it('holds on both of two instances that have the answer in memory', async () => {
    for (const revoker of [first, second]) {
      const { id, serial_number: serialNumber } = await issue();
      const question = ocspQuestion(localDer, serialNumber);
      await warm(first, clients[0], question);
      await warm(second, clients[1], question);
      const { visible } = await revoker.api.create<RevocationJson>(`/api/v1/certificates/${id}/revoke`);
      expect(visible).toMatchObject({ ocsp: true, nodes: 2 });
      const readings = await Promise.all(
        clients.flatMap((client) => [client.ask(question), client.ask(question, 'GET'), client.ask(question)]),
      );
      expect(readings.map(({ status }) => status)).toEqual(readings.map(() => 'revoked'));
    }
  });

  it('holds on an instance that the database can not tell: the revocation waits for its lease, once', async () => {
    const lease = { seconds: 2, marginMs: 200 };
    const relay = await TcpRelay.start(first.database.url);
    const cut = await startTestApp({
      beside: first,
      databaseUrl: (url) => relay.throughRelay(url),
      env: { CERTPLANE_OCSP_LEASE: `${lease.seconds}s` },
    });
    const client = new OcspClient(cut.pkiUrl);
    try {
      const [gone, next] = [await issue(), await issue()];
      const questions = [gone, next].map(({ serial_number: serial }) => ocspQuestion(localDer, serial));
      for (const question of questions) await warm(cut, client, question);
      relay.swallow();
      const revoking = desk.revoke(gone);
      const heard: { startedAt: number; status: string }[] = [];
      let returnedAt = Number.POSITIVE_INFINITY;
      const asking = (async () => {
        while (!heard.some(({ startedAt }) => startedAt > returnedAt)) {
          const startedAt = performance.now();
          heard.push({ startedAt, status: (await client.ask(questions[0]!)).status });
        }
      })();
      const { visible } = await revoking;
      returnedAt = performance.now();
      // Of the three, two are left that have a lease.
      expect(visible).toMatchObject({ ocsp: true, nodes: 2 });
      expect(visible.waited_ms).toBeGreaterThanOrEqual(lease.seconds * 1000 + lease.marginMs);

      // It is silent now, and nobody waits for it any more.
      const { visible: again } = await desk.revoke(next);
      expect(again).toMatchObject({ ocsp: true, nodes: 2 });
      expect(again.waited_ms).toBeLessThan(visible.waited_ms);
      expect(await client.ask(questions[1]!)).toMatchObject({ status: 'tryLater' });
      await asking;
      // While its lease ran it answered from memory; then it said that it did not know.
      expect(heard[0]).toMatchObject({ status: 'good' });
      const late = heard.filter(({ startedAt }) => startedAt > returnedAt);
      expect(new Set(late.map(({ status }) => status))).toEqual(new Set(['tryLater']));

      relay.forward();
      await waitUntil('it has caught up', async () => {
        const { status } = await client.ask(questions[0]!);
        expect(['tryLater', 'revoked']).toContain(status);
        return status === 'revoked';
      });
      await waitUntil('it has a lease again', () => cut.app.nest.get(OcspNode).state.leaseRunning);
      expect(await client.ask(questions[1]!)).toMatchObject({ status: 'revoked' });
    } finally {
      client.close();
      relay.drop();
      relay.forward();
      await cut.stop();
      await relay.stop();
    }
  });
});

describe('2. One commit', () => {
  interface Traces {
    readonly certificate: unknown;
    readonly history: unknown;
    readonly responses: unknown;
    readonly crl: unknown;
    readonly events: unknown;
    readonly blockedKeys: unknown;
    readonly feed: unknown;
  }

  async function traces({ id, serial_number }: CertificateJson): Promise<Traces> {
    const serial = parseSerialNumber(serial_number);
    return {
      certificate: await sql('SELECT revoked_at, revocation_reason, invalidity_date FROM certificates WHERE id = $1', [
        id,
      ]),
      history: await sql('SELECT * FROM revocation_history WHERE certificate_id = $1', [id]),
      responses: await sql('SELECT response_der FROM ocsp_responses WHERE serial_number = $1', [serial]),
      crl: await sql('SELECT dirty_revision FROM crls WHERE issuer_id = $1', [LOCAL]),
      events: await sql(`SELECT id FROM audit_events WHERE subject_id = $1 AND outcome = 'success'`, [id]),
      blockedKeys: await sql('SELECT * FROM blocked_keys'),
      feed: await sql('SELECT last_number, (SELECT count(*) FROM revocation_feed) AS entries FROM revocation_counter'),
    };
  }

  it.each([
    ['certificates', 'UPDATE OF revoked_at'],
    ['revocation_history', 'INSERT'],
    ['ocsp_responses', 'UPDATE'],
    ['audit_events', 'INSERT'],
    ['crl_changes', 'INSERT'],
    ['crls', 'UPDATE OF dirty_revision'],
    ['blocked_keys', 'INSERT'],
    ['revocation_counter', 'UPDATE'],
    ['revocation_feed', 'INSERT'],
  ])('leaves nothing behind when the step on %s fails', async (table, event) => {
    const own = await openssl.csr('/CN=one-commit.example.com');
    const certificate = await desk.issue({ csr: own.csr });
    const question = ocspQuestion(localDer, certificate.serial_number);
    expect(await clients[0].ask(question)).toMatchObject({ status: 'good' });
    const before = await traces(certificate);
    expect(before.responses).toHaveLength(first.config.ocsp.presignHashes.length);
    const path = `/api/v1/certificates/${certificate.id}/revoke`;
    const refused = await whileFailing(table, event, () => first.api.post(path, { reason: 'keyCompromise' }));
    expect(problemCode(refused)).toEqual([500, 'internal_error']);
    expect(await traces(certificate)).toEqual(before);
    expect(await clients[1].ask(question)).toMatchObject({ status: 'good' });

    expect(await first.api.post(path, { reason: 'keyCompromise' })).toMatchObject({ status: 200 });
    expect(await clients[1].ask(question)).toMatchObject({ status: 'revoked' });
    const after = await traces(certificate);
    expect(after.events).toHaveLength(2);
    expect(after.history).toHaveLength(1);
    expect(after.crl).not.toEqual(before.crl);
    expect(after.blockedKeys).not.toEqual(before.blockedKeys);
    expect(after.feed).not.toEqual(before.feed);
  });

  it('leaves nothing behind when the commit itself fails', async () => {
    const certificate = await issue();
    const before = await traces(certificate);
    await sql(`CREATE FUNCTION fail_late() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'the commit fails'; END $$`);
    await sql(`CREATE CONSTRAINT TRIGGER fail_late AFTER UPDATE ON certificates
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_late()`);
    const refused = await first.api.post(`/api/v1/certificates/${certificate.id}/revoke`, {});
    await sql('DROP TRIGGER fail_late ON certificates');
    expect(problemCode(refused)).toEqual([500, 'internal_error']);
    expect(await traces(certificate)).toEqual(before);
  });

  it('does not turn a committed revocation into an error when the CRL can not be built', async () => {
    await desk.root('crl-fails');
    await fetchCrl(first, 'crl-fails');
    const certificate = await issue('crl-fails');
    const keys = [first, second].map((app) => failSignatures(app, 'crl'));
    const revocation = await desk.revoke(certificate, { reason: 'superseded' });
    expect(revocation).toMatchObject({ status: 'revoked', reason: 'superseded' });
    await waitUntil('the build has failed', () => keys.some((key) => key.refusals > 0));
    for (const key of keys) key.restore();
    const { serial_number: serialNumber } = certificate;
    await waitUntil(
      'the schedule makes up for it',
      async () => (await fetchCrl(first, 'crl-fails')).find(parseSerialNumber(serialNumber)) !== null,
    );
  });

  it('lets one of many callers win, and tells the same to all', async () => {
    const certificate = await issue();
    const answers = await Promise.all(
      [first, second, first, second, first, second].map((app, index) =>
        app.api.create<RevocationJson>(`/api/v1/certificates/${certificate.id}/revoke`, {
          reason: index % 2 === 0 ? 'superseded' : 'cessationOfOperation',
        }),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify({ ...answer, visible: null }))).size).toBe(1);
    for (const { visible } of answers) expect(visible).toMatchObject({ ocsp: true, nodes: 2 });
    const events = await sql(`SELECT 1 FROM audit_events WHERE action = 'certificate.revoke' AND subject_id = $1`, [
      certificate.id,
    ]);
    expect(events).toHaveLength(1);
  });
});

describe('3. A response signed before a revocation is never stored after it', () => {
  function response(status: 'good' | 'revoked'): StoredResponse {
    const now = new Date(Math.floor(Date.now() / 1000) * 1000);
    const soon = new Date(now.getTime() + 3_600_000);
    const der = Buffer.from(`the signed response: ${status}`);
    return { der, certificateStatus: status, producedAt: now, thisUpdate: now, nextUpdate: soon, refreshAt: soon };
  }

  const keyOf = (serialNumber: string): OcspResponseKey => ({
    issuerId: LOCAL,
    serialNumber: parseSerialNumber(serialNumber),
    // One that nobody signs for in advance, so that nobody else stores what is looked at here.
    algorithm: 'sha384',
  });

  it('stores what was signed for the status as it is, and nothing else', async () => {
    const store = first.app.nest.get(OcspResponseStore);
    const { id, serial_number: serialNumber } = await issue();
    const key = keyOf(serialNumber);
    const revocation = { status: 'revoked', revokedAt: new Date(0), reason: 'superseded' } as const;
    expect(await store.store(key, revocation, response('revoked'))).toBe(false);
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(true);
    const { revoked_at: revokedAt } = await desk.revoke({ id }, { reason: 'superseded' });
    expect(await store.find(key, new Date())).toBeNull();
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(false);
    expect(await store.store(key, revocation, response('revoked'))).toBe(false);
    const right = { ...revocation, revokedAt: new Date(revokedAt) };
    expect(await store.store(key, { ...right, reason: 'unspecified' }, response('revoked'))).toBe(false);
    expect(await store.find(key, new Date())).toBeNull();
    expect(await store.store(key, right, response('revoked'))).toBe(true);
    expect(await store.find(key, new Date())).toMatchObject({ certificateStatus: 'revoked' });
  });

  it('stores nothing for a serial number without a certificate', async () => {
    const store = first.app.nest.get(OcspResponseStore);
    expect(await store.store(keyOf('7f00ff'), { status: 'good' }, response('good'))).toBe(false);
  });

  it('keeps to it while many instances store and revoke at the same time', async () => {
    const stores = [first, second].map((app) => app.app.nest.get(OcspResponseStore));
    const certificates = await Promise.all(Array.from({ length: 24 }, () => issue()));
    await Promise.all(
      certificates.map(async ({ id, serial_number: serialNumber }, index) => {
        const key = keyOf(serialNumber);
        const progress = { revoked: false };
        const storing = stores
          .flatMap((store) => [0, 1].map(() => store))
          .map(async (store) => {
            const outcomes: boolean[] = [];
            for (let rounds = 0; rounds < 1000 && !(progress.revoked && outcomes.at(-1) === false); rounds++) {
              const begunAfter = progress.revoked;
              const stored = await store.store(key, { status: 'good' }, response('good'));
              outcomes.push(stored);
              if (begunAfter) expect(stored).toBe(false);
            }
            return outcomes;
          });
        await [first, second][index % 2]!.api.create(`/api/v1/certificates/${id}/revoke`, {});
        progress.revoked = true;
        expect((await Promise.all(storing)).flat()).toContain(false);
        const left = await sql(
          `SELECT cert_id_algorithm FROM ocsp_responses
            WHERE serial_number = $1 AND response_der IS NOT NULL
              AND (certificate_status <> 'revoked' OR cert_id_algorithm = $2)`,
          [key.serialNumber, key.algorithm],
        );
        expect(left).toEqual([]);
      }),
    );
  });

  it('waits for a revocation that is under way before it decides', async () => {
    const { id, serial_number: serialNumber } = await issue();
    const key = keyOf(serialNumber);
    const runner = first.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`UPDATE certificates SET revoked_at = now(), revocation_reason = 'superseded' WHERE id = $1`, [
      id,
    ]);
    await runner.query('DELETE FROM ocsp_responses WHERE serial_number = $1', [key.serialNumber]);
    const storing = second.app.nest.get(OcspResponseStore).store(key, { status: 'good' }, response('good'));
    await waitUntil('the store waits for the row', async () => (await countLockWaits()) > 0);
    await runner.commitTransaction();
    await runner.release();
    expect(await storing).toBe(false);
  });
});

async function countLockWaits(): Promise<number> {
  const rows = await sql<{ waiting: number }>(
    `SELECT count(*)::int AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]!.waiting;
}

describe('4. Never good on doubt', () => {
  const LEASE_MS = 1000;
  let relay: TcpRelay;
  let app: TestApp;
  let client: OcspClient;
  let question: Question;
  let unasked: Question[];

  beforeAll(async () => {
    relay = await TcpRelay.start(first.database.url);
    app = await startTestApp({
      beside: first,
      schedules: false,
      databaseUrl: (url) => relay.throughRelay(url),
      env: { CERTPLANE_OCSP_LEASE: `${LEASE_MS / 1000}s` },
    });
    client = new OcspClient(app.pkiUrl);
    question = ocspQuestion(localDer, (await issue()).serial_number);
    const others = await Promise.all(Array.from({ length: 3 }, () => issue()));
    unasked = others.map(({ serial_number: serialNumber }) => ocspQuestion(localDer, serialNumber));
    await client.ask(question);
  });

  afterAll(async () => {
    client.close();
    relay.drop();
    await app.stop();
    await relay.stop();
  });

  async function recovers(): Promise<void> {
    relay.forward();
    await waitUntil('OCSP answers again', async () => (await client.ask(question)).status === 'good', 15_000);
    const answer = await app.api.get('/ready');
    expect(answer.json()).toMatchObject({ checks: { database: 'ok' } });
  }

  /** What is said within the ten seconds of CA/B BR 4.9.9. */
  async function askAll(): Promise<string[]> {
    const startedAt = performance.now();
    const nonce = ocspQuestion(localDer, '01', { nonce: randomBytes(16) });
    const asked = [question, ...unasked, nonce].flatMap((each) => [client.ask(each), client.ask(each, 'GET')]);
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    return [...new Set(statuses)];
  }

  /** What lies in memory is answered for one lease at the longest; what does not, not at all. */
  async function outliveTheLease(): Promise<void> {
    const cutAt = performance.now();
    const unheld = client.ask(unasked[0]!);
    let reading = await client.ask(question);
    for (let askedAt = cutAt; reading.status === 'good';) {
      expect(askedAt - cutAt).toBeLessThan(LEASE_MS);
      askedAt = performance.now();
      reading = await client.ask(question);
    }
    expect(reading).toMatchObject({ status: 'tryLater' });
    expect(await unheld).toMatchObject({ status: 'tryLater' });
  }

  it('says tryLater while the database refuses connections, one lease later at the latest, and recovers', async () => {
    relay.refuse();
    await outliveTheLease();
    expect(await askAll()).toEqual(['tryLater']);
    await recovers();
  });

  it('says tryLater within ten seconds while the database is silent, one lease later at the latest, and recovers', async () => {
    relay.swallow();
    await outliveTheLease();
    expect(await askAll()).toEqual(['tryLater']);
    await recovers();
  });

  it('gives no wrong answer while connections are dropped under it', async () => {
    const statuses = new Set<string>();
    const progress = { done: false };
    const asking = [question, ...unasked].map(async (each) => {
      while (!progress.done) statuses.add((await client.ask(each)).status);
    });
    for (let drops = 0; drops < 40; drops++) {
      await waitUntil('there are connections', () => relay.connections > 0);
      relay.drop();
      await app.pki('/.well-known/pki/ca/iss-local');
    }
    progress.done = true;
    await Promise.all(asking);
    expect([...statuses].filter((status) => !['good', 'tryLater'].includes(status))).toEqual([]);
    await recovers();
  });

  it('never says good for a revoked certificate while connections are dropped', async () => {
    const certificate = await issue();
    const asked = ocspQuestion(localDer, certificate.serial_number);
    await client.ask(asked);
    await desk.revoke(certificate);
    for (let drops = 0; drops < 20; drops++) {
      const answers = Promise.all([client.ask(asked), client.ask(asked, 'GET')]);
      relay.drop();
      for (const { status } of await answers) expect(['revoked', 'tryLater']).toContain(status);
    }
    await recovers();
  });

  it('does a REST call wholly or says that the database did not answer, while connections are dropped', async () => {
    const outcomes: string[] = [];
    for (let drops = 0; drops < 30; drops++) {
      const answers = Promise.all([0, 1, 2].map(() => app.api.post('/api/v1/certificates', { issuer_id: LOCAL, csr })));
      // A few turns of the event loop later: another number each time meets another statement.
      for (let turns = 0; turns < drops * 3; turns++) await new Promise((resolve) => setImmediate(resolve));
      relay.drop();
      for (const answer of await answers) {
        outcomes.push(answer.status === 201 ? '201' : problemCode(answer).join(' '));
      }
    }
    expect([...new Set(outcomes)].filter((outcome) => !['201', '503 database_unavailable'].includes(outcome))).toEqual(
      [],
    );
    await recovers();
    const rows = await sql(`SELECT c.id FROM certificates c
                              JOIN audit_events a ON a.subject_id = c.id::text AND a.action = 'certificate.issue'
                             WHERE c.certificate_der IS NULL`);
    expect(rows).toEqual([]);
  });

  it('says neither good nor unknown when the lookup of the status fails', async () => {
    const statuses = app.app.nest.get(CertificateStatusService);
    const find = statuses.find.bind(statuses);
    statuses.find = () => Promise.reject(new Error('a fault in the lookup'));
    const certificate = await issue();
    await desk.forgetResponses(certificate);
    const asked = ocspQuestion(localDer, certificate.serial_number);
    try {
      expect(await client.ask(asked)).toMatchObject({ status: 'internalError' });
    } finally {
      statuses.find = find;
    }
  });

  it('says unknown for a serial number that was never given away, and stores nothing', async () => {
    const serialNumber = randomBytes(16).toString('hex');
    for (const method of ['POST', 'GET'] as const) {
      expect(await client.ask(ocspQuestion(localDer, serialNumber), method)).toMatchObject({ status: 'unknown' });
    }
    expect(
      await sql('SELECT 1 FROM ocsp_responses WHERE serial_number = $1', [parseSerialNumber(serialNumber)]),
    ).toEqual([]);
  });

  it('never uses a stored answer for another issuer or another hash algorithm', async () => {
    const { certificate_pem: otherPem } = await desk.root('other-root');
    const otherDer = parsePem(otherPem, 'CERTIFICATE')[0]!;
    const { serial_number: serialNumber } = await issue();
    const sha1 = await client.ask(ocspQuestion(localDer, serialNumber, { algorithm: 'sha1' }));
    expect(sha1.status).toBe('good');
    const sha256 = await client.ask(ocspQuestion(localDer, serialNumber, { algorithm: 'sha256' }));
    expect(sha256).toMatchObject({ status: 'good' });
    expect(sha256.der.equals(sha1.der)).toBe(false);
    // The same serial number under another issuer: by its own address, by that of the first, and by the CertID alone.
    const foreign = ocspQuestion(otherDer, serialNumber);
    const other = new OcspClient(app.pkiUrl, 'other-root');
    expect(await other.ask(foreign)).toMatchObject({ status: 'unknown' });
    expect(await client.ask(foreign)).toMatchObject({ status: 'unauthorized' });
    expect(await other.ask(ocspQuestion(localDer, serialNumber))).toMatchObject({ status: 'unauthorized' });
    other.close();
  });
});

describe('5. A CRL number never repeats or falls', () => {
  type Build = (app: TestApp) => Promise<string>;

  /** `build` tries again while somebody else is at it: the schedule builds the first CRL of each new issuer. */
  async function setUp(id: string): Promise<{ tryBuild: Build; build: Build }> {
    await desk.root(id);
    const tryBuild: Build = (app) => app.app.nest.get(CrlBuilder).build(completeCrlOf(id), { force: true });
    const build: Build = async (app) => {
      let result = 'busy';
      await waitUntil('nobody else builds', async () => (result = await tryBuild(app)) !== 'busy');
      return result;
    };
    return { tryBuild, build };
  }

  /** Ends the session that holds the lock of a CRL, as a fault of the network does, when it has read what goes onto it. */
  async function loseLock(id: string): Promise<void> {
    const name = `certplane:crl:${scopeKey(completeCrlOf(id))}`;
    const key = createHash('sha256').update(name).digest().readBigInt64BE();
    await waitUntil('the session is ended', async () => {
      const ended = await sql(
        `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.state = 'idle'
          WHERE l.locktype = 'advisory' AND (l.classid::int8 << 32) | l.objid::int8 = $1`,
        [key.toString()],
      );
      return ended.length > 0;
    });
  }

  it('holds while two instances build at the same time', async () => {
    const { tryBuild } = await setUp('crl-race');
    const numbers: bigint[] = [];
    for (let published = 0; published < 25;) {
      const results = await Promise.all([first, second, first, second].map(tryBuild));
      if (results.includes('published')) published += 1;
      expect(results.filter((result) => result === 'overtaken')).toEqual([]);
      for (const app of [first, second]) numbers.push((await fetchCrl(app, 'crl-race')).crlNumber);
    }
    expect(numbers).toEqual([...numbers].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0)));
    expect(new Set(numbers).size).toBeGreaterThanOrEqual(25);
  });

  it('holds after the database was restored from a backup of yesterday', async () => {
    const { build } = await setUp('crl-restored');
    await build(first);
    const { crlNumber: latest } = await fetchCrl(first, 'crl-restored');
    await sql('UPDATE crls SET last_number = $2, crl_number = $2 WHERE issuer_id = $1', [
      'crl-restored',
      (latest - 86_400_000n).toString(),
    ]);
    await build(second);
    expect((await fetchCrl(second, 'crl-restored')).crlNumber).toBeGreaterThan(latest);
    expect((await fetchCrl(first, 'crl-restored')).crlNumber).toBeGreaterThan(latest);
  });

  it('holds when the clock of the database was ahead', async () => {
    const { build } = await setUp('crl-ahead');
    await build(first);
    const ahead = BigInt(Date.now()) + 86_400_000n;
    await sql('UPDATE crls SET last_number = $2 WHERE issuer_id = $1', ['crl-ahead', ahead.toString()]);
    await build(first);
    expect((await fetchCrl(first, 'crl-ahead')).crlNumber).toBe(ahead + 1n);
  });

  it('does not publish a CRL that was overtaken while it was built', async () => {
    const { build } = await setUp('crl-overtaken');
    await build(first);
    const publication = first.app.nest.get(CrlPublication);
    const publish = publication.publish.bind(publication);
    publication.publish = async (running, crl) => {
      await loseLock('crl-overtaken');
      await waitUntil('the other instance builds', async () => (await build(second)) === 'published');
      return publish(running, crl);
    };
    const numbers = async (): Promise<string[]> =>
      (
        await sql<{ crl_number: string }>(
          `SELECT crl_number FROM crl_events WHERE issuer_id = 'crl-overtaken' AND succeeded ORDER BY id`,
        )
      ).map(({ crl_number: crlNumber }) => crlNumber);
    const [before] = await numbers();
    try {
      // The CRL is not published, and its lock is gone.
      await expect(build(first)).rejects.toThrow();
    } finally {
      publication.publish = publish;
    }
    const published = (await fetchCrl(first, 'crl-overtaken')).crlNumber;
    expect(await numbers()).toEqual([before, published.toString()]);
    const [overtaken] = await sql<{ crl_number: string; error: string }>(
      `SELECT crl_number, error FROM crl_events WHERE issuer_id = 'crl-overtaken' AND NOT succeeded`,
    );
    expect(BigInt(overtaken!.crl_number)).toBeLessThan(published);
    expect(overtaken!.error).toMatch(/a higher number/);
    expect(await build(first)).toBe('published');
    expect((await fetchCrl(first, 'crl-overtaken')).crlNumber).toBeGreaterThan(published);
  });

  it('lets no two CRLs look like one to If-Modified-Since', async () => {
    const { build } = await setUp('crl-second');
    const dates: string[] = [];
    for (let builds = 0; builds < 5; builds++) {
      expect(await build(first)).toBe('published');
      const { headers } = await first.pki('/.well-known/pki/crl/crl-second');
      const since = dates.at(-1);
      if (since !== undefined) {
        const changed = await first.pki('/.well-known/pki/crl/crl-second', { headers: { 'if-modified-since': since } });
        expect(changed.status).toBe(200);
      }
      dates.push(headers['last-modified']!);
      const same = await first.pki('/.well-known/pki/crl/crl-second', {
        headers: { 'if-modified-since': headers['last-modified']! },
      });
      expect(same.status).toBe(304);
    }
    expect(new Set(dates).size).toBe(5);
  });
});

/** Makes the signatures of one purpose fail in one instance. */
function failSignatures(app: TestApp, purpose: SigningPurpose): { refusals: number; restore(): void } {
  const keyStore = app.app.nest.get(KeyStore);
  const getSigner = keyStore.getSigner.bind(keyStore);
  const handle = {
    refusals: 0,
    restore: () => {
      keyStore.getSigner = getSigner;
    },
  };
  keyStore.getSigner = async (keyId, wanted) => {
    if (wanted !== purpose) return getSigner(keyId, wanted);
    handle.refusals += 1;
    throw new Error('no signature today');
  };
  return handle;
}

describe('10. Serial numbers have one canonical form', () => {
  it.each([
    ['a leading zero nibble', '0abcdef012345678'],
    ['the high bit', 'f0abcdef01234567'],
    ['one octet', '7b'],
    ['twenty octets', '7feeddccbbaa99887766554433221100ffeeddcc'],
  ])('finds a serial number with %s however it is written', async (_, hex) => {
    const certificate = await issue();
    await desk.renumber(certificate, hex);
    const canonical = hex.replace(/^0+/, '');
    const pairs = hex.match(/../g)!;
    const writings = [
      hex,
      hex.toUpperCase(),
      canonical,
      `0x${hex}`,
      `00${hex}`,
      pairs.join(':'),
      pairs.join(':').toUpperCase(),
    ];
    const asked = ocspQuestion(localDer, hex);
    for (const writing of writings) {
      const list = await first.api.fetch<{ items: CertificateJson[] }>(
        `/api/v1/certificates?serial_number=${encodeURIComponent(writing)}`,
      );
      expect(list.items.map(({ id, serial_number: serial }) => [id, serial])).toEqual([
        [certificate.id, formatted(hex)],
      ]);
      const short = await first.pki(`/.well-known/pki/ocsp/${LOCAL}/${writing}`);
      expect(short.status).toBe(200);
      expect(short.body.equals((await clients[0].ask(asked)).der)).toBe(true);
    }
    expect(await clients[0].ask(asked)).toMatchObject({ status: 'good' });
    await desk.revoke(certificate);
    expect(await clients[1].ask(asked, 'GET')).toMatchObject({ status: 'revoked' });
    await waitUntil('the CRL has it', async () => (await fetchCrl(first, LOCAL)).find(parseSerialNumber(hex)) !== null);
  });

  const formatted = (hex: string): string => parseSerialNumber(hex).toString('hex');
});

describe('11. What an issuer has issued stays checkable', () => {
  it.each(['disable', 'retire'])(
    'goes on after %s: old answers, new answers, revocations and CRLs',
    async (transition) => {
      const id = `issuer-to-${transition}`;
      const { certificate_pem: pem } = await desk.root(id);
      const issuerDer = parsePem(pem, 'CERTIFICATE')[0]!;
      const [known, fresh, doomed] = [await issue(id), await issue(id), await issue(id)];
      const client = new OcspClient(first.pkiUrl, id);
      expect(await client.ask(ocspQuestion(issuerDer, known.serial_number))).toMatchObject({ status: 'good' });
      const before = await fetchCrl(first, id);
      await first.api.create(`/api/v1/issuers/${id}/${transition}`);
      const refused = await first.api.post('/api/v1/certificates', { issuer_id: id, csr });
      expect(problemCode(refused)).toEqual([409, 'issuer_not_active']);

      for (const { serial_number: serialNumber } of [known, fresh, doomed]) {
        expect(await client.ask(ocspQuestion(issuerDer, serialNumber))).toMatchObject({ status: 'good' });
      }
      await desk.revoke(doomed, { reason: 'superseded' });
      expect(await client.ask(ocspQuestion(issuerDer, doomed.serial_number))).toMatchObject({ status: 'revoked' });
      await waitUntil(
        'the CRL has the revocation',
        async () => (await fetchCrl(first, id)).find(parseSerialNumber(doomed.serial_number)) !== null,
      );
      expect((await fetchCrl(second, id)).crlNumber).toBeGreaterThan(before.crlNumber);
      expect((await first.pki(`/.well-known/pki/ca/${id}`)).body.equals(issuerDer)).toBe(true);
      client.close();
    },
  );
});
