import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import { completeCrlOf, type CrlScope } from '../../src/crl/crl-scope.js';
import { CrlStore } from '../../src/crl/crl-store.js';
import { parseCrl } from '../../src/pki/crl-parser.js';
import { ApiClient, ask, type Answer } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk, problemCode } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { insertRevoked } from '../support/revoked-rows.js';
import { TcpRelay } from '../support/tcp-relay.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const CRL = '/.well-known/pki/crl';
const MIB = 1024 * 1024;
/** Of about 80 octets each: a CRL of 8 MB. */
const BIG_ENTRIES = 100_000;

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
/** Other instances on the same database, each with a memory of its own. */
const others: TestApp[] = [];

beforeAll(async () => {
  app = await startTestApp({ schedules: false });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  await desk.root('big');
  await insertRevoked(app, 'big', BIG_ENTRIES);
  await publish(completeCrlOf('big'));
});
afterAll(async () => {
  openssl.remove();
  for (const other of others) await other.stop();
  await app.stop();
});

async function startBeside(options: Omit<TestAppOptions, 'beside'> = {}): Promise<TestApp> {
  const other = await startTestApp({ schedules: false, ...options, beside: app });
  others.push(other);
  return other;
}

/** Builds and publishes a new CRL of this scope. */
async function publish(scope: CrlScope): Promise<void> {
  expect(await app.app.nest.get(CrlBuilder).build(scope, { force: true })).toBe('published');
}

const get = (path: string, headers: Record<string, string> = {}, of: TestApp = app): Promise<Answer> =>
  of.pki(`${CRL}/${path}`, { headers });
const head = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  app.pki(`${CRL}/${path}`, { method: 'HEAD', headers });

async function sampleOf(of: TestApp, name: string): Promise<number> {
  const text = await of.app.nest.get(Registry).metrics();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const expectSame = (actual: Buffer, expected: Buffer): void => expect(actual.equals(expected)).toBe(true);

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const derOf = (pem: Buffer): Buffer => Buffer.from(pem.toString().replace(/-----.*-----|\s/g, ''), 'base64');

describe('the paths of a CRL', () => {
  beforeAll(async () => {
    await desk.root('paths', { crl_shards: 12, crl_delta_interval: '1h' });
    await publish(completeCrlOf('paths'));
  });

  it.each([
    ['paths', ['CRL Number'], ['Delta', 'Issuing Distribution']],
    ['paths/0', ['CRL Number', 'Issuing Distribution', 'crl/paths/0'], ['Delta']],
    ['paths/11', ['CRL Number', 'Issuing Distribution', 'crl/paths/11'], ['Delta']],
    ['paths/delta', ['CRL Number', 'Delta CRL Indicator'], ['Issuing Distribution']],
  ])('lead openssl to %s in DER and PEM', async (path, shows, lacks) => {
    const answers = { der: await get(path), crl: await get(`${path}.crl`), pem: await get(`${path}.pem`) };
    expect(Object.values(answers).map(({ status }) => status)).toEqual([200, 200, 200]);
    expectSame(answers.crl.body, answers.der.body);
    expectSame(derOf(answers.pem.body), answers.der.body);
    expect(answers.crl.headers['content-type']).toBe('application/pkix-crl');
    expect(answers.pem.headers['content-type']).toBe('application/x-pem-file');
    const name = path.replace('/', '-');
    const [der, pem] = [openssl.file(`${name}.crl`, answers.crl.body), openssl.file(`${name}.pem`, answers.pem.body)];
    const text = await openssl.ok('crl', '-inform', 'DER', '-in', der, '-noout', '-text');
    expect(await openssl.ok('crl', '-inform', 'PEM', '-in', pem, '-noout', '-text')).toBe(text);
    expect(await openssl.ok('crl', '-inform', 'DER', '-in', der)).toBe(answers.pem.body.toString());
    for (const part of shows) expect(text).toContain(part);
    for (const part of lacks) expect(text).not.toContain(part);
  });

  it.each([
    ['nobody', 'issuer_not_found'],
    ['nobody.crl', 'issuer_not_found'],
    ['nobody/0', 'issuer_not_found'],
    ['nobody/x', 'issuer_not_found'],
    ['', 'issuer_not_found'],
    ['/', 'issuer_not_found'],
    ['Paths', 'issuer_not_found'],
    ['%00', 'issuer_not_found'],
    ['..%2fpaths', 'issuer_not_found'],
    ['a'.repeat(64), 'issuer_not_found'],
    ['paths/12', 'crl_not_found'],
    ['paths/1023', 'crl_not_found'],
    ['paths/9999', 'crl_not_found'],
    ['paths/01', 'crl_not_found'],
    ['paths/-1', 'crl_not_found'],
    ['paths/x', 'crl_not_found'],
    ['paths/', 'crl_not_found'],
    ['paths.der', 'crl_not_found'],
    ['paths/0/', 'crl_not_found'],
    ['iss-local/0', 'crl_not_found'],
    ['iss-local/delta', 'crl_not_found'],
    ['iss-local/delta.pem', 'crl_not_found'],
  ])('are nothing at %j: %s', async (path, code) => {
    const answer = await get(path);
    expect(problemCode(answer)).toEqual([404, code]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect((await head(path)).status).toBe(404);
  });

  it('of an issuer whose key is elsewhere say that its CRL is too', async () => {
    const { certificate_pem } = await desk.root('key-holder');
    await desk.createIssuer({ id: 'keyless', name: 'Keyless', kind: 'imported', certificate_pem });
    for (const path of ['keyless', 'keyless.pem', 'keyless/0', 'keyless/delta', 'keyless/x']) {
      const answer = await get(path);
      expect([path, ...problemCode(answer)]).toEqual([path, 404, 'crl_published_elsewhere']);
      expect(answer.json<{ detail: string }>().detail).toMatch(/elsewhere/);
    }
  });

  it('ask for patience while there is no CRL yet, and lead to it as soon as it can be built', async () => {
    await desk.root('unready');
    const [key] = await app.dataSource.query<{ id: string; wrapped: Buffer }[]>(
      `SELECT id, wrapped_private_key AS wrapped FROM keys WHERE id = (SELECT key_id FROM issuers WHERE id = 'unready')`,
    );
    const setKey = (wrapped: Buffer) =>
      app.dataSource.query('UPDATE keys SET wrapped_private_key = $2 WHERE id = $1', [key!.id, wrapped]);
    const fresh = await startBeside();
    await setKey(Buffer.alloc(1));
    const answer = await get('unready', {}, fresh);
    expect(problemCode(answer)).toEqual([503, 'crl_not_ready']);
    expect(answer.headers['retry-after']).toBe('2');
    await setKey(key!.wrapped);
    expect((await get('unready')).status).toBe(200);
    expect((await get('unready', {}, fresh)).status).toBe(200);
  });
});

describe('the headers of a CRL', () => {
  it('are a strong ETag, the times of the CRL and how long to keep it', async () => {
    const answer = await get('iss-local');
    const { thisUpdate, nextUpdate } = parseCrl(answer.body);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      'content-length': String(answer.body.length),
      etag: `"${sha256(answer.body)}"`,
      'last-modified': thisUpdate.toUTCString(),
      expires: nextUpdate.toUTCString(),
      'cache-control': 'max-age=3600, public, no-transform, must-revalidate',
      'accept-ranges': 'bytes',
      vary: 'Accept-Encoding',
    });
  });

  it('never let a cache keep it past its nextUpdate', async () => {
    const { nextUpdate } = parseCrl((await get('iss-local')).body);
    const left = (nextUpdate.getTime() - app.clock.now().getTime()) / 1000;
    app.clock.advance(left - 600);
    try {
      const age = /^max-age=(\d+),/.exec(String((await get('iss-local')).headers['cache-control']))?.[1];
      expect(Number(age)).toBeLessThanOrEqual(600);
      expect(Number(age)).toBeGreaterThan(500);
      app.clock.advance(1200);
      expect((await get('iss-local')).headers['cache-control']).toMatch(/^max-age=0,/);
    } finally {
      app.clock.advance(600 - left - 1200);
    }
  });

  it('differ from form to form in the ETag alone, where they must', async () => {
    const gzip = { 'accept-encoding': 'gzip' };
    const answers = [await get('big'), await get('big.pem'), await get('big', gzip), await get('big.pem', gzip)];
    expect(new Set(answers.map(({ headers }) => headers['etag'])).size).toBe(4);
    expect(new Set(answers.map(({ headers }) => headers['last-modified'])).size).toBe(1);
    for (const { headers } of answers) expect(headers['etag']).toMatch(/^"[0-9a-f]{64}(-pem)?"$/);
    expect((await get('big.crl')).headers['etag']).toBe(answers[0]!.headers['etag']);
  });

  it.each(['big', 'big.pem', 'iss-local', 'iss-local.pem'])(
    'are by HEAD those of GET, without a body: %s',
    async (path) => {
      for (const accept of [{}, { 'accept-encoding': 'gzip' }, { range: 'bytes=0-9' }] as Record<string, string>[]) {
        const { range: _, ...whole } = accept;
        const full = await get(path, whole);
        const answer = await head(path, accept);
        expect([answer.status, answer.body.length]).toEqual([200, 0]);
        const { date: _date, connection: _connection, ...headers } = answer.headers;
        expect(full.headers).toMatchObject(headers);
        expect(headers['content-length']).toBe(String(full.body.length));
      }
    },
  );

  it('are the same by HTTPS, and with a query', async () => {
    const plain = await get('iss-local');
    expectSame((await get('iss-local?x=1')).body, plain.body);
    expectSame((await ask(`${app.httpsUrl}${CRL}/iss-local`, { ca: app.ca })).body, plain.body);
    expectSame((await ask(`${app.httpsUrl}${CRL}/big`, { ca: app.ca })).body, (await get('big')).body);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('allow GET and HEAD: %s is 405', async (method) => {
    const answer = await app.pki(`${CRL}/iss-local`, { method });
    expect(problemCode(answer)).toEqual([405, 'method_not_allowed']);
    expect(answer.headers['allow']).toBe('GET, HEAD');
  });
});

describe('a conditional request', () => {
  it.each(['iss-local', 'big', 'big.pem'])('is 304 by If-None-Match and by If-Modified-Since: %s', async (path) => {
    for (const accept of [{}, { 'accept-encoding': 'gzip' }] as Record<string, string>[]) {
      const { headers } = await get(path, accept);
      const [etag, modified] = [String(headers['etag']), String(headers['last-modified'])];
      const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
      const statusWith = async (conditions: Record<string, string>): Promise<number> =>
        (await get(path, { ...accept, ...conditions })).status;
      expect(await statusWith({ 'if-none-match': etag })).toBe(304);
      expect(await statusWith({ 'if-none-match': `"a", W/${etag}` })).toBe(304);
      expect(await statusWith({ 'if-none-match': '*' })).toBe(304);
      expect(await statusWith({ 'if-modified-since': modified })).toBe(304);
      expect(await statusWith({ 'if-modified-since': earlier })).toBe(200);
      expect(await statusWith({ 'if-modified-since': 'yesterday' })).toBe(200);
      expect(await statusWith({ 'if-none-match': '"a"', 'if-modified-since': modified })).toBe(200);
      expect(await statusWith({ 'if-none-match': etag, 'if-modified-since': earlier })).toBe(304);
      expect(await statusWith({ 'if-none-match': etag, range: 'bytes=0-9' })).toBe(304);
      expect((await head(path, { ...accept, 'if-none-match': etag })).status).toBe(304);
      const notModified = await get(path, { ...accept, 'if-none-match': etag });
      expect(notModified.body).toHaveLength(0);
      expect(notModified.headers).toMatchObject({
        etag,
        'last-modified': modified,
        'cache-control': headers['cache-control'],
        expires: headers['expires'],
        vary: 'Accept-Encoding',
      });
      expect(notModified.headers['content-type']).toBeUndefined();
    }
  });

  it('is 412 where the client wants another CRL than the one that is published', async () => {
    const { headers } = await get('big');
    const [etag, modified] = [String(headers['etag']), String(headers['last-modified'])];
    const later = new Date(Date.parse(modified) + 1000).toUTCString();
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    const refused = [
      { 'if-match': '"a"' },
      { 'if-match': `W/${etag}` },
      { 'if-match': '' },
      { 'if-unmodified-since': earlier },
      { 'if-match': '"a"', 'if-none-match': etag },
    ];
    for (const conditions of refused) {
      expect(problemCode(await get('big', conditions))).toEqual([412, 'precondition_failed']);
      expect((await head('big', conditions)).status).toBe(412);
    }
    const taken = [
      { 'if-match': etag },
      { 'if-match': `"a", ${etag}` },
      { 'if-match': '*' },
      { 'if-unmodified-since': modified },
      { 'if-unmodified-since': later },
      { 'if-unmodified-since': 'tomorrow' },
      { 'if-match': etag, 'if-unmodified-since': earlier },
    ];
    for (const conditions of taken) expect((await head('big', conditions)).status).toBe(200);
  });

  it('is 200 again after a revocation, by either condition, and a range is of the new CRL', async () => {
    await desk.root('conditional');
    const { headers } = await get('conditional');
    await desk.revoke(await desk.issue({ issuer: 'conditional' }));
    await publish(completeCrlOf('conditional'));
    const [etag, modified] = [String(headers['etag']), String(headers['last-modified'])];
    expect((await get('conditional', { 'if-none-match': etag })).status).toBe(200);
    expect((await get('conditional', { 'if-modified-since': modified })).status).toBe(200);
    expect((await get('conditional', { 'if-match': etag })).status).toBe(412);
    expect((await get('conditional', { 'if-unmodified-since': modified })).status).toBe(412);
    for (const ifRange of [etag, modified]) {
      expect((await get('conditional', { range: 'bytes=0-9', 'if-range': ifRange })).status).toBe(200);
    }
  });
});

describe('a range', () => {
  /** Fetches in parts of such a size, as a client does that was interrupted, and puts them together. */
  async function inParts(path: string, size: number, headers: Record<string, string>): Promise<Buffer> {
    const parts: Buffer[] = [];
    let [at, total] = [0, 1];
    let etag: Record<string, string> = {};
    while (at < total) {
      const answer = await get(path, { ...headers, ...etag, range: `bytes=${at}-${at + size - 1}` });
      expect(answer.status).toBe(206);
      total = Number(/^bytes \d+-\d+\/(\d+)$/.exec(String(answer.headers['content-range']))?.[1]);
      const last = Math.min(at + size, total) - 1;
      expect(answer.headers['content-range']).toBe(`bytes ${at}-${last}/${total}`);
      expect(answer.headers['content-length']).toBe(String(answer.body.length));
      etag = { 'if-range': String(answer.headers['etag']) };
      parts.push(answer.body);
      at = last + 1;
    }
    return Buffer.concat(parts);
  }

  it.each([
    ['big', {}],
    ['big.pem', {}],
    ['big', { 'accept-encoding': 'gzip' }],
    ['big.pem', { 'accept-encoding': 'gzip' }],
  ])('after the other makes the whole: %s %j', async (path, headers) => {
    expectSame(await inParts(path, 777_777, headers), (await get(path, headers)).body);
  });

  it('may begin and end anywhere', async () => {
    const { body, headers } = await get('big');
    const { length } = body;
    const ranges: [string, number, number][] = [
      ['0-0', 0, 1],
      ['0-', 0, length],
      ['5-9', 5, 10],
      [`${MIB - 1}-${MIB}`, MIB - 1, MIB + 1],
      [`${3 * MIB - 70_000}-${4 * MIB + 70_000}`, 3 * MIB - 70_000, 4 * MIB + 70_001],
      ['-1', length - 1, length],
      ['-70000', length - 70_000, length],
      [`-${length + 5}`, 0, length],
      [`${length - 3}-${length + 3}`, length - 3, length],
      [`${length - 1}-`, length - 1, length],
    ];
    for (const [range, start, end] of ranges) {
      const answer = await get('big', { range: `bytes=${range}` });
      expect([range, answer.status]).toEqual([range, 206]);
      expectSame(answer.body, body.subarray(start, end));
      expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${length}`);
      for (const name of ['etag', 'last-modified', 'expires', 'content-type', 'vary', 'cache-control']) {
        expect(answer.headers[name]).toBe(headers[name]);
      }
    }
  });

  it.each(['bytes=0-1,5-6', 'bytes=5-4', 'bytes=', 'bytes=x-', 'lines=1-2', 'bytes=-'])(
    'that is %s is the whole',
    async (range) => {
      const whole = await get('iss-local');
      const answer = await get('iss-local', { range });
      expect(answer.status).toBe(200);
      expectSame(answer.body, whole.body);
      expect(answer.headers['content-range']).toBeUndefined();
    },
  );

  it('behind the end is 416, and says where the end is', async () => {
    const { body } = await get('iss-local');
    for (const range of [`bytes=${body.length}-`, 'bytes=-0', 'bytes=99999999999999999999-']) {
      const answer = await get('iss-local', { range });
      expect([range, ...problemCode(answer)]).toEqual([range, 416, 'range_not_satisfiable']);
      expect(answer.headers['content-range']).toBe(`bytes */${body.length}`);
      expect((await get('iss-local', { range, 'if-range': '"other"' })).status).toBe(200);
    }
  });

  it('is given where If-Range names this CRL, by its ETag or its time', async () => {
    const { headers } = await get('iss-local');
    const [etag, modified] = [String(headers['etag']), String(headers['last-modified'])];
    const statusWith = async (ifRange: string): Promise<number> =>
      (await get('iss-local', { range: 'bytes=0-9', 'if-range': ifRange })).status;
    expect(await statusWith(etag)).toBe(206);
    expect(await statusWith(modified)).toBe(206);
    expect(await statusWith(`W/${etag}`)).toBe(200);
    expect(await statusWith('"other"')).toBe(200);
    expect(await statusWith(new Date(Date.parse(modified) + 1000).toUTCString())).toBe(200);
  });
});

describe('gzip', () => {
  it.each(['big', 'big.pem'])('is used where the client takes it: %s', async (path) => {
    const plain = await get(path);
    const packed = await get(path, { 'accept-encoding': 'br, gzip;q=0.5' });
    expect(packed.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      'content-type': plain.headers['content-type'],
      'content-length': String(packed.body.length),
      etag: `"${sha256(packed.body)}"`,
    });
    expectSame(gunzipSync(packed.body), plain.body);
    expect(packed.body.length).toBeLessThan(plain.body.length * 0.9);
    for (const coding of ['gzip;q=0', 'br', 'identity', 'xgzip', '']) {
      expect((await head(path, { 'accept-encoding': coding })).headers['content-encoding']).toBeUndefined();
    }
  });

  it('is not used for a CRL that fits into a packet', async () => {
    const answer = await get('iss-local', { 'accept-encoding': 'gzip' });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers['vary']).toBe('Accept-Encoding');
  });
});

describe('the memory', () => {
  const BYTES = 'certplane_crl_memory_bytes';
  const lookups = (of: TestApp, result: 'hit' | 'miss') =>
    sampleOf(of, `certplane_crl_memory_lookups_total{result="${result}"}`);

  it('is filled by one of those who ask at the same time, and asked by all who come after', async () => {
    const cold = await startBeside();
    const store = cold.app.nest.get(CrlStore);
    const read = store.readChunks.bind(store);
    let reads = 0;
    store.readChunks = (...args) => {
      reads += 1;
      return read(...args);
    };
    const ways: [string, Record<string, string>][] = [
      ['big', {}],
      ['big.pem', {}],
      ['big', { 'accept-encoding': 'gzip' }],
    ];
    const answers = await Promise.all([...ways, ...ways, ...ways].map(([path, headers]) => get(path, headers, cold)));
    expect(new Set(answers.map(({ status, headers }) => `${status} ${String(headers['etag'])}`)).size).toBe(3);
    expect(reads).toBe(1);
    const misses = await lookups(cold, 'miss');
    for (const [path, headers] of ways) await get(path, headers, cold);
    expect(await lookups(cold, 'miss')).toBe(misses);
    expect(await lookups(cold, 'hit')).toBeGreaterThanOrEqual(3);
    const sizes = answers.slice(0, 3).map(({ body }) => body.length);
    expect(await sampleOf(cold, BYTES)).toBeGreaterThan(sizes[0]! + sizes[1]! + sizes[2]!);
    await publish(completeCrlOf('big'));
    await get('big', {}, cold);
    expect(await sampleOf(cold, BYTES)).toBeLessThan(sizes[0]! + 10_000);
  });

  it('needs no bytes for a 304 or a HEAD', async () => {
    const cold = await startBeside();
    const { headers } = await get('big');
    const etag = String(headers['etag']);
    expect((await get('big', { 'if-none-match': etag }, cold)).status).toBe(304);
    expect((await cold.pki(`${CRL}/big.pem`, { method: 'HEAD' })).status).toBe(200);
    expect((await get('big', { range: 'bytes=-0' }, cold)).status).toBe(416);
    expect(await sampleOf(cold, BYTES)).toBe(0);
  });

  it('keeps to its bound: two CRLs put each other out, one that is larger is served all the same', async () => {
    const small = await startBeside({ env: { CERTPLANE_CRL_MEMORY_MAX: '1MiB' } });
    for (const id of ['half-1', 'half-2']) {
      await desk.root(id);
      await insertRevoked(app, id, 9000);
      await publish(completeCrlOf(id));
    }
    const [one, two, big] = [(await get('half-1')).body, (await get('half-2')).body, (await get('big')).body];
    expect(one.length).toBeLessThan(MIB);
    expect(one.length + two.length).toBeGreaterThan(MIB);
    for (let round = 1; round <= 3; round++) {
      expectSame((await get('half-1', {}, small)).body, one);
      expectSame((await get('half-1', {}, small)).body, one);
      expectSame((await get('half-2', {}, small)).body, two);
      expect(await lookups(small, 'miss')).toBe(2 * round);
      expect(await lookups(small, 'hit')).toBe(round);
      expect(await sampleOf(small, BYTES)).toBeLessThanOrEqual(MIB);
    }
    expectSame((await get('big', {}, small)).body, big);
    expectSame((await get('big.pem', {}, small)).body, (await get('big.pem')).body);
    const unpacked = await get('big', { 'accept-encoding': 'gzip' }, small);
    expect(unpacked.headers['content-encoding']).toBeUndefined();
    await waitUntil('what is too large is gone', async () => (await sampleOf(small, BYTES)) <= MIB);
    expect((await get('half-2', {}, small)).status).toBe(200);
    expect(await lookups(small, 'hit')).toBe(4);
  });
});

describe('a CRL that is replaced while it is read', () => {
  it('is read again under its new number', async () => {
    const cold = await startBeside();
    const store = cold.app.nest.get(CrlStore);
    const read = store.readChunks.bind(store);
    const replaced = (await get('big')).headers['etag'];
    let reads = 0;
    store.readChunks = async function* (scope, crlNumber) {
      reads += 1;
      for await (const chunk of read(scope, crlNumber)) {
        yield chunk;
        if (reads === 1) {
          reads = 2;
          await publish(scope);
        }
      }
    };
    const answer = await get('big', {}, cold);
    expect([answer.status, reads]).toEqual([200, 3]);
    expect(answer.headers['etag']).not.toBe(replaced);
    expectSame(answer.body, (await get('big')).body);
    expect(parseCrl(answer.body).entryCount).toBe(BIG_ENTRIES);
  });

  it('again and again is 503, and not half of a CRL', async () => {
    const cold = await startBeside();
    const store = cold.app.nest.get(CrlStore);
    store.readChunks = async function* () {
      yield* [];
    };
    const answer = await get('big', {}, cold);
    expect(problemCode(answer)).toEqual([503, 'crl_not_ready']);
    expect(answer.headers['retry-after']).toBe('2');
  });
});

describe('while the database can not be asked', () => {
  let relay: TcpRelay;
  let cut: TestApp;
  beforeAll(async () => {
    relay = await TcpRelay.start(app.database.url);
    cut = await startBeside({
      databaseUrl: (url) => relay.throughRelay(url),
      env: { CERTPLANE_OCSP_ENABLED: 'false' },
    });
  });
  afterAll(async () => {
    relay.forward();
    await cut.stop();
    others.splice(others.indexOf(cut), 1);
    await relay.stop();
  });

  it('a CRL is served from memory in every form, as long as it is valid', async () => {
    const { body, headers } = await get('big', {}, cut);
    const etag = String(headers['etag']);
    relay.refuse();
    for (let round = 0; round < 3; round++) {
      expectSame((await get('big', {}, cut)).body, body);
      expectSame(derOf((await get('big.pem', {}, cut)).body), body);
      expectSame(gunzipSync((await get('big', { 'accept-encoding': 'gzip' }, cut)).body), body);
      expect((await get('big', { 'if-none-match': etag }, cut)).status).toBe(304);
      expectSame((await get('big', { range: 'bytes=5-' }, cut)).body, body.subarray(5));
    }
    expect(problemCode(await get('iss-local', {}, cut))).toEqual([503, 'database_unavailable']);
    const { nextUpdate } = parseCrl(body);
    const left = (nextUpdate.getTime() - app.clock.now().getTime()) / 1000;
    app.clock.advance(left + 1);
    try {
      const answer = await get('big', {}, cut);
      expect(problemCode(answer)).toEqual([503, 'database_unavailable']);
      expect(answer.headers['retry-after']).toBe('5');
    } finally {
      app.clock.advance(-left - 1);
    }
    expect((await get('big', {}, cut)).status).toBe(200);
    relay.forward();
    await waitUntil('the database is asked again', async () => (await get('iss-local', {}, cut)).status === 200);
  });

  it('and is silent, too', async () => {
    await get('big', {}, cut);
    await publish(completeCrlOf('big'));
    relay.swallow();
    const held = await get('big', {}, cut);
    relay.refuse();
    relay.forward();
    expect(held.status).toBe(200);
    const published = (await get('big')).headers['etag'];
    expect(held.headers['etag']).not.toBe(published);
    await waitUntil('the database is asked again', async () => {
      return (await get('big', {}, cut)).headers['etag'] === published;
    });
  });
});

describe('hostile requests', () => {
  const pick = <T>(values: readonly T[], random: () => number): T => values[Math.floor(random() * values.length)]!;

  /** The same numbers each time. */
  function randomOf(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
  }

  it('are never answered with a 500, and never with what is not a CRL', async () => {
    const random = randomOf(4);
    const segments = [
      'big',
      'paths',
      'nobody',
      'keyless',
      '0',
      '3',
      '11',
      '12',
      '-1',
      '1e3',
      'delta',
      '.crl',
      '.pem',
      '.',
      '..',
      '/',
      '//',
    ];
    const odd = [
      '%2f',
      '%00',
      '%',
      '\u00ff',
      '?',
      '&',
      ';',
      '*',
      '~',
      "'",
      '"',
      '99999999999999999999',
      'a'.repeat(300),
    ];
    const numbers = ['', '0', '1', '-1', '190', '99999999', '9'.repeat(30), 'x', ' ', '0x1', '٣'];
    const statuses = new Set<number>();
    for (let round = 0; round < 600; round++) {
      const known = random() < 0.5 ? pick(['iss-local', 'iss-local.pem', 'paths/0', 'paths/delta.pem'], random) : '';
      const parts = Array.from({ length: Math.floor(random() * 4) }, () =>
        pick(random() < 0.7 ? segments : odd, random),
      );
      const path = encodeURI(known === '' || random() < 0.2 ? known + parts.join('') : known).replace(/%25/g, '%');
      const unit = pick(['bytes=', 'bytes=', 'Bytes=', 'bytes =', 'lines=', ''], random);
      const ranges = Array.from({ length: random() < 0.7 ? 1 : 3 }, () =>
        random() < 0.5
          ? pick(['0-', '0-0', '-5', '-0', '99999999-', '5-2', `${'9'.repeat(30)}-`], random)
          : `${pick(numbers, random)}${pick(['-', '--', '', '/'], random)}${pick(numbers, random)}`,
      );
      const range = Buffer.from(unit + ranges.join(',')).toString('latin1');
      const answer = await get(path, {
        range,
        ...(random() < 0.3 ? { 'if-range': pick(['"x"', 'W/"x"', 'yesterday', '""', '"'], random) } : {}),
        ...(random() < 0.3 ? { 'if-none-match': pick(['"x"', ',,', '"', 'W/', '*x'], random) } : {}),
        ...(random() < 0.3 ? { 'accept-encoding': pick(['gzip', ',', ';q=0', 'gzip;q=', 'gzip;;'], random) } : {}),
      });
      statuses.add(answer.status);
      expect([path, range, answer.status < 500]).toEqual([path, range, true]);
      if (answer.status >= 400) problemCode(answer);
    }
    expect([...statuses].sort((a, b) => a - b)).toEqual([200, 206, 404, 416]);
  });

  it('that go away in the middle leave nothing behind', async () => {
    const before = await sampleOf(app, 'certplane_crl_memory_bytes');
    for (let round = 0; round < 20; round++) {
      const socket = connect(app.config.pkiHttpPort, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`GET ${CRL}/big HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1 + (round % 4)));
      if (round % 3 > 0) await new Promise((resolve) => socket.once('data', resolve));
      if (round % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await publish(completeCrlOf('big'));
    const { body } = await get('big');
    await waitUntil('only what is current is held', async () => {
      return (await sampleOf(app, 'certplane_crl_memory_bytes')) <= Math.max(before, body.length + 5 * MIB);
    });
    expectSame((await get('big')).body, body);
  });
});

describe('a hundred slow downloads', () => {
  const DOWNLOADS = 100;
  let instance: AppProcess;
  let port: { https: number; pki: number };
  let api: ApiClient;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    port = { https: await findFreePort(), pki: await findFreePort() };
    instance = await new AppProcess({
      CERTPLANE_DATA_DIR: app.dataDir,
      CERTPLANE_DATABASE_URL: app.database.url,
      CERTPLANE_HTTPS_PORT: String(port.https),
      CERTPLANE_PKI_HTTP_PORT: String(port.pki),
    }).ready();
    api = new ApiClient(`https://localhost:${port.https}`, app.ca, readFileSync(app.app.adminKeyFile, 'utf8').trim());
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await instance.stop();
  });

  /** A client that asks for the CRL and reads only as much as it must to see that it is being sent. */
  async function downloadSlowly(secure: boolean): Promise<Socket> {
    // An option of every stream, which the types of sockets don't know.
    const buffered = { highWaterMark: 1024 };
    const socket = secure
      ? connectTls({ port: port.https, host: 'localhost', ca: app.ca, ...buffered })
      : connect({ port: port.pki, host: '127.0.0.1', ...buffered });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(`GET ${CRL}/big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.pause();
    socket.unshift(first);
    expect(first.subarray(0, 15).toString()).toBe('HTTP/1.1 200 OK');
    return socket;
  }

  async function sample(name: string): Promise<number> {
    const text = (await api.get('/api/v1/metrics/prometheus')).body.toString();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  }

  async function readToEnd(socket: Socket): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const whole = Buffer.concat(chunks);
    return whole.subarray(whole.indexOf('\r\n\r\n') + 4);
  }

  it('cost little memory, hold up nobody, and end well', async () => {
    const published = (await get('big')).body;
    const fetchBig = () => fetchFrom(port.pki);
    for (let round = 0; round < 5; round++) expectSame(await fetchBig(), published);
    const before = await sample('process_resident_memory_bytes');
    for (let count = 0; count < DOWNLOADS; count++) await downloadSlowly(count % 2 === 0);
    expectSame(await fetchBig(), published);
    const during = await sample('process_resident_memory_bytes');
    // Each holding the whole would take 800 MB.
    expect(during - before).toBeLessThan(150 * MIB);
    expect(await sample('certplane_crl_memory_bytes')).toBeLessThan(2 * published.length);

    // What they are downloading was replaced: the old one stays for them, once.
    await publish(completeCrlOf('big'));
    const replacement = (await get('big')).body;
    expectSame(await fetchBig(), replacement);
    expect(await sample('certplane_crl_memory_bytes')).toBeLessThan(3 * published.length);
    for (const socket of sockets.slice(0, 4)) expectSame(await readToEnd(socket), published);
    for (const socket of sockets) socket.destroy();
    await waitUntil('the old one is let go', async () => {
      return (await sample('certplane_crl_memory_bytes')) < 2 * published.length;
    });
  });

  const fetchFrom = async (pkiPort: number): Promise<Buffer> =>
    (await ask(`http://127.0.0.1:${pkiPort}${CRL}/big`)).body;
});
