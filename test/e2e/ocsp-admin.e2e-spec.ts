import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { buildCertId, type CertIdAlgorithm } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';
import { parsePem } from '../../src/pki/pem.js';
import { ask, type Answer } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson } from '../support/issuing.js';
import { decodeOcsp, OCSP_STATUS } from '../support/ocsp-client.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const CACHE = '/api/v1/admin/ocsp/cache';
const EXPLAIN = '/api/v1/admin/ocsp/explain';
const OCSP = '/.well-known/pki/ocsp';

interface CacheJson {
  readonly issuers: {
    readonly issuer_id: string;
    readonly good: number;
    readonly revoked: number;
    readonly unsigned: number;
    readonly fresh: number;
    readonly due: number;
    readonly oldest_produced_at: string | null;
  }[];
  readonly memory: Record<'entries' | 'bytes' | 'max_bytes' | 'hits' | 'misses', number>;
  readonly nodes: {
    readonly id: string;
    readonly name: string;
    readonly this_process: boolean;
    readonly silent: boolean;
    readonly behind: number;
    readonly lease_seconds: number;
    readonly renewed_at: string;
    readonly started_at: string;
  }[];
  readonly lease_running: boolean;
}

interface ExplanationJson {
  readonly answer: string;
  readonly why: string;
  readonly issuer_id: string | null;
  readonly certificates: {
    readonly serial_number: string;
    readonly cert_id_algorithm: string;
    readonly id: string | null;
    readonly subject: string | null;
    readonly status: string;
    readonly why: string;
  }[];
  readonly layer: string | null;
  readonly responder: { readonly serial_number: string; readonly not_after: string } | null;
  readonly nonce: boolean;
  readonly signed: boolean;
  readonly produced_at: string | null;
  readonly this_update: string | null;
  readonly next_update: string | null;
  readonly refresh_at: string | null;
}

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;

beforeAll(async () => {
  app = await startTestApp({ schedules: false });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=explained.example.com'));
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const cacheOf = (at = app): Promise<CacheJson> => at.api.fetch<CacheJson>(CACHE);

async function entriesOf(
  issuerId: string,
): Promise<Omit<CacheJson['issuers'][number], 'issuer_id' | 'oldest_produced_at'>> {
  const found = (await cacheOf()).issuers.find(({ issuer_id: id }) => id === issuerId);
  const { good, revoked, unsigned, fresh, due } = found!;
  return { good, revoked, unsigned, fresh, due };
}

function requestFor(
  issuer: Pick<IssuerJson, 'certificate_pem'>,
  serials: string[],
  { nonce = null, algorithm = 'sha1' }: { nonce?: Buffer | null; algorithm?: CertIdAlgorithm } = {},
): Buffer {
  const fields = parseCertificateFields(parsePem(issuer.certificate_pem, 'CERTIFICATE')[0]!);
  return buildOcspRequest(
    serials.map((serial) => buildCertId(algorithm, fields, Buffer.from(serial, 'hex'))),
    nonce,
  );
}

const local = (): { certificate_pem: string } => ({ certificate_pem: app.ca });

async function explain(body: Record<string, unknown>): Promise<ExplanationJson> {
  const answer = await app.api.post(EXPLAIN, body);
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.any(String)]);
  return answer.json<ExplanationJson>();
}

const explainRequest = (request: Buffer): Promise<ExplanationJson> => explain({ request: request.toString('base64') });

const post = (body: Buffer, issuerId = 'iss-local'): Promise<Answer> =>
  app.pki(`${OCSP}/${issuerId}`, { method: 'POST', body });

describe('the state of the OCSP caches', () => {
  it('tells of each issuer how many responses are good, revoked, unsigned, fresh and due', async () => {
    await desk.root('counted');
    const certificates = await Promise.all([1, 2, 3].map(() => desk.issue({ issuer: 'counted', csr })));
    expect(await entriesOf('counted')).toEqual({ good: 6, revoked: 0, unsigned: 0, fresh: 6, due: 0 });
    await desk.revoke(certificates[0]!);
    await waitUntil('the revoked ones are signed', async () => (await entriesOf('counted')).revoked === 2);
    expect(await entriesOf('counted')).toEqual({ good: 4, revoked: 2, unsigned: 0, fresh: 6, due: 0 });
    app.clock.advance(12 * 3600 + 60);
    try {
      expect(await entriesOf('counted')).toEqual({ good: 4, revoked: 2, unsigned: 0, fresh: 0, due: 6 });
    } finally {
      app.clock.advance(-12 * 3600 - 60);
    }
    await app.dataSource.query(
      `UPDATE ocsp_responses SET response_der = NULL, certificate_status = NULL, produced_at = NULL,
              this_update = NULL, next_update = NULL, refresh_at = '-infinity'
        WHERE issuer_id = 'counted' AND certificate_status = 'revoked'`,
    );
    expect(await entriesOf('counted')).toEqual({ good: 4, revoked: 0, unsigned: 2, fresh: 4, due: 2 });
    const { issuers } = await cacheOf();
    const oldest = issuers.find(({ issuer_id: id }) => id === 'counted')!.oldest_produced_at;
    expect(Math.abs(Date.parse(oldest!) - Date.now())).toBeLessThan(60_000);
  });

  it('tells what lies in memory, and how often it was found there', async () => {
    const { serial_number: serial } = await desk.issue({ csr });
    const request = requestFor(local(), [serial]);
    const before = (await cacheOf()).memory;
    const { body } = await post(request);
    for (let turns = 0; turns < 3; turns++) await post(request);
    const after = (await cacheOf()).memory;
    expect([after.hits - before.hits, after.misses - before.misses, after.entries - before.entries]).toEqual([3, 1, 1]);
    expect(after.bytes - before.bytes).toBeGreaterThan(body.length);
    expect(after.max_bytes).toBe(256 * 1024 * 1024);
  });

  it('tells of each node whether it has a lease, and how far it is behind', async () => {
    const other = await startTestApp({ beside: app, env: { CERTPLANE_OCSP_LEASE: '10s' } });
    try {
      const { nodes, lease_running: running } = await cacheOf();
      expect(running).toBe(true);
      expect(nodes).toHaveLength(2);
      const leases = nodes.map(({ this_process: own, lease_seconds: lease }) => [own, lease]);
      expect(leases).toEqual(
        expect.arrayContaining([
          [true, app.config.ocsp.lease],
          [false, 10],
        ]),
      );
      for (const node of nodes) {
        expect(node).toMatchObject({ silent: false, behind: 0, name: expect.stringMatching(/.:\d+$/) });
        expect(Date.parse(node.renewed_at)).toBeGreaterThanOrEqual(Date.parse(node.started_at));
      }
      const theirs = (await cacheOf(other)).nodes.find(({ this_process: own }) => own);
      expect(nodes.find(({ this_process: own }) => !own)?.id).toBe(theirs?.id);
    } finally {
      await other.stop();
    }
    expect((await cacheOf()).nodes).toHaveLength(1);
    await app.dataSource.query(
      `INSERT INTO responder_nodes (id, name, applied, renewal, silent, lease_ms)
       SELECT gen_random_uuid(), 'gone:1', last_number - 1, 7, true, 5000 FROM revocation_counter`,
    );
    expect((await cacheOf()).nodes.find(({ name }) => name === 'gone:1')).toMatchObject({ silent: true, behind: 1 });
    await app.dataSource.query(`DELETE FROM responder_nodes WHERE name = 'gone:1'`);
  });
});

describe('a refresh', () => {
  it('has all responses of one issuer signed anew, and of no other', async () => {
    await desk.root('renewed');
    const { serial_number: serial } = await desk.issue({ issuer: 'renewed', csr });
    const others = await entriesOf('iss-local');
    const stored = (): Promise<{ der: Buffer }[]> =>
      app.dataSource.query('SELECT response_der AS der FROM ocsp_responses WHERE serial_number = $1 ORDER BY 1', [
        Buffer.from(serial, 'hex'),
      ]);
    const before = await stored();
    const answer = await app.api.post(`${CACHE}/renewed/refresh`);
    expect([answer.status, answer.json()]).toEqual([202, { issuer_id: 'renewed', due: 2 }]);
    expect(await entriesOf('renewed')).toEqual({ good: 2, revoked: 0, unsigned: 0, fresh: 0, due: 2 });
    app.clock.advance(60);
    await app.app.nest.get(PresignScheduler).run();
    expect(await entriesOf('renewed')).toEqual({ good: 2, revoked: 0, unsigned: 0, fresh: 2, due: 0 });
    const after = await stored();
    expect(after).toHaveLength(2);
    for (const { der } of after) {
      expect(before.some((earlier) => earlier.der.equals(der))).toBe(false);
      expect(decodeOcsp(der).singles).toMatchObject([{ status: 'good', serialNumber: serial }]);
    }
    expect(await entriesOf('iss-local')).toEqual(others);
  });

  it('is refused for an issuer that is not there', async () => {
    expect(problemCode(await app.api.post(`${CACHE}/nobody/refresh`))).toEqual([404, 'issuer_not_found']);
    expect(problemCode(await app.api.post(`${CACHE}/A/refresh`))).toEqual([400, 'invalid_request']);
  });
});

describe('an explanation', () => {
  let good: CertificateJson;
  beforeAll(async () => (good = await desk.issue({ csr })));

  it('takes the request in base64, in DER, or a serial number in any writing, and says the same', async () => {
    const request = requestFor(local(), [good.serial_number]);
    const expected = await explainRequest(request);
    expect(expected).toMatchObject({ answer: 'good', issuer_id: 'iss-local', nonce: false, signed: false });
    expect(expected.certificates).toEqual([
      {
        serial_number: good.serial_number,
        cert_id_algorithm: 'sha1',
        id: good.id,
        subject: good.subject,
        status: 'active',
        why: 'Issued and not revoked.',
      },
    ]);
    const inDer = await ask(app.httpsUrl + EXPLAIN, {
      method: 'POST',
      ca: app.ca,
      headers: {
        authorization: `Bearer ${readFileSync(app.app.adminKeyFile, 'utf8').trim()}`,
        'content-type': 'application/ocsp-request',
      },
      body: request,
    });
    expect([inDer.status, inDer.json()]).toEqual([200, expected]);
    const colons = good.serial_number.match(/../g)!.join(':');
    for (const written of [good.serial_number, good.serial_number.toUpperCase(), `0x${good.serial_number}`, colons]) {
      expect(await explain({ issuer_id: 'iss-local', serial_number: written })).toEqual(expected);
    }
    expect(await explain({ issuer_id: 'iss-local', request: request.toString('base64') })).toEqual(expected);
  });

  it('names the layer: the database, then memory; a signature for what is kept nowhere', async () => {
    const { serial_number: serial } = await desk.issue({ csr });
    const request = requestFor(local(), [serial]);
    const first = await explainRequest(request);
    expect(first.layer).toBe('database');
    // It answers nobody, so it leaves nothing in memory either.
    expect((await explainRequest(request)).layer).toBe('database');
    const decoded = decodeOcsp((await post(request)).body);
    const second = await explainRequest(request);
    expect(second).toEqual({ ...first, layer: 'memory' });
    const [single] = decoded.singles;
    expect(second).toMatchObject({
      produced_at: decoded.producedAt!.toISOString(),
      this_update: single!.thisUpdate.toISOString(),
      next_update: single!.nextUpdate!.toISOString(),
    });
    const half = (single!.thisUpdate.getTime() + single!.nextUpdate!.getTime()) / 2;
    expect(Math.abs(Date.parse(second.refresh_at!) - half)).toBeLessThanOrEqual(1000);
    const responder = parseCertificateFields(decoded.certificates[0]!.der);
    expect(second.responder).toEqual({
      serial_number: Buffer.from(responder.serialNumber).toString('hex'),
      not_after: responder.notAfter.toISOString(),
    });

    const fresh = { layer: 'signature', produced_at: null, this_update: null, next_update: null, refresh_at: null };
    expect(await explainRequest(requestFor(local(), [serial], { algorithm: 'sha384' }))).toMatchObject(fresh);
    expect(await explainRequest(requestFor(local(), [serial], { nonce: randomBytes(16) }))).toMatchObject({
      ...fresh,
      nonce: true,
      answer: 'good',
    });
    app.clock.advance(13 * 3600);
    try {
      expect(await explainRequest(request)).toMatchObject(fresh);
    } finally {
      app.clock.advance(-13 * 3600);
    }
  });

  it('says revoked, when and why', async () => {
    const certificate = await desk.issue();
    const { revoked_at: at } = await desk.revoke(certificate, { reason: 'superseded' });
    const why = `Revoked at ${at}, reason superseded.`;
    expect(await explainRequest(requestFor(local(), [certificate.serial_number]))).toMatchObject({
      answer: 'revoked',
      why,
      certificates: [{ id: certificate.id, status: 'revoked', why }],
    });
  });

  it('says unknown for a serial number that was never given away, and for one that is only reserved', async () => {
    const serial = `7f${randomBytes(15).toString('hex')}`;
    expect(await explainRequest(requestFor(local(), [serial]))).toMatchObject({
      answer: 'unknown',
      layer: 'signature',
      certificates: [{ serial_number: serial, id: null, subject: null, status: 'unknown' }],
    });
    const reserved = await desk.issue({ csr });
    await desk.forgetResponses(reserved);
    await app.dataSource.query('UPDATE certificates SET certificate_der = NULL WHERE id = $1', [reserved.id]);
    expect(await explainRequest(requestFor(local(), [reserved.serial_number]))).toMatchObject({
      answer: 'unknown',
      why: expect.stringMatching(/reserved/),
      certificates: [{ id: reserved.id, status: 'reserved' }],
    });
  });

  it('says that a certificate has expired, which OCSP does not tell', async () => {
    const certificate = await desk.issue({ csr, validity: '1h' });
    app.clock.advance(7200);
    try {
      expect(await explainRequest(requestFor(local(), [certificate.serial_number]))).toMatchObject({
        answer: 'good',
        certificates: [{ status: 'expired', why: expect.stringContaining(certificate.not_after) }],
      });
    } finally {
      app.clock.advance(-7200);
    }
  });

  it('tells of each certificate where a request names several', async () => {
    const gone = await desk.issue();
    await desk.revoke(gone);
    const request = requestFor(local(), [good.serial_number, gone.serial_number, '7b'], { algorithm: 'sha256' });
    const explanation = await explainRequest(request);
    expect(explanation).toMatchObject({ answer: 'several', layer: 'signature' });
    expect(explanation.certificates.map(({ status, cert_id_algorithm: by }) => [status, by])).toEqual([
      ['active', 'sha256'],
      ['revoked', 'sha256'],
      ['unknown', 'sha256'],
    ]);
  });

  it('says why a request is refused: malformed, of a foreign issuer, of another than the address names', async () => {
    const nothing = { issuer_id: null, certificates: [], layer: null, responder: null };
    for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), requestFor(local(), ['01']).subarray(1)]) {
      expect(await explainRequest(bytes)).toMatchObject({ ...nothing, answer: 'malformedRequest' });
    }
    await openssl.ok(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', 'foreign.key', '-out', 'foreign.pem', '-subj', '/CN=Foreign'],
    );
    const foreign = { certificate_pem: await openssl.ok('x509', '-in', 'foreign.pem') };
    expect(await explainRequest(requestFor(foreign, [good.serial_number]))).toMatchObject({
      ...nothing,
      answer: 'unauthorized',
    });
    const { id } = await desk.root('another');
    const elsewhere = { request: requestFor(local(), [good.serial_number]).toString('base64'), issuer_id: id };
    expect(await explain(elsewhere)).toMatchObject({ ...nothing, answer: 'unauthorized' });
  });

  it('says what a nonce that is too long is answered, as it is configured, and an issuer that has expired', async () => {
    const long = requestFor(local(), [good.serial_number], { nonce: randomBytes(129) });
    const plain = requestFor(local(), [good.serial_number]);
    const short = await startTestApp({
      beside: app,
      schedules: false,
      env: { CERTPLANE_OCSP_REFUSAL: 'unauthorized' },
    });
    try {
      for (const [at, answer] of [
        [app, 'malformedRequest'],
        [short, 'unauthorized'],
      ] as const) {
        const body = { request: long.toString('base64') };
        const explanation = await at.api.create<ExplanationJson>(EXPLAIN, body);
        expect(explanation).toMatchObject({ answer, issuer_id: null, layer: null, nonce: true });
        expect(explanation.why).toMatch(/a nonce of 129 octets, where 1 to 128 are accepted/);
        expect(explanation.why.includes('CERTPLANE_OCSP_REFUSAL')).toBe(answer === 'unauthorized');
        const heard = await at.pki(`${OCSP}/iss-local`, { method: 'POST', body: long });
        expect(decodeOcsp(heard.body).responderStatus).toBe(OCSP_STATUS[answer]);
        const malformed = { request: plain.subarray(1).toString('base64') };
        expect(await at.api.create(EXPLAIN, malformed)).toMatchObject({ answer: 'malformedRequest', nonce: false });
      }
    } finally {
      await short.stop();
    }
    const { id, certificate_pem: pem } = await desk.root('soon-over', { validity: '1d' });
    const { serial_number: serial } = await desk.issue({ issuer: id, csr, validity: '1h' });
    const request = requestFor({ certificate_pem: pem }, [serial]);
    app.clock.advance(2 * 86_400);
    try {
      const explanation = await explainRequest(request);
      expect(explanation).toMatchObject({ answer: 'unauthorized', issuer_id: id, certificates: [], layer: null });
      expect(explanation.why).toMatch(/soon-over has expired/);
      expect(decodeOcsp((await post(request, id)).body).responderStatus).toBe(OCSP_STATUS.unauthorized);
    } finally {
      app.clock.advance(-2 * 86_400);
    }
  });

  it('says that a signature is wanted', async () => {
    const cas = app.ca;
    const closed = await desk.root('closed', { ocsp_request_signature: 'require', ocsp_requester_cas_pem: cas });
    const { serial_number: serial } = await desk.issue({ issuer: 'closed', csr });
    expect(await explainRequest(requestFor(closed, [serial]))).toMatchObject({
      answer: 'sigRequired',
      issuer_id: 'closed',
      signed: false,
      certificates: [],
    });
  });

  it('is what a client hears', async () => {
    const { certificate_pem: pem } = await desk.root('heard');
    const issuer = { certificate_pem: pem };
    const certificates = await Promise.all(['a', 'b'].map(() => desk.issue({ issuer: 'heard' })));
    await desk.revoke(certificates[1]!, { reason: 'keyCompromise' });
    for (const serial of [...certificates.map(({ serial_number: number }) => number), '7b']) {
      for (const options of [{}, { nonce: randomBytes(16) }, { algorithm: 'sha512' as const }]) {
        const request = requestFor(issuer, [serial], options);
        const { answer } = await explainRequest(request);
        expect(decodeOcsp((await post(request, 'heard')).body).singles[0]?.status).toBe(answer);
      }
    }
  });

  it.each([
    ['nothing', {}, 'invalid_request'],
    ['both a request and a serial number', { request: 'MAA=', serial_number: '01' }, 'invalid_request'],
    ['a serial number without its issuer', { serial_number: '01' }, 'invalid_request'],
    ['a serial number that is none', { issuer_id: 'iss-local', serial_number: 'xyz' }, 'invalid_serial_number'],
    ['an issuer that can be none', { issuer_id: 'A', serial_number: '01' }, 'invalid_request'],
    ['an unknown field', { request: 'MAA=', x: 1 }, 'invalid_request'],
  ])('is refused for %s', async (_, body, code) => {
    expect(problemCode(await app.api.post(EXPLAIN, body))).toEqual([400, code]);
  });

  it('is refused for an issuer that is not there', async () => {
    const answer = await app.api.post(EXPLAIN, { issuer_id: 'nobody', serial_number: '01' });
    expect(problemCode(answer)).toEqual([404, 'issuer_not_found']);
  });

  it('changes nothing, and is in no audit trail', async () => {
    const request = requestFor(local(), [good.serial_number]);
    await post(request);
    const before = await app.api.fetch<{ items: unknown[] }>('/api/v1/audit?limit=1');
    const { hits } = (await cacheOf()).memory;
    expect(await explainRequest(request)).toMatchObject({ layer: 'memory' });
    expect(await app.api.fetch<{ items: unknown[] }>('/api/v1/audit?limit=1')).toEqual(before);
    expect((await cacheOf()).memory.hits).toBe(hits);
  });
});
