import { readFileSync } from 'node:fs';
import { OcspNode } from '../../src/ocsp/ocsp-node.service.js';
import { parsePem } from '../../src/pki/pem.js';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson } from '../support/issuing.js';
import { ocspQuestion, readOcsp } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const OCSP = '/.well-known/pki/ocsp';
const POLICIES = ['ignore', 'verify', 'require'] as const;
type Policy = (typeof POLICIES)[number];

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;
const issuers = {} as Record<Policy, IssuerJson>;
const certificates = {} as Record<Policy, CertificateJson>;

beforeAll(async () => {
  app = await startTestApp({ schedules: false });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=asked.example.com'));
  for (const name of ['members', 'strangers']) await makeCa(name);
  await makeRequester('member', 'members');
  await makeRequester('expired', 'members', '-1');
  await makeRequester('stranger', 'strangers');
  const cas = readFileSync(openssl.path('members.pem'), 'utf8');
  for (const policy of POLICIES) {
    const more = policy === 'ignore' ? {} : { ocsp_requester_cas_pem: cas };
    issuers[policy] = await desk.root(`with-${policy}`, { ocsp_request_signature: policy, ...more });
    certificates[policy] = await desk.issue({ issuer: `with-${policy}`, csr });
  }
});

afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function makeCa(name: string): Promise<void> {
  await openssl.ok('req', '-x509', ...ec, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`);
}

/** Files with a requester's key and certificate; with negative days it has expired. */
async function makeRequester(name: string, ca: string, days = '10'): Promise<void> {
  await openssl.ok('req', '-new', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  const extensions = openssl.file('requester.cnf', 'keyUsage=critical,digitalSignature\n');
  const signing = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', extensions];
  await openssl.ok('x509', '-req', '-in', `${name}.csr`, ...signing, '-days', days, '-out', `${name}.pem`);
}

/** The options of openssl that sign a request. */
const by = (name: string): string[] => [
  '-signer',
  openssl.path(`${name}.pem`),
  '-signkey',
  openssl.path(`${name}.key`),
];

/** What `openssl ocsp` says. */
async function asked(policy: Policy, ...options: string[]): Promise<string> {
  const { cert, issuer, root } = await desk.files(certificates[policy]);
  const url = `${app.pkiUrl}${OCSP}/${issuers[policy].id}`;
  const { output } = await openssl.run(
    ...['ocsp', '-issuer', issuer, '-cert', cert, '-CAfile', root, '-url', url, ...options],
  );
  return output;
}

/** The bytes of a request that openssl signed. */
async function signedRequest(policy: Policy, name: string, certificate = certificates[policy]): Promise<Buffer> {
  const { cert, issuer } = await desk.files(certificate);
  const file = openssl.path('request.der');
  await openssl.ok('ocsp', '-issuer', issuer, '-cert', cert, '-no_nonce', ...by(name), '-reqout', file);
  return readFileSync(file);
}

async function statusOf(policy: Policy, body: Buffer, method: 'GET' | 'POST' = 'POST'): Promise<string> {
  const path = `${OCSP}/${issuers[policy].id}`;
  const answer =
    method === 'POST'
      ? await app.pki(path, { method, body })
      : await app.pki(`${path}/${encodeURIComponent(body.toString('base64'))}`);
  expect(answer.status).toBe(200);
  return readOcsp(answer.body).status;
}

/** How often an answer was found in memory, and how often not. */
const lookups = async (): Promise<{ hits: number; misses: number }> =>
  (await app.api.fetch<{ memory: { hits: number; misses: number } }>('/api/v1/admin/ocsp/cache')).memory;

const plainRequest = (policy: Policy): Buffer =>
  ocspQuestion(parsePem(issuers[policy].certificate_pem, 'CERTIFICATE')[0]!, certificates[policy].serial_number).body;

describe('openssl ocsp', () => {
  const GOOD = /: good\n/;
  const REFUSED = /Responder Error: unauthorized \(6\)/;
  const SIGNATURE_WANTED = /Responder Error: sigrequired \(5\)/;

  it.each([
    ['ignore', 'without a signature', null, GOOD],
    ['ignore', 'signed by anybody', 'stranger', GOOD],
    ['verify', 'without a signature', null, GOOD],
    ['verify', 'signed as it should be', 'member', GOOD],
    ['verify', 'signed by a stranger', 'stranger', REFUSED],
    ['verify', 'signed with an expired certificate', 'expired', REFUSED],
    ['require', 'without a signature', null, SIGNATURE_WANTED],
    ['require', 'signed as it should be', 'member', GOOD],
    ['require', 'signed by a stranger', 'stranger', REFUSED],
    ['require', 'signed with an expired certificate', 'expired', REFUSED],
  ] as const)('asks an issuer that says %s, %s', async (policy, _, signer, expected) => {
    for (const nonce of ['-no_nonce', '-nonce']) {
      expect(await asked(policy, nonce, ...(signer === null ? [] : by(signer)))).toMatch(expected);
    }
  });

  it('hears revoked too, from an issuer that asks for a signature', async () => {
    const { id } = issuers.require;
    const certificate = await desk.issue({ issuer: id, csr });
    const kept = certificates.require;
    certificates.require = certificate;
    try {
      expect(await asked('require', '-no_nonce', ...by('member'))).toMatch(GOOD);
      await desk.revoke(certificate);
      expect(await asked('require', '-no_nonce', ...by('member'))).toMatch(/: revoked\n/);
      expect(await asked('require', '-no_nonce')).toMatch(SIGNATURE_WANTED);
    } finally {
      certificates.require = kept;
    }
  });
});

describe('a request to an issuer that asks for a signature', () => {
  it('is refused although the answer lies in memory', async () => {
    const hits = async () => (await lookups()).hits;
    const signed = await signedRequest('require', 'member');
    for (const method of ['POST', 'GET'] as const) expect(await statusOf('require', signed, method)).toBe('good');
    // The answer is the same for all whose certificate and algorithm it is.
    const [before, entries] = [await hits(), app.app.nest.get(OcspNode).state.entries];
    expect(entries).toBeGreaterThan(0);
    for (const method of ['POST', 'GET'] as const) {
      expect(await statusOf('require', plainRequest('require'), method)).toBe('sigRequired');
      expect(await statusOf('require', await signedRequest('require', 'stranger'), method)).toBe('unauthorized');
      expect(await statusOf('verify', await signedRequest('verify', 'stranger'), method)).toBe('unauthorized');
    }
    expect(await hits()).toBe(before);
    expect(await statusOf('require', signed)).toBe('good');
  });

  it.each(['verify', 'require'] as const)(
    'is answered from memory once its signature is verified, until a revocation (%s)',
    async (policy) => {
      const certificate = await desk.issue({ issuer: issuers[policy].id, csr });
      const signed = await signedRequest(policy, 'member', certificate);
      const path = `${OCSP}/${issuers[policy].id}`;
      const answers: (readonly [hits: number, misses: number, body: Buffer])[] = [];
      for (const method of ['POST', 'POST', 'GET'] as const) {
        const before = await lookups();
        const { body } =
          method === 'POST'
            ? await app.pki(path, { method, body: signed })
            : await app.pki(`${path}/${encodeURIComponent(signed.toString('base64'))}`);
        const after = await lookups();
        answers.push([after.hits - before.hits, after.misses - before.misses, body]);
      }
      expect(answers.map(([hits, misses]) => [hits, misses])).toEqual([
        [0, 1],
        [1, 0],
        [1, 0],
      ]);
      const bodies = answers.map(([, , body]) => body.toString('hex'));
      expect(new Set(bodies).size).toBe(1);
      expect(readOcsp(answers[0]![2]).status).toBe('good');
      await desk.revoke(certificate);
      for (const method of ['POST', 'GET'] as const) expect(await statusOf(policy, signed, method)).toBe('revoked');
    },
  );

  it('is answered anew once what lies in memory is due to be replaced', async () => {
    const certificate = await desk.issue({ issuer: issuers.require.id, csr });
    const signed = await signedRequest('require', 'member', certificate);
    const producedAt = async (): Promise<number> => {
      const { body } = await app.pki(`${OCSP}/${issuers.require.id}`, { method: 'POST', body: signed });
      return readOcsp(body).producedAt.getTime();
    };
    const first = await producedAt();
    expect(await producedAt()).toBe(first);
    const { hits } = await lookups();
    app.clock.advance(13 * 3600);
    try {
      expect(await producedAt()).toBeGreaterThan(first);
      expect((await lookups()).hits).toBe(hits);
    } finally {
      app.clock.advance(-13 * 3600);
    }
  });

  it('is refused in the short form, which can not be signed', async () => {
    const short = async (policy: Policy) =>
      readOcsp((await app.pki(`${OCSP}/${issuers[policy].id}/${certificates[policy].serial_number}`)).body).status;
    expect(await short('require')).toBe('sigRequired');
    expect(await short('verify')).toBe('good');
    expect(await short('ignore')).toBe('good');
  });

  it('is refused by whatever address it comes', async () => {
    const answer = await app.pki(OCSP, { method: 'POST', body: plainRequest('require') });
    expect(readOcsp(answer.body).status).toBe('sigRequired');
  });

  it('is refused for a serial number that nobody knows: who may not ask learns nothing', async () => {
    const issuerDer = parsePem(issuers.require.certificate_pem, 'CERTIFICATE')[0]!;
    expect(await statusOf('require', ocspQuestion(issuerDer, '7b').body)).toBe('sigRequired');
  });

  it('is refused when it was tampered with, wherever', async () => {
    const signed = await signedRequest('require', 'member');
    const heard = new Set<string>();
    for (let at = 0; at < signed.length; at += 1) {
      const tampered = Buffer.from(signed);
      tampered[at]! ^= 0x01;
      heard.add(await statusOf('require', tampered));
    }
    expect(
      [...heard].filter((status) => !['malformedRequest', 'unauthorized', 'sigRequired'].includes(status)),
    ).toEqual([]);
  });

  it('is accepted from then on when an instance that never saw the issuer is asked', async () => {
    const other = await startTestApp({ beside: app });
    try {
      const signed = await signedRequest('require', 'member');
      const status = async (body: Buffer) =>
        readOcsp((await other.pki(`${OCSP}/${issuers.require.id}`, { method: 'POST', body })).body).status;
      await waitUntil('it answers', async () => (await status(signed)) === 'good');
      expect(await status(plainRequest('require'))).toBe('sigRequired');
    } finally {
      await other.stop();
    }
  });
});

describe('an issuer', () => {
  it('shows what it does with signatures', async () => {
    for (const policy of POLICIES) {
      expect(await app.api.fetch(`/api/v1/issuers/${issuers[policy].id}`)).toMatchObject({
        ocsp_request_signature: policy,
      });
    }
  });

  it.each([
    ['verify without CAs', { ocsp_request_signature: 'verify' }],
    ['require without CAs', { ocsp_request_signature: 'require' }],
    ['an unknown policy', { ocsp_request_signature: 'maybe' }],
    ['CAs that are none', { ocsp_request_signature: 'require', ocsp_requester_cas_pem: 'hello' }],
  ])('is not made with %s', async (_, more) => {
    const body = { id: 'wrong', name: 'wrong', kind: 'root', subject: 'CN=wrong', ...more };
    const answer = await app.api.post('/api/v1/issuers', body);
    expect(problemCode(answer)[0]).toBe(400);
    expect((await app.api.get('/api/v1/issuers/wrong')).status).toBe(404);
  });
});
