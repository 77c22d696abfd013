import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { CrlScheduler } from '../../src/crl/crl.scheduler.js';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { buildCertId } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';
import { withAdvisoryLock } from '../../src/platform/database/advisory-lock.js';
import { PG_POOL } from '../../src/platform/database/database.module.js';
import { IssuingDesk } from '../support/issuing.js';
import { AuditForwarding } from '../../src/audit/forwarding/audit-forwarding.js';
import { AuditSealer } from '../../src/audit/audit-sealer.js';
import { WebhookReceiver } from '../support/audit-receivers.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const METRICS = '/api/v1/metrics/prometheus';
const PKI = '/.well-known/pki';

type Samples = ReadonlyMap<string, number>;

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
/** Before anything was asked for, and after all that is below. */
let before: Samples;
let after: Samples;
/** Between the two: when responses were due, and somebody else had the lock of the pre-signer. */
let overdue: Samples;
/** Between the two: when the webhook was out. */
let unforwarded: Samples;
let webhook: WebhookReceiver;

beforeAll(async () => {
  webhook = await WebhookReceiver.start();
  app = await startTestApp({ schedules: false, env: { CERTPLANE_AUDIT_WEBHOOK_URL: webhook.url } });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  before = await scrape();
  await issueAndRevoke();
  await askOcsp();
  await fetchCrls();
  overdue = await scrapeWhilePreSigningIsOverdue();
  await app.dataSource.query(
    `UPDATE ocsp_responses SET refresh_at = '-infinity'
      WHERE serial_number = (SELECT serial_number FROM certificates WHERE profile = 'intermediate')`,
  );
  await app.app.nest.get(PresignScheduler).run();
  await sealAndForward();
  after = await scrape();
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
  await webhook.close();
});

/** Samples by name and labels, as the text writes them. */
async function scrape(): Promise<Samples> {
  const text = (await app.api.get(METRICS)).body.toString();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

/** What is signed after a revocation is signed while nobody waits for it. */
async function preSignedAll(): Promise<void> {
  await waitUntil('the responses of all leaves are signed', async () => {
    const unsigned = await app.dataSource.query<unknown[]>(
      `SELECT FROM ocsp_responses JOIN certificates USING (issuer_id, serial_number)
        WHERE response_der IS NULL AND profile = 'leaf'`,
    );
    return unsigned.length === 0;
  });
}

async function scrapeWhilePreSigningIsOverdue(): Promise<Samples> {
  app.clock.advance(13 * 3600);
  const scheduler = app.app.nest.get(PresignScheduler);
  await withAdvisoryLock(app.app.nest.get<Pool>(PG_POOL), 'ocsp-presign', { wait: false }, () => scheduler.run());
  app.clock.advance(-13 * 3600);
  return scrape();
}

/** Sealing fails once before it succeeds, and so does forwarding. */
async function sealAndForward(): Promise<void> {
  const [sealer, forwarding] = [app.app.nest.get(AuditSealer), app.app.nest.get(AuditForwarding)];
  await app.dataSource.query('ALTER TABLE audit_leaves RENAME TO hidden_leaves');
  await expect(sealer.run()).rejects.toThrow('audit_leaves');
  await app.dataSource.query('ALTER TABLE hidden_leaves RENAME TO audit_leaves');
  await sealer.run();
  webhook.status = 500;
  await forwarding.run();
  unforwarded = await scrape();
  webhook.status = 200;
  await waitUntil('the trail is forwarded', async () => {
    await forwarding.run();
    return webhook.positions.length > 0;
  });
}

async function issueAndRevoke(): Promise<void> {
  await desk.root('kept');
  await desk.intermediate('kept-low', 'kept');
  for (const reason of ['superseded', 'keyCompromise', 'keyCompromise']) {
    await desk.revoke(await desk.issue({ issuer: 'kept' }), { reason });
  }
  await preSignedAll();
  const held = await desk.issue({ issuer: 'kept' });
  for (const step of ['revoke', 'release', 'revoke']) {
    const body = step === 'revoke' ? { reason: 'certificateHold' } : undefined;
    await app.api.create(`/api/v1/certificates/${held.id}/${step}`, body);
    await preSignedAll();
  }
  await app.api.post('/api/v1/issuers/nobody/disable');
}

async function askOcsp(): Promise<void> {
  const { serial_number: serial } = await desk.issue({ issuer: 'kept' });
  const issuer = parseCertificateFields((await app.pki(`${PKI}/ca/kept`)).body);
  const certId = (hex: string) => buildCertId('sha1', issuer, Buffer.from(hex, 'hex'));
  const post = (body: Buffer, path = `${PKI}/ocsp/kept`) => app.pki(path, { method: 'POST', body });
  const request = buildOcspRequest([certId(serial)], null);
  await post(request);
  await post(request);
  await app.pki(`${PKI}/ocsp/kept/${serial}`);
  app.clock.advance(13 * 3600);
  await post(request);
  app.clock.advance(-13 * 3600);
  await post(buildOcspRequest([certId(serial)], Buffer.alloc(16, 7)));
  await post(buildOcspRequest([certId(serial), certId('0a')], null));
  await post(buildOcspRequest([certId('0a')], null));
  await post(Buffer.from('no request'));
  await post(request, `${PKI}/ocsp/kept-low`);
  const gone = await desk.issue({ issuer: 'kept' });
  await desk.revoke(gone);
  await preSignedAll();
  await app.pki(`${PKI}/ocsp/kept/${gone.serial_number}`);
}

async function fetchCrls(): Promise<void> {
  await waitUntil('the CRL is there', async () => (await app.pki(`${PKI}/crl/kept`)).status === 200);
  await waitUntil('the CRL has all that was revoked', async () => {
    // The schedule would do it, a second after the last one.
    await app.app.nest.get(CrlScheduler).run();
    const behind = await app.dataSource.query<unknown[]>(
      `SELECT FROM crls WHERE issuer_id = 'kept' AND built_revision < dirty_revision`,
    );
    return behind.length === 0;
  });
  // The one that is being built may replace it in between.
  await waitUntil('a copy of the CRL is still right', async () => {
    const { headers } = await app.pki(`${PKI}/crl/kept`);
    const copy = await app.pki(`${PKI}/crl/kept`, { headers: { 'if-none-match': String(headers['etag']) } });
    return copy.status === 304;
  });
  await app.pki(`${PKI}/crl/kept`);
  await app.pki(`${PKI}/crl/nobody`);
  await desk.root('broken');
  await app.dataSource.query(
    `UPDATE keys SET wrapped_private_key = '\\x00' WHERE id = (SELECT key_id FROM issuers WHERE id = 'broken')`,
  );
  await app.pki(`${PKI}/crl/broken`);
}

const grewBy = (sample: string): number => (after.get(sample) ?? 0) - (before.get(sample) ?? 0);

function expectGrowth(growth: Record<string, number>): void {
  const actual = Object.keys(growth).map((sample): [string, number] => [sample, grewBy(sample)]);
  expect(Object.fromEntries(actual)).toEqual(growth);
}

/** What proves of each metric that it moves. */
/** The labels of the complete CRL of this issuer. */
const KEPT = '{issuer="kept",kind="complete",shard=""}';

const PROOFS: Record<string, () => void> = {
  certplane_certificates_issued_total: () =>
    expectGrowth({
      'certplane_certificates_issued_total{profile="leaf"}': 6,
      'certplane_certificates_issued_total{profile="intermediate"}': 1,
      'certplane_certificates_issued_total{profile="ocsp-responder"}': 1,
    }),
  certplane_signatures_total: () => {
    // Two roots, an intermediate, six leaves and a responder.
    expectGrowth({ 'certplane_signatures_total{purpose="certificate"}': 10 });
    // In advance: six leaves, once good, four of which are revoked afterwards, and one held, released and held again, and an
    // intermediate; each for two algorithms.
    // Then one after it went stale, one with a nonce, one of several, one unknown; and the intermediate's once more.
    expectGrowth({ 'certplane_signatures_total{purpose="ocsp"}': 2 * (6 + 4 + 3 + 1) + 4 + 2 });
    expect(grewBy('certplane_signatures_total{purpose="crl"}')).toBeGreaterThan(0);
  },
  certplane_revocations_total: () =>
    expectGrowth({
      'certplane_revocations_total{reason="superseded"}': 1,
      'certplane_revocations_total{reason="keyCompromise"}': 2,
      'certplane_revocations_total{reason="unspecified"}': 1,
      'certplane_revocations_total{reason="certificateHold"}': 2,
    }),
  certplane_releases_total: () => expectGrowth({ certplane_releases_total: 1 }),
  certplane_events_total: () =>
    expectGrowth({
      'certplane_events_total{action="issuer.create",outcome="success"}': 3,
      'certplane_events_total{action="certificate.issue",outcome="success"}': 6,
      'certplane_events_total{action="certificate.revoke",outcome="success"}': 6,
      'certplane_events_total{action="certificate.release",outcome="success"}': 1,
      'certplane_events_total{action="ocsp_responder.issue",outcome="success"}': 1,
      'certplane_events_total{action="issuer.disable",outcome="refused"}': 1,
    }),
  certplane_audit_unsealed_events: () => {
    expect(unforwarded.get('certplane_audit_unsealed_events')).toBe(0);
    expect(before.get('certplane_audit_unsealed_events')).toBeGreaterThanOrEqual(3);
    expect(overdue.get('certplane_audit_unsealed_events')).toBeGreaterThanOrEqual(3 + 15);
  },
  certplane_audit_sealing_lag_seconds: () => {
    expect(overdue.get('certplane_audit_sealing_lag_seconds')).toBeGreaterThan(0);
    expect(after.get('certplane_audit_sealing_lag_seconds')).toBe(0);
  },
  certplane_audit_sealed_events_total: () =>
    expect(grewBy('certplane_audit_sealed_events_total')).toBe(overdue.get('certplane_audit_unsealed_events')),
  certplane_audit_tree_size: () =>
    expect(grewBy('certplane_audit_tree_size')).toBe(grewBy('certplane_audit_sealed_events_total')),
  certplane_audit_seal_failures_total: () => expectGrowth({ certplane_audit_seal_failures_total: 1 }),
  certplane_audit_forwarded_events_total: () =>
    expect(grewBy('certplane_audit_forwarded_events_total{forwarder="webhook"}')).toBe(
      grewBy('certplane_audit_tree_size'),
    ),
  certplane_audit_forward_failures_total: () =>
    expectGrowth({ 'certplane_audit_forward_failures_total{forwarder="webhook"}': 1 }),
  certplane_audit_forward_lag_events: () => {
    const sample = 'certplane_audit_forward_lag_events{forwarder="webhook"}';
    expect(unforwarded.get(sample)).toBe(unforwarded.get('certplane_audit_tree_size'));
    expect(after.get(sample)).toBe(0);
  },
  certplane_audit_forward_lag_seconds: () => {
    const sample = 'certplane_audit_forward_lag_seconds{forwarder="webhook"}';
    expect(unforwarded.get(sample)).toBeGreaterThan(0);
    expect(after.get(sample)).toBe(0);
  },
  certplane_ocsp_requests_total: () =>
    expectGrowth({
      'certplane_ocsp_requests_total{method="POST",status="good"}': 4,
      'certplane_ocsp_requests_total{method="POST",status="several"}': 1,
      'certplane_ocsp_requests_total{method="POST",status="unknown"}': 1,
      'certplane_ocsp_requests_total{method="POST",status="malformedRequest"}': 1,
      'certplane_ocsp_requests_total{method="POST",status="unauthorized"}': 1,
      'certplane_ocsp_requests_total{method="GET",status="good"}': 1,
      'certplane_ocsp_requests_total{method="GET",status="revoked"}': 1,
    }),
  certplane_ocsp_request_duration_seconds: () => {
    expectGrowth({
      certplane_ocsp_request_duration_seconds_count: 10,
      'certplane_ocsp_request_duration_seconds_bucket{le="+Inf"}': 10,
    });
    expect(grewBy('certplane_ocsp_request_duration_seconds_sum')).toBeGreaterThan(0);
  },
  certplane_ocsp_cache_lookups_total: () =>
    expectGrowth({
      // Once from the database, twice from memory, once stale; a revoked one; one of nobody's.
      'certplane_ocsp_cache_lookups_total{layer="memory",result="miss"}': 4,
      'certplane_ocsp_cache_lookups_total{layer="memory",result="hit"}': 2,
      'certplane_ocsp_cache_lookups_total{layer="database",result="miss"}': 1,
      'certplane_ocsp_cache_lookups_total{layer="database",result="hit"}': 2,
      'certplane_ocsp_cache_lookups_total{layer="database",result="stale"}': 1,
    }),
  certplane_ocsp_events_total: () =>
    expectGrowth({
      'certplane_ocsp_events_total{event="response_stored"}': 2 * (6 + 4 + 3 + 1) + 1 + 2,
      'certplane_ocsp_events_total{event="response_presigned"}': 2,
      'certplane_ocsp_events_total{event="responses_invalidated"}': 7,
      'certplane_ocsp_events_total{event="responder_issued"}': 1,
    }),
  certplane_ocsp_presign_due: () => {
    // All but the one that was signed anew when it had gone stale.
    expect(overdue.get('certplane_ocsp_presign_due')).toBe(2 * (6 + 1 + 1) - 1);
    expect(after.get('certplane_ocsp_presign_due')).toBe(0);
  },
  certplane_ocsp_presign_lag_seconds: () => {
    // Due at half of 24 hours, five minutes of which had passed when they were signed.
    expect(overdue.get('certplane_ocsp_presign_lag_seconds')).toBeGreaterThanOrEqual(3600);
    expect(after.get('certplane_ocsp_presign_lag_seconds')).toBe(0);
  },
  certplane_revocation_visibility_seconds: () => {
    expectGrowth({
      certplane_revocation_visibility_seconds_count: 7,
      'certplane_revocation_visibility_seconds_bucket{le="+Inf"}': 7,
    });
    expect(grewBy('certplane_revocation_visibility_seconds_sum')).toBeGreaterThan(0);
    expect(grewBy('certplane_revocation_visibility_seconds_sum')).toBeLessThan(7 * app.config.ocsp.lease);
  },
  certplane_crl_builds_total: () => {
    expect(grewBy('certplane_crl_builds_total{kind="complete",result="published"}')).toBeGreaterThan(0);
    expectGrowth({ 'certplane_crl_builds_total{kind="complete",result="failed"}': 1 });
  },
  certplane_crl_build_duration_seconds: () => {
    expect(grewBy('certplane_crl_build_duration_seconds_count{kind="complete"}')).toBeGreaterThan(1);
    expect(grewBy('certplane_crl_build_duration_seconds_sum{kind="complete"}')).toBeGreaterThan(0);
  },
  certplane_crl_requests_total: () => {
    expect(grewBy('certplane_crl_requests_total{status="200"}')).toBeGreaterThanOrEqual(2);
    expectGrowth({
      'certplane_crl_requests_total{status="304"}': 1,
      'certplane_crl_requests_total{status="404"}': 1,
      'certplane_crl_requests_total{status="503"}': 1,
    });
  },
  certplane_crl_memory_lookups_total: () => {
    expect(grewBy('certplane_crl_memory_lookups_total{result="miss"}')).toBeGreaterThan(0);
    expect(grewBy('certplane_crl_memory_lookups_total{result="hit"}')).toBeGreaterThan(0);
  },
  certplane_crl_memory_bytes: () => expect(grewBy('certplane_crl_memory_bytes')).toBeGreaterThan(200),
  certplane_crl_number: () => expect(grewBy(`certplane_crl_number${KEPT}`)).toBeGreaterThan(1_700_000_000_000),
  certplane_crl_age_seconds: () => {
    expect(after.get(`certplane_crl_age_seconds${KEPT}`)).toBeGreaterThanOrEqual(0);
    expect(after.get(`certplane_crl_age_seconds${KEPT}`)).toBeLessThan(3600);
  },
  certplane_crl_next_update_seconds: () => {
    expect(after.get(`certplane_crl_next_update_seconds${KEPT}`)).toBeGreaterThan(3 * 86_400);
    expect(after.get(`certplane_crl_next_update_seconds${KEPT}`)).toBeLessThan(4 * 86_400);
  },
  certplane_crl_entries: () => expect(grewBy(`certplane_crl_entries${KEPT}`)).toBeGreaterThan(0),
  certplane_crl_size_bytes: () => expect(grewBy(`certplane_crl_size_bytes${KEPT}`)).toBeGreaterThan(200),
};

const declared = (): string[] =>
  app.app.nest
    .get(Registry)
    .getMetricsAsArray()
    .map(({ name }) => name);

describe('the metrics', () => {
  it('are each proven to move by one of the tests below', () => {
    const own = declared().filter((name) => !/^(process|nodejs)_/.test(name));
    expect(own.sort()).toEqual(Object.keys(PROOFS).sort());
  });

  it.each(Object.entries(PROOFS))('%s moves', (_, prove) => {
    prove();
  });

  it('have those of Node.js beside them, a help text each, and the content type of Prometheus', async () => {
    const names = declared();
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'nodejs_heap_size_used_bytes']) {
      expect(names).toContain(name);
    }
    const answer = await app.api.get(METRICS);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const name of names) expect(answer.body.toString()).toMatch(new RegExp(`# HELP ${name} \\S`));
  });

  it('tell of a CRL what stands in it', async () => {
    const { body } = await app.pki(`${PKI}/crl/kept`);
    const shown = await openssl.ok('crl', '-inform', 'DER', '-in', openssl.file('kept.crl', body), '-noout', '-text');
    const samples = await scrape();
    expect(samples.get(`certplane_crl_size_bytes${KEPT}`)).toBe(body.length);
    expect(samples.get(`certplane_crl_entries${KEPT}`)).toBe(shown.match(/Serial Number/g)?.length);
    expect(samples.get(`certplane_crl_number${KEPT}`)).toBe(Number(/CRL Number: *\n +(\d+)/.exec(shown)?.[1]));
  });
});

describe('a scrape while the CRLs can not be read', () => {
  it('still has all that does not need them', async () => {
    await app.dataSource.query('ALTER TABLE crls RENAME TO hidden');
    try {
      const samples = await scrape();
      expect(samples.get('certplane_certificates_issued_total{profile="leaf"}')).toBeGreaterThan(0);
      expect(samples.has(`certplane_crl_number${KEPT}`)).toBe(false);
    } finally {
      await app.dataSource.query('ALTER TABLE hidden RENAME TO crls');
    }
    expect((await scrape()).has(`certplane_crl_number${KEPT}`)).toBe(true);
  });
});

describe('an issuer whose key does not open', () => {
  it('makes the instance not ready, by name, and takes nothing from the others', async () => {
    const answer = await app.api.get('/ready');
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({
      ready: false,
      checks: { database: 'ok', migrations: 'ok', issuer_keys: expect.stringMatching(/can't be used: broken$/) },
    });
    expect((await app.api.get('/health')).status).toBe(200);
    expect((await app.pki(`${PKI}/crl/kept`)).status).toBe(200);
    const crl = await app.pki(`${PKI}/crl/broken`);
    expect([crl.status, crl.json()['code'], crl.headers['retry-after']]).toEqual([503, 'crl_not_ready', '2']);
    expect((await desk.issue({ issuer: 'kept' })).status).toBe('active');
    const { csr } = await openssl.csr('/CN=c.example.com');
    const refused = await app.api.post('/api/v1/certificates', { issuer_id: 'broken', csr });
    expect([refused.status, refused.json()['code']]).toEqual([500, 'internal_error']);
    expect(refused.body.toString()).not.toMatch(/key /);
  });
});
