import { parsePem } from '../../src/pki/pem.js';
import type { Answer } from '../support/api-client.js';
import type { MediaType, Operation } from '../support/api-contract.js';
import { DocumentedApi, type DocumentedCall } from '../support/documented-api.js';
import { IssuingDesk, problemCode, type CertificateJson } from '../support/issuing.js';
import type { Schema } from '../support/json-schema.js';
import { ocspQuestion } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const NOBODY = '00000000-0000-4000-8000-000000000000';

let openssl: OpensslWorkshop;
let app: TestApp;
let desk: IssuingDesk;
let api: DocumentedApi;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  app = await startTestApp({ env: { CERTPLANE_RATE_LIMIT_RPS: '10000', CERTPLANE_RATE_LIMIT_BURST: '100000' } });
  desk = new IssuingDesk(app, openssl);
  api = await DocumentedApi.of(app);
});
afterAll(async () => {
  await app.stop();
  openssl.remove();
});

const needsKey = ({ security }: Operation): boolean => security?.length !== 0;
const secured = (): Operation[] => api.contract.operations.filter(needsKey);
const isText = (type: string): boolean => /^text\/|[/+]json$/.test(type);

/** The example of a medium, or of its schema. */
function exampleOf({ example, schema }: MediaType): unknown {
  return example ?? schema.example ?? api.contract.resolve(schema).example;
}

/** The example of what an operation is sent. */
function bodyExample(operationId: string): Record<string, unknown> {
  const media = api.contract.get(operationId).requestBody?.content['application/json'];
  if (media === undefined) throw new Error(`${operationId} takes no JSON.`);
  return exampleOf(media) as Record<string, unknown>;
}

/** Every schema in the document, wherever it stands. */
function everySchema(): Schema[] {
  const schemas: Schema[] = [];
  const walk = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    if ('example' in node && ('type' in node || 'oneOf' in node || 'anyOf' in node)) schemas.push(node as Schema);
    Object.entries(node).forEach(([name, child]) => name !== 'example' && walk(child));
  };
  walk(api.contract.document);
  return schemas;
}

describe('every operation', () => {
  it('shows by an example what is sent, and by one what is answered', () => {
    const lacking = api.contract.operations.flatMap(({ operationId, requestBody, responses, parameters = [] }) => {
      const answers = Object.entries(responses).filter(([status]) => Number(status) < 300);
      const media = [requestBody, ...answers.map(([, response]) => api.contract.resolve(response))].flatMap((message) =>
        Object.entries(message?.content ?? {}).filter(([type]) => isText(type)),
      );
      const bodies = media.filter(([, medium]) => exampleOf(medium) === undefined).map(([type]) => type);
      // A list of values, and a default, are examples.
      const bare = parameters.filter(
        ({ example, schema }) => (example ?? schema.example ?? schema.default ?? schema.enum) === undefined,
      );
      return [...bodies, ...bare.map(({ name }) => name)].map((what) => `${operationId}: ${what}`);
    });
    expect(lacking).toEqual([]);
  });

  it('has examples that are what their schemas say', () => {
    const faults = everySchema().flatMap((schema) => api.contract.findSchemaFaults(schema, schema.example));
    for (const { operationId, parameters = [] } of api.contract.operations) {
      for (const { name, example, schema } of parameters) {
        const found = example === undefined ? [] : api.contract.findSchemaFaults(schema, example);
        faults.push(...found.map((fault) => `${operationId}: ${name}: ${fault}`));
      }
    }
    expect(faults).toEqual([]);
    expect(everySchema().length).toBeGreaterThan(30);
  });

  it('names every refusal of its kind, and the headers of its answers', () => {
    for (const operation of secured()) {
      const { operationId, method, responses } = operation;
      const codes = api.contract.codesOf(operation);
      const ofAll = ['unauthorized', 'forbidden', 'too_many_attempts', 'rate_limit_exceeded', 'internal_error'];
      const ofPost = ['idempotency_key_reused', 'idempotency_in_progress', 'invalid_json', 'unsupported_media_type'];
      const ofPatch = ['precondition_failed', 'invalid_json', 'unsupported_media_type'];
      expect([operationId, codes]).toEqual([operationId, expect.arrayContaining(ofAll)]);
      if (method === 'POST') expect([operationId, codes]).toEqual([operationId, expect.arrayContaining(ofPost)]);
      if (method === 'PATCH') expect([operationId, codes]).toEqual([operationId, expect.arrayContaining(ofPatch)]);
      expect([operationId, new Set(codes).size]).toEqual([operationId, codes.length]);
      for (const response of Object.values(responses)) {
        expect(Object.keys(api.contract.resolve(response).headers ?? {})).toContain('X-Request-Id');
      }
    }
  });

  it('says that an API key will do, or a client certificate', () => {
    const { securitySchemes } = api.contract.document.components;
    expect(securitySchemes).toEqual({
      api_key: expect.objectContaining({ type: 'http', scheme: 'bearer' }),
      client_certificate: expect.objectContaining({ type: 'mutualTLS' }),
    });
  });
});

describe('every answer', () => {
  let certificate: CertificateJson;
  let role: Record<'auditor' | 'metrics', string>;
  beforeAll(async () => {
    certificate = await desk.issue();
    const keyOf = async (name: string): Promise<string> =>
      (await app.api.create<{ key: string }>('/api/v1/api-keys', { name, role: name })).key;
    role = { auditor: await keyOf('auditor'), metrics: await keyOf('metrics') };
  });

  /** Calls that succeed, in their order: those that take a body are sent the example of the document. */
  const successes = async (): Promise<[operationId: string, call?: DocumentedCall][]> => {
    const of = { path: { id: certificate.id } };
    const spare = await desk.issue();
    const held = await desk.issue();
    await desk.revoke(held, { reason: 'certificateHold' });
    const key = await app.api.create<{ id: string }>('/api/v1/api-keys', { name: 'spare', role: 'viewer' });
    const ocsp = ocspQuestion(parsePem(app.ca, 'CERTIFICATE')[0]!, spare.serial_number);
    const ocspBody = { body: ocsp.body, headers: { 'content-type': 'application/ocsp-request' } };
    const made = { path: { id: 'example-root' } };
    const ofMade = { path: { issuer_id: 'example-root' } };
    const local = { path: { issuer_id: 'iss-local' } };
    const ofSerialNumber = { issuer_id: 'iss-local', serial_number: spare.serial_number };
    return [
      ['health'],
      ['ready'],
      ['whoami'],
      ['getMetrics'],
      ['createApiKey', { body: bodyExample('createApiKey') }],
      ['listApiKeys', { query: '?limit=1' }],
      ['getApiKey', { path: { id: key.id } }],
      ['rotateApiKey', { path: { id: key.id }, body: bodyExample('rotateApiKey') }],
      ['revokeApiKey', { path: { id: key.id } }],
      ['createIssuer', { body: bodyExample('createIssuer') }],
      ['listIssuers', { query: '?limit=1' }],
      ['getIssuer', made],
      ['updateIssuer', { ...made, body: bodyExample('updateIssuer') }],
      ['disableIssuer', made],
      ['enableIssuer', made],
      ['retireIssuer', made],
      ['issueCertificate', { body: bodyExample('issueCertificate') }],
      ['listCertificates', { query: '?limit=2&status=active' }],
      ['getCertificate', of],
      ['exportCertificatePem', of],
      ['exportCertificatePem', { ...of, query: '?download=true' }],
      ['exportCertificateDer', of],
      ['exportCertificatePkcs7', of],
      ['exportCertificatePkcs12', { ...of, body: bodyExample('exportCertificatePkcs12') }],
      ['getOcspCache'],
      ['refreshOcspCache', local],
      ['explainOcsp', { body: { ...bodyExample('explainOcsp'), ...ofSerialNumber } }],
      ['explainOcsp', ocspBody],
      ['listOcspResponders'],
      ['rotateOcspResponder', local],
      ['revokeCertificate', { ...of, body: bodyExample('revokeCertificate') }],
      ['revokeCertificates', { body: { ...bodyExample('revokeCertificates'), ids: [spare.id] } }],
      ['releaseCertificate', { path: { id: held.id } }],
      ['getCrlCache'],
      ['regenerateCrl', ofMade],
      ['listAuditEvents', { query: '?limit=5' }],
      ['listAuditCheckpoints', { query: '?limit=5' }],
      ['exportAuditTrail', { query: '?from=2026-01-01T00:00:00Z' }],
      ['ocspPost', ocspBody],
      ['ocspPostToIssuer', { ...local, ...ocspBody }],
      ['ocspGet', { path: { issuer_id: 'iss-local', request: spare.serial_number } }],
      ['getCrl', local],
      ['getCrlWithExtension', local],
      ['getCrlPem', local],
      ['getCrlShard', ofMade],
      ['getCrlShardWithExtension', ofMade],
      ['getCrlShardPem', ofMade],
      ['getDeltaCrl', ofMade],
      ['getDeltaCrlWithExtension', ofMade],
      ['getDeltaCrlPem', ofMade],
      ['getCaCertificate', local],
      ['getCaCertificatePem', local],
      ['getCaCertificateChain', local],
    ];
  };

  it('of a success is what the document says, for every operation and its own example', async () => {
    for (const [operationId, call] of await successes()) {
      const answer = await api.call(operationId, call);
      expect([operationId, answer.status < 300]).toEqual([operationId, true]);
      const isLimited = needsKey(api.contract.get(operationId));
      expect([operationId, answer.headers['ratelimit'] !== undefined]).toEqual([operationId, isLimited]);
    }
    const never = api.contract.operations.filter(({ operationId }) => !api.seen.has(operationId));
    expect(never.map(({ operationId }) => operationId)).toEqual([]);
  });

  it('of a refusal has a code that is documented, whatever stands in the way', async () => {
    for (const { operationId, method, parameters = [] } of secured()) {
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      const path = Object.fromEntries(inPath.map(({ name }) => [name, 'No%20One']));
      const other = operationId === 'getMetrics' ? role.auditor : role.metrics;
      const asked: (readonly [code: string, call: DocumentedCall])[] = [
        ['unauthorized', { key: null }],
        ['forbidden', { key: other }],
        ...when(inPath.length > 0, ['invalid_request', { path, body: {} }]),
        ...when(
          parameters.some((parameter) => parameter.in === 'query'),
          ['invalid_request', { query: '?x=1' }],
        ),
        ...when(method === 'POST', ['invalid_request', { body: {}, headers: { 'idempotency-key': 'a b' } }]),
        ...when(
          method !== 'GET',
          ['invalid_json', { body: Buffer.from('{'), headers: { 'content-type': 'application/json' } }],
          ['unsupported_media_type', { body: Buffer.from('x'), headers: { 'content-type': 'text/plain' } }],
          ['body_too_large', { body: { text: 'x'.repeat(app.config.maxBodyBytes) } }],
        ),
      ];
      for (const [code, call] of asked) {
        expect([operationId, problemCode(await api.call(operationId, call))[1]]).toEqual([operationId, code]);
      }
    }
  });

  it('about what is not there has a code that is documented', async () => {
    const absent: [operationId: string, code: string][] = [
      ['getIssuer', 'issuer_not_found'],
      ['disableIssuer', 'issuer_not_found'],
      ['refreshOcspCache', 'issuer_not_found'],
      ['rotateOcspResponder', 'issuer_not_found'],
      ['getCertificate', 'certificate_not_found'],
      ['revokeCertificate', 'certificate_not_found'],
      ['releaseCertificate', 'certificate_not_found'],
      ['exportCertificateDer', 'certificate_not_found'],
      ['getApiKey', 'api_key_not_found'],
      ['rotateApiKey', 'api_key_not_found'],
      ['revokeApiKey', 'api_key_not_found'],
      ['getCrl', 'issuer_not_found'],
      ['getCrlShard', 'issuer_not_found'],
      ['regenerateCrl', 'issuer_not_found'],
      ['getCaCertificate', 'issuer_not_found'],
    ];
    for (const [operationId, code] of absent) {
      const id = /certificate_|api_key_/.test(code) ? NOBODY : 'nobody';
      const answer = await api.call(operationId, { path: { id, issuer_id: 'nobody' } });
      expect([operationId, ...problemCode(answer)]).toEqual([operationId, 404, code]);
    }
  });

  it('to a key of another request, and to whoever calls too often, is documented as well', async () => {
    const headers = { 'idempotency-key': 'used-twice' };
    const body = { issuer_id: 'iss-local', serial_number: '01' };
    expect((await api.call('explainOcsp', { body, headers })).headers['idempotency-replayed']).toBeUndefined();
    expect((await api.call('explainOcsp', { body, headers })).headers['idempotency-replayed']).toBe('true');
    const reused = await api.call('explainOcsp', { body: { ...body, serial_number: '02' }, headers });
    expect(problemCode(reused)).toEqual([422, 'idempotency_key_reused']);
    const env = { CERTPLANE_RATE_LIMIT_RPS: '1', CERTPLANE_RATE_LIMIT_BURST: '1' };
    const strict = await startTestApp({ beside: app, env, schedules: false });
    try {
      const limited = await DocumentedApi.of(strict);
      const answers: Answer[] = [];
      const { key } = await app.api.create<{ key: string }>('/api/v1/api-keys', { name: 'eager', role: 'viewer' });
      while (answers.at(-1)?.status !== 429) answers.push(await limited.call('whoami', { key }));
      const { headers: said } = answers.at(-1)!;
      expect(said['ratelimit']).toMatch(/;r=0;/);
      expect(Number(said['retry-after'])).toBeGreaterThan(0);
    } finally {
      await strict.stop();
    }
  });
});

describe('an entity tag', () => {
  const issuer = { path: { id: 'tagged' } };
  beforeAll(() => desk.root('tagged'));
  const tagNow = async (): Promise<string> => String((await api.call('getIssuer', issuer)).headers.etag);

  it('stays while nothing changes, changes with what is shown, and comes back with it', async () => {
    const first = await tagNow();
    expect(first).toMatch(/^"[\w-]{22}"$/);
    expect(await tagNow()).toBe(first);
    await api.call('disableIssuer', issuer);
    const second = await tagNow();
    expect(second).not.toBe(first);
    await api.call('enableIssuer', issuer);
    expect(await tagNow()).toBe(first);
    expect((await api.call('getIssuer', { path: { id: 'iss-local' } })).headers.etag).not.toBe(first);
  });

  it('spares whoever has it the answer', async () => {
    const tag = await tagNow();
    for (const held of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const answer = await api.call('getIssuer', { ...issuer, headers: { 'if-none-match': held } });
      expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, tag]);
    }
    expect((await api.call('getIssuer', { ...issuer, headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });

  it('that is not the one now is refused where the client insists on it', async () => {
    const tag = await tagNow();
    for (const [wanted, status] of [
      [tag, 200],
      ['*', 200],
      [`"x", ${tag}`, 200],
      ['"x"', 412],
      [`W/${tag}`, 412],
    ] as const) {
      const answer = await api.call('getIssuer', { ...issuer, headers: { 'if-match': wanted } });
      expect([wanted, answer.status]).toEqual([wanted, status]);
      if (status === 412) expect(problemCode(answer)[1]).toBe('precondition_failed');
    }
  });

  it('of before is refused an update, and of two with the tag of now one gets it', async () => {
    const update = (name: string, tag: string) =>
      api.call('updateIssuer', { ...issuer, body: { name }, headers: { 'if-match': tag } });
    const before = await tagNow();
    const done = await update('Tagged 1', before);
    expect([done.status, done.headers.etag]).toEqual([200, await tagNow()]);
    const late = await update('Tagged 2', before);
    expect(problemCode(late)).toEqual([412, 'precondition_failed']);
    const now = await tagNow();
    const both = await Promise.all([update('Tagged 3', now), update('Tagged 4', now)]);
    const [winner, loser] = both[0].status === 200 ? both : both.toReversed();
    expect([winner?.status, loser?.status]).toEqual([200, 412]);
    expect((await api.call('getIssuer', issuer)).json()).toEqual(winner?.json());
    expect((await api.call('updateIssuer', { ...issuer, body: { name: 'Tagged 5' } })).status).toBe(200);
    const unchanged = await update('Tagged 5', now);
    expect(problemCode(unchanged)).toEqual([412, 'precondition_failed']);
  });
});

describe('a GET', () => {
  it('is answered whatever its content is, which means nothing', async () => {
    for (const type of ['application/json', 'text/plain', 'application/ocsp-request']) {
      const answer = await api.call('whoami', { body: Buffer.from('{{{'), headers: { 'content-type': type } });
      expect([type, answer.status]).toEqual([type, 200]);
    }
  });
});

function when<const T>(condition: boolean, ...items: readonly T[]): readonly T[] {
  return condition ? items : [];
}
