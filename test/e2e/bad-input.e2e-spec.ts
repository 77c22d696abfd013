import type { Answer } from '../support/api-client.js';
import { IssuingDesk, type CertificateJson, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** What is said of a wrong call. */
type Says = readonly [status: number, code: string, sentence: RegExp];

interface BadCall {
  readonly what: string;
  readonly post: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  readonly says: Says;
}

const ISSUE = '/api/v1/certificates';
const ISSUERS = '/api/v1/issuers';
const NOBODY = '00000000-0000-4000-8000-000000000000';

let openssl: OpensslWorkshop;
let app: TestApp;
let desk: IssuingDesk;
let csr: string;
let certificate: CertificateJson;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=bad.example.com'));
  app = await startTestApp();
  desk = new IssuingDesk(app, openssl);
  certificate = await desk.issue();
});
afterAll(async () => {
  await app.stop();
  openssl.remove();
});

function expectProblem(what: string, answer: Answer, [status, code, sentence]: Says): void {
  const problem = answer.json();
  expect([what, answer.status, problem['code']]).toEqual([what, status, code]);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect([what, problem['detail']]).toEqual([what, expect.stringMatching(sentence)]);
  expect(problem['request_id']).toBe(answer.headers['x-request-id']);
}

const order = (more: Record<string, unknown>) => ({ issuer_id: 'iss-local', csr, ...more });
const names = (kind: string, ...values: string[]) => order({ subject_alternative_names: { [kind]: values } });
const root = (more: Record<string, unknown>) => ({ id: 'bad', name: 'bad', kind: 'root', subject: 'CN=bad', ...more });

/** A CSR with one octet of its signature changed. */
function withBrokenSignature(pem: string): string {
  const lines = pem.trim().split('\n');
  const der = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  der[der.length - 3]! ^= 1;
  return [lines[0], ...(der.toString('base64').match(/.{1,64}/g) ?? []), lines.at(-1), ''].join('\n');
}

/** What is wrong with what is sent to make something. */
function callsThatMake(): BadCall[] {
  return [
    { what: 'an unknown field', post: ISSUE, body: order({ ca: true }), says: [400, 'invalid_request', /"ca"/] },
    { what: 'a wrong type', post: ISSUE, body: order({ validity: 90 }), says: [400, 'invalid_request', /validity/] },
    { what: 'a list for an object', post: ISSUE, body: [], says: [400, 'invalid_request', /object/] },
    { what: 'a text for an object', post: ISSUE, body: 'csr', says: [400, 'invalid_\\w+', /\w+/] },
    { what: 'no PEM', post: ISSUE, body: order({ csr: 'hello' }), says: [400, 'invalid_pem', /no PEM block/] },
    {
      what: 'PEM of another thing',
      post: ISSUE,
      body: order({ csr: certificate.certificate_pem }),
      says: [400, 'invalid_pem', /"CERTIFICATE REQUEST", only: CERTIFICATE/],
    },
    {
      what: 'PEM that is cut short',
      post: ISSUE,
      body: order({ csr: csr.slice(0, csr.length - 40) }),
      says: [400, 'invalid_pem', /\w+/],
    },
    {
      what: 'PEM whose base64 is broken',
      post: ISSUE,
      body: order({ csr: csr.replace(/\n(.{10})/, '\n*****$1') }),
      says: [400, 'invalid_pem', /base64/],
    },
    {
      what: 'a CSR with a broken signature',
      post: ISSUE,
      body: order({ csr: withBrokenSignature(csr) }),
      says: [400, 'csr_signature_invalid', /signature/],
    },
    {
      what: 'a host name with letters that are not ASCII',
      post: ISSUE,
      body: names('dns', 'p\u0430ypal.example.com'),
      says: [400, 'invalid_name', /\w+/],
    },
    {
      what: 'an alternative name of 10 KB',
      post: ISSUE,
      body: names('dns', `${'a.'.repeat(5000)}example.com`),
      says: [400, 'invalid_request', /subject_alternative_names\.dns\.0: .*2048/],
    },
    {
      what: '10,000 alternative names',
      post: ISSUE,
      body: names('dns', ...Array.from({ length: 10_000 }, (_, index) => `h${index}.example.com`)),
      says: [400, 'invalid_request', /subject_alternative_names\.dns: .*1000/],
    },
    {
      what: 'an issuer that is not there',
      post: ISSUE,
      body: order({ issuer_id: 'nobody' }),
      says: [404, 'issuer_not_found', /no issuer nobody/],
    },
    {
      what: 'an issuer id that can be none',
      post: ISSUE,
      body: order({ issuer_id: '../etc' }),
      says: [400, 'invalid_request', /issuer_id/],
    },
    {
      what: 'an issuer that is there already',
      post: ISSUERS,
      body: root({ id: 'iss-local' }),
      says: [409, 'issuer_exists', /choose another/],
    },
    {
      what: 'a control character in a subject',
      post: ISSUERS,
      body: root({ subject: { common_name: 'a\u0007b' } }),
      says: [400, 'invalid_name', /U\+0007/],
    },
    {
      what: 'a character that turns the direction of writing',
      post: ISSUERS,
      body: root({ subject: { common_name: 'moc.\u202eelpmaxe' } }),
      says: [400, 'invalid_name', /U\+202E/],
    },
    {
      what: 'letters of several scripts in one word',
      post: ISSUERS,
      body: root({ subject: { common_name: 'p\u0430ypal' } }),
      says: [400, 'invalid_name', /several scripts/],
    },
    {
      what: 'a control character in a name',
      post: ISSUERS,
      body: root({ name: 'a\u0000b' }),
      says: [400, 'invalid_request', /name: must not have control characters/],
    },
  ];
}

/** What is wrong with what is sent to act on something. */
function callsThatAct(): BadCall[] {
  return [
    {
      what: 'a certificate that is not there',
      post: `${ISSUE}/${NOBODY}/revoke`,
      body: {},
      says: [404, 'certificate_not_found', /no certificate/],
    },
    { what: 'an id that is none', post: `${ISSUE}/12/revoke`, body: {}, says: [400, 'invalid_request', /UUID/] },
    {
      what: 'an unknown reason',
      post: `${ISSUE}/${certificate.id}/revoke`,
      body: { reason: 'because' },
      says: [400, 'invalid_request', /reason: .*keyCompromise/],
    },
    {
      what: 'a body that is nested too deep',
      post: `${ISSUE}/${certificate.id}/revoke`,
      body: Array.from({ length: 100 }).reduce((inner: unknown) => [inner], 'deep'),
      headers: { 'idempotency-key': 'deep' },
      says: [400, 'invalid_json', /deeper than 32 levels/],
    },
    {
      what: 'an Idempotency-Key that is none',
      post: ISSUE,
      body: order({}),
      headers: { 'idempotency-key': 'a b' },
      says: [400, 'invalid_request', /Idempotency-Key/],
    },
  ];
}

describe('a wrong call', () => {
  it('gets a code, and a sentence that says what is wrong', async () => {
    for (const { what, post, body, headers, says } of [...callsThatMake(), ...callsThatAct()]) {
      const answer = await app.api.post(post, body, headers);
      const code = answer.json()['code'];
      expect([what, code]).toEqual([what, expect.stringMatching(new RegExp(`^${says[1]}$`))]);
      expectProblem(what, answer, [says[0], String(code), says[2]]);
    }
  });

  it('with the hostile names in its CSR is refused as well', async () => {
    for (const [subject, sentence] of [
      ['/CN=a\u0007b', /U\+0007/],
      ['/CN=moc.\u202eelpmaxe', /U\+202E/],
      ['/CN=p\u0430ypal', /several scripts/],
    ] as const) {
      const made = await openssl.csr(subject, { extra: ['-utf8'] });
      expectProblem(subject, await app.api.post(ISSUE, order({ csr: made.csr })), [400, 'invalid_name', sentence]);
    }
    const many = Array.from({ length: 1500 }, (_, index) => `DNS:h${index}.example.com`).join(',');
    const made = await openssl.csr('/CN=many.example.com', { names: many });
    const answer = await app.api.post(ISSUE, order({ csr: made.csr }));
    expect(answer.status).toBe(400);
    expect(answer.json<{ code: string }>().code).toMatch(/^invalid_/);
  });

  it('under the key of another request is a conflict', async () => {
    const headers = { 'idempotency-key': 'taken-once' };
    expect((await app.api.post(ISSUE, order({}), headers)).status).toBe(201);
    expectProblem('another body', await app.api.post(ISSUE, order({ validity: '2d' }), headers), [
      422,
      'idempotency_key_reused',
      /Make a new key/,
    ]);
  });

  it('with a cursor of another query, or of nobody, is refused', async () => {
    await desk.issue();
    await desk.issue();
    for (const [list, other] of [
      ['/api/v1/certificates?limit=1', '/api/v1/certificates?limit=1&status=active'],
      ['/api/v1/audit?limit=1', '/api/v1/audit?limit=1&action=certificate.issue'],
    ] as const) {
      const { next_cursor: cursor } = await app.api.fetch<Page<unknown>>(list);
      expect((await app.api.get(`${list}&cursor=${cursor}`)).status).toBe(200);
      expectProblem(other, await app.api.get(`${other}&cursor=${cursor}`), [400, 'invalid_cursor', /another query/]);
      expectProblem(list, await app.api.get(`${list}&cursor=eHh4`), [400, 'invalid_cursor', /not one of ours/]);
    }
  });

  it('leaves the control plane as it was', async () => {
    const { items } = await app.api.fetch<Page<{ id: string }>>(ISSUERS);
    expect(items.map(({ id }) => id)).not.toContain('bad');
  });
});

describe('a list', () => {
  it('shows each that was there once and none twice, while others are added', async () => {
    const before = new Set<string>();
    for (let count = 0; count < 12; count++) before.add((await desk.issue({ csr })).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page<CertificateJson> = await app.api.fetch(`/api/v1/certificates?limit=3${query}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      await desk.issue({ csr });
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of before) expect(seen).toContain(id);
  });
});
