import { createHmac, createPublicKey } from 'node:crypto';
import { AuditSealer } from '../../src/audit/audit-sealer.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { verifyCheckpoint } from '../../src/audit/checkpoint-note.js';
import { AuditForwarding } from '../../src/audit/forwarding/audit-forwarding.js';
import { leafHashOf } from '../../src/audit/sealed-event.js';
import { Transactions } from '../../src/platform/database/transaction.js';
import { StartError } from '../../src/platform/errors/start-error.js';
import { systemCaller } from '../../src/platform/http/caller.js';
import { SyslogReceiver, WebhookReceiver, type ForwardedLine } from '../support/audit-receivers.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const SECRET = 'only the two of us know this';

/** RFC 5424 section 6, for messages with one structured element. */
const SYSLOG =
  /^<(?<pri>\d{1,3})>1 (?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) (?<host>[!-~]{1,255}) certplane - (?<id>[!-~]{1,32}) \[origin software="certplane"\] (?<message>\{.*\})$/;

let openssl: OpensslWorkshop;
let tls: { key: string; cert: string };
let caFile: string;
let syslog: SyslogReceiver;
let webhook: WebhookReceiver;
let app: TestApp;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  tls = await makeCertificate('localhost');
  caFile = openssl.file('syslog-ca.pem', tls.cert);
  syslog = await SyslogReceiver.start(tls);
  webhook = await WebhookReceiver.start();
  app = await startTestApp({ env: environment() });
});
afterAll(async () => {
  await app.stop();
  await syslog.close();
  await webhook.close();
  openssl.remove();
});

async function makeCertificate(name: string): Promise<{ key: string; cert: string }> {
  const key = await openssl.ok('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');
  const keyFile = openssl.file(`${name}.key`, key);
  const more = ['-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  return { key, cert: await openssl.ok('req', '-x509', '-new', '-key', keyFile, ...more) };
}

const environment = (): Record<string, string> => ({
  CERTPLANE_AUDIT_SYSLOG_URL: syslog.url,
  CERTPLANE_AUDIT_SYSLOG_CA_FILE: caFile,
  CERTPLANE_AUDIT_WEBHOOK_URL: webhook.url,
  CERTPLANE_AUDIT_WEBHOOK_SECRET: SECRET,
});

async function record(count: number, subjectId = 'forwarded', of = app): Promise<void> {
  const [transactions, audit] = [of.app.nest.get(Transactions), of.app.nest.get(AuditService)];
  for (let i = 0; i < count; i++) {
    await transactions.run((tx) =>
      audit.record(tx, systemCaller('test'), {
        action: 'issuer.enable',
        outcome: i % 2 === 0 ? 'success' : 'refused',
        subjectType: 'issuer',
        subjectId,
        details: { i, text: 'Żółć 🔐 "\\ ]' },
      }),
    );
  }
}

const countEvents = async (of = app): Promise<number> =>
  (await of.dataSource.query<[{ n: number }]>('SELECT count(*)::int AS n FROM audit_events'))[0].n;

/** Waits until everything that was recorded until now has arrived. */
async function arrived(receiver: { positions: number[] }, of = app): Promise<number> {
  const total = await countEvents(of);
  await waitUntil(`${total} events arrived`, () => new Set(receiver.positions).size >= total, 60_000);
  return total;
}

/**
 * All positions, in order, but that some of them came again: each batch goes on from where one before it began. What the control
 * plane does by itself meanwhile comes behind those that were counted.
 */
function expectEachAtLeastOnce({ positions }: { positions: readonly number[] }, total: number): void {
  const different = [...new Set(positions)];
  expect(different.length).toBeGreaterThanOrEqual(total);
  expect(different).toEqual(different.map((_, i) => i));
  for (const [i, position] of positions.entries()) {
    expect(position).toBeLessThanOrEqual(i === 0 ? 0 : positions[i - 1]! + 1);
  }
}

async function metric(sample: string, of = app): Promise<number> {
  const text = (await of.api.get('/api/v1/metrics/prometheus')).body.toString();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? 0);
}

describe('what is sealed', () => {
  it('goes to syslog and to the webhook, in order, with its positions and leaves', async () => {
    await record(12);
    for (const receiver of [syslog, webhook]) {
      const total = await arrived(receiver);
      expectEachAtLeastOnce(receiver, total);
      for (const { type, event, leaf_hash } of receiver.lines) {
        if (type === 'event') expect(leafHashOf(event).toString('hex')).toBe(leaf_hash);
      }
    }
    const { items } = await app.api.fetch<{ items: ForwardedLine['event'][] }>(
      '/api/v1/audit?subject_id=forwarded&limit=1',
    );
    for (const { lines } of [syslog, webhook]) expect(lines.map(({ event }) => event)).toContainEqual(items[0]);
  });

  it('brings its checkpoints along, each behind what it covers', async () => {
    interface Keys {
      readonly public_keys: { public_key_pem: string }[];
    }
    const { public_keys } = await app.api.fetch<Keys>('/api/v1/audit/checkpoints');
    const keys = public_keys.map(({ public_key_pem }) => createPublicKey(public_key_pem));
    const total = await countEvents();
    for (const receiver of [syslog, webhook]) {
      await waitUntil('the last checkpoint arrived', () =>
        receiver.lines.some(({ tree_size: size }) => size !== undefined && size >= total),
      );
      let seen = 0;
      for (const { type, position, tree_size, note } of receiver.lines) {
        if (type === 'event') seen = Math.max(seen, position! + 1);
        else expect([verifyCheckpoint(note!, keys).treeSize, tree_size]).toEqual([seen, seen]);
      }
    }
  });

  it('is a message of RFC 5424 each, in ASCII, of the facility for audit', () => {
    for (const [i, message] of syslog.messages.entries()) {
      const { pri, time, id } = SYSLOG.exec(message)!.groups!;
      const { event } = syslog.lines[i]!;
      const severity = event === undefined || event.outcome === 'success' ? 6 : 4;
      expect([message, Number(pri)]).toEqual([message, 13 * 8 + severity]);
      expect(id).toBe(event?.action ?? 'audit.checkpoint');
      if (event !== undefined) expect(time).toBe(event['occurred_at']);
      expect(message).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it('is signed for the webhook, which is posted NDJSON', () => {
    for (const { headers, body } of webhook.requests) {
      const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['certplane-signature']))!;
      const expected = createHmac('sha256', SECRET)
        .update(`${time}.${body.toString('utf8')}`)
        .digest('hex');
      expect(mac).toBe(expected);
      expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(600);
      expect(headers['content-type']).toBe('application/x-ndjson');
    }
  });
});

describe('an outage', () => {
  it('of the webhook delays what is sent there, loses nothing, and holds up no syslog', async () => {
    const failures = await metric('certplane_audit_forward_failures_total{forwarder="webhook"}');
    for (const status of [503, 404, 302]) {
      webhook.status = status;
      const tried = webhook.requests.length;
      await record(4);
      await arrived(syslog);
      await waitUntil(`it was tried against ${status}`, () => webhook.requests.length > tried, 60_000);
    }
    expect(await metric('certplane_audit_forward_lag_events{forwarder="webhook"}')).toBeGreaterThanOrEqual(12);
    expect(await metric('certplane_audit_forward_lag_seconds{forwarder="webhook"}')).toBeGreaterThan(0);
    expect(await metric('certplane_audit_forward_lag_events{forwarder="syslog"}')).toBe(0);
    const [{ error }] = await app.dataSource.query<[{ error: string }]>(
      `SELECT error FROM audit_forwarders WHERE name = 'webhook'`,
    );
    expect(error).toMatch(/^the webhook answered (503|404|302)$/);
    webhook.status = 204;
    const total = await arrived(webhook);
    expectEachAtLeastOnce(webhook, total);
    expect(await metric('certplane_audit_forward_failures_total{forwarder="webhook"}')).toBeGreaterThanOrEqual(
      failures + 3,
    );
    await waitUntil(
      'nothing is behind',
      async () => (await metric('certplane_audit_forward_lag_events{forwarder="webhook"}')) === 0,
    );
    expect(await metric('certplane_audit_forward_lag_seconds{forwarder="webhook"}')).toBe(0);
  });

  it('of syslog delays what is sent there, loses nothing, and holds up no webhook', async () => {
    await syslog.close();
    await record(5);
    await arrived(webhook);
    const before = syslog.positions.length;
    await waitUntil(
      'it was tried in vain',
      async () => (await metric('certplane_audit_forward_failures_total{forwarder="syslog"}')) > 0,
    );
    expect(syslog.positions).toHaveLength(before);
    await syslog.open();
    const total = await arrived(syslog);
    expectEachAtLeastOnce(syslog, total);
  });

  it('in the middle of a connection has all that was not acknowledged sent again', async () => {
    syslog.mode = 'break';
    const { connections } = syslog;
    await record(5);
    await waitUntil('a connection was broken', () => syslog.connections > connections, 60_000);
    const total = await countEvents();
    const [{ position }] = await app.dataSource.query<[{ position: string }]>(
      `SELECT position FROM audit_forwarders WHERE name = 'syslog'`,
    );
    expect(Number(position)).toBeLessThan(total);
    syslog.mode = 'take';
    await arrived(syslog);
    expectEachAtLeastOnce(syslog, total);
    await waitUntil('it is known to have arrived', async () => {
      const [row] = await app.dataSource.query<[{ position: string }]>(
        `SELECT position FROM audit_forwarders WHERE name = 'syslog'`,
      );
      return Number(row.position) >= total;
    });
  });

  it('of many events is made up for in batches', async () => {
    webhook.status = 503;
    await app.dataSource.query(
      `INSERT INTO audit_events SELECT gen_random_uuid(), now(), 'system:test', 'issuer.enable', 'success', 'issuer', NULL, NULL, NULL,
              jsonb_build_object('text', repeat('x', 3000)) FROM generate_series(1, 1500)`,
    );
    await arrived(syslog);
    webhook.status = 204;
    const before = webhook.requests.length;
    const total = await arrived(webhook);
    expectEachAtLeastOnce(webhook, total);
    expect(webhook.requests.length - before).toBeGreaterThanOrEqual(1500 / 500);
    for (const { body } of webhook.requests) expect(body.length).toBeLessThan(2 << 20);
  });
});

describe('several instances', () => {
  let one: TestApp;
  let hook: WebhookReceiver;
  const only = (): Record<string, string> => ({ CERTPLANE_AUDIT_WEBHOOK_URL: hook.url });
  beforeAll(async () => {
    hook = await WebhookReceiver.start();
    one = await startTestApp({ schedules: false });
  });
  afterAll(async () => {
    await one.stop();
    await hook.close();
  });

  it('forward each event once while all goes well', async () => {
    const two = await startTestApp({ beside: one, env: only() });
    const three = await startTestApp({ beside: one, env: only() });
    for (let round = 0; round < 5; round++) {
      await record(20, 'shared', one);
      await Promise.all([two, three].map((of) => of.app.nest.get(AuditSealer).run()));
      await Promise.all([two, three].map((of) => of.app.nest.get(AuditForwarding).run()));
    }
    const total = await arrived(hook, one);
    expect(hook.positions.length).toBeGreaterThanOrEqual(total);
    expect(hook.positions).toEqual(hook.positions.map((_, i) => i));
    await two.stop();
    await three.stop();
  });

  it('take over from one that was killed while it waited for an answer', async () => {
    hook.status = 0;
    const doomed = await new AppProcess({
      CERTPLANE_DATA_DIR: one.dataDir,
      CERTPLANE_DATABASE_URL: one.database.url,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: '0',
      ...only(),
    }).ready();
    await record(7, 'taken over', one);
    await waitUntil('it waits', () => hook.unanswered > 0);
    await doomed.stop('SIGKILL');
    hook.status = 200;
    const heir = await startTestApp({ beside: one, env: only() });
    const total = await arrived(hook, one);
    expectEachAtLeastOnce(hook, total);
    await heir.stop();
  });
});

describe('a syslog server', () => {
  it.each(['by another certificate', 'by a certificate of another name'])(
    'that proves itself %s is told nothing',
    async (how) => {
      const own = await makeCertificate(how === 'by another certificate' ? 'localhost' : 'elsewhere.example');
      const receiver = await SyslogReceiver.start(own);
      const trusted = how === 'by another certificate' ? caFile : openssl.file('elsewhere.pem', own.cert);
      const other = await startTestApp({
        env: { CERTPLANE_AUDIT_SYSLOG_URL: receiver.url, CERTPLANE_AUDIT_SYSLOG_CA_FILE: trusted },
      });
      await waitUntil(
        'it was refused',
        async () => (await metric('certplane_audit_forward_failures_total{forwarder="syslog"}', other)) > 0,
      );
      expect(receiver.messages).toEqual([]);
      await other.stop();
      await receiver.close();
    },
  );

  it.each([
    ['is not there', '/nowhere/ca.pem', 'ENOENT'],
    ['is no certificate', 'key', 'holds no certificate'],
  ])('whose CA file %s stops the start', async (_, file, words) => {
    const path = file === 'key' ? openssl.file('no-ca.pem', 'nothing') : file;
    const started = startTestApp({ beside: app, env: { ...environment(), CERTPLANE_AUDIT_SYSLOG_CA_FILE: path } });
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toThrow(`CERTPLANE_AUDIT_SYSLOG_CA_FILE: ${path}`);
    await expect(started).rejects.toThrow(words);
  });
});
