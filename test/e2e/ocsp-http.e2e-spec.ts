import { createHash, randomBytes } from 'node:crypto';
import { OcspMetrics } from '../../src/ocsp/ocsp.metrics.js';
import { OcspNode } from '../../src/ocsp/ocsp-node.service.js';
import { buildCertId, CERT_ID_ALGORITHMS, type CertIdAlgorithm } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';
import type { Answer } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson } from '../support/issuing.js';
import { decodeOcsp, OCSP_STATUS } from '../support/ocsp-client.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { postPipelined } from '../support/pipelined-posts.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const OCSP = '/.well-known/pki/ocsp';
const HOUR_MS = 3_600_000;
const KEPT = [
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
];
const NOT_KEPT = ['cache-control', 'connection', 'content-length', 'content-type', 'date'];

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;
/** Other instances on the same database, each with a memory of its own. */
const others: TestApp[] = [];
beforeAll(async () => {
  app = await startTestApp({ schedules: false });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=www.example.com'));
});
afterAll(async () => {
  openssl.remove();
  for (const other of others) await other.stop();
  await app.stop();
});

async function startBeside(env: Record<string, string>): Promise<TestApp> {
  const other = await startTestApp({ beside: app, schedules: false, env });
  others.push(other);
  return other;
}

const der = (pem: string): Buffer => Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');

function requestFor(
  serials: readonly string[],
  { nonce = null, algorithm = 'sha1' }: { nonce?: Buffer | null; algorithm?: CertIdAlgorithm } = {},
): Buffer {
  const issuer = parseCertificateFields(der(app.ca));
  return buildOcspRequest(
    serials.map((serial) => buildCertId(algorithm, issuer, Buffer.from(serial, 'hex'))),
    nonce,
  );
}

type Ask = (to: TestApp, body: Buffer, headers?: Record<string, string>) => Promise<Answer>;

const post: Ask = (to, body, headers = {}) =>
  to.pki(OCSP, { method: 'POST', body, headers: { 'content-type': 'application/ocsp-request', ...headers } });
const get: Ask = (to, body, headers = {}) =>
  to.pki(`${OCSP}/${encodeURIComponent(body.toString('base64'))}`, { headers });
const head: Ask = (to, body, headers = {}) =>
  to.pki(`${OCSP}/${encodeURIComponent(body.toString('base64'))}`, { method: 'HEAD', headers });

/** Where an answer came from. */
type Layer = 'memory' | 'database' | 'signature';

async function layerOf(to: TestApp, act: () => Promise<unknown>): Promise<Layer> {
  const { cacheLookups } = to.app.nest.get(OcspMetrics);
  const memory = cacheLookups.tally({ layer: 'memory', result: 'hit' });
  const database = cacheLookups.tally({ layer: 'database', result: 'hit' });
  const before = { memory: memory.count, database: database.count };
  await act();
  if (memory.count > before.memory) return 'memory';
  return database.count > before.database ? 'database' : 'signature';
}

/** A certificate whose next answer will come from there. */
async function prepare(layer: Layer): Promise<CertificateJson> {
  const certificate = await desk.issue({ csr });
  if (layer === 'signature') await desk.forgetResponses(certificate);
  if (layer === 'memory') await post(app, requestFor([certificate.serial_number]));
  return certificate;
}

function expectRefusal(answer: Answer, status: keyof typeof OCSP_STATUS): void {
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/ocsp-response');
  expect(answer.headers['content-length']).toBe('5');
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['etag']).toBeUndefined();
  expect(answer.body.toString('hex')).toBe(`30030a010${OCSP_STATUS[status]}`);
}

const statusOf = (answer: Answer): string | undefined => decodeOcsp(answer.body).singles[0]?.status;

/** The max-age of an answer, in seconds. */
function maxAgeOf(answer: Answer): number {
  const age = /^max-age=(\d+), public, no-transform, must-revalidate$/.exec(
    String(answer.headers['cache-control']),
  )?.[1];
  expect(age).toBeDefined();
  return Number(age);
}

function expectKept(answer: Answer): void {
  const { thisUpdate, nextUpdate } = decodeOcsp(answer.body).singles[0]!;
  const { headers } = answer;
  expect(answer.status).toBe(200);
  expect(Object.keys(headers).sort()).toEqual(KEPT);
  expect(headers['content-type']).toBe('application/ocsp-response');
  expect(headers['content-length']).toBe(String(answer.body.length));
  expect(headers['etag']).toBe(`"${createHash('sha256').update(answer.body).digest('hex')}"`);
  expect(headers['last-modified']).toBe(thisUpdate.toUTCString());
  expect(headers['expires']).toBe(nextUpdate!.toUTCString());
  expect(maxAgeOf(answer)).toBe(3600);
}

describe.each(['memory', 'database', 'signature'] as const)('an answer from %s', (layer) => {
  it.each([
    ['POST', post],
    ['GET', get],
  ])('by %s has the headers of RFC 9919 section 5', async (_, ask) => {
    const certificate = await prepare(layer);
    let answer: Answer | undefined;
    const from = await layerOf(app, async () => (answer = await ask(app, requestFor([certificate.serial_number]))));
    expect(from).toBe(layer);
    expectKept(answer!);
    expect(statusOf(answer!)).toBe('good');
  });

  it('has them when it says revoked, too', async () => {
    const certificate = await desk.issue({ csr });
    await desk.revoke(certificate, { reason: 'superseded' });
    if (layer === 'signature') await desk.forgetResponses(certificate);
    const request = requestFor([certificate.serial_number]);
    if (layer === 'memory') await post(app, request);
    const answer = await get(app, request);
    expectKept(answer);
    expect(statusOf(answer)).toBe('revoked');
  });

  it('is 304 to GET and to HEAD when the client has it, and whole to POST', async () => {
    // What is yet to be signed can't be had already: any will do.
    const tagOf = async (request: Buffer): Promise<string> =>
      layer === 'signature' ? '*' : String((await get(await instanceBeside(), request)).headers['etag']);
    for (const ask of [get, head]) {
      const { serial_number: serial } = await prepare(layer);
      const request = requestFor([serial]);
      const condition = { 'if-none-match': await tagOf(request) };
      const answer = await ask(app, request, condition);
      expect([answer.status, answer.body.length]).toEqual([304, 0]);
      expect(answer.headers['content-type']).toBeUndefined();
      const whole = await post(app, request, condition);
      expectKept(whole);
      for (const name of ['etag', 'last-modified', 'expires', 'cache-control']) {
        expect([name, answer.headers[name]]).toEqual([name, whole.headers[name]]);
      }
    }
  });

  it('is, by HEAD, its headers alone', async () => {
    const certificate = await prepare(layer);
    const request = requestFor([certificate.serial_number]);
    const alone = await head(app, request);
    const whole = await get(app, request);
    expect([alone.status, alone.body.length]).toEqual([200, 0]);
    const withoutDate = ({ headers }: Answer): Record<string, unknown> => ({ ...headers, date: null });
    expect(withoutDate(alone)).toEqual(withoutDate(whole));
    expectKept(whole);
  });
});

let besideAll: Promise<TestApp> | null = null;
/** One instance that all tests may use. */
function instanceBeside(): Promise<TestApp> {
  besideAll ??= startBeside({});
  return besideAll;
}

describe('max-age', () => {
  it.each(['memory', 'database'] as const)('of an answer from %s never passes the next refresh', async (layer) => {
    const certificate = await prepare('memory');
    const request = requestFor([certificate.serial_number]);
    const first = await get(app, request);
    const refreshAtMs = decodeOcsp(first.body).singles[0]!.thisUpdate.getTime() + 12 * HOUR_MS;
    const to = layer === 'memory' ? app : await instanceBeside();
    const startedMs = app.clock.now().getTime();
    app.clock.stop();
    try {
      for (const leftSeconds of [7200, 3601, 3599, 1800, 60, 2, 1]) {
        app.clock.advance((refreshAtMs - leftSeconds * 1000 - app.clock.now().getTime()) / 1000);
        const answer = await get(to, request);
        expect(answer.body.equals(first.body)).toBe(true);
        expect(maxAgeOf(answer)).toBe(Math.min(3600, leftSeconds));
      }
      app.clock.advance(2);
      const next = await get(to, request);
      expect(next.body.equals(first.body)).toBe(false);
      expect(next.headers['etag']).not.toBe(first.headers['etag']);
      expect(maxAgeOf(next)).toBe(3600);
    } finally {
      app.clock.resume();
      app.clock.advance((startedMs - app.clock.now().getTime()) / 1000);
    }
  });

  it.each([
    ['10m', 600],
    ['0s', 0],
    ['1d', 43_200],
  ])('is CERTPLANE_HTTP_MAX_AGE=%s at the most', async (setting, most) => {
    const to = await startBeside({ CERTPLANE_HTTP_MAX_AGE: setting });
    const { serial_number: serial } = await desk.issue({ csr });
    for (const ask of [post, get, get]) {
      const age = maxAgeOf(await ask(to, requestFor([serial])));
      expect(age).toBeLessThanOrEqual(most);
      // The longest is cut by the refresh, which is less than twelve hours away.
      expect(age).toBeGreaterThan(most === 43_200 ? 42_000 : most - 1);
    }
  });
});

describe('an answer for one client alone', () => {
  const forms: [string, () => Promise<Buffer>][] = [
    ['with a nonce', async () => requestFor([(await prepare('memory')).serial_number], { nonce: randomBytes(32) })],
    ['to an unknown serial number', () => Promise.resolve(requestFor([randomBytes(12).toString('hex')]))],
    [
      'to several certificates',
      async () => requestFor([(await prepare('memory')).serial_number, (await prepare('memory')).serial_number]),
    ],
  ];

  it.each(forms)('%s is kept by nobody', async (_, make) => {
    const request = await make();
    for (const ask of [post, get]) {
      const answer = await ask(app, request, { 'if-none-match': '*' });
      expect(answer.status).toBe(200);
      expect(Object.keys(answer.headers).sort()).toEqual(NOT_KEPT);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(decodeOcsp(answer.body).responderStatus).toBe(OCSP_STATUS.successful);
      const alone = await head(app, request);
      expect([alone.status, alone.body.length, alone.headers['cache-control']]).toEqual([200, 0, 'no-store']);
    }
  });

  it('with a nonce says revoked as soon as the revocation has returned, though it said good a moment before', async () => {
    const certificate = await desk.issue({ csr });
    const ask = (to: TestApp): Promise<Answer> =>
      post(to, requestFor([certificate.serial_number], { nonce: randomBytes(16) }));
    const other = await instanceBeside();
    for (const to of [app, other, app, other]) expect(statusOf(await ask(to))).toBe('good');
    await desk.revoke(certificate);
    for (const to of [app, other]) expect(statusOf(await ask(to))).toBe('revoked');
  });
});

describe('a refusal', () => {
  it.each([
    ['malformedRequest', Buffer.from('no DER')],
    ['malformedRequest', Buffer.alloc(0)],
    ['malformedRequest', Buffer.alloc(10_001, 0x30)],
    ['unauthorized', buildOcspRequest([buildCertId('sha1', foreignIssuer(), Buffer.of(1))], null)],
  ] as const)('%s is HTTP 200 and kept by nobody', async (status, body) => {
    expectRefusal(await post(app, body), status);
    if (body.length > 0 && body.length < 9000) expectRefusal(await get(app, body), status);
  });

  it('of a method, or of a path that is not there, is a problem with a request id, which no OCSP answer has', async () => {
    const refused = await app.pki(OCSP, { method: 'PUT', headers: { 'x-request-id': 'from-the-client' } });
    expect(problemCode(refused)).toEqual([405, 'method_not_allowed']);
    expect(refused.headers['allow']).toBe('GET, HEAD, POST');
    expect(refused.headers['x-request-id']).toBe('from-the-client');
    const missing = await app.pki('/.well-known/pki/nothing');
    expect(problemCode(missing)).toEqual([404, 'not_found']);
    expect(missing.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    const { serial_number: serial } = await prepare('memory');
    expect((await post(app, requestFor([serial]))).headers['x-request-id']).toBeUndefined();
  });

  it('of a nonce of no or of too many octets is malformedRequest, or unauthorized where that is the one refusal', async () => {
    const lenient = await startBeside({ CERTPLANE_OCSP_REFUSAL: 'unauthorized', CERTPLANE_OCSP_NONCE_MAX: '32' });
    const { serial_number: serial } = await prepare('memory');
    for (const ask of [post, get]) {
      for (const octets of [0, 129]) {
        expectRefusal(await ask(app, requestFor([serial], { nonce: Buffer.alloc(octets) })), 'malformedRequest');
      }
      for (const octets of [0, 33, 129]) {
        expectRefusal(await ask(lenient, requestFor([serial], { nonce: Buffer.alloc(octets) })), 'unauthorized');
      }
      expect(statusOf(await ask(app, requestFor([serial], { nonce: Buffer.alloc(128) })))).toBe('good');
      expect(statusOf(await ask(lenient, requestFor([serial], { nonce: Buffer.alloc(32) })))).toBe('good');
      expectRefusal(await ask(lenient, Buffer.from('no DER')), 'malformedRequest');
    }
  });
});

function foreignIssuer(): { subjectDer: Buffer; publicKeyBits: Buffer } {
  return { subjectDer: Buffer.from('3000', 'hex'), publicKeyBits: Buffer.of(1) };
}

describe('the rate limit', () => {
  const PER_MINUTE = 2;

  /** How the answers went, in order. */
  async function askTimes(to: TestApp, times: number, headersOf: (time: number) => Record<string, string>) {
    const { serial_number: serial } = await prepare('memory');
    const answers: Answer[] = [];
    for (let time = 0; time < times; time++) {
      answers.push(await (time % 2 === 0 ? post : get)(to, requestFor([serial]), headersOf(time)));
    }
    return answers;
  }

  const none = (): Record<string, string> => ({});

  it('answers over it with HTTP 200, tryLater and how long to wait', async () => {
    const to = await startBeside({ CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: String(PER_MINUTE) });
    const answers = await askTimes(to, PER_MINUTE + 3, none);
    for (const answer of answers.slice(0, PER_MINUTE)) expect(statusOf(answer)).toBe('good');
    for (const answer of answers.slice(PER_MINUTE)) {
      expectRefusal(answer, 'tryLater');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    const alone = await head(to, requestFor(['01']));
    expect([alone.status, alone.body.length, alone.headers['content-length']]).toEqual([200, 0, '5']);
  });

  it('is unauthorized where that is the one refusal', async () => {
    const to = await startBeside({
      CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '1',
      CERTPLANE_OCSP_REFUSAL: 'unauthorized',
    });
    const [first, second] = await askTimes(to, 2, none);
    expect(statusOf(first!)).toBe('good');
    expectRefusal(second!, 'unauthorized');
  });

  it('counts by the address of the connection, whatever a header says', async () => {
    const to = await startBeside({
      CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: String(PER_MINUTE),
      CERTPLANE_TRUSTED_PROXIES: '192.0.2.0/24',
    });
    const answers = await askTimes(to, PER_MINUTE + 2, (time) => ({
      'x-forwarded-for': `198.51.100.${time}`,
      forwarded: `for=198.51.100.${time}`,
    }));
    for (const answer of answers.slice(PER_MINUTE)) expectRefusal(answer, 'tryLater');
  });

  it('counts by what a trusted proxy says, an IPv4 address or the /64 of an IPv6 address', async () => {
    const to = await startBeside({
      CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '2',
      CERTPLANE_TRUSTED_PROXIES: '127.0.0.0/8',
    });
    const { serial_number: serial } = await prepare('memory');
    const askFrom = async (client: string): Promise<string | undefined> => {
      const answer = await post(to, requestFor([serial]), { 'x-forwarded-for': client });
      return statusOf(answer) ?? answer.body.toString('hex');
    };
    const tryLater = '30030a0103';
    for (const client of ['198.51.100.1', '198.51.100.2', '2001:db8::1']) {
      expect([await askFrom(client), await askFrom(client), await askFrom(client)]).toEqual(['good', 'good', tryLater]);
    }
    expect(await askFrom('2001:db8::ffff:1')).toBe(tryLater);
    expect(await askFrom('2001:db8:0:1::1')).toBe('good');
    // What stands left of the nearest hop may have been written by the client.
    expect(await askFrom('203.0.113.9, 198.51.100.1')).toBe(tryLater);
  });
});

describe('CERTPLANE_OCSP_ENABLED=false', () => {
  it('makes every OCSP path 404, and new certificates name no responder', async () => {
    const off = await startBeside({ CERTPLANE_OCSP_ENABLED: 'false' });
    const named = await desk.issue({ csr });
    const request = requestFor([named.serial_number]);
    for (const ask of [post, get]) expect(problemCode(await ask(off, request))).toEqual([404, 'not_found']);
    expect((await head(off, request)).status).toBe(404);
    for (const path of ['', '/', '/iss-local', `/iss-local/${named.serial_number}`]) {
      expect(problemCode(await off.pki(OCSP + path))).toEqual([404, 'not_found']);
    }
    expect(problemCode(await off.pki(OCSP, { method: 'PUT' }))).toEqual([404, 'not_found']);
    const unnamed = await new IssuingDesk(off, openssl).issue({ csr });
    const textOf = (certificate: CertificateJson): Promise<string> =>
      openssl.ok('x509', '-noout', '-text', '-in', openssl.file(`${certificate.id}.pem`, certificate.certificate_pem));
    expect(await textOf(named)).toMatch(/OCSP - URI:/);
    expect(await textOf(unnamed)).not.toMatch(/OCSP/);
    expect(await textOf(unnamed)).toMatch(/CA Issuers - URI:/);
    expect(await textOf(unnamed)).toMatch(/CRL Distribution/);
  });
});

describe('memory', () => {
  it('stays below CERTPLANE_OCSP_MEMORY_MAX: what was not asked for the longest goes first', async () => {
    const to = await startBeside({ CERTPLANE_OCSP_MEMORY_MAX: '1MiB' });
    const certificates = await Promise.all(Array.from({ length: 80 }, () => desk.issue({ csr })));
    const requests = certificates.flatMap(({ serial_number: serial }) =>
      CERT_ID_ALGORITHMS.map((algorithm) => requestFor([serial], { algorithm })),
    );
    const node = to.app.nest.get(OcspNode);
    for (const request of requests) {
      await post(to, request);
      await post(to, requests[0]!);
      expect(node.state.bytes).toBeLessThanOrEqual(1 << 20);
    }
    expect(node.state.entries).toBeLessThan(requests.length);
    expect(node.state.entries).toBeGreaterThan(200);
    const from = (request: Buffer): Promise<Layer> => layerOf(to, () => post(to, request));
    expect(await from(requests[0]!)).toBe('memory');
    expect(await from(requests.at(-1)!)).toBe('memory');
    expect(await from(requests[1]!)).toBe('database');
    expect(await from(requests[1]!)).toBe('memory');
  });

  it('grows by no serial number that was never given away, with a nonce or without', async () => {
    const node = app.app.nest.get(OcspNode);
    const count = async (): Promise<number[]> => {
      const [rows] = (await app.dataSource.query('SELECT count(*)::int AS count FROM ocsp_responses')) as [
        { count: number },
      ];
      return [node.cache.size, node.statuses.size, rows.count];
    };
    const before = await count();
    for (let i = 0; i < 100; i++) {
      const serial = randomBytes(12).toString('hex');
      expect(statusOf(await post(app, requestFor([serial])))).toBe('unknown');
      expect(statusOf(await post(app, requestFor([serial], { nonce: randomBytes(8) })))).toBe('unknown');
    }
    expect(await count()).toEqual(before);
  });
});

describe('a flood of nonces', () => {
  it('hears tryLater beyond the budget, while answers from memory go on', async () => {
    const CONNECTIONS = 16;
    const EACH = 100;
    const { serial_number: serial } = await prepare('memory');
    const cached = requestFor([serial]);
    const flooding = { yes: true };
    const flood = Promise.all(
      Array.from({ length: CONNECTIONS }, () =>
        postPipelined(
          app.config.pkiHttpPort,
          OCSP,
          Array.from({ length: EACH }, () => requestFor([serial], { nonce: randomBytes(32) })),
        ),
      ),
    ).finally(() => (flooding.yes = false));
    let meanwhile = 0;
    while (flooding.yes) {
      const answer = await get(app, cached);
      expectKept(answer);
      if (flooding.yes) meanwhile += 1;
    }
    expect(meanwhile).toBeGreaterThan(0);
    const answers = (await flood).flat();
    expect(answers).toHaveLength(CONNECTIONS * EACH);
    const refused = answers.filter(({ body }) => body.length === 5);
    for (const { head: lines, body } of refused) {
      expect(body.toString('hex')).toBe('30030a0103');
      expect(lines).toContain('\r\nretry-after: 5');
      expect(lines).toContain('\r\ncache-control: no-store');
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(answers.length);
    expect(statusOf(await post(app, requestFor([serial], { nonce: randomBytes(32) })))).toBe('good');
  });
});
