import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AccessRefusals } from '../../src/access/access-refusals.js';
import { ApiKeysService } from '../../src/access/api-keys.service.js';
import { IssuersController } from '../../src/issuers/issuers.controller.js';
import { systemCaller } from '../../src/platform/http/caller.js';
import { REQUIRED_PERMISSION, ROLE_PERMISSIONS, ROLES, type Role } from '../../src/platform/http/permission.js';
import { formatAccessTable, listRoutes } from '../../scripts/access-table.js';
import { ApiClient, ask, type Answer } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

interface ApiKeyJson {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly issuer_ids: string[] | null;
  readonly profiles: string[] | null;
  readonly status: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly previous_valid_until: string | null;
  readonly revoked_at: string | null;
}
type NewApiKeyJson = ApiKeyJson & { readonly key: string };

interface AuditEvent {
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly subject_id: string | null;
  readonly source_address: string | null;
  readonly details: Record<string, unknown>;
}

const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057';
const KEYS = '/api/v1/api-keys';
const WHOAMI = '/api/v1/whoami';

let app: TestApp;
/** A second instance on the same database, behind a proxy that it trusts. */
let other: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let count = 0;

beforeAll(async () => {
  app = await startTestApp();
  other = await startTestApp({ beside: app, env: { CERTPLANE_TRUSTED_PROXIES: '127.0.0.1' } });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  await desk.root('ca-a');
  await desk.root('ca-b');
});
afterAll(async () => {
  openssl.remove();
  await other.stop();
  await app.stop();
});

const makeKey = (body: Record<string, unknown> = {}, api = app.api): Promise<NewApiKeyJson> =>
  api.create<NewApiKeyJson>(KEYS, { name: `key-${++count}`, role: 'viewer', ...body });
const clientOf = (key: string, at = app): ApiClient => new ApiClient(at.httpsUrl, app.ca, key);
const clientWith = async (body: Record<string, unknown>): Promise<ApiClient> => clientOf((await makeKey(body)).key);
const trail = async (query = ''): Promise<AuditEvent[]> =>
  (await app.api.fetch<Page<AuditEvent>>(`/api/v1/audit?${query.includes('limit') ? '' : 'limit=200'}${query}`)).items;

/** Every route that the framework has; whatever it names is not there. */
function walk(): { method: string; path: string; url: string }[] {
  const { router } = app.app.nest.getHttpAdapter().getInstance() as unknown as {
    router: { stack: { route?: { path: string; methods: Record<string, boolean> } }[] };
  };
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map((method) => ({
          method: method.toUpperCase(),
          path: route.path,
          url: route.path.replace(/:\w+/, /certificates|api-keys/.test(route.path) ? NOBODY : 'nobody'),
        })),
  );
}

const isOfTheDocs = ({ path }: { path: string }): boolean => /\/api\/v1\/(docs|openapi\.json)/.test(path);

function send(url: string, method: string, key: string, at = app, headers: Record<string, string> = {}) {
  const post = method === 'GET' ? {} : { body: '{}' };
  return ask(at.httpsUrl + url, {
    method,
    ca: app.ca,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...post,
  });
}

describe('a role', () => {
  it.each(ROLES)('%s opens the routes that its permissions are for, and no other', async (role) => {
    const { key } = await makeKey({ role });
    const permissions = new Map(
      listRoutes(app.app.nest).map(({ method, path, permission }) => [`${method} ${path}`, permission]),
    );
    const wrong: unknown[] = [];
    for (const { method, path, url } of walk().filter((route) => !isOfTheDocs(route))) {
      const permission = permissions.get(`${method} ${path}`);
      if (permission === undefined || permission === null) throw new Error(`${method} ${path} names no permission`);
      const allowed = permission === 'public' || ROLE_PERMISSIONS[role].has(permission);
      const answer = await send(url, method, key);
      const refused = answer.status === 403 && problemCode(answer)[1] === 'forbidden';
      if (refused === allowed || answer.status === 401 || answer.status >= 500) wrong.push([path, answer.status]);
    }
    expect(wrong).toEqual([]);
  });

  it('has in the documentation the routes that the code gives it', () => {
    const table = formatAccessTable(listRoutes(app.app.nest));
    expect(readFileSync('docs/access.md', 'utf8')).toContain(table);
    expect(listRoutes(app.app.nest)).toHaveLength(walk().filter((route) => !isOfTheDocs(route)).length);
  });

  it('opens nothing that names no permission', async () => {
    const list = IssuersController.prototype['list'];
    const permission: unknown = Reflect.getMetadata(REQUIRED_PERMISSION, list);
    Reflect.deleteMetadata(REQUIRED_PERMISSION, list);
    try {
      expect(problemCode(await app.api.get('/api/v1/issuers'))).toEqual([403, 'forbidden']);
    } finally {
      Reflect.defineMetadata(REQUIRED_PERMISSION, permission, list);
    }
    expect((await app.api.get('/api/v1/issuers')).status).toBe(200);
  });

  it('leaves an event of what it was refused', async () => {
    const { key, name } = await makeKey({ role: 'viewer' });
    await send('/api/v1/issuers/ca-a/disable', 'POST', key);
    expect((await trail('&action=issuer.disable'))[0]).toMatchObject({
      actor: `api-key:${name}`,
      outcome: 'refused',
      subject_id: 'ca-a',
      source_address: '127.0.0.1',
      details: { code: 'forbidden' },
    });
    await send(`/api/v1/api-keys/${NOBODY}`, 'GET', key);
    expect((await trail('&action=access.refuse')).find(({ actor }) => actor === `api-key:${name}`)).toMatchObject({
      outcome: 'refused',
      details: { code: 'forbidden', method: 'GET', route: '/api/v1/api-keys/:id' },
    });
  });

  it('is told by whoami', async () => {
    const expires_at = '2999-01-01T00:00:00.000Z';
    const made = { role: 'operator', issuer_ids: ['ca-b', 'ca-a', 'ca-a'], profiles: ['leaf'], expires_at };
    const { key, name } = await makeKey(made);
    expect(await clientOf(key).fetch(WHOAMI)).toEqual({
      actor: `api-key:${name}`,
      role: 'operator',
      permissions: [...ROLE_PERMISSIONS.operator].filter((permission) => permission !== 'metrics:read'),
      issuer_ids: ['ca-a', 'ca-b'],
      profiles: ['leaf'],
      expires_at,
      source_address: '127.0.0.1',
    });
  });

  it('is looked at after the call was counted: what is forbidden uses up the limit of calls', async () => {
    const limited = await startTestApp({
      beside: app,
      env: { CERTPLANE_RATE_LIMIT_RPS: '1', CERTPLANE_RATE_LIMIT_BURST: '1' },
    });
    try {
      const { key, name } = await makeKey({ role: 'metrics' });
      const codes = new Set<string>();
      await waitUntil('a forbidden call is one too many', async () => {
        const answers = await Promise.all([1, 2, 3, 4].map(() => send('/api/v1/issuers', 'GET', key, limited)));
        for (const answer of answers) codes.add(problemCode(answer)[1]);
        return codes.has('rate_limit_exceeded');
      });
      expect([...codes].sort()).toEqual(['forbidden', 'rate_limit_exceeded']);
      await limited.app.nest.get(AccessRefusals).flush();
      const events = (await trail('&action=access.refuse')).filter(({ actor }) => actor === `api-key:${name}`);
      expect(new Set(events.map(({ details }) => details['code']))).toEqual(codes);
      const anonymous = await ask(`${limited.httpsUrl}/api/v1/issuers`, { ca: app.ca });
      expect(problemCode(anonymous)).toEqual([401, 'unauthorized']);
      expect(anonymous.headers['ratelimit']).toBeUndefined();
    } finally {
      await limited.stop();
    }
  });
});

describe('a key that is limited to an issuer', () => {
  let inside: CertificateJson;
  let outside: CertificateJson;
  let operator: ApiClient;
  let admin: ApiClient;
  beforeAll(async () => {
    await desk.intermediate('sub-a', 'ca-a');
    inside = await desk.issue({ issuer: 'ca-a' });
    outside = await desk.issue({ issuer: 'ca-b' });
    operator = await clientWith({ role: 'operator', issuer_ids: ['ca-a'] });
    admin = await clientWith({ role: 'admin', issuer_ids: ['ca-a'] });
  });

  it('sees that issuer and its certificates, and no others', async () => {
    const issuers = await operator.fetch<Page<IssuerJson>>('/api/v1/issuers');
    expect(issuers.items.map(({ id }) => id)).toEqual(['ca-a']);
    expect(problemCode(await operator.get('/api/v1/issuers/ca-b'))).toEqual([404, 'issuer_not_found']);
    const { items } = await operator.fetch<Page<CertificateJson>>('/api/v1/certificates');
    expect(new Set(items.map(({ issuer_id }) => issuer_id))).toEqual(new Set(['ca-a']));
    expect(items.map(({ id }) => id)).toContain(inside.id);
    const asked = await operator.fetch<Page<CertificateJson>>('/api/v1/certificates?issuer_id=ca-b');
    expect(asked.items).toEqual([]);
    expect((await operator.get(`/api/v1/certificates/${inside.id}`)).status).toBe(200);
    const hidden = await operator.get(`/api/v1/certificates/${outside.id}`);
    const missing = await operator.get(`/api/v1/certificates/${NOBODY}`);
    expect(problemCode(hidden)).toEqual([404, 'certificate_not_found']);
    expect(hidden.json()['detail']).toBe(String(missing.json()['detail']).replace(NOBODY, outside.id));
  });

  it('issues, exports and revokes there, and nowhere else', async () => {
    const { csr } = await openssl.csr('/CN=limited.example.com');
    const issued = await operator.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'ca-a', csr });
    expect(problemCode(await operator.post('/api/v1/certificates', { issuer_id: 'ca-b', csr }))).toEqual([
      404,
      'issuer_not_found',
    ]);
    for (const form of ['pem', 'der', 'pkcs7']) {
      expect((await operator.get(`/api/v1/certificates/${issued.id}/export/${form}`)).status).toBe(200);
      const refused = await operator.get(`/api/v1/certificates/${outside.id}/export/${form}`);
      expect(problemCode(refused)).toEqual([404, 'certificate_not_found']);
    }
    const pkcs12 = await operator.post(`/api/v1/certificates/${outside.id}/export/pkcs12`, { password: 'x' });
    expect(problemCode(pkcs12)).toEqual([404, 'certificate_not_found']);
    const one = await operator.post(`/api/v1/certificates/${outside.id}/revoke`);
    const many = await operator.post('/api/v1/certificates/revoke', { ids: [issued.id, outside.id] });
    for (const answer of [one, many]) expect(problemCode(answer)).toEqual([404, 'certificate_not_found']);
    for (const { id } of [issued, outside]) {
      expect(await app.api.fetch(`/api/v1/certificates/${id}`)).toMatchObject({ status: 'active' });
    }
    expect((await operator.post(`/api/v1/certificates/${issued.id}/revoke`)).status).toBe(200);
  });

  it('sees nothing of the others’ OCSP', async () => {
    for (const id of ['ca-a', 'ca-b']) await app.pki(`/.well-known/pki/ocsp/${id}/01`);
    const { issuers } = await operator.fetch<{ issuers: { issuer_id: string }[] }>('/api/v1/admin/ocsp/cache');
    expect(issuers.map(({ issuer_id }) => issuer_id)).toEqual(['ca-a']);
    const { items } = await operator.fetch<Page<{ issuer_id: string }>>('/api/v1/admin/ocsp/responders');
    expect(new Set(items.map(({ issuer_id }) => issuer_id))).toEqual(new Set(['ca-a']));
    const explain = (issuer_id: string, serial_number: string) =>
      operator.post('/api/v1/admin/ocsp/explain', { issuer_id, serial_number });
    expect((await explain('ca-a', inside.serial_number)).json()).toMatchObject({ answer: 'good' });
    expect(problemCode(await explain('ca-b', outside.serial_number))).toEqual([404, 'issuer_not_found']);
    const files = await desk.files(outside);
    await openssl.ok('ocsp', '-issuer', files.issuer, '-cert', files.cert, '-no_nonce', '-reqout', 'outside.ors');
    const request = readFileSync(openssl.path('outside.ors')).toString('base64');
    const explained = await operator.create('/api/v1/admin/ocsp/explain', { request });
    expect(explained).toMatchObject({ answer: 'unauthorized', issuer_id: null, certificates: [] });
  });

  it('manages that issuer, as an admin, and no other', async () => {
    for (const path of [
      '/api/v1/issuers/ID/disable',
      '/api/v1/issuers/ID/enable',
      '/api/v1/admin/ocsp/cache/ID/refresh',
    ]) {
      expect((await admin.post(path.replace('ID', 'ca-a'))).status).toBeLessThan(300);
      expect(problemCode(await admin.post(path.replace('ID', 'ca-b')))).toEqual([404, 'issuer_not_found']);
    }
    const rotate = '/api/v1/admin/ocsp/responders/ID/rotate';
    expect((await admin.post(rotate.replace('ID', 'ca-a'))).status).toBe(200);
    expect(problemCode(await admin.post(rotate.replace('ID', 'ca-b')))).toEqual([404, 'issuer_not_found']);
    for (const more of [{ kind: 'root' }, { kind: 'intermediate', parent_id: 'ca-a' }]) {
      const answer = await admin.post('/api/v1/issuers', { id: 'x', name: 'x', subject: 'CN=x', ...more });
      expect(problemCode(answer)).toEqual([403, 'forbidden']);
    }
  });

  it('reads neither the audit trail nor the metrics, which are about all', async () => {
    for (const path of ['/api/v1/audit', '/api/v1/metrics/prometheus']) {
      expect(problemCode(await admin.get(path))).toEqual([403, 'forbidden']);
    }
  });

  it('makes, sees and ends only keys that are limited as well', async () => {
    const own = await makeKey({ role: 'operator', issuer_ids: ['ca-a'], profiles: ['leaf'] }, admin);
    const foreign = await makeKey({ issuer_ids: ['ca-a', 'ca-b'] });
    for (const more of [{}, { issuer_ids: ['ca-b'] }, { issuer_ids: ['ca-a', 'ca-b'] }, { profiles: ['leaf'] }]) {
      const answer = await admin.post(KEYS, { name: 'more', role: 'viewer', ...more });
      expect(problemCode(answer)).toEqual([403, 'forbidden']);
    }
    const { items } = await admin.fetch<Page<ApiKeyJson>>(KEYS);
    expect(items.every(({ issuer_ids: ids }) => ids?.join() === 'ca-a')).toBe(true);
    expect(items.map(({ id }) => id)).toContain(own.id);
    expect(problemCode(await admin.get(`${KEYS}/${foreign.id}`))).toEqual([404, 'api_key_not_found']);
    for (const act of ['rotate', 'revoke']) {
      expect(problemCode(await admin.post(`${KEYS}/${foreign.id}/${act}`))).toEqual([404, 'api_key_not_found']);
      expect((await admin.post(`${KEYS}/${own.id}/${act}`)).status).toBe(200);
    }
    expect((await clientOf(foreign.key).get(WHOAMI)).status).toBe(200);
  });
});

describe('a key that is limited to profiles', () => {
  it('sees and makes certificates of those profiles only', async () => {
    const { csr } = await openssl.csr('/CN=profile.example.com');
    const leaf = await desk.issue();
    await desk.intermediate('sub-b', 'ca-b');
    const { items: signed } = await app.api.fetch<Page<CertificateJson>>('/api/v1/certificates?profile=intermediate');
    const intermediates = await clientWith({ role: 'admin', profiles: ['intermediate'] });
    const seen = await intermediates.fetch<Page<CertificateJson>>('/api/v1/certificates');
    expect(seen.items.map(({ id }) => id)).toEqual(signed.map(({ id }) => id));
    expect(problemCode(await intermediates.get(`/api/v1/certificates/${leaf.id}`))[0]).toBe(404);
    expect(problemCode(await intermediates.post(`/api/v1/certificates/${leaf.id}/revoke`))[0]).toBe(404);
    const issuing = await intermediates.post('/api/v1/certificates', { issuer_id: 'ca-a', csr });
    expect(problemCode(issuing)).toEqual([403, 'forbidden']);
    const rotating = await intermediates.post('/api/v1/admin/ocsp/responders/ca-a/rotate');
    expect(problemCode(rotating)).toEqual([403, 'forbidden']);
    const more = { name: 'x', kind: 'intermediate', parent_id: 'ca-b', subject: 'CN=x' };
    expect((await intermediates.post('/api/v1/issuers', { id: 'sub-c', ...more })).status).toBe(201);
    const leaves = await clientWith({ role: 'admin', profiles: ['leaf'] });
    expect((await leaves.post('/api/v1/certificates', { issuer_id: 'ca-a', csr })).status).toBe(201);
    expect(problemCode(await leaves.post('/api/v1/issuers', { id: 'sub-d', ...more }))).toEqual([403, 'forbidden']);
    const { items } = await leaves.fetch<Page<unknown>>('/api/v1/admin/ocsp/responders');
    expect(items).toEqual([]);
  });
});

describe('an API key', () => {
  it('shows its secret once; what is stored is its hash', async () => {
    const made = await makeKey({ role: 'operator' });
    expect(made.key).toMatch(/^certplane_[\w-]{43}$/);
    const { key, ...shown } = made;
    expect(await app.api.fetch(`${KEYS}/${made.id}`)).toEqual(shown);
    const list = await app.api.get(`${KEYS}?limit=1`);
    expect(list.json<Page<ApiKeyJson>>().items).toEqual([shown]);
    const hash = createHash('sha256').update(key).digest();
    const [row] = await app.dataSource.query<[{ key_sha256: Buffer; whole: string }]>(
      'SELECT key_sha256, k::text AS whole FROM api_keys k WHERE id = $1',
      [made.id],
    );
    expect(row.key_sha256).toEqual(hash);
    const events = JSON.stringify(await trail());
    for (const text of [row.whole, list.body.toString(), events]) expect(text).not.toContain(key);
    expect(list.body.toString()).not.toContain(hash.toString('hex'));
  });

  it.each([
    [{ name: '' }, 'invalid_request'],
    [{ name: 'a b' }, 'invalid_request'],
    [{ name: 'кey' }, 'invalid_request'],
    [{ name: '-a' }, 'invalid_request'],
    [{ name: 'x'.repeat(65) }, 'invalid_request'],
    [{ role: 'root' }, 'invalid_request'],
    [{ role: undefined }, 'invalid_request'],
    [{ issuer_ids: [] }, 'invalid_request'],
    [{ issuer_ids: ['Not an id'] }, 'invalid_request'],
    [{ issuer_ids: ['nobody'] }, 'issuer_not_found'],
    [{ profiles: ['server'] }, 'invalid_request'],
    [{ role: 'auditor', issuer_ids: ['ca-a'] }, 'invalid_request'],
    [{ role: 'metrics', profiles: ['leaf'] }, 'invalid_request'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'invalid_request'],
    [{ expires_at: 'tomorrow' }, 'invalid_request'],
    [{ key: 'certplane_mine' }, 'invalid_request'],
  ])('is not made from %j', async (wrong, code) => {
    const answer = await app.api.post(KEYS, { name: 'wrong', role: 'viewer', ...wrong });
    expect(problemCode(answer)[1]).toBe(code);
  });

  it('has a name that no other live key has', async () => {
    const first = await makeKey({ name: 'unique' });
    expect(problemCode(await app.api.post(KEYS, { name: 'unique', role: 'viewer' }))).toEqual([409, 'api_key_exists']);
    await app.api.create(`${KEYS}/${first.id}/revoke`);
    expect((await makeKey({ name: 'unique' })).id).not.toBe(first.id);
  });

  it('is listed by its status, page by page, newest first', async () => {
    const { id } = await makeKey();
    await app.api.create(`${KEYS}/${id}/revoke`);
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page<ApiKeyJson> = await app.api.fetch(`${KEYS}?limit=3${cursor && `&cursor=${cursor}`}`);
      ids.push(...page.items.map((key) => key.id));
      cursor = page.next_cursor;
    }
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    const byStatus = async (status: string) =>
      (await app.api.fetch<Page<ApiKeyJson>>(`${KEYS}?limit=1000&status=${status}`)).items;
    expect((await byStatus('revoked')).map((key) => key.id)).toContain(id);
    const all = (await Promise.all(['active', 'expired', 'revoked'].map(byStatus))).flat();
    expect(all.map((key) => key.id).sort()).toEqual([...ids].sort());
  });

  it('is made once, whoever repeats the call', async () => {
    const body = { name: 'repeated', role: 'viewer' };
    const headers = { 'idempotency-key': 'make-a-key' };
    const first = await app.api.post(KEYS, body, headers);
    const again = await app.api.post(KEYS, body, headers);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.json()).toEqual(first.json());
  });

  it('works until it expires, and not after', async () => {
    const expires_at = new Date(app.clock.now().getTime() + 3_600_000).toISOString();
    const { id, key, name } = await makeKey({ expires_at });
    expect((await clientOf(key).get(WHOAMI)).status).toBe(200);
    app.clock.advance(3601);
    try {
      expect(problemCode(await clientOf(key).get(WHOAMI))).toEqual([401, 'unauthorized']);
      expect(await app.api.fetch(`${KEYS}/${id}`)).toMatchObject({ status: 'expired' });
      expect(problemCode(await app.api.post(`${KEYS}/${id}/rotate`))).toEqual([409, 'api_key_not_active']);
      expect(problemCode(await app.api.post(KEYS, { name, role: 'viewer' }))).toEqual([409, 'api_key_exists']);
    } finally {
      app.clock.advance(-3601);
    }
  });

  it('makes none that outlives it', async () => {
    const at = (seconds: number) => new Date(app.clock.now().getTime() + seconds * 1000).toISOString();
    const brief = await clientWith({ role: 'admin', expires_at: at(3600) });
    for (const more of [{}, { expires_at: at(7200) }]) {
      const answer = await brief.post(KEYS, { name: 'longer', role: 'viewer', ...more });
      expect(problemCode(answer)).toEqual([403, 'forbidden']);
    }
    const lasting = await makeKey();
    expect(problemCode(await brief.post(`${KEYS}/${lasting.id}/rotate`))).toEqual([403, 'forbidden']);
    expect((await makeKey({ expires_at: at(60) }, brief)).status).toBe('active');
  });

  it('is rotated with an overlap, in which both secrets work, on every instance', async () => {
    const first = await makeKey();
    const works = async (key: string, at = other) => (await clientOf(key, at).get(WHOAMI)).status === 200;
    const second = await app.api.create<NewApiKeyJson>(`${KEYS}/${first.id}/rotate`, { overlap: '2h' });
    expect(second.key).not.toBe(first.key);
    expect([await works(first.key), await works(second.key)]).toEqual([true, true]);
    const until = new Date(String(second.previous_valid_until)).getTime() - app.clock.now().getTime();
    expect(until).toBeGreaterThan(7_000_000);
    expect(until).toBeLessThanOrEqual(7_200_000);
    app.clock.advance(7201);
    expect([await works(first.key), await works(second.key)]).toEqual([false, true]);
    expect(await app.api.fetch(`${KEYS}/${first.id}`)).toMatchObject({ previous_valid_until: null });
    app.clock.advance(-7201);
    const third = await app.api.create<NewApiKeyJson>(`${KEYS}/${first.id}/rotate`);
    expect([await works(first.key), await works(second.key), await works(third.key)]).toEqual([false, true, true]);
    const fourth = await app.api.create<NewApiKeyJson>(`${KEYS}/${first.id}/rotate`, { overlap: '0s' });
    expect([await works(second.key), await works(third.key), await works(fourth.key)]).toEqual([false, false, true]);
    for (const overlap of ['31d', 'soon', 5]) {
      const answer = await app.api.post(`${KEYS}/${first.id}/rotate`, { overlap });
      expect(problemCode(answer)).toEqual([400, 'invalid_request']);
    }
  });

  it('is revoked at once, on every instance; repeating it gives the first result', async () => {
    const { id, key } = await makeKey();
    expect((await clientOf(key, other).get(WHOAMI)).status).toBe(200);
    const revoked = await app.api.create<ApiKeyJson>(`${KEYS}/${id}/revoke`);
    expect(revoked).toMatchObject({ status: 'revoked', revoked_at: expect.stringMatching(/Z$/) });
    expect((await clientOf(key, other).get(WHOAMI)).status).toBe(401);
    expect(await app.api.create(`${KEYS}/${id}/revoke`)).toEqual(revoked);
    expect(problemCode(await app.api.post(`${KEYS}/${id}/rotate`))).toEqual([409, 'api_key_not_active']);
    const events = await trail(`&subject_id=${id}`);
    expect(events.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'api_key.rotate refused',
      'api_key.revoke success',
      'api_key.create success',
    ]);
  });

  it('tells of its last use, to the minute', async () => {
    const { id, key } = await makeKey();
    const lastUse = async () => (await app.api.fetch<ApiKeyJson>(`${KEYS}/${id}`)).last_used_at;
    const use = () => clientOf(key).get(WHOAMI);
    expect(await lastUse()).toBeNull();
    await use();
    await waitUntil('the use is written', async () => (await lastUse()) !== null);
    const first = await lastUse();
    await use();
    expect(await lastUse()).toBe(first);
    app.clock.advance(61);
    await use();
    await waitUntil('the later use is written', async () => (await lastUse()) !== first);
    app.clock.advance(-61);
  });

  it('of an admin is kept when it is the last without limits, also when two are revoked at once', async () => {
    const admins = await app.api.fetch<Page<ApiKeyJson>>(`${KEYS}?limit=1000&status=active`);
    const [bootstrap, ...others] = admins.items.filter((key) => key.role === 'admin').reverse();
    const spare = await makeKey({ role: 'admin' });
    for (const { id } of others) await app.api.create(`${KEYS}/${id}/revoke`);
    const limited = await makeKey({ role: 'admin', issuer_ids: ['ca-a'] });
    const ends = await Promise.allSettled([
      app.app.nest.get(ApiKeysService).revoke(bootstrap!.id, systemCaller('test')),
      other.app.nest.get(ApiKeysService).revoke(spare.id, systemCaller('test')),
    ]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({ code: 'last_admin_key' });
    const [last, lost] = ends[0]?.status === 'rejected' ? [app.api, spare.key] : [clientOf(spare.key), null];
    const { id } = (await last.fetch<Page<ApiKeyJson>>(`${KEYS}?limit=1000&status=active`)).items.find(
      (key) => key.role === 'admin' && key.issuer_ids === null,
    )!;
    expect(problemCode(await last.post(`${KEYS}/${id}/revoke`))).toEqual([409, 'last_admin_key']);
    if (lost !== null) expect((await clientOf(lost).get(WHOAMI)).status).toBe(401);
    expect((await clientOf(limited.key).get(WHOAMI)).status).toBe(200);
    // The others need the first key again.
    await app.dataSource.query('UPDATE api_keys SET revoked_at = NULL WHERE id = $1', [bootstrap!.id]);
  });
});

describe('whoever tries keys', () => {
  const from = (source: string, key: string | null): Promise<Answer> =>
    ask(other.httpsUrl + WHOAMI, {
      ca: app.ca,
      headers: {
        'x-forwarded-for': source,
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
    });
  const guesses = (source: string): Promise<Answer[]> =>
    Promise.all(Array.from({ length: 30 }, (_, index) => from(source, `certplane_guess-${index}`)));

  it('is slowed down, while the key that worked at the same address goes on working', async () => {
    const { key } = await makeKey();
    expect((await from('198.51.100.7', key)).status).toBe(200);
    const answers = await guesses('198.51.100.7');
    const told = answers.map((answer) => problemCode(answer)[1]);
    expect(told.filter((code) => code === 'unauthorized').length).toBeGreaterThanOrEqual(10);
    expect(told).toContain('too_many_attempts');
    for (const answer of answers.filter(({ status }) => status === 429)) {
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    expect((await from('198.51.100.7', key)).status).toBe(200);
    expect((await from('198.51.100.8', 'certplane_guess')).status).toBe(401);
  });

  it('and brings none is not', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => from('198.51.100.9', null)));
    expect(new Set(answers.map((answer) => problemCode(answer)[1]))).toEqual(new Set(['unauthorized']));
  });

  it('leaves few events that count all of it, and tell nothing of the keys', async () => {
    const before = (await guesses('198.51.100.20')).map((answer) => problemCode(answer)[1]);
    const after = (await guesses('198.51.100.20')).map((answer) => problemCode(answer)[1]);
    await other.app.nest.get(AccessRefusals).flush();
    const events = (await trail('&action=access.refuse')).filter(
      ({ source_address: source }) => source === '198.51.100.20',
    );
    for (const code of ['unauthorized', 'too_many_attempts']) {
      const of = events.filter(({ details }) => details['code'] === code);
      const told = of.reduce((sum, { details }) => sum + Number(details['count']), 0);
      expect([code, told]).toEqual([code, [...before, ...after].filter((one) => one === code).length]);
      // The first at once, the rest by each flush of the schedule and the one here.
      expect(of.length).toBeLessThan(10);
    }
    expect(events[0]).toMatchObject({
      actor: 'anonymous',
      outcome: 'refused',
      details: { method: 'GET', route: WHOAMI },
    });
    expect(JSON.stringify(events)).not.toContain('guess');
  });

  it('from very many addresses leaves a bounded number of events', async () => {
    const still = await startTestApp({
      beside: app,
      schedules: false,
      env: { CERTPLANE_TRUSTED_PROXIES: '127.0.0.1' },
    });
    try {
      const sources = Array.from({ length: 300 }, (_, index) => `198.18.${index >> 8}.${index & 255}`);
      for (let start = 0; start < sources.length; start += 50) {
        const some = sources.slice(start, start + 50);
        await Promise.all(
          some.map((source) =>
            ask(`${still.httpsUrl}${WHOAMI}`, { ca: app.ca, headers: { 'x-forwarded-for': source } }),
          ),
        );
      }
      await still.app.nest.get(AccessRefusals).flush();
      const events = await trail('&action=access.refuse&limit=1000');
      const apart = events.filter(({ source_address: source }) => source !== null && sources.includes(source));
      const rest = events.filter(({ source_address: source }) => source === null);
      expect(apart).toHaveLength(256);
      expect(rest.map(({ details }) => details['count'])).toEqual([44]);
    } finally {
      await still.stop();
    }
  });
});
