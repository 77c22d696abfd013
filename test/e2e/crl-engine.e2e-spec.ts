import { createHash } from 'node:crypto';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import type { CrlCache } from '../../src/crl/crl-admin.schemas.js';
import { CrlPruner } from '../../src/crl/crl-pruner.js';
import { CrlScheduler } from '../../src/crl/crl.scheduler.js';
import { completeCrlOf, scopeKey, type CrlScope } from '../../src/crl/crl-scope.js';
import { DueCrls } from '../../src/crl/due-crls.js';
import { KeyStore } from '../../src/keys/key-store.js';
import { parseCrl, type ParsedCrl } from '../../src/pki/crl-parser.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { ask } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { insertRevoked } from '../support/revoked-rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const HOUR = 3600;
const DAY = 24 * HOUR;
const CRL = '/.well-known/pki/crl';
const CACHE = '/api/v1/admin/crl/cache';
/** Nothing is built by itself but the first CRL of an issuer: the tests say when. */
const BY_HAND = { CERTPLANE_CRL_REBUILD_DELAY: '1h', CERTPLANE_CRL_GENERATION_INTERVAL: '2d' };

let app: TestApp;
let others: TestApp[];
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;

beforeAll(async () => {
  app = await startTestApp({ schedules: false, env: BY_HAND });
  others = [
    await startTestApp({ beside: app, schedules: false, env: BY_HAND }),
    await startTestApp({ beside: app, schedules: false, env: BY_HAND }),
  ];
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=crl-engine.example.com'));
});
afterAll(async () => {
  openssl.remove();
  for (const other of others) await other.stop();
  await app.stop();
});

const deltaCrlOf = (issuerId: string): CrlScope => ({ issuerId, kind: 'delta', shard: 0 });
const shardOf = (issuerId: string, shard: number): CrlScope => ({ issuerId, kind: 'shard', shard });
/** Builds the CRL of a scope now. */
const build = (scope: CrlScope): Promise<void> =>
  waitUntil(
    'no other build of it is under way',
    async () => (await app.app.nest.get(CrlBuilder).build(scope, { force: true })) === 'published',
  );
const run = (at = app): Promise<void> => at.app.nest.get(CrlScheduler).run();
const sql = <Row = Record<string, unknown>>(statement: string, values: unknown[] = []): Promise<Row[]> =>
  app.dataSource.query(statement, values);
const issue = (issuer: string, validity?: string): Promise<CertificateJson> =>
  desk.issue({ issuer, csr, ...(validity === undefined ? {} : { validity }) });
const hold = (certificate: CertificateJson): Promise<unknown> =>
  desk.revoke(certificate, { reason: 'certificateHold' });
const release = ({ id }: CertificateJson): Promise<unknown> => app.api.create(`/api/v1/certificates/${id}/release`);

async function fetchDer(path: string, at = app): Promise<Buffer> {
  const { status, body } = await at.pki(`${CRL}/${path}`);
  if (status !== 200) throw new Error(`${path}: ${status} ${body.toString('latin1')}`);
  return body;
}

/** Builds the CRL of a scope now; its bytes. */
async function rebuilt(scope: CrlScope): Promise<Buffer> {
  await build(scope);
  return fetchDer(scope.kind === 'delta' ? `${scope.issuerId}/delta` : scope.issuerId);
}

const reasonOn = (crl: ParsedCrl, { serial_number: serial }: CertificateJson): string | null =>
  crl.find(parseSerialNumber(serial))?.reason ?? null;

const eventsOf = async ({ issuerId, kind, shard }: CrlScope): Promise<number> => {
  const [row] = await sql<{ count: number }>(
    'SELECT count(*)::int FROM crl_events WHERE succeeded AND (issuer_id, kind, shard) = ($1, $2, $3)',
    [issuerId, kind, shard],
  );
  return row!.count;
};

const isDue = async (scope: CrlScope): Promise<boolean> =>
  (await app.app.nest.get(DueCrls).find(scope.issuerId)).some((due) => scopeKey(due) === scopeKey(scope));

describe('a delta CRL', () => {
  async function show(der: Buffer): Promise<string> {
    return openssl.ok('crl', '-inform', 'DER', '-in', openssl.file('shown.crl', der), '-noout', '-text');
  }

  /** What openssl says of a certificate when it has these CRLs. */
  async function verdict(certificate: CertificateJson, ...crls: Buffer[]): Promise<string> {
    const pems: string[] = [];
    for (const der of crls) {
      pems.push(await openssl.ok('crl', '-inform', 'DER', '-in', openssl.file('one.crl', der)));
    }
    const { cert, root } = await desk.files(certificate);
    const { output } = await openssl.run(
      ...['verify', '-crl_check', '-use_deltas', '-extended_crl', '-x509_strict', '-CAfile', root],
      ...['-CRLfile', openssl.file('all.pem', pems.join('')), cert],
    );
    if (/certificate revoked/.test(output)) return 'revoked';
    return output.endsWith(': OK\n') ? 'good' : output;
  }

  it('tells openssl what changed since its base: what was revoked, what is on hold, and what was released', async () => {
    await desk.root('delta', { crl_delta_interval: '1h' });
    const { crlNumber: baseNumber } = parseCrl(await rebuilt(completeCrlOf('delta')));
    const [kept, early, late, held, released, briefly] = (await Promise.all(
      Array.from({ length: 6 }, () => issue('delta')),
    )) as [CertificateJson, CertificateJson, CertificateJson, CertificateJson, CertificateJson, CertificateJson];
    await desk.revoke(early, { reason: 'affiliationChanged' });
    await hold(released);
    const complete = await rebuilt(completeCrlOf('delta'));
    expect(await show(complete)).toContain(
      `X509v3 Freshest CRL: \n                Full Name:\n                  URI:${app.config.pkiUrl}${CRL}/delta/delta`,
    );

    await desk.revoke(late, { reason: 'superseded' });
    await hold(held);
    await release(released);
    await hold(briefly);
    await release(briefly);
    const der = await rebuilt(deltaCrlOf('delta'));
    const text = await show(der);
    expect(text).toMatch(new RegExp(`X509v3 Delta CRL Indicator: critical\\n +${baseNumber}\\n`));
    expect(text).not.toContain('Freshest CRL');
    const delta = parseCrl(der);
    expect(delta.baseCrlNumber).toBe(baseNumber);
    expect(delta.crlNumber).toBeGreaterThan(parseCrl(complete).crlNumber);
    expect([kept, early, late, held, released, briefly].map((each) => reasonOn(delta, each))).toEqual([
      null,
      'affiliationChanged',
      'superseded',
      'certificateHold',
      'removeFromCRL',
      'removeFromCRL',
    ]);
    const certificates = [kept, early, late, held, released, briefly];
    const verdicts = async (...crls: Buffer[]): Promise<string[]> => {
      const all: string[] = [];
      for (const certificate of certificates) all.push(await verdict(certificate, ...crls));
      return all;
    };
    const now = ['good', 'revoked', 'revoked', 'revoked', 'good', 'good'];
    expect(await verdicts(complete)).toEqual(['good', 'revoked', 'good', 'good', 'revoked', 'good']);
    expect(await verdicts(complete, der)).toEqual(now);

    // The next one goes with the complete CRL before it as well as with the one behind it.
    const next = await rebuilt(completeCrlOf('delta'));
    const following = await rebuilt(deltaCrlOf('delta'));
    expect(await verdicts(next)).toEqual(now);
    expect(await verdicts(complete, following)).toEqual(now);
    expect(await verdicts(next, following)).toEqual(now);
  });

  it('shares one sequence of numbers with the complete CRL, and lives for two intervals', async () => {
    await desk.root('sequence', { crl_delta_interval: '1h' });
    const numbers: bigint[] = [];
    for (let round = 0; round < 4; round++) {
      numbers.push(parseCrl(await rebuilt(completeCrlOf('sequence'))).crlNumber);
      numbers.push(parseCrl(await rebuilt(deltaCrlOf('sequence'))).crlNumber);
    }
    expect(numbers).toEqual([...new Set(numbers)].sort((left, right) => (left < right ? -1 : 1)));
    const { thisUpdate, nextUpdate } = parseCrl(await fetchDer('sequence/delta'));
    expect(nextUpdate.getTime() - thisUpdate.getTime()).toBe((2 * HOUR + 300) * 1000);
    expect(thisUpdate.getTime()).toBeLessThan(app.clock.now().getTime());
  });

  it('comes after each complete CRL, on its interval, and not before there is something to base it on', async () => {
    await desk.root('follows', { crl_delta_interval: '1h' });
    expect(await isDue(completeCrlOf('follows'))).toBe(true);
    expect(await isDue(deltaCrlOf('follows'))).toBe(false);
    await expect(build(deltaCrlOf('follows'))).rejects.toThrow('no complete CRL');
    await run();
    expect(await app.app.nest.get(DueCrls).find('follows')).toEqual([deltaCrlOf('follows')]);
    await run();
    expect(parseCrl(await fetchDer('follows/delta')).crlNumber).toBeGreaterThan(
      parseCrl(await fetchDer('follows')).crlNumber,
    );
    expect(await app.app.nest.get(DueCrls).find('follows')).toEqual([]);
    await build(completeCrlOf('follows'));
    expect(await app.app.nest.get(DueCrls).find('follows')).toEqual([deltaCrlOf('follows')]);
    await run();
    app.clock.advance(HOUR);
    expect(await app.app.nest.get(DueCrls).find('follows')).toEqual([deltaCrlOf('follows')]);
  });

  it('goes with every complete CRL that is still valid, however many days go by, and forgets what is older', async () => {
    await desk.root('days', { crl_delta_interval: '12h' });
    const complete: ParsedCrl[] = [];
    const revoked: CertificateJson[] = [];
    let delta = parseCrl(await (async () => (await rebuilt(completeCrlOf('days')), rebuilt(deltaCrlOf('days'))))());
    const firstBase = delta.baseCrlNumber;
    for (let step = 0; step < 14; step++) {
      const certificate = await issue('days');
      await desk.revoke(certificate, { reason: 'superseded' });
      revoked.push(certificate);
      complete.push(parseCrl(await rebuilt(completeCrlOf('days'))));
      delta = parseCrl(await rebuilt(deltaCrlOf('days')));
      const valid = complete.filter(({ nextUpdate }) => nextUpdate > app.clock.now());
      for (const { crlNumber, ...crl } of valid) {
        expect(crlNumber).toBeGreaterThanOrEqual(delta.baseCrlNumber!);
        expect(crlNumber).toBeLessThan(delta.crlNumber);
        for (const each of revoked)
          expect(reasonOn({ crlNumber, ...crl }, each) ?? reasonOn(delta, each)).toBe('superseded');
      }
      app.clock.advance(12 * HOUR);
    }
    expect(delta.baseCrlNumber).toBeGreaterThan(firstBase!);
    expect(delta.entryCount).toBeLessThan(revoked.length);
    const [kept] = await sql<{ bases: number; changes: number }>(
      `SELECT (SELECT count(*)::int FROM crl_bases WHERE issuer_id = 'days') AS bases,
              (SELECT count(*)::int FROM crl_changes WHERE issuer_id = 'days') AS changes`,
    );
    expect(kept!.changes).toBeLessThan(revoked.length);
    expect(kept!.bases).toBeLessThan(complete.length);
  });

  it('is taken back when it is turned off, once no complete CRL names it, and is there again when it is turned on', async () => {
    const issuer = '/api/v1/issuers/switched';
    await desk.root('switched');
    await run();
    const freshest = async (): Promise<readonly string[] | null> => parseCrl(await fetchDer('switched')).freshestCrl;
    expect([await freshest(), (await app.pki(`${CRL}/switched/delta`)).status]).toEqual([null, 404]);

    await app.api.patch(issuer, { crl_delta_interval: '1h' });
    await run();
    expect(await freshest()).toEqual([`${app.config.pkiUrl}${CRL}/switched/delta`]);
    expect(parseCrl(await fetchDer('switched/delta')).baseCrlNumber).not.toBeNull();

    await app.api.patch(issuer, { crl_delta_interval: 'off' });
    await run();
    expect(await freshest()).toBeNull();
    expect((await app.pki(`${CRL}/switched/delta`)).status).toBe(404);
    const left = await sql(`SELECT 1 FROM crls WHERE kind = 'delta' AND issuer_id = 'switched'
                            UNION ALL SELECT 1 FROM crl_chunks WHERE kind = 'delta' AND issuer_id = 'switched'`);
    expect(left).toEqual([]);

    await app.api.patch(issuer, { crl_delta_interval: '1h' });
    await run();
    expect(await freshest()).not.toBeNull();
    await fetchDer('switched/delta');
  });
});

describe('the time to build a CRL', () => {
  it('is at once for a first change, and once a delay for however many come then', async () => {
    await desk.root('steady');
    await run();
    app.clock.advance(HOUR + 1);
    const certificates = await Promise.all(Array.from({ length: 4 }, () => issue('steady')));
    const published = async (): Promise<ParsedCrl> => parseCrl(await fetchDer('steady'));
    const [first, ...stream] = certificates;
    await desk.revoke(first!);
    await waitUntil('it is on the CRL', async () => reasonOn(await published(), first!) !== null);
    const { crlNumber } = await published();
    for (const certificate of stream) {
      await desk.revoke(certificate);
      await run();
      expect((await published()).crlNumber).toBe(crlNumber);
      app.clock.advance(900);
    }
    // A steady stream postpones nothing: the delay began with the last build.
    const last = await issue('steady');
    await desk.revoke(last);
    app.clock.advance(901);
    await run();
    const crl = await published();
    for (const certificate of [...stream, last]) expect(reasonOn(crl, certificate)).toBe('unspecified');
    expect(await eventsOf(completeCrlOf('steady'))).toBe(3);
  });

  it('is three times as far away as the last build took', async () => {
    await desk.root('slow');
    await run();
    await desk.revoke(await issue('slow'));
    await sql(`UPDATE crls SET generation_duration_ms = 3 * 3600 * 1000 WHERE issuer_id = 'slow'`);
    app.clock.advance(8 * HOUR);
    expect(await isDue(completeCrlOf('slow'))).toBe(false);
    app.clock.advance(HOUR + 1);
    expect(await isDue(completeCrlOf('slow'))).toBe(true);
  });

  it('comes up to a tenth of the interval early, so that what was built together is not for ever', async () => {
    await desk.root('jitter');
    await run();
    const due = async (hours: number, rest: number): Promise<boolean> => {
      await sql(
        `UPDATE crls SET generated_at = $2::timestamptz - make_interval(hours => $3),
                         crl_number = crl_number - crl_number % 1000 + $4 WHERE issuer_id = $1`,
        ['jitter', app.clock.now(), hours, rest],
      );
      return isDue(completeCrlOf('jitter'));
    };
    expect([await due(43, 999), await due(44, 999), await due(47, 0), await due(49, 0)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(await due(-1, 0)).toBe(false);
    // It was built while the clock was wrong.
    expect(await due(-50, 0)).toBe(true);
  });

  it('lets no two instances build the same', async () => {
    const ids = Array.from({ length: 6 }, (_, index) => `once-${index}`);
    for (const id of ids) await desk.root(id, { crl_shards: 2, crl_delta_interval: '1h' });
    const scopes = ids.flatMap((id) => [completeCrlOf(id), shardOf(id, 0), shardOf(id, 1)]);
    const everywhere = async (): Promise<void> => {
      for (let ticks = 0; ticks < 2; ticks++) await Promise.all([app, ...others].map((each) => run(each)));
    };
    await everywhere();
    expect(await Promise.all(scopes.map(eventsOf))).toEqual(scopes.map(() => 1));
    app.clock.advance(2 * DAY);
    await everywhere();
    expect(await Promise.all(scopes.map(eventsOf))).toEqual(scopes.map(() => 2));
  });
});

describe('the entries of a CRL', () => {
  it('stay after their certificates have expired where the issuer wants it so', async () => {
    await desk.root('expired', { expired_certs_on_crl: true, crl_shards: 2 });
    const certificate = await issue('expired', '2h');
    await desk.revoke(certificate, { reason: 'superseded' });
    const shard = Number(BigInt(`0x${certificate.serial_number}`) % 2n);
    const [issuer] = await sql<{ not_before: Date }>(`SELECT not_before FROM issuers WHERE id = 'expired'`);
    const scopes = [completeCrlOf('expired'), shardOf('expired', shard)];
    const read = async (): Promise<ParsedCrl[]> => [
      parseCrl(await fetchDer('expired')),
      parseCrl(await fetchDer(`expired/${shard}`)),
    ];
    for (let builds = 0; builds < 3; builds++) {
      for (const scope of scopes) await build(scope);
      for (const crl of await read()) {
        expect(reasonOn(crl, certificate)).toBe('superseded');
        expect(crl.expiredCertsOnCrl).toEqual(issuer!.not_before);
      }
      app.clock.advance(DAY);
    }
    await app.api.patch('/api/v1/issuers/expired', { expired_certs_on_crl: false });
    for (const scope of scopes) await build(scope);
    for (const crl of await read()) expect([reasonOn(crl, certificate), crl.expiredCertsOnCrl]).toEqual([null, null]);
  });

  it('are all there where there are very many, in chunks, and others are answered meanwhile', async () => {
    const count = 40_000;
    await desk.root('many');
    await insertRevoked(app, 'many', count);
    const building = build(completeCrlOf('many'));
    const progress = { over: false, answered: 0 };
    void building.finally(() => (progress.over = true));
    while (!progress.over) {
      expect((await app.pki('/.well-known/pki/ca/many')).status).toBe(200);
      progress.answered += 1;
    }
    await building;
    expect(progress.answered).toBeGreaterThan(1);
    const der = await fetchDer('many');
    expect(parseCrl(der).entryCount).toBe(count);
    const chunks = await sql<{ size: number }>(
      `SELECT octet_length(bytes) AS size FROM crl_chunks WHERE issuer_id = 'many' ORDER BY position`,
    );
    expect(chunks.slice(0, -1).map(({ size }) => size)).toEqual(chunks.slice(0, -1).map(() => 1_048_576));
    expect(chunks.reduce((sum, { size }) => sum + size, 0)).toBe(der.length);
    const [row] = await sql<{ crl_sha256: Buffer; entry_count: number; size_bytes: string }>(
      `SELECT crl_sha256, entry_count, size_bytes FROM crls WHERE issuer_id = 'many'`,
    );
    expect(row).toEqual({
      crl_sha256: createHash('sha256').update(der).digest(),
      entry_count: count,
      size_bytes: String(der.length),
    });
  });
});

describe('GET /api/v1/admin/crl/cache', () => {
  const cache = (): Promise<CrlCache> => app.api.fetch(CACHE);
  const rowsOf = async (issuerId: string): Promise<CrlCache['cache_rows']> =>
    (await cache()).cache_rows.filter(({ issuer_id: id }) => id === issuerId);

  it('shows every CRL that there should be, also one that was never built', async () => {
    await desk.root('reported', { crl_shards: 2, crl_delta_interval: '1h' });
    const never = { cache_present: false, crl_number: null, generated_at: null, is_stale: true, recent_events: [] };
    expect(await rowsOf('reported')).toEqual([
      expect.objectContaining({ ...never, kind: 'complete', shard: null }),
      expect.objectContaining({ ...never, kind: 'delta', shard: null }),
      expect.objectContaining({ ...never, kind: 'shard', shard: 0 }),
      expect.objectContaining({ ...never, kind: 'shard', shard: 1 }),
    ]);
    await run();
    await desk.revoke(await issue('reported'));
    await build(completeCrlOf('reported'));
    const report = await cache();
    expect(report.row_count).toBe(report.cache_rows.length);
    expect(Date.parse(report.generated_at)).toBeGreaterThan(0);
    const complete = report.cache_rows.find(({ issuer_id: id }) => id === 'reported');
    const der = await fetchDer('reported');
    const { crlNumber, thisUpdate, nextUpdate } = parseCrl(der);
    expect(complete).toEqual({
      issuer_id: 'reported',
      kind: 'complete',
      shard: null,
      cache_present: true,
      crl_number: crlNumber.toString(),
      this_update: thisUpdate.toISOString(),
      next_update: nextUpdate.toISOString(),
      generated_at: expect.any(String),
      generation_duration_ms: expect.any(Number),
      revoked_count: 1,
      size_bytes: der.length,
      is_stale: false,
      recent_events: [
        {
          started_at: complete!.generated_at,
          duration_ms: expect.any(Number),
          succeeded: true,
          crl_number: crlNumber.toString(),
          revoked_count: 1,
          error: null,
        },
        expect.objectContaining({ succeeded: true, revoked_count: 0 }),
      ],
    });
  });

  it('says that a CRL is stale when it lacks a change for too long, or has expired', async () => {
    await desk.root('stale', { crl_shards: 2, crl_delta_interval: '1h' });
    await run();
    await run();
    const stale = async (): Promise<boolean[]> => (await rowsOf('stale')).map(({ is_stale: isStale }) => isStale);
    expect(await stale()).toEqual([false, false, false, false]);
    const certificate = await issue('stale');
    await desk.revoke(certificate);
    expect(await stale()).toEqual([false, false, false, false]);
    const shard = Number(BigInt(`0x${certificate.serial_number}`) % 2n);
    // Since when a change is lacking is told by the clock of the database.
    await sql(
      `UPDATE crls SET dirty_since = clock_timestamp() - interval '3 hours' WHERE dirty_since IS NOT NULL AND issuer_id = 'stale'`,
    );
    expect(await stale()).toEqual([true, true, shard === 0, shard === 1]);
    await build(completeCrlOf('stale'));
    await build(deltaCrlOf('stale'));
    await build(shardOf('stale', shard));
    expect(await stale()).toEqual([false, false, false, false]);
    app.clock.advance(4 * DAY);
    expect(await stale()).toEqual([true, true, true, true]);
  });

  it('needs an API key', async () => {
    const answer = await ask(`${app.httpsUrl}${CACHE}`, { ca: app.ca });
    expect(problemCode(answer)).toEqual([401, 'unauthorized']);
  });

  it('forgets builds that are a week ago', async () => {
    await desk.root('forgotten');
    await build(completeCrlOf('forgotten'));
    app.clock.advance(6 * DAY);
    await build(completeCrlOf('forgotten'));
    await app.app.nest.get(CrlPruner).run();
    expect(await eventsOf(completeCrlOf('forgotten'))).toBe(2);
    app.clock.advance(2 * DAY);
    await app.app.nest.get(CrlPruner).run();
    expect(await eventsOf(completeCrlOf('forgotten'))).toBe(1);
  });
});

describe('POST /api/v1/admin/crl/{issuer_id}/regenerate', () => {
  const regenerate = (issuerId: string) => app.api.post(`/api/v1/admin/crl/${issuerId}/regenerate`);

  it('builds all CRLs of the issuer now, tells how they stand, and is audited', async () => {
    await desk.root('again', { crl_shards: 3, crl_delta_interval: '1h' });
    await run();
    await run();
    const certificate = await issue('again');
    await desk.revoke(certificate);
    const before = (await app.api.fetch<CrlCache>(CACHE)).cache_rows.filter(({ issuer_id: id }) => id === 'again');
    const answer = await regenerate('again');
    expect(answer.status).toBe(200);
    const { cache_rows: rows, row_count: count } = answer.json<CrlCache>();
    expect([rows.length, count]).toEqual([5, 5]);
    for (const [index, row] of rows.entries()) {
      expect(BigInt(row.crl_number!)).toBeGreaterThan(BigInt(before[index]!.crl_number!));
      expect(row.is_stale).toBe(false);
    }
    expect(reasonOn(parseCrl(await fetchDer('again')), certificate)).toBe('unspecified');
    const events = await sql<{ actor: string; action: string; details: object }>(
      `SELECT actor, action, details FROM audit_events WHERE subject_id = 'again' AND action LIKE 'crl.%' ORDER BY id`,
    );
    expect(events.filter(({ action }) => action === 'crl.regenerate')).toEqual([
      { actor: 'api-key:bootstrap-admin', action: 'crl.regenerate', details: {} },
    ]);
    const published = events.filter(({ action }) => action === 'crl.publish');
    expect(new Set(published.map(({ actor }) => actor))).toEqual(new Set(['system:crl-builder']));
    for (const { crl_number: crlNumber, kind, shard, revoked_count: revokedCount } of rows) {
      const details = { crl_number: crlNumber, kind, shard, revoked_count: revokedCount };
      expect(published.map((event) => event.details)).toContainEqual(details);
    }
  });

  it('tells by their events which CRL could not be built, and is refused when none could', async () => {
    await desk.root('partly', { crl_shards: 2 });
    await run();
    await sql(`DELETE FROM crl_chunks WHERE issuer_id = 'partly' AND kind = 'shard' AND shard = 1`);
    await sql(`CREATE FUNCTION fail_shard() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`);
    await sql(`CREATE TRIGGER fail_shard BEFORE INSERT ON crl_chunks FOR EACH ROW
               WHEN (NEW.kind = 'shard' AND NEW.shard = 1) EXECUTE FUNCTION fail_shard()`);
    try {
      const { cache_rows: rows } = (await regenerate('partly')).json<CrlCache>();
      expect(rows.map(({ recent_events: events }) => events[0]?.succeeded)).toEqual([true, true, false]);
      expect(rows[2]!.recent_events[0]).toMatchObject({
        error: 'could not extend file: No space left on device',
        crl_number: expect.stringMatching(/^\d+$/),
        revoked_count: null,
      });
    } finally {
      await sql('DROP TRIGGER fail_shard ON crl_chunks');
    }
    const keyStore = app.app.nest.get(KeyStore);
    const getSigner = keyStore.getSigner.bind(keyStore);
    keyStore.getSigner = () => Promise.reject(new Error('no signature today'));
    try {
      expect(problemCode(await regenerate('partly'))).toEqual([503, 'crl_build_failed']);
    } finally {
      keyStore.getSigner = getSigner;
    }
    expect((await regenerate('partly')).status).toBe(200);
  });

  it('is refused for an issuer that is not there, and for one whose CRL is published elsewhere', async () => {
    expect(problemCode(await regenerate('nobody'))).toEqual([404, 'issuer_not_found']);
    const { output } = await openssl.run(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', '/CN=away', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-keyout', openssl.path('away.key')],
    );
    const certificate_pem = /-----BEGIN CERTIFICATE[^]*END CERTIFICATE-----\n/.exec(output)![0];
    await desk.createIssuer({ id: 'away', name: 'away', kind: 'imported', certificate_pem });
    expect(problemCode(await regenerate('away'))).toEqual([404, 'crl_published_elsewhere']);
    const rows = (await app.api.fetch<CrlCache>(CACHE)).cache_rows;
    expect(rows.filter(({ issuer_id: id }) => id === 'away')).toEqual([]);
  });
});
