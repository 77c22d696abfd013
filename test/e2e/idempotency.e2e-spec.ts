import { IdempotencyPruner } from '../../src/idempotency/idempotency-pruner.js';
import { AppProcess } from '../support/app-process.js';
import type { Answer } from '../support/api-client.js';
import { ApiClient } from '../support/api-client.js';
import { findFreePort } from '../support/free-port.js';
import type { CertificateJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';
import { readFileSync } from 'node:fs';

const CERTIFICATES = '/api/v1/certificates';

let openssl: OpensslWorkshop;
let app: TestApp;
let other: TestApp;
let csr: string;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=once.example.com'));
  app = await startTestApp();
  other = await startTestApp({ beside: app });
});
afterAll(async () => {
  await other.stop();
  await app.stop();
  openssl.remove();
});

let keys = 0;
const newKey = (): string => `key-${(keys += 1)}`;
const under = (key: string): Record<string, string> => ({ 'idempotency-key': key });
const order = (validity = '30d') => ({ issuer_id: 'iss-local', csr, validity });
const countLeaves = async (): Promise<number> => {
  const [row] = await app.dataSource.query<[{ count: number }]>(
    `SELECT count(*)::int AS count FROM certificates WHERE subject = 'CN=once.example.com'`,
  );
  return row.count;
};

describe('a call under an Idempotency-Key', () => {
  it('acts once, and gives every repetition the first answer, at whichever instance', async () => {
    const before = await countLeaves();
    const key = newKey();
    const first = await app.api.post(CERTIFICATES, order(), under(key));
    expect([first.status, first.headers['idempotency-replayed']]).toEqual([201, undefined]);
    for (const at of [app, other, app]) {
      const again = await at.api.post(CERTIFICATES, order(), under(key));
      expect([again.status, again.headers['idempotency-replayed']]).toEqual([201, 'true']);
      expect(again.json()).toEqual(first.json());
    }
    expect(await countLeaves()).toBe(before + 1);
    const plain = await app.api.post(CERTIFICATES, order());
    expect(plain.json<CertificateJson>().id).not.toBe(first.json<CertificateJson>().id);
  });

  it('makes one certificate and one answer of many at the same time', async () => {
    const before = await countLeaves();
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        (index % 2 === 0 ? app : other).api.post(CERTIFICATES, order(), under(key)),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(201));
    expect(new Set(answers.map(({ body }) => JSON.stringify(JSON.parse(body.toString())))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await countLeaves()).toBe(before + 1);
  });

  it('is refused with another request, and with a key that is none', async () => {
    const key = newKey();
    await app.api.post(CERTIFICATES, order('30d'), under(key));
    for (const [path, body] of [
      [CERTIFICATES, order('31d')],
      ['/api/v1/issuers', order('30d')],
    ] as const) {
      const answer = await other.api.post(path, body, under(key));
      expect([answer.status, answer.json()['code']]).toEqual([422, 'idempotency_key_reused']);
    }
    for (const wrong of ['with space', 'x'.repeat(256), 'ä']) {
      const answer = await app.api.post(CERTIFICATES, order(), {
        'idempotency-key': Buffer.from(wrong).toString('latin1'),
      });
      expect([wrong, answer.status, answer.json()['code']]).toEqual([wrong, 400, 'invalid_request']);
    }
  });

  it('that was refused may be tried again under its key', async () => {
    const key = newKey();
    const body = { ...order(), issuer_id: 'later' };
    expect((await app.api.post(CERTIFICATES, body, under(key))).status).toBe(404);
    await app.api.create('/api/v1/issuers', { id: 'later', name: 'later', kind: 'root', subject: 'CN=later' });
    expect((await other.api.post(CERTIFICATES, body, under(key))).status).toBe(201);
  });

  it('keeps issuers, revocations and files too, and nothing of it readable in the database', async () => {
    const issuer = { id: 'kept', name: 'kept', kind: 'root', subject: 'CN=kept' };
    const { id } = (await app.api.post(CERTIFICATES, order())).json<CertificateJson>();
    const calls: [string, unknown][] = [
      ['/api/v1/issuers', issuer],
      [`${CERTIFICATES}/${id}/revoke`, { reason: 'superseded' }],
      [`${CERTIFICATES}/${id}/export/pkcs12`, { password: 'secret' }],
    ];
    for (const [path, body] of calls) {
      const key = newKey();
      const first = await app.api.post(path, body, under(key));
      const again = await other.api.post(path, body, under(key));
      expect([path, again.status, again.headers['idempotency-replayed']]).toEqual([path, first.status, 'true']);
      expect(again.body).toEqual(first.body);
      expect(again.headers['content-type']).toBe(first.headers['content-type']);
      expect(again.headers['content-disposition']).toBe(first.headers['content-disposition']);
    }
    const rows: { text: string }[] = await app.dataSource.query(
      `SELECT encode(wrapped_answer, 'escape') AS text FROM idempotency_keys WHERE wrapped_answer IS NOT NULL`,
    );
    for (const { text } of rows) expect(text).not.toContain('BEGIN CERTIFICATE');
  });

  it('does not matter to reading', async () => {
    const key = newKey();
    expect((await app.api.get('/api/v1/issuers/iss-local', under(key))).status).toBe(200);
    expect((await app.api.get('/api/v1/issuers', under(key))).status).toBe(200);
  });
});

describe('a process that is killed in the middle', () => {
  it('leaves one certificate, whether it was killed before its COMMIT or behind it', async () => {
    const port = await findFreePort();
    const doomed = new AppProcess({
      CERTPLANE_DATA_DIR: app.dataDir,
      CERTPLANE_DATABASE_URL: app.database.url,
      CERTPLANE_HTTPS_PORT: String(port),
      CERTPLANE_PKI_HTTP_PORT: '0',
    });
    try {
      const key = readFileSync(app.app.adminKeyFile, 'utf8').trim();
      const api = new ApiClient(`https://localhost:${port}`, app.ca, key);
      await waitUntil('it answers', async () =>
        api.get('/api/v1/issuers').then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
      const before = await countLeaves();
      const calls = Array.from({ length: 12 }, () => newKey());
      // Held up in the middle of their transactions by a lock on what each of them writes.
      const held = app.dataSource.createQueryRunner();
      await held.connect();
      await held.startTransaction();
      const half = calls.slice(0, 6);
      const committed = await Promise.all(half.map((each) => api.post(CERTIFICATES, order(), under(each))));
      expect(committed.map(({ status }) => status)).toEqual(Array(6).fill(201));
      await held.query('LOCK TABLE audit_events IN EXCLUSIVE MODE');
      const lost = calls.slice(6).map((each) => api.post(CERTIFICATES, order(), under(each)).catch(() => null));
      await waitUntil('all wait for the lock', async () => {
        const [row] = await app.dataSource.query<[{ waiting: number }]>(
          `SELECT count(*)::int AS waiting FROM pg_locks WHERE relation = 'audit_events'::regclass AND NOT granted`,
        );
        return row.waiting >= 6;
      });
      await doomed.stop('SIGKILL');
      expect((await Promise.all(lost)).filter((answer) => answer !== null)).toEqual([]);
      await held.rollbackTransaction();
      await held.release();
      const retried: Answer[] = await Promise.all(
        calls.map((each) => other.api.post(CERTIFICATES, order(), under(each))),
      );
      expect(retried.map(({ status }) => status)).toEqual(Array(12).fill(201));
      expect(retried.slice(0, 6).map((answer) => answer.json())).toEqual(committed.map((answer) => answer.json()));
      const issued = new Set(retried.map((answer) => answer.json<CertificateJson>().serial_number));
      expect(issued.size).toBe(12);
      const [row] = await app.dataSource.query<[{ count: number }]>(
        `SELECT count(*)::int AS count FROM certificates
          WHERE subject = 'CN=once.example.com' AND certificate_der IS NOT NULL`,
      );
      expect(row.count).toBeLessThanOrEqual(before + 12);
    } finally {
      await doomed.stop('SIGKILL');
    }
  });
});

describe('a kept answer', () => {
  it('is forgotten after a day', async () => {
    const key = newKey();
    const first = (await app.api.post(CERTIFICATES, order(), under(key))).json<CertificateJson>();
    app.clock.advance(86_401);
    await app.app.nest.get(IdempotencyPruner).run();
    const second = (await app.api.post(CERTIFICATES, order(), under(key))).json<CertificateJson>();
    expect(second.id).not.toBe(first.id);
  });
});
