import { randomBytes, X509Certificate } from 'node:crypto';
import { OcspResponseStore, type OcspResponseKey, type StoredResponse } from '../../src/ocsp/ocsp-response-store.js';
import { PresignBatch } from '../../src/ocsp/presign-batch.js';
import { PresignQueue, type PresignRow } from '../../src/ocsp/presign-queue.js';
import { PresignWriter } from '../../src/ocsp/presign-writer.js';
import { parseCrl } from '../../src/pki/crl-parser.js';
import { REVOCATION_REASON_CODES, type RevocationReason } from '../../src/pki/revocation-reason.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { systemCaller } from '../../src/platform/http/caller.js';
import { RevocationService } from '../../src/revocation/revocation.service.js';
import { IssuingDesk, problemCode, type CertificateJson, type Page, type RevocationJson } from '../support/issuing.js';
import { decodeOcsp } from '../support/ocsp-client.js';
import { OcspClient, ocspQuestion } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import type { RevocationStep } from '../../clients/typescript/src/schemas.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const CERTIFICATES = '/api/v1/certificates';
const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057';
const HOLD = { reason: 'certificateHold' };

type Step = RevocationStep;

type KnownCertificate = CertificateJson;

interface Release {
  readonly id: string;
  readonly serial_number: string;
  readonly status: string;
  readonly released_at: string;
  readonly visible: RevocationJson['visible'];
}

const openssl = new OpensslWorkshop();
let first: TestApp;
/** Signs nothing in advance, so that both ways of forgetting a response are in play. */
let second: TestApp;
let apps: [TestApp, TestApp];
let clients: OcspClient[];
let desk: IssuingDesk;

beforeAll(async () => {
  first = await startTestApp();
  second = await startTestApp({ beside: first, env: { CERTPLANE_OCSP_PRESIGN: 'lazy' } });
  apps = [first, second];
  clients = apps.map((app) => new OcspClient(app.pkiUrl));
  desk = new IssuingDesk(first, openssl);
});

afterAll(async () => {
  for (const client of clients) client.close();
  await second.stop();
  await first.stop();
  openssl.remove();
});

const issue = (): Promise<CertificateJson> => desk.issue();
const show = ({ id }: { id: string }, app = first): Promise<KnownCertificate> => app.api.fetch(`${CERTIFICATES}/${id}`);
const release = ({ id }: { id: string }, app = first): Promise<Release> =>
  app.api.create(`${CERTIFICATES}/${id}/release`);
const revoke = ({ id }: { id: string }, body: Record<string, unknown>, app = first): Promise<RevocationJson> =>
  app.api.create(`${CERTIFICATES}/${id}/revoke`, body);
const secondsAgo = (seconds: number): string =>
  new Date(Math.floor(first.clock.now().getTime() / 1000 - seconds) * 1000).toISOString();
/** One whose validity began long enough ago for a revocation to be dated back. */
async function issueLongAgo(): Promise<CertificateJson> {
  const certificate = await issue();
  first.clock.advance(7200);
  return certificate;
}

/** What openssl hears from a node. */
async function hear(app: TestApp, certificate: CertificateJson): Promise<string> {
  const { cert, issuer, root } = await desk.files(certificate);
  const { output, code } = await openssl.run(
    ...['ocsp', '-issuer', issuer, '-cert', cert, '-CAfile', root, '-no_nonce'],
    ...['-url', `${app.pkiUrl}/.well-known/pki/ocsp/${certificate.issuer_id}`],
  );
  expect(output).toMatch(/Response verify OK/);
  expect(code).toBe(0);
  return output;
}

/** What each node says by each way that an answer can take: from memory or the database, and signed for one client. */
async function tell(certificate: Pick<CertificateJson, 'serial_number' | 'chain_pem'>): Promise<string[]> {
  const issuer = new X509Certificate(certificate.chain_pem).raw;
  const questions = [null, randomBytes(16)].map((nonce) => ocspQuestion(issuer, certificate.serial_number, { nonce }));
  const answers = await Promise.all(
    clients.flatMap((client) => questions.map(async (question) => decodeOcsp((await client.ask(question)).der))),
  );
  return answers.map(({ singles: [single] }) =>
    single?.status === 'revoked'
      ? `revoked ${single.reason ?? 0} ${single.revokedAt?.toISOString() ?? ''}`
      : (single?.status ?? 'nothing'),
  );
}

/** That all nodes say the same, by every way. */
async function expectTold(certificate: CertificateJson, status: string): Promise<void> {
  expect([...new Set(await tell(certificate))]).toEqual([status]);
}

function revokedAs({ reason, revoked_at: at }: { reason: string; revoked_at: string }): string {
  return `revoked ${REVOCATION_REASON_CODES[reason as RevocationReason]} ${at}`;
}

async function waitForCrl(certificate: CertificateJson, reason: string | null): Promise<void> {
  await waitUntil(`the CRL has it as ${reason}`, async () => {
    const { status, body } = await first.pki(`/.well-known/pki/crl/${certificate.issuer_id}`);
    return (
      status === 200 && (parseCrl(body).find(parseSerialNumber(certificate.serial_number))?.reason ?? null) === reason
    );
  });
}

describe('a certificate on hold', () => {
  it('is revoked until it is released, on every node from the moment of the answer on', async () => {
    const certificate = await issue();
    await expectTold(certificate, 'good');
    const held = await revoke(certificate, HOLD);
    expect(held).toMatchObject({ status: 'revoked', reason: 'certificateHold' });
    await expectTold(certificate, revokedAs(held));
    for (const app of apps) {
      const output = await hear(app, certificate);
      expect(output).toMatch(/: revoked\n/);
      expect(output).toMatch(/Reason: certificateHold\n/);
    }
    await waitForCrl(certificate, 'certificateHold');

    const released = await release(certificate, second);
    expect(released).toEqual({
      id: certificate.id,
      serial_number: certificate.serial_number,
      status: 'active',
      released_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      visible: { ocsp: true, nodes: expect.any(Number), waited_ms: expect.any(Number) },
    });
    await expectTold(certificate, 'good');
    for (const app of apps) expect(await hear(app, certificate)).toMatch(/: good\n/);
    await waitForCrl(certificate, null);
    expect(await show(certificate)).toMatchObject({
      status: 'active',
      revoked_at: null,
      revocation_reason: null,
      invalidity_date: null,
    });
  });

  it('can be held and released again and again, and no node is ever behind an answer', async () => {
    const certificate = await issue();
    for (let round = 0; round < 20; round++) {
      const held = await revoke(certificate, HOLD, apps[round % 2]);
      await expectTold(certificate, revokedAs(held));
      await release(certificate, apps[(round >> 1) % 2]);
      await expectTold(certificate, 'good');
    }
    const { revocation_history: history } = await show(certificate);
    expect(history.map(({ action }) => action)).toEqual(Array.from({ length: 20 }, () => ['hold', 'release']).flat());
  });

  it('is never told from before by an answer that was asked for after the call', async () => {
    interface Span {
      readonly what: string;
      readonly startedAt: number;
      readonly endedAt: number;
    }
    const certificate = await issue();
    const issuer = new X509Certificate(first.ca).raw;
    const heard: Span[] = [];
    const asked = { on: true };
    const ask = async (client: OcspClient, nonce: boolean): Promise<void> => {
      while (asked.on) {
        const options = nonce ? { nonce: randomBytes(16) } : {};
        const startedAt = performance.now();
        const { status: what } = await client.ask(ocspQuestion(issuer, certificate.serial_number, options));
        heard.push({ what, startedAt, endedAt: performance.now() });
      }
    };
    const asking = clients.flatMap((client) => [false, true].map((nonce) => ask(client, nonce)));
    const acts: Span[] = [];
    for (let round = 0; round < 40; round++) {
      const app = apps[(round >> 1) % 2]!;
      const startedAt = performance.now();
      if (round % 2 === 0) await revoke(certificate, HOLD, app);
      else await release(certificate, app);
      acts.push({ what: round % 2 === 0 ? 'revoked' : 'good', startedAt, endedAt: performance.now() });
      const enough = heard.length + 8;
      await waitUntil('it was asked for', () => heard.length >= enough);
    }
    asked.on = false;
    await Promise.all(asking);
    let between = 0;
    for (const [index, { what, endedAt }] of acts.entries()) {
      const next = acts[index + 1]?.startedAt ?? Infinity;
      const within = heard.filter((one) => one.startedAt > endedAt && one.endedAt < next);
      between += within.length;
      expect([index, ...new Set(within.map((one) => one.what))]).toEqual([index, what].slice(0, within.length + 1));
    }
    expect(between).toBeGreaterThan(0);
  });

  it('becomes final for another reason, and has been revoked since the hold began', async () => {
    const certificate = await issue();
    const held = await revoke(certificate, { ...HOLD, invalidity_date: '2026-01-02T03:04:05Z' });
    first.clock.advance(60);
    const final = await revoke(certificate, { reason: 'superseded' }, second);
    expect(final).toMatchObject({
      reason: 'superseded',
      revoked_at: held.revoked_at,
      invalidity_date: '2026-01-02T03:04:05.000Z',
    });
    await expectTold(certificate, revokedAs(final));
    await waitForCrl(certificate, 'superseded');
    const refused = await first.api.post(`${CERTIFICATES}/${certificate.id}/release`);
    expect(problemCode(refused)).toEqual([409, 'certificate_not_on_hold']);
    expect(refused.json()['detail']).toMatch(/revoked for good, reason superseded\.$/);
    await expectTold(certificate, revokedAs(final));
  });

  it('becomes final from an earlier date on when it is told so, and from no later one', async () => {
    const certificate = await issueLongAgo();
    const held = await revoke(certificate, HOLD);
    first.clock.advance(60);
    const earlier = secondsAgo(3600);
    expect(await revoke(certificate, { reason: 'keyCompromise', revoked_at: earlier })).toMatchObject({
      revoked_at: earlier,
    });
    const other = await issue();
    const heldToo = await revoke(other, HOLD);
    first.clock.advance(60);
    expect(await revoke(other, { reason: 'superseded', revoked_at: secondsAgo(1) })).toMatchObject({
      revoked_at: heldToo.revoked_at,
    });
    expect(earlier < held.revoked_at).toBe(true);
  });

  it('stays as it was when it is held again', async () => {
    const certificate = await issue();
    const held = await revoke(certificate, HOLD);
    first.clock.advance(60);
    const again = await revoke(certificate, { ...HOLD, invalidity_date: '2026-01-02T03:04:05Z' }, second);
    expect(again).toEqual({ ...held, visible: again.visible });
    expect((await show(certificate)).revocation_history).toHaveLength(1);
  });

  it('can be released after it has expired', async () => {
    const certificate = await desk.issue({ validity: '60s' });
    await revoke(certificate, HOLD);
    first.clock.advance(120);
    expect(await release(certificate)).toMatchObject({ status: 'expired' });
  });

  it('that is an intermediate CA issues nothing until it is released', async () => {
    await desk.intermediate('held-ca', 'iss-local');
    const { csr } = await openssl.csr('/CN=below.example.com');
    const { items } = await first.api.fetch<Page<CertificateJson>>(`${CERTIFICATES}?profile=intermediate`);
    const own = items.find(({ subject }) => subject === 'CN=held-ca');
    const held = await revoke(own!, HOLD);
    const shown = await show(own!);
    await expectTold(shown, revokedAs(held));
    expect(problemCode(await first.api.post(CERTIFICATES, { issuer_id: 'held-ca', csr }))).toEqual([
      409,
      'issuer_not_active',
    ]);
    await waitForCrl(shown, 'certificateHold');
    await release(own!);
    await expectTold(shown, 'good');
    await waitForCrl(shown, null);
    expect(await desk.issue({ issuer: 'held-ca', csr })).toMatchObject({ status: 'active' });
  });
});

describe('a release', () => {
  it('is refused for a certificate that is not on hold, and says what it is', async () => {
    const certificate = await issue();
    const path = `${CERTIFICATES}/${certificate.id}/release`;
    const detail = async (): Promise<unknown> => {
      const answer = await second.api.post(path);
      expect(problemCode(answer)).toEqual([409, 'certificate_not_on_hold']);
      return answer.json()['detail'];
    };
    expect(await detail()).toBe(`The certificate ${certificate.id} is not on hold: it is active.`);
    await revoke(certificate, HOLD);
    await release(certificate);
    expect(await detail()).toBe(`The certificate ${certificate.id} is not on hold: it is active.`);
    await revoke(certificate, { reason: 'superseded' });
    expect(await detail()).toMatch(/revoked for good/);
    expect((await show(certificate)).revocation_history).toHaveLength(3);
  });

  it('is refused for a certificate that is not there', async () => {
    expect(problemCode(await first.api.post(`${CERTIFICATES}/${NOBODY}/release`))).toEqual([
      404,
      'certificate_not_found',
    ]);
    expect(problemCode(await first.api.post(`${CERTIFICATES}/1/release`))).toEqual([400, 'invalid_request']);
  });

  it('leaves nothing behind when one of its steps fails', async () => {
    const certificate = await issue();
    const held = await revoke(certificate, HOLD);
    const before = await show(certificate);
    for (const table of ['revocation_history', 'audit_events', 'crl_changes', 'ocsp_responses', 'revocation_feed']) {
      await first.dataSource.query(`CREATE OR REPLACE FUNCTION fail_here() RETURNS trigger LANGUAGE plpgsql AS
                                    $$ BEGIN RAISE EXCEPTION 'this table fails'; END $$`);
      await first.dataSource.query(
        `CREATE TRIGGER fail_here BEFORE INSERT OR UPDATE ON ${table} EXECUTE FUNCTION fail_here()`,
      );
      const answer = await first.api.post(`${CERTIFICATES}/${certificate.id}/release`);
      await first.dataSource.query(`DROP TRIGGER fail_here ON ${table}`);
      expect([table, ...problemCode(answer)]).toEqual([table, 500, 'internal_error']);
      expect(await show(certificate)).toEqual(before);
    }
    await expectTold(certificate, revokedAs(held));
    await release(certificate);
    await expectTold(certificate, 'good');
  });
});

describe('what was signed before a change of status', () => {
  const SHA384 = 'sha384';
  const REASON_OF = { status: 'revoked', reason: 'certificateHold' } as const;

  function response(status: 'good' | 'revoked'): StoredResponse {
    const now = first.clock.now();
    const soon = new Date(now.getTime() + 3_600_000);
    const der = Buffer.from(`signed: ${status}`);
    return { der, certificateStatus: status, producedAt: now, thisUpdate: now, nextUpdate: soon, refreshAt: soon };
  }

  /** A certificate in an installation that has no other to sign for. */
  async function issueAlone(app: TestApp): Promise<CertificateJson> {
    const certificate = await new IssuingDesk(app, openssl).issue();
    await app.dataSource.query('DELETE FROM ocsp_responses WHERE serial_number <> $1', [
      parseSerialNumber(certificate.serial_number),
    ]);
    return certificate;
  }

  it('is not stored after it, whichever way the status went', async () => {
    const certificate = await issue();
    const store = second.app.nest.get(OcspResponseStore);
    // An algorithm that nobody signs for in advance, so that nobody else stores what is looked at here.
    const key: OcspResponseKey = {
      issuerId: certificate.issuer_id,
      serialNumber: parseSerialNumber(certificate.serial_number),
      algorithm: SHA384,
    };
    const find = () => store.find(key, first.clock.now());
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(true);
    const held = { ...REASON_OF, revokedAt: new Date((await revoke(certificate, HOLD)).revoked_at) };
    expect(await find()).toBeNull();
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(false);
    expect(await store.store(key, held, response('revoked'))).toBe(true);
    await release(certificate);
    expect(await find()).toBeNull();
    expect(await store.store(key, held, response('revoked'))).toBe(false);
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(true);
    const again = { ...REASON_OF, revokedAt: new Date((await revoke(certificate, HOLD)).revoked_at) };
    expect(await find()).toBeNull();
    expect(await store.store(key, { status: 'good' }, response('good'))).toBe(false);
    expect(await store.store(key, again, response('revoked'))).toBe(true);
    // The date stays, the reason does not.
    const final = await revoke(certificate, { reason: 'superseded' });
    expect(final.revoked_at).toBe(again.revokedAt.toISOString());
    expect(await find()).toBeNull();
    expect(await store.store(key, again, response('revoked'))).toBe(false);
    expect(await store.store(key, { ...again, reason: 'superseded' }, response('revoked'))).toBe(true);
  });

  it('is not stored by the pre-signer either, in the middle of a batch', async () => {
    const app = await startTestApp({ schedules: false });
    try {
      const certificate = await issueAlone(app);
      const queue = app.app.nest.get(PresignQueue);
      const makeDue = () => app.dataSource.query(`UPDATE ocsp_responses SET refresh_at = '-infinity'`);
      const sign = async (rows: PresignRow[]) => app.app.nest.get(PresignBatch).sign(rows);
      const write = async (signed: Awaited<ReturnType<typeof sign>>) =>
        (await app.app.nest.get(PresignWriter).write(signed)).stored.length;
      const statuses = async () => {
        const rows = await app.dataSource.query<{ status: string }[]>(
          'SELECT DISTINCT certificate_status AS status FROM ocsp_responses',
        );
        return rows.map(({ status }) => status);
      };
      const acts: [change: () => Promise<unknown>, status: string][] = [
        [() => revoke(certificate, HOLD, app), 'revoked'],
        [() => release(certificate, app), 'good'],
        [() => revoke(certificate, HOLD, app), 'revoked'],
        [() => revoke(certificate, { reason: 'superseded' }, app), 'revoked'],
        [() => revoke(certificate, { reason: 'keyCompromise' }, app), 'revoked'],
      ];
      const signed = async () => sign(await queue.findDue(app.clock.now(), '-infinity', [], 10));
      for (const [change, status] of acts) {
        await makeDue();
        const batch = await signed();
        expect(batch.responses).toHaveLength(app.config.ocsp.presignHashes.length);
        await change();
        expect(await write(batch)).toBe(0);
        await waitUntil('it is signed anew', async () => (await statuses()).join() === status);
      }
    } finally {
      await app.stop();
    }
  });

  it('has been due since the change, and not since the certificate was issued or the date that was given', async () => {
    const app = await startTestApp({ schedules: false });
    try {
      const certificate = await issueAlone(app);
      const lag = async (): Promise<number> => {
        await app.dataSource.query(`UPDATE ocsp_responses SET refresh_at = '-infinity'`);
        return (await app.app.nest.get(PresignQueue).measure(app.clock.now())).lagSeconds;
      };
      app.clock.advance(86_400);
      expect(await lag()).toBeGreaterThanOrEqual(86_400);
      await revoke(certificate, { ...HOLD, revoked_at: certificate.not_before }, app);
      expect(await lag()).toBeLessThan(3600);
      app.clock.advance(86_400);
      await release(certificate, app);
      expect(await lag()).toBeLessThan(3600);
    } finally {
      await app.stop();
    }
  });
});

describe('a certificate that is revoked for good', () => {
  it('can be corrected to keyCompromise, from an earlier date on, and its key is blocked', async () => {
    const made = await openssl.csr('/CN=stolen.example.com');
    const certificate = await desk.issue({ csr: made.csr });
    first.clock.advance(7200);
    await revoke(certificate, { reason: 'superseded' });
    await expectTold(certificate, revokedAs((await show(certificate)).revocation_history[0] as never));
    const earlier = secondsAgo(3600);
    const corrected = await revoke(
      certificate,
      { reason: 'keyCompromise', revoked_at: earlier, invalidity_date: earlier },
      second,
    );
    expect(corrected).toMatchObject({ reason: 'keyCompromise', revoked_at: earlier, invalidity_date: earlier });
    await expectTold(certificate, revokedAs(corrected));
    for (const app of apps) expect(await hear(app, certificate)).toMatch(/Reason: keyCompromise\n/);
    await waitForCrl(certificate, 'keyCompromise');
    const answer = await first.api.post(CERTIFICATES, { issuer_id: 'iss-local', csr: made.csr });
    expect(problemCode(answer)).toEqual([400, 'compromised_key']);
  });

  it('keeps the date when a correction gives a later one or none', async () => {
    const certificate = await issueLongAgo();
    const once = await revoke(certificate, { reason: 'superseded', revoked_at: secondsAgo(3600) });
    expect(once.revoked_at).toBe((await show(certificate)).revoked_at);
    expect(await revoke(certificate, { reason: 'keyCompromise', revoked_at: secondsAgo(1800) })).toMatchObject({
      reason: 'keyCompromise',
      revoked_at: once.revoked_at,
    });
  });

  it('for keyCompromise can get an earlier date or another invalidity date, and nothing else', async () => {
    const certificate = await issueLongAgo();
    const once = await revoke(certificate, { reason: 'keyCompromise' });
    const again = await revoke(certificate, { reason: 'keyCompromise' });
    expect(again).toEqual({ ...once, visible: again.visible });
    const invalidity = '2026-01-02T03:04:05.000Z';
    expect(await revoke(certificate, { reason: 'keyCompromise', invalidity_date: invalidity })).toMatchObject({
      revoked_at: once.revoked_at,
      invalidity_date: invalidity,
    });
    const earlier = secondsAgo(600);
    const moved = await revoke(certificate, { reason: 'keyCompromise', revoked_at: earlier });
    expect(moved).toMatchObject({ revoked_at: earlier, invalidity_date: invalidity });
    await expectTold(certificate, revokedAs(moved));
    for (const reason of ['superseded', 'certificateHold', 'unspecified']) {
      expect(await revoke(certificate, { reason, revoked_at: secondsAgo(1200) })).toMatchObject({
        reason: 'keyCompromise',
        revoked_at: earlier,
      });
    }
    const { revocation_history: history } = await show(certificate);
    expect(history.map(({ action }) => action)).toEqual(['revoke', 'correct', 'correct']);
  });

  it('stays as it was for any other reason', async () => {
    const certificate = await issueLongAgo();
    const once = await revoke(certificate, { reason: 'superseded' });
    for (const reason of ['superseded', 'certificateHold', 'cACompromise', 'cessationOfOperation']) {
      const again = await revoke(certificate, {
        reason,
        revoked_at: secondsAgo(600),
        invalidity_date: secondsAgo(600),
      });
      expect(again).toEqual({ ...once, visible: again.visible });
    }
    expect((await show(certificate)).revocation_history).toHaveLength(1);
  });
});

describe('the date of a revocation', () => {
  it('may lie in the past, to the second, and OCSP tells it', async () => {
    const certificate = await issueLongAgo();
    const date = secondsAgo(3000);
    const revoked = await revoke(certificate, { reason: 'superseded', revoked_at: date.replace('.000Z', '.987Z') });
    expect(revoked.revoked_at).toBe(date);
    await expectTold(certificate, revokedAs(revoked));
  });

  it('may be that at which the certificate begins to be valid, and none before', async () => {
    const certificate = await issue();
    const begins = new Date(certificate.not_before).getTime();
    const refused = await first.api.post(`${CERTIFICATES}/${certificate.id}/revoke`, {
      revoked_at: new Date(begins - 1000).toISOString(),
    });
    expect(problemCode(refused)).toEqual([400, 'invalid_request']);
    expect(refused.json()['errors']).toMatchObject([{ field: 'revoked_at' }]);
    const many = await first.api.post(`${CERTIFICATES}/revoke`, {
      ids: [(await issue()).id, certificate.id],
      revoked_at: new Date(begins - 1000).toISOString(),
    });
    expect(problemCode(many)).toEqual([400, 'invalid_request']);
    expect(await show(certificate)).toMatchObject({ status: 'active' });
    const at = new Date(begins).toISOString();
    expect(await revoke(certificate, { revoked_at: at })).toMatchObject({ revoked_at: at });
  });

  it('is none in the future, and none that is no date', async () => {
    const { id } = await issue();
    for (const date of [secondsAgo(-60), 'yesterday', 1, '2026-02-30T00:00:00Z', '1949-12-31T23:59:59Z']) {
      const answer = await first.api.post(`${CERTIFICATES}/${id}/revoke`, { revoked_at: date });
      expect([date, ...problemCode(answer)]).toEqual([date, 400, 'invalid_request']);
    }
    expect(await show({ id })).toMatchObject({ status: 'active' });
  });
});

describe('the history of a certificate', () => {
  it('is empty at first, and then has every step, oldest first, as in the audit trail', async () => {
    const certificate = await issueLongAgo();
    expect(certificate.revocation_history).toEqual([]);
    expect(await show(certificate)).toMatchObject({ revocation_history: [] });
    const actor = 'api-key:bootstrap-admin';
    const held = await revoke(certificate, HOLD);
    first.clock.advance(60);
    const { released_at: releasedAt } = await release(certificate, second);
    first.clock.advance(60);
    const again = await revoke(certificate, HOLD, second);
    first.clock.advance(60);
    await revoke(certificate, { reason: 'superseded' });
    first.clock.advance(60);
    const earlier = secondsAgo(3600);
    await revoke(certificate, { reason: 'keyCompromise', revoked_at: earlier, invalidity_date: earlier }, second);
    const { revocation_history: history, ...shown } = await show(certificate);
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    const none = { reason: null, revoked_at: null, invalidity_date: null };
    const heldAs = { reason: 'certificateHold', invalidity_date: null };
    expect(history).toEqual([
      { occurred_at: held.revoked_at, action: 'hold', actor, ...heldAs, revoked_at: held.revoked_at },
      { occurred_at: releasedAt, action: 'release', actor, ...none },
      { occurred_at: again.revoked_at, action: 'hold', actor, ...heldAs, revoked_at: again.revoked_at },
      { occurred_at: at, action: 'revoke', actor, ...heldAs, reason: 'superseded', revoked_at: again.revoked_at },
      {
        occurred_at: at,
        action: 'correct',
        actor,
        reason: 'keyCompromise',
        revoked_at: earlier,
        invalidity_date: earlier,
      },
    ]);
    expect(history.map((step) => step.occurred_at)).toEqual(history.map((step) => step.occurred_at).sort());
    expect(shown).toMatchObject({ revocation_reason: 'keyCompromise', revoked_at: earlier, invalidity_date: earlier });

    const { items } = await first.api.fetch<Page<{ action: string; details: Record<string, unknown> }>>(
      `/api/v1/audit?subject_id=${certificate.id}`,
    );
    expect(items.map(({ action, details }) => [action, details['step']]).reverse()).toEqual([
      ['certificate.issue', undefined],
      ['certificate.revoke', 'hold'],
      ['certificate.release', 'release'],
      ['certificate.revoke', 'hold'],
      ['certificate.revoke', 'revoke'],
      ['certificate.revoke', 'correct'],
    ]);
    const [list] = (
      await first.api.fetch<Page<CertificateJson>>(`${CERTIFICATES}?serial_number=${certificate.serial_number}`)
    ).items;
    expect(list).toMatchObject({ id: certificate.id });
    expect(list).not.toHaveProperty('revocation_history');
  });

  it('tells the CRLs of every step', async () => {
    const certificate = await issue();
    await revoke(certificate, HOLD);
    await release(certificate);
    await revoke(certificate, { reason: 'superseded' });
    await revoke(certificate, { reason: 'superseded' });
    const changes = await first.dataSource.query<{ issuer_id: string; revision: string | null }[]>(
      'SELECT issuer_id, revision FROM crl_changes WHERE serial_number = $1 ORDER BY revision',
      [parseSerialNumber(certificate.serial_number)],
    );
    // Those that every complete CRL has told already may be gone.
    expect(changes.length).toBeLessThanOrEqual(3);
    expect(changes.every(({ issuer_id, revision }) => issuer_id === 'iss-local' && revision !== null)).toBe(true);
    await waitForCrl(certificate, 'superseded');
  });
});

describe('the search for orphans', () => {
  it('leaves alone what was confirmed, held or revoked since it looked', async () => {
    const certificate = await issue();
    const caller = systemCaller('orphan-scheduler');
    const revocations = second.app.nest.get(RevocationService);
    expect(await revocations.revokeOrphan(certificate.id, caller)).toBe(false);
    await revoke(certificate, HOLD);
    expect(await revocations.revokeOrphan(certificate.id, caller)).toBe(false);
    expect((await show(certificate)).revocation_history.map(({ action }) => action)).toEqual(['hold']);
  });
});

describe('a delta CRL', () => {
  it('tells of a hold, of its release, and of what became of it', async () => {
    await desk.root('with-deltas', { crl_delta_interval: '1h' });
    const certificate = await desk.issue({ issuer: 'with-deltas' });
    const told = (expected: string) =>
      waitUntil(`the delta says ${expected}`, async () => {
        const { status, body } = await second.pki('/.well-known/pki/crl/with-deltas/delta');
        if (status !== 200) return false;
        return parseCrl(body).find(parseSerialNumber(certificate.serial_number))?.reason === expected;
      });
    await waitUntil(
      'a base is there',
      async () => (await first.pki('/.well-known/pki/crl/with-deltas')).status === 200,
    );
    await revoke(certificate, HOLD);
    await told('certificateHold');
    await release(certificate, second);
    await told('removeFromCRL');
    await revoke(certificate, { reason: 'superseded' });
    await told('superseded');
    await revoke(certificate, { reason: 'keyCompromise' });
    await told('keyCompromise');
  });
});

describe('many that are revoked in one call', () => {
  it('are treated each as by itself', async () => {
    const certificates = await Promise.all(Array.from({ length: 4 }, issueLongAgo));
    const [good, held, final, compromised] = certificates as [
      CertificateJson,
      CertificateJson,
      CertificateJson,
      CertificateJson,
    ];
    const onHold = await revoke(held, HOLD);
    const superseded = await revoke(final, { reason: 'superseded' });
    await revoke(compromised, { reason: 'keyCompromise' });
    first.clock.advance(60);
    const { items } = await second.api.create<{ items: RevocationJson[] }>(`${CERTIFICATES}/revoke`, {
      ids: certificates.map(({ id }) => id),
      reason: 'cessationOfOperation',
    });
    expect(items.map(({ reason }) => reason)).toEqual([
      'cessationOfOperation',
      'cessationOfOperation',
      'superseded',
      'keyCompromise',
    ]);
    expect(items[1]?.revoked_at).toBe(onHold.revoked_at);
    expect(items[2]?.revoked_at).toBe(superseded.revoked_at);
    const earlier = secondsAgo(3600);
    const corrected = await first.api.create<{ items: RevocationJson[] }>(`${CERTIFICATES}/revoke`, {
      ids: certificates.map(({ id }) => id),
      reason: 'keyCompromise',
      revoked_at: earlier,
    });
    for (const [index, item] of corrected.items.entries()) {
      expect(item).toMatchObject({ reason: 'keyCompromise', revoked_at: earlier });
      await expectTold(certificates[index]!, revokedAs(item));
    }
    expect((await show(good)).revocation_history.map(({ action }) => action)).toEqual(['revoke', 'correct']);
    expect((await show(held)).revocation_history.map(({ action }) => action)).toEqual(['hold', 'revoke', 'correct']);
  });
});

describe('holds, releases, revocations and corrections at the same time', () => {
  type State = 'good' | 'held' | 'final' | 'compromised';

  const AFTER: Record<string, Partial<Record<State, State>>> = {
    'hold certificateHold': { good: 'held' },
    'release null': { held: 'good' },
    'revoke superseded': { good: 'final', held: 'final' },
    'revoke keyCompromise': { good: 'compromised', held: 'compromised' },
    'correct keyCompromise': { final: 'compromised' },
  };

  /** That each step of a history was allowed where it was taken. */
  function expectLegal(history: readonly Step[]): void {
    let state: State | undefined = 'good';
    for (const { action, reason } of history) state = state && AFTER[`${action} ${reason}`]?.[state];
    if (state === undefined) throw new Error(`no legal history: ${JSON.stringify(history, null, 1)}`);
  }

  /** An act by some node; true when it says that it was done. */
  async function act(certificate: CertificateJson, what: string, app: TestApp): Promise<boolean> {
    const path = `${CERTIFICATES}/${certificate.id}`;
    if (what !== 'release') {
      expect((await app.api.post(`${path}/revoke`, { reason: what })).status).toBe(200);
      return true;
    }
    const answer = await app.api.post(`${path}/release`);
    if (answer.status !== 200) expect(problemCode(answer)).toEqual([409, 'certificate_not_on_hold']);
    return answer.status === 200;
  }

  async function expectSettled(certificate: CertificateJson, releases: number): Promise<void> {
    const { revocation_history: history, ...shown } = await show(certificate);
    expectLegal(history);
    expect(history.filter(({ action }) => action === 'release')).toHaveLength(releases);
    const last = history.at(-1);
    expect([shown.revocation_reason, shown.revoked_at]).toEqual([last?.reason ?? null, last?.revoked_at ?? null]);
    const told = last?.revoked_at == null ? 'good' : revokedAs({ reason: last.reason!, revoked_at: last.revoked_at });
    await expectTold(certificate, told);
    const [{ events }] = await first.dataSource.query<[{ events: number }]>(
      `SELECT count(*)::int AS events FROM audit_events
        WHERE subject_id = $1 AND action LIKE 'certificate.re%' AND outcome = 'success'`,
      [certificate.id],
    );
    expect(events).toBe(history.length);
  }

  const ACTS = ['certificateHold', 'release', 'certificateHold', 'release', 'certificateHold', 'release'];

  it.each([
    ['that can all be undone', ACTS],
    ['with a revocation among them', [...ACTS, 'superseded']],
    ['with a correction among them', [...ACTS, 'superseded', 'keyCompromise']],
  ])('leave a legal history, and what it ends with is so everywhere: %s', async (_, acts) => {
    const certificates = await Promise.all(Array.from({ length: 8 }, issue));
    await Promise.all(
      certificates.map(async (certificate, index) => {
        const shuffled = acts.map((what) => ({ what, key: Math.random() })).sort((one, other) => one.key - other.key);
        const done = await Promise.all(
          shuffled.map(async ({ what }, place) => ({
            what,
            done: await act(certificate, what, apps[(index + place) % 2]!),
          })),
        );
        await expectSettled(certificate, done.filter((one) => one.what === 'release' && one.done).length);
      }),
    );
    for (const certificate of certificates) await waitForCrl(certificate, (await show(certificate)).revocation_reason);
  });

  it('let one of many holds and one of many releases be the one', async () => {
    const certificate = await issue();
    for (let round = 1; round <= 3; round++) {
      const holds = await Promise.all([0, 1, 0, 1, 0, 1].map((index) => revoke(certificate, HOLD, apps[index])));
      expect(new Set(holds.map(({ revoked_at }) => revoked_at)).size).toBe(1);
      await expectTold(certificate, revokedAs(holds[0]!));
      const releases = await Promise.all([0, 1, 0, 1].map((index) => act(certificate, 'release', apps[index]!)));
      expect(releases.filter(Boolean)).toHaveLength(1);
      await expectSettled(certificate, round);
    }
  });
});
