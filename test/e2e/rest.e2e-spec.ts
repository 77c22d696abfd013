import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { AccessRefusals } from '../../src/access/access-refusals.js';
import { AUDIT_ACTIONS } from '../../src/audit/audit-action.js';
import { ask, type Answer } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson, type Page } from '../support/issuing.js';
import { exchangeBytes } from '../support/ocsp-client.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

interface AuditEvent {
  readonly id: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly source_address: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: unknown[];
  readonly parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: { required?: boolean; content: Record<string, { schema: object }> };
  readonly responses: Record<
    string,
    { $ref?: string; description?: string; content?: Record<string, { schema: object }> }
  >;
}

interface OpenApi {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> } & Record<string, Record<string, object>>;
  readonly security: Record<string, string[]>[];
}

const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057';
const JSON_TYPE = { 'content-type': 'application/json' };

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let apiKey: string;
beforeAll(async () => {
  app = await startTestApp({ env: { CERTPLANE_MAX_BODY_SIZE: '64KiB' } });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  apiKey = readFileSync(app.app.adminKeyFile, 'utf8').trim();
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const open = (path: string, options: Parameters<typeof ask>[1] = {}): Promise<Answer> =>
  ask(app.httpsUrl + path, { ca: app.ca, ...options });
const withKey = (path: string, { headers = {}, ...more }: Parameters<typeof ask>[1] = {}): Promise<Answer> =>
  open(path, { headers: { authorization: `Bearer ${apiKey}`, ...headers }, ...more });

/** Every route that the framework has, its parameters filled in. */
function routes(): { method: string; path: string; url: string }[] {
  const { router } = app.app.nest.getHttpAdapter().getInstance() as unknown as {
    router: { stack: { route?: { path: string; methods: Record<string, boolean> } }[] };
  };
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map((method) => ({
          method: method.toUpperCase(),
          path: route.path,
          url: route.path.replace(':id', /certificates|api-keys/.test(route.path) ? NOBODY : 'nobody'),
        })),
  );
}

describe('access', () => {
  const PUBLIC_ROUTES = [
    'GET /api/v1/docs',
    'GET /api/v1/docs/',
    'GET /api/v1/docs-yaml',
    'GET /api/v1/docs/LICENSE',
    'GET /api/v1/docs/docs/swagger-ui-init.js',
    'GET /api/v1/docs/index.html',
    'GET /api/v1/docs/swagger-ui-init.js',
    'GET /api/v1/openapi.json',
    'GET /health',
    'GET /ready',
  ];

  it('without a key is to these routes and no other', async () => {
    const reached: string[] = [];
    for (const { method, path, url } of routes()) {
      const answer = await open(url, { method });
      if (answer.status === 401) expect(problemCode(answer)).toEqual([401, 'unauthorized']);
      else reached.push(`${method} ${path}`);
    }
    expect(reached.sort()).toEqual(PUBLIC_ROUTES.sort());
    expect(routes().length).toBeGreaterThan(PUBLIC_ROUTES.length + 10);
  });

  it('is refused to whoever has no key, another, or brings it in another way', async () => {
    const path = '/api/v1/certificates';
    const basic = Buffer.from(`admin:${apiKey}`).toString('base64');
    const ways: [string, Record<string, string>][] = [
      [path, {}],
      [path, { authorization: '' }],
      [path, { authorization: 'Bearer' }],
      [path, { authorization: 'Bearer ' }],
      [path, { authorization: `Bearer ${apiKey}x` }],
      [path, { authorization: `Bearer ${apiKey.slice(0, -1)}` }],
      [path, { authorization: `Bearer ${apiKey} ${apiKey}` }],
      [path, { authorization: `Bearer ${'x'.repeat(20_000)}` }],
      [path, { authorization: `Bearer ${createHash('sha256').update(apiKey).digest('hex')}` }],
      [path, { authorization: apiKey }],
      [path, { authorization: `Basic ${basic}` }],
      [path, { 'x-api-key': apiKey }],
      [path, { cookie: `access_token=${apiKey}` }],
      [`${path}?access_token=${apiKey}`, {}],
      [`${path}?api_key=${apiKey}`, {}],
    ];
    for (const [url, headers] of ways) {
      const answer = await open(url, { headers });
      expect(problemCode(answer)).toEqual([401, 'unauthorized']);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="certplane"');
      expect(answer.body.toString()).not.toContain(apiKey);
    }
    const body = JSON.stringify({ access_token: apiKey, id: 'x', name: 'x', kind: 'root', subject: 'CN=x' });
    expect((await open('/api/v1/issuers', { method: 'POST', headers: JSON_TYPE, body })).status).toBe(401);
  });

  it('is given for the key, in any writing of its scheme', async () => {
    for (const authorization of [`Bearer ${apiKey}`, `bearer ${apiKey}`, `BEARER  ${apiKey} `]) {
      expect((await open('/api/v1/audit?limit=1', { headers: { authorization } })).status).toBe(200);
    }
  });

  it('rests on the SHA-256 of the key; the key itself is stored nowhere', async () => {
    const rows: { name: string; hash: Buffer; whole: string }[] = await app.dataSource.query(
      'SELECT name, key_sha256 AS hash, k::text AS whole FROM api_keys k',
    );
    expect(rows.map(({ name, hash }) => [name, hash.toString('hex')])).toEqual([
      ['bootstrap-admin', createHash('sha256').update(apiKey).digest('hex')],
    ]);
    expect(rows[0]?.whole).not.toContain(apiKey);
    expect((await withKey('/api/v1/audit')).body.toString()).not.toContain(apiKey);
  });

  it('by TLS is by version 1.3 and no other', async () => {
    const connecting = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const socket = connectTls({
          port: app.config.httpsPort,
          host: 'localhost',
          ca: app.ca,
          minVersion: 'TLSv1.2',
          maxVersion,
        });
        socket.once('secureConnect', () => {
          resolve(`${socket.getProtocol()} ${socket.authorized}`);
          socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await connecting('TLSv1.3')).toBe('TLSv1.3 true');
    expect(await connecting('TLSv1.2')).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('to the control plane is not by the plain listener', async () => {
    for (const { method, url } of routes()) {
      const answer = await app.pki(url, { method, headers: { authorization: `Bearer ${apiKey}` } });
      expect([url, ...problemCode(answer)]).toEqual([url, 404, 'not_found']);
    }
    for (const path of [
      '/',
      '/.well-known/pki',
      '/.well-known/pki/',
      '/.well-known/pki/x',
      '/.well-known/pki/../../health',
    ]) {
      expect((await app.pki(path)).status).toBe(404);
    }
  });

  it('to the plain listener may name it by a whole URL', async () => {
    const target = `http://localhost:${app.config.pkiHttpPort}/.well-known/pki/ca/iss-local.pem`;
    const answer = await exchangeBytes(
      app.config.pkiHttpPort,
      `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      false,
    );
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer.toString()).toContain(app.ca);
  });
});

describe('manners', () => {
  it.each([
    ['a body that is no JSON', '{', JSON_TYPE, 400, 'invalid_json'],
    ['a body that is a JSON text', '"x"', JSON_TYPE, 400, 'invalid_json'],
    ['a body that is a list', '[]', JSON_TYPE, 400, 'invalid_request'],
    ['a body that is nested without end', '['.repeat(30_000), JSON_TYPE, 400, 'invalid_json'],
    ['no body where one is needed', undefined, {}, 400, 'invalid_request'],
    ['a body of another type', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['a body of no type', '{}', {}, 415, 'unsupported_media_type'],
    [
      'a body of a form',
      'id=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    ['a body in Latin-1', '{}', { 'content-type': 'application/json; charset=latin1' }, 415, 'unsupported_media_type'],
    ['a body in an unknown coding', '{}', { ...JSON_TYPE, 'content-encoding': 'zip' }, 415, 'unsupported_media_type'],
    ['a body over the limit', JSON.stringify({ id: 'x'.repeat(66_000) }), JSON_TYPE, 413, 'body_too_large'],
    [
      'a body over the limit once unpacked',
      gzipSync(Buffer.alloc(1_000_000, 0x20)),
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
      413,
      'body_too_large',
    ],
  ] as const)('refuse %s', async (_, body, headers, status, code) => {
    const options = { method: 'POST', headers, ...(body === undefined ? {} : { body }) };
    expect(problemCode(await withKey('/api/v1/issuers', options))).toEqual([status, code]);
  });

  it('take a body up to the limit', async () => {
    const body = JSON.stringify({ id: 'x'.repeat(65_000) });
    expect(problemCode(await withKey('/api/v1/issuers', { method: 'POST', headers: JSON_TYPE, body }))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/api/v1'],
    ['GET', '/api/v1/nothing'],
    ['GET', '//api/v1/certificates'],
    ['DELETE', '/api/v1/issuers'],
    ['PUT', '/api/v1/issuers/iss-local'],
    ['PATCH', '/api/v1/issuers'],
    ['DELETE', `/api/v1/certificates/${NOBODY}`],
    ['OPTIONS', '/api/v1/issuers'],
  ])('have nothing for %s %s', async (method, path) => {
    expect(problemCode(await withKey(path, { method }))).toEqual([404, 'not_found']);
  });

  it.each(['%zz', '%', '%ff'])('refuse a path with %s', async (segment) => {
    expect(problemCode(await withKey(`/api/v1/certificates/${segment}`))).toEqual([400, 'invalid_request']);
  });

  it.each(['/api/v1/issuers', '/api/v1/certificates', '/api/v1/audit'])(
    'refuse unknown and doubled parameters of %s',
    async (path) => {
      for (const query of ['?x=1', '?limit=1&limit=2', '?cursor=a&cursor=b', '?limit[]=1']) {
        expect(problemCode(await withKey(path + query))).toEqual([400, 'invalid_request']);
      }
    },
  );

  it('give every answer a request id: the one that was sent, if it is well formed', async () => {
    const idOf = async (id?: string) => {
      const answer = await withKey('/api/v1/nothing', id === undefined ? {} : { headers: { 'x-request-id': id } });
      expect(answer.json()).toMatchObject({ request_id: answer.headers['x-request-id'] });
      return String(answer.headers['x-request-id']);
    };
    expect(await idOf('deploy-2026.11_21')).toBe('deploy-2026.11_21');
    for (const bad of [undefined, 'short', 'has a space', 'x'.repeat(65), '<script>alert(1)</script>']) {
      expect(await idOf(bad)).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('say nothing of what runs, and let nothing be kept', async () => {
    const { headers } = await withKey('/api/v1/certificates?limit=1');
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect(headers['strict-transport-security']).toMatch(/max-age=/);
    for (const name of ['x-powered-by', 'server', 'etag']) expect(headers[name]).toBeUndefined();
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  it('keep the cause of an internal error to the log', async () => {
    await app.dataSource.query('ALTER TABLE blocked_keys RENAME TO hidden');
    try {
      const { csr } = await openssl.csr('/CN=a.example.com');
      const answer = await app.api.post('/api/v1/certificates', { issuer_id: 'iss-local', csr });
      expect(problemCode(answer)).toEqual([500, 'internal_error']);
      expect(answer.body.toString()).not.toMatch(/blocked|relation|postgres|\.js|\.ts/i);
    } finally {
      await app.dataSource.query('ALTER TABLE hidden RENAME TO blocked_keys');
    }
  });

  it('keep text in any script', async () => {
    const { name, subject } = await desk.root('unicode', {
      name: 'Prüfstelle 認証局 🔐',
      subject: 'CN=認証局 🔐,O=Prüfstelle',
    });
    expect([name, subject]).toEqual(['Prüfstelle 認証局 🔐', 'CN=認証局 🔐,O=Prüfstelle']);
  });
});

describe('health', () => {
  it('is alive and ready, and says of what', async () => {
    expect((await open('/health')).json()).toEqual({ status: 'ok' });
    const answer = await open('/ready');
    expect([answer.status, answer.json()]).toEqual([
      200,
      { ready: true, checks: { database: 'ok', migrations: 'ok', issuer_keys: 'ok' } },
    ]);
  });

  it('is alive and not ready while migrations are pending', async () => {
    const [rows]: [{ id: number; timestamp: string; name: string }[], number] = await app.dataSource.query(
      'DELETE FROM migrations RETURNING *',
    );
    try {
      const answer = await open('/ready');
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({
        ready: false,
        checks: { database: 'ok', migrations: expect.stringMatching(/pending/) },
      });
      expect((await open('/health')).status).toBe(200);
    } finally {
      for (const { id, timestamp, name } of rows) {
        await app.dataSource.query('INSERT INTO migrations (id, timestamp, name) VALUES ($1, $2, $3)', [
          id,
          timestamp,
          name,
        ]);
      }
    }
    expect((await open('/ready')).status).toBe(200);
  });

  it('has entities that match the migrations', async () => {
    const log = await app.dataSource.driver.createSchemaBuilder().log();
    expect(log.upQueries.map(({ query }) => query)).toEqual([]);
  });
});

describe('the audit trail', () => {
  const trail = (query = '') => app.api.fetch<Page<AuditEvent>>(`/api/v1/audit${query}`);
  /** The newest event, but for the CRLs, which are published at any time. */
  const newest = async () => (await trail('?limit=100')).items.find(({ action }) => action !== 'crl.publish');
  let certificate: CertificateJson;
  let held: CertificateJson;
  let csr: string;
  let spareKey: { id: string };
  beforeAll(async () => {
    certificate = await desk.issue();
    held = await desk.issue();
    await desk.revoke(held, { reason: 'certificateHold' });
    ({ csr } = await openssl.csr('/CN=b.example.com'));
    await desk.root('switch');
    spareKey = await app.api.create('/api/v1/api-keys', { name: 'spare', role: 'viewer' });
    // What was refused before is told of now, and not in the middle of what follows.
    await app.app.nest.get(AccessRefusals).flush();
  });

  /** What changes something, in an order that lets each succeed; and one that is refused for each. */
  const calls = (): [
    action: string,
    path: string,
    body: unknown,
    refusedPath: string,
    refusedBody: unknown,
    code: string,
  ][] => [
    [
      'api_key.create',
      '/api/v1/api-keys',
      { name: 'audited', role: 'viewer' },
      '/api/v1/api-keys',
      { name: 'audited', role: 'viewer' },
      'api_key_exists',
    ],
    [
      'api_key.rotate',
      `/api/v1/api-keys/${spareKey.id}/rotate`,
      undefined,
      `/api/v1/api-keys/${NOBODY}/rotate`,
      undefined,
      'api_key_not_found',
    ],
    [
      'api_key.revoke',
      `/api/v1/api-keys/${spareKey.id}/revoke`,
      undefined,
      `/api/v1/api-keys/${NOBODY}/revoke`,
      undefined,
      'api_key_not_found',
    ],
    [
      'issuer.create',
      '/api/v1/issuers',
      { id: 'audited', name: 'A', kind: 'root', subject: 'CN=A' },
      '/api/v1/issuers',
      { id: 'audited', name: 'A', kind: 'root', subject: 'CN=A' },
      'issuer_exists',
    ],
    [
      'issuer.update',
      '/api/v1/issuers/switch',
      { name: 'Switched' },
      '/api/v1/issuers/nobody',
      { name: 'Switched' },
      'issuer_not_found',
    ],
    [
      'ocsp_cache.refresh',
      '/api/v1/admin/ocsp/cache/switch/refresh',
      undefined,
      '/api/v1/admin/ocsp/cache/nobody/refresh',
      undefined,
      'issuer_not_found',
    ],
    [
      'crl.regenerate',
      '/api/v1/admin/crl/switch/regenerate',
      undefined,
      '/api/v1/admin/crl/nobody/regenerate',
      undefined,
      'issuer_not_found',
    ],
    [
      'ocsp_responder.rotate',
      '/api/v1/admin/ocsp/responders/switch/rotate',
      undefined,
      '/api/v1/admin/ocsp/responders/nobody/rotate',
      undefined,
      'issuer_not_found',
    ],
    [
      'issuer.disable',
      '/api/v1/issuers/switch/disable',
      undefined,
      '/api/v1/issuers/switch/disable',
      undefined,
      'issuer_status_conflict',
    ],
    [
      'issuer.enable',
      '/api/v1/issuers/switch/enable',
      undefined,
      '/api/v1/issuers/nobody/enable',
      undefined,
      'issuer_not_found',
    ],
    [
      'issuer.retire',
      '/api/v1/issuers/switch/retire',
      undefined,
      '/api/v1/issuers/switch/retire',
      undefined,
      'issuer_status_conflict',
    ],
    [
      'certificate.issue',
      '/api/v1/certificates',
      { issuer_id: 'iss-local', csr },
      '/api/v1/certificates',
      { issuer_id: 'iss-local', csr, x: 1 },
      'invalid_request',
    ],
    [
      'certificate.revoke',
      `/api/v1/certificates/${certificate.id}/revoke`,
      { reason: 'superseded' },
      `/api/v1/certificates/${NOBODY}/revoke`,
      {},
      'certificate_not_found',
    ],
    [
      'certificate.release',
      `/api/v1/certificates/${held.id}/release`,
      undefined,
      `/api/v1/certificates/${NOBODY}/release`,
      undefined,
      'certificate_not_found',
    ],
  ];

  const SUCCESS: Record<string, number> = {
    'api_key.create': 201,
    'issuer.create': 201,
    'certificate.issue': 201,
    'ocsp_cache.refresh': 202,
  };

  it('has an event for every call that changes something, and for every one that is refused', async () => {
    for (const [action, path, body, refusedPath, refusedBody, code] of calls()) {
      const id = `audit.${action}.ok`;
      const method = action === 'issuer.update' ? 'PATCH' : 'POST';
      const done = await app.api.send(method, path, body, { 'x-request-id': id });
      expect([action, done.status]).toEqual([action, SUCCESS[action] ?? 200]);
      const event = await newest();
      expect(event).toMatchObject({
        action,
        outcome: 'success',
        actor: 'api-key:bootstrap-admin',
        source_address: '127.0.0.1',
        request_id: id,
        subject_type: ['ocsp_cache.refresh', 'crl.regenerate'].includes(action) ? 'issuer' : action.split('.')[0],
        subject_id: done.json()['id'] ?? done.json()['issuer_id'] ?? 'switch',
      });
      const refused = await app.api.send(method, refusedPath, refusedBody, { 'x-request-id': `${id}.not` });
      expect(problemCode(refused)[1]).toBe(code);
      expect(await newest()).toMatchObject({
        action,
        outcome: 'refused',
        actor: 'api-key:bootstrap-admin',
        source_address: '127.0.0.1',
        request_id: `${id}.not`,
        subject_id: /\/(switch|nobody|[0-9a-f-]{36})(?:\/|$)/.exec(refusedPath)?.[1] ?? null,
        details: { code },
      });
    }
  });

  it('knows every route that changes something', () => {
    // A question that is too long for a query: it changes nothing.
    const asking = ['/api/v1/admin/ocsp/explain'];
    const mutating = routes().filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    // An event for each certificate, as by the route for one.
    const many = ['/api/v1/certificates/revoke'];
    // Each export, whatever its method, has a test of its own.
    const exporting = ['/api/v1/certificates/:id/export/pkcs12'];
    const audited = calls().map(([, path]) => path.replace(/switch|[0-9a-f-]{36}/, ':id'));
    expect(mutating.map(({ path }) => path.replace(':issuer_id', ':id')).sort()).toEqual(
      [...audited, ...asking, ...many, ...exporting].sort(),
    );
    const otherwise = [
      'access.refuse',
      'cert_export_pem',
      'cert_export_der',
      'cert_export_pkcs7',
      'cert_export_pkcs12',
      'cert_export_failed',
      'ocsp_responder.issue',
      'crl.publish',
      'audit.export',
      'audit_key.create',
      'audit_key.retire',
    ];
    expect([...calls().map(([action]) => action), ...otherwise].sort()).toEqual([...AUDIT_ACTIONS].sort());
  });

  it('records what the control plane does by itself', async () => {
    await app.pki(`/.well-known/pki/ocsp/iss-local/${certificate.serial_number}`);
    const [responder] = (await trail('?action=ocsp_responder.issue')).items;
    expect(responder).toMatchObject({
      actor: 'system:ocsp-responder',
      source_address: null,
      request_id: null,
      outcome: 'success',
    });
    const key = (await trail('?action=api_key.create')).items.at(-1);
    expect(key).toMatchObject({ actor: 'system:first-start', details: { name: 'bootstrap-admin' } });
  });

  it('tells of many that are revoked in one call as of each by itself, and of a refusal', async () => {
    const certificates = [await desk.issue(), await desk.issue()];
    const ids = certificates.map(({ id }) => id);
    await app.api.create('/api/v1/certificates/revoke', { ids, reason: 'superseded' });
    for (const id of ids) {
      const { items } = await trail(`?subject_id=${id}`);
      expect(items.map(({ action, outcome }) => [action, outcome])).toEqual([
        ['certificate.revoke', 'success'],
        ['certificate.issue', 'success'],
      ]);
    }
    const refused = await app.api.post('/api/v1/certificates/revoke', { ids: [NOBODY] });
    expect(problemCode(refused)[1]).toBe('certificate_not_found');
    expect(await newest()).toMatchObject({
      action: 'certificate.revoke',
      outcome: 'refused',
      details: { code: 'certificate_not_found' },
    });
  });

  it('tells of a revocation what was revoked and why; of the repetition nothing', async () => {
    const once = await desk.issue();
    const { revoked_at } = await desk.revoke(once, { reason: 'keyCompromise' });
    await desk.revoke(once);
    const { items } = await trail(`?subject_id=${once.id}`);
    expect(items.map(({ action }) => action)).toEqual(['certificate.revoke', 'certificate.issue']);
    expect(items[0]?.details).toEqual({
      issuer_id: 'iss-local',
      serial_number: once.serial_number,
      step: 'revoke',
      before: { revoked_at: null, revocation_reason: null, invalidity_date: null },
      after: { revoked_at, revocation_reason: 'keyCompromise', invalidity_date: null },
    });
  });

  it('records a refusal whatever stands in the path', async () => {
    for (const id of ['%00', 'a%0Ab', '%F0%9F%94%90', 'x'.repeat(300)]) {
      const requestId = `path-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
      const answer = await app.api.post(`/api/v1/issuers/${id}/disable`, undefined, { 'x-request-id': requestId });
      expect(problemCode(answer)).toEqual([400, 'invalid_request']);
      expect(await newest()).toMatchObject({
        request_id: requestId,
        outcome: 'refused',
        subject_id: null,
      });
    }
  });

  it('believes no header about where a call comes from', async () => {
    await app.api.post('/api/v1/issuers/nobody/enable', undefined, {
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'for=203.0.113.9',
    });
    expect((await newest())?.source_address).toBe('127.0.0.1');
  });

  it('is not about reading', async () => {
    const before = await newest();
    await withKey('/api/v1/certificates');
    await withKey(`/api/v1/certificates/${NOBODY}`);
    expect(await newest()).toEqual(before);
  });

  it('is newest first, page by page, all of it and nothing twice', async () => {
    const events: AuditEvent[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<AuditEvent> = await trail(`?limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`);
      events.push(...page.items.filter(({ action }) => action !== 'crl.publish'));
      cursor = page.next_cursor;
    }
    const [{ total }] = await app.dataSource.query<[{ total: number }]>(
      "SELECT count(*)::int AS total FROM audit_events WHERE action <> 'crl.publish'",
    );
    expect(events).toHaveLength(total);
    expect(new Set(events.map(({ id }) => id)).size).toBe(total);
    const times = events.map(({ occurred_at }) => Date.parse(occurred_at));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const revocations = await trail('?action=certificate.revoke&limit=100');
    expect(revocations.items).toEqual(events.filter(({ action }) => action === 'certificate.revoke'));
  });

  it.each(['?action=anything', '?subject_id=%00', '?subject_id=', '?cursor=x', '?actor='])(
    'refuses %s',
    async (query) => {
      expect((await app.api.get(`/api/v1/audit${query}`)).status).toBe(400);
    },
  );
});

describe('the OpenAPI document', () => {
  let document: OpenApi;
  beforeAll(async () => {
    document = (await open('/api/v1/openapi.json')).json<OpenApi>();
  });
  const operations = (): [path: string, method: string, operation: Operation][] =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string, Operation] => [path, method, operation]),
    );

  it('is one of version 3.1 that keeps the rules of its specification', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Certplane', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(document.security).toEqual([{ api_key: [] }, { client_certificate: [] }]);
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [path, method, operation] of operations()) {
      expect(path).toMatch(/^\/[^?#]*$/);
      expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method);
      expect(operation.summary).toMatch(/\S/);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort();
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(declared.map(({ name }) => name).sort()).toEqual(inPath);
      for (const { name, required, schema } of operation.parameters ?? []) {
        expect([name, schema]).toEqual([name, expect.any(Object)]);
        if (inPath.includes(name)) expect(required).toBe(true);
      }
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      for (const [status, { $ref, description }] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(typeof ($ref ?? description)).toBe('string');
      }
    }
  });

  it('has no reference that leads nowhere, and nothing that is of an older version', () => {
    const walk = (node: unknown): void => {
      if (node === null || typeof node !== 'object') return;
      for (const [key, value] of Object.entries(node)) {
        if (key === '$ref') {
          const [, kind = '', name] = /^#\/components\/(\w+)\/(\w+)$/.exec(String(value)) ?? [];
          expect(Object.keys(document.components[kind] ?? {})).toContain(name);
        }
        expect(key).not.toMatch(/^nullable$|^x-/);
        walk(value);
      }
    };
    walk(document);
  });

  it('has every route of the framework, and only those and the endpoints of the relying parties', () => {
    const served = routes()
      .filter(({ path }) => !/\/(docs|openapi\.json)/.test(path) && path !== '/api/v1/docs-yaml')
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    const described = operations().map(([path, method]) => `${method.toUpperCase()} ${path}`);
    expect(described.filter((route) => !route.includes('/.well-known/')).sort()).toEqual(served.sort());
    expect(described.filter((route) => route.includes('/.well-known/')).sort()).toEqual([
      'GET /.well-known/pki/ca/{issuer_id}',
      'GET /.well-known/pki/ca/{issuer_id}.p7c',
      'GET /.well-known/pki/ca/{issuer_id}.pem',
      'GET /.well-known/pki/crl/{issuer_id}',
      'GET /.well-known/pki/crl/{issuer_id}.crl',
      'GET /.well-known/pki/crl/{issuer_id}.pem',
      'GET /.well-known/pki/crl/{issuer_id}/delta',
      'GET /.well-known/pki/crl/{issuer_id}/delta.crl',
      'GET /.well-known/pki/crl/{issuer_id}/delta.pem',
      'GET /.well-known/pki/crl/{issuer_id}/{shard}',
      'GET /.well-known/pki/crl/{issuer_id}/{shard}.crl',
      'GET /.well-known/pki/crl/{issuer_id}/{shard}.pem',
      'GET /.well-known/pki/ocsp/{issuer_id}/{request}',
      'POST /.well-known/pki/ocsp',
      'POST /.well-known/pki/ocsp/{issuer_id}',
    ]);
  });

  it('says of every operation rightly whether it needs a key', async () => {
    for (const [path, method, { security }] of operations()) {
      const url = path
        .replace('{issuer_id}', 'iss-local')
        .replace('{request}', '01')
        .replace('{id}', /certificates|api-keys/.test(path) ? NOBODY : 'iss-local');
      const { status } = await open(url, { method: method.toUpperCase() });
      expect([path, status === 401]).toEqual([path, JSON.stringify(security) !== '[]']);
    }
  });

  it('describes what is answered: every member of an answer is in its schema', async () => {
    const schemaOf = (operationId: string, status: string) => {
      const operation = operations().find(([, , { operationId: id }]) => id === operationId)![2];
      const schema = operation.responses[status]!.content!['application/json']!.schema as { $ref?: string };
      const name = schema.$ref?.split('/').at(-1);
      return (name === undefined ? schema : document.components.schemas[name]) as {
        properties: object;
        required: string[];
      };
    };
    const issuer = await app.api.fetch('/api/v1/issuers/iss-local');
    const certificate = await desk.issue();
    const held = await desk.issue();
    await desk.revoke(held, { reason: 'certificateHold' });
    const released = await app.api.create(`/api/v1/certificates/${held.id}/release`);
    const revoked = await desk.revoke(certificate);
    for (const [answer, id, status] of [
      [issuer, 'getIssuer', '200'],
      [certificate, 'issueCertificate', '201'],
      [revoked, 'revokeCertificate', '200'],
      [released, 'releaseCertificate', '200'],
      [(await open('/ready')).json(), 'ready', '200'],
      [await app.api.fetch('/api/v1/audit?limit=1'), 'listAuditEvents', '200'],
    ] as const) {
      const schema = schemaOf(id, status);
      expect(Object.keys(answer).sort()).toEqual(Object.keys(schema.properties).sort());
      expect(schema.required.every((name) => name in answer)).toBe(true);
    }
  });

  it('can be browsed, under a policy that lets the page run', async () => {
    const page = await open('/api/v1/docs');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.body.toString()).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toMatch(/script-src 'self'/);
    const assets = [...page.body.toString().matchAll(/(?:src|href)="(\.[^"]+|[^":]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      const { pathname } = new URL(asset, `${app.httpsUrl}/api/v1/docs`);
      expect([pathname, (await open(pathname)).status]).toEqual([pathname, 200]);
    }
    expect((await open('/api/v1/docs/swagger-ui-init.js')).body.toString()).toContain('"issueCertificate"');
  });
});
