import { readFileSync } from 'node:fs';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson, type Page } from '../support/issuing.js';
import { decodeOcsp, OCSP_STATUS } from '../support/ocsp-client.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const ISSUERS = '/api/v1/issuers';
const ALGORITHMS = [
  ['ecdsa-p256', /ASN1 OID: prime256v1/, /ecdsa-with-SHA256/],
  ['ecdsa-p384', /ASN1 OID: secp384r1/, /ecdsa-with-SHA384/],
  ['ecdsa-p521', /ASN1 OID: secp521r1/, /ecdsa-with-SHA512/],
  ['rsa-2048', /Public-Key: \(2048 bit\)/, /sha256WithRSAEncryption/],
  ['rsa-3072', /Public-Key: \(3072 bit\)/, /sha256WithRSAEncryption/],
  ['rsa-4096', /Public-Key: \(4096 bit\)/, /sha256WithRSAEncryption/],
  ['ed25519', /ED25519 Public-Key/, /Signature Algorithm: ED25519/],
] as const;

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
beforeAll(async () => {
  app = await startTestApp();
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const text = (pem: string, name = 'shown.pem'): Promise<string> =>
  openssl.ok('x509', '-in', openssl.file(name, pem), '-noout', '-text');
const create = (body: Record<string, unknown>) => app.api.post(ISSUERS, body);
const root = (more: Record<string, unknown>) => create({ id: 'x', name: 'X', kind: 'root', subject: 'CN=X', ...more });

describe('a root', () => {
  it.each(ALGORITHMS)(
    'signs itself with %s, issues, and revokes with it',
    async (algorithm, keyText, signatureText) => {
      const issuer = await desk.root(`root-${algorithm}`, { key_algorithm: algorithm });
      expect(issuer).toMatchObject({
        kind: 'root',
        status: 'active',
        parent_id: null,
        key_algorithm: algorithm,
        chain_pem: '',
      });
      const shown = await text(issuer.certificate_pem);
      expect(shown).toMatch(keyText);
      expect(shown).toMatch(signatureText);
      const leaf = await desk.issue({ issuer: issuer.id });
      const { cert, root: rootFile } = await desk.files(leaf);
      expect(await openssl.ok('verify', '-x509_strict', '-CAfile', rootFile, cert)).toMatch(/: OK/);
      await desk.revoke(leaf);
      const crl = openssl.file('crl.der', (await app.pki(`/.well-known/pki/crl/${issuer.id}`)).body);
      expect((await openssl.run('crl', '-inform', 'DER', '-in', crl, '-CAfile', rootFile, '-noout')).output).toMatch(
        /verify OK/,
      );
      const ocsp = await openssl.ok(
        'ocsp',
        '-issuer',
        rootFile,
        '-cert',
        cert,
        '-CAfile',
        rootFile,
        '-no_nonce',
        '-url',
        `${app.pkiUrl}/.well-known/pki/ocsp/${issuer.id}`,
      );
      expect(ocsp).toMatch(/: revoked/);
    },
  );

  it('is a CA that may sign certificates and CRLs, lasts as long as asked, and takes what the subject says', async () => {
    const issuer = await desk.root('root-subject', {
      subject: { common_name: 'Ärzte, Root', organization: 'Example "Org"', country: 'DE' },
      validity: '730d',
      path_length: 2,
    });
    const shown = await text(issuer.certificate_pem);
    expect(shown).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:2\n/);
    expect(shown).toMatch(/X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(shown).not.toMatch(/CRL Distribution|Authority Information/);
    expect(Date.parse(issuer.not_after) - Date.parse(issuer.not_before)).toBe((730 * 86_400 - 1) * 1000);
    const subject = await openssl.ok(
      'x509',
      '-in',
      openssl.path('shown.pem'),
      '-noout',
      '-subject',
      '-nameopt',
      'RFC2253,utf8,-esc_msb',
    );
    expect(subject.trim()).toBe(`subject=${issuer.subject}`);
    expect(issuer.path_length).toBe(2);
  });

  it('takes key algorithms in any writing', async () => {
    const { key_algorithm } = await desk.root('loose-name', { key_algorithm: 'ECDSA P-384' });
    expect(key_algorithm).toBe('ecdsa-p384');
  });

  it.each([
    ['an id with a capital', { id: 'Big' }],
    ['an id that begins with a hyphen', { id: '-a' }],
    ['an id that ends with a hyphen', { id: 'a-' }],
    ['an id with a dot', { id: 'a.b' }],
    ['an id with a line feed at its end', { id: 'a\n' }],
    ['an id of 64 characters', { id: 'a'.repeat(64) }],
    ['an empty id', { id: '' }],
    ['an unknown field', { colour: 'blue' }],
    ['a parent', { parent_id: 'iss-local' }],
    ['an unknown key algorithm', { key_algorithm: 'rsa-1024' }],
    ['an unknown kind', { kind: 'cross' }],
    ['no kind', { kind: undefined }],
    ['an empty name', { name: ' ' }],
    ['a name with a NUL', { name: 'a\u0000b' }],
    ['a validity of no unit', { validity: '90' }],
    ['a validity of seconds under a minute', { validity: '59s' }],
    ['a validity of more than a hundred years', { validity: '36601d' }],
    ['a negative path length', { path_length: -1 }],
    ['an unknown subject attribute', { subject: { common_name: 'X', shoe_size: '43' } }],
    ['a subject that is no text', { subject: 7 }],
  ])('is refused with %s', async (_, more) => {
    expect(problemCode(await root(more))).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['a control character', 'CN=a\u0007b'],
    ['a NUL', 'CN=a\u0000b'],
    ['half of a surrogate pair', 'CN=a\ud800b'],
    ['no attribute', 'X'],
    ['an empty attribute', 'CN='],
    ['an object without attributes', {}],
    ['a country of three letters', { common_name: 'X', country: 'DEU' }],
    ['a common name that is too long', { common_name: 'x'.repeat(65) }],
  ])('is refused with %s in its subject', async (_, subject) => {
    expect(problemCode(await root({ subject }))).toEqual([400, 'invalid_name']);
  });

  it('names the fields that are wrong, all at once', async () => {
    const answer = await root({ id: 'A', name: '' });
    const { errors } = answer.json<{ errors: { field: string; message: string }[] }>();
    expect(errors.map(({ field }) => field).sort()).toEqual(['id', 'name']);
  });

  it('takes an id only once, and of two calls at the same time one', async () => {
    expect(problemCode(await root({ id: 'iss-local' }))).toEqual([409, 'issuer_exists']);
    const answers = await Promise.all([1, 2, 3, 4].map(() => root({ id: 'same-moment' })));
    expect(answers.map(({ status }) => String(status)).sort()).toEqual(['201', '409', '409', '409']);
  });
});

describe('an intermediate', () => {
  let top: IssuerJson;
  beforeAll(async () => {
    top = await desk.root('top', { path_length: 2 });
  });

  it('is signed by its parent, and a leaf under two of them verifies up to the root', async () => {
    const middle = await desk.intermediate('middle', 'top', { key_algorithm: 'rsa-2048', path_length: 1 });
    const low = await desk.intermediate('low', 'middle', { key_algorithm: 'ecdsa-p384', validity: '365d' });
    expect(low).toMatchObject({ kind: 'intermediate', parent_id: 'middle', path_length: 0 });
    expect(low.chain_pem).toBe(middle.certificate_pem + top.certificate_pem);
    const leaf = await desk.issue({ issuer: 'low' });
    expect(leaf.chain_pem).toBe(low.certificate_pem + low.chain_pem);
    const { cert, chain, root: rootFile } = await desk.files(leaf);
    const verified = await openssl.run('verify', '-x509_strict', '-CAfile', rootFile, '-untrusted', chain, cert);
    expect(verified.output).toMatch(/: OK/);
  });

  it('tells by its certificate where its parent publishes its status, and stands in the inventory of its parent', async () => {
    const issuer = await desk.intermediate('listed', 'top');
    const shown = await text(issuer.certificate_pem);
    expect(shown).toMatch(/CA:TRUE, pathlen:0/);
    for (const url of [top.ocsp_url, top.crl_url, top.ca_issuers_url]) expect(shown).toContain(`URI:${url}\n`);
    const { items } = await app.api.fetch<Page<{ subject: string; issuer_id: string }>>(
      '/api/v1/certificates?profile=intermediate&issuer_id=top&limit=100',
    );
    expect(items.filter(({ subject }) => subject === 'CN=listed')).toHaveLength(1);
  });

  it.each([
    ['a parent that is not there', { parent_id: 'nobody' }, 404, 'issuer_not_found'],
    ['no parent', { parent_id: undefined }, 400, 'invalid_request'],
    ['a validity beyond that of its parent', { validity: '9000d' }, 400, 'validity_exceeds_issuer'],
    ['a path length that its parent does not allow', { path_length: 2 }, 400, 'path_length_exceeded'],
  ])('is refused with %s', async (_, more, status, code) => {
    const answer = await create({
      id: 'y',
      name: 'Y',
      kind: 'intermediate',
      parent_id: 'top',
      subject: 'CN=Y',
      ...more,
    });
    expect(problemCode(answer)).toEqual([status, code]);
  });

  it('is refused under a parent of path length 0', async () => {
    await desk.intermediate('last', 'top', { path_length: 0 });
    const answer = await create({ id: 'z', name: 'Z', kind: 'intermediate', parent_id: 'last', subject: 'CN=Z' });
    expect(problemCode(answer)).toEqual([400, 'path_length_exceeded']);
  });
});

describe('an imported CA', () => {
  const caExtensions = [
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ];

  /** A self-signed certificate and its key by `openssl req -x509`. */
  async function selfSigned(
    name: string,
    extensions = caExtensions,
    newkey = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ) {
    const keyFile = openssl.path(`${name}.key`);
    const certificate = await openssl.ok(
      'req',
      '-x509',
      '-newkey',
      ...newkey,
      '-nodes',
      '-keyout',
      keyFile,
      '-days',
      '800',
      '-subj',
      `/CN=${name}`,
      '-config',
      openssl.file('empty.cnf', '[req]\ndistinguished_name=dn\n[dn]\n'),
      ...extensions,
    );
    openssl.file(`${name}.pem`, certificate);
    return { certificate_pem: certificate, private_key_pem: await openssl.ok('pkey', '-in', keyFile), keyFile };
  }

  /** A self-signed CA, and a CSR for a leaf with the same key. */
  async function withLeaf(name: string) {
    const { keyFile, ...made } = await selfSigned(name);
    return { ...made, csr_pem: await openssl.ok('req', '-new', '-key', keyFile, '-subj', '/CN=leaf.example.com') };
  }

  /** A CA that another has signed. */
  async function signedBy(ca: string, name: string) {
    const { csr, keyFile } = await openssl.csr(`/CN=${name}`);
    const extensions = openssl.file(
      'ca.ext',
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n',
    );
    const certificate = await openssl.ok(
      'x509',
      '-req',
      '-in',
      openssl.file('sub.csr', csr),
      '-CA',
      openssl.path(`${ca}.pem`),
      '-CAkey',
      openssl.path(`${ca}.key`),
      '-CAcreateserial',
      '-days',
      '500',
      '-extfile',
      extensions,
    );
    return { certificate_pem: certificate, private_key_pem: await openssl.ok('pkey', '-in', keyFile) };
  }

  const importing = (id: string, more: Record<string, unknown>) => create({ id, name: id, kind: 'imported', ...more });

  it('with a chain issues certificates that verify against its root', async () => {
    const { certificate_pem: rootPem } = await selfSigned('foreign-root');
    const sub = await signedBy('foreign-root', 'foreign-sub');
    const answer = await importing('foreign-sub', { ...sub, chain_pem: rootPem });
    expect(answer.status).toBe(201);
    const issuer = answer.json<IssuerJson>();
    expect(issuer).toMatchObject({
      kind: 'imported',
      parent_id: null,
      key_algorithm: 'ecdsa-p256',
      subject: 'CN=foreign-sub',
    });
    expect(issuer.certificate_pem.trim()).toBe(sub.certificate_pem.trim());
    expect(issuer.chain_pem.trim()).toBe(rootPem.trim());
    const leaf = await desk.issue({ issuer: 'foreign-sub' });
    const { cert, chain, root: rootFile } = await desk.files(leaf);
    expect(await openssl.ok('verify', '-CAfile', rootFile, '-untrusted', chain, cert)).toMatch(/: OK/);
    const ocsp = await openssl.ok(
      'ocsp',
      '-issuer',
      openssl.file('is.pem', issuer.certificate_pem),
      '-cert',
      cert,
      '-CAfile',
      rootFile,
      '-url',
      `${app.pkiUrl}/.well-known/pki/ocsp`,
    );
    expect(ocsp).toMatch(/: good/);
  });

  it.each([
    ['rsa:3072', 'rsa-3072', ['rsa:3072']],
    ['Ed25519', 'ed25519', ['ed25519']],
  ])('may have a key of %s, in its traditional form too', async (_, algorithm, newkey) => {
    const { certificate_pem, private_key_pem, keyFile } = await selfSigned(`imp-${algorithm}`, caExtensions, newkey);
    const key = algorithm.startsWith('rsa') ? await openssl.ok('rsa', '-in', keyFile, '-traditional') : private_key_pem;
    const answer = await importing(`imp-${algorithm}`, { certificate_pem, private_key_pem: key });
    expect(answer.json()).toMatchObject({ key_algorithm: algorithm });
    expect((await desk.issue({ issuer: `imp-${algorithm}` })).status).toBe('active');
  });

  it('never shows its private key again', async () => {
    const made = await selfSigned('secretive');
    const answer = await importing(
      'secretive',
      made.keyFile ? { certificate_pem: made.certificate_pem, private_key_pem: made.private_key_pem } : {},
    );
    expect(answer.status).toBe(201);
    const everything = [answer, await app.api.get(`${ISSUERS}/secretive`), await app.api.get('/api/v1/audit')];
    for (const { body } of everything) expect(body.toString()).not.toContain('PRIVATE KEY');
  });

  it('is refused when its key is another, encrypted, empty or damaged', async () => {
    const one = await selfSigned('one');
    const { private_key_pem: otherKey } = await selfSigned('other');
    const encrypted = await openssl.ok('pkey', '-in', one.keyFile, '-aes128', '-passout', 'pass:secret');
    const { certificate_pem } = one;
    const refusal = async (more: Record<string, unknown>) =>
      problemCode(await importing('never', { certificate_pem, ...more }));
    expect(await refusal({ private_key_pem: otherKey })).toEqual([400, 'key_mismatch']);
    expect(await refusal({ private_key_pem: encrypted })).toEqual([400, 'invalid_pem']);
    expect(await refusal({ private_key_pem: 'hello' })).toEqual([400, 'invalid_pem']);
    expect(await refusal({ private_key_pem: one.private_key_pem.replace('M', 'N') })).toEqual([400, 'invalid_pem']);
    expect(await refusal({ private_key_pem: '' })).toEqual([400, 'invalid_pem']);
    expect(await refusal({ private_key_pem: null })).toEqual([400, 'invalid_request']);
    expect(await refusal({ private_key_pem: one.private_key_pem, key_algorithm: 'rsa-2048' })).toEqual([
      400,
      'invalid_request',
    ]);
  });

  it.each([
    ['is no CA', ['-addext', 'basicConstraints=critical,CA:FALSE'], /not a CA/],
    ['has no basicConstraints', ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'], /not a CA/],
    [
      'may not sign CRLs',
      ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'],
      /cRLSign/,
    ],
    [
      'may not sign certificates',
      ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=cRLSign'],
      /keyCertSign/,
    ],
    ['has no key usage', ['-addext', 'basicConstraints=critical,CA:TRUE'], /keyCertSign/],
  ])('is refused when its certificate %s', async (_, extensions, detail) => {
    const { certificate_pem, private_key_pem } = await selfSigned('unfit', extensions);
    const answer = await importing('unfit', { certificate_pem, private_key_pem });
    expect(problemCode(answer)).toEqual([400, 'invalid_certificate']);
    expect(answer.json<{ detail: string }>().detail).toMatch(detail);
  });

  it('is refused with a key that was reported as compromised, and taken with that of a certificate merely superseded', async () => {
    const { csr_pem: csr, ...compromised } = await withLeaf('reported');
    await desk.revoke(await desk.issue({ csr }), { reason: 'keyCompromise' });
    const answer = await importing('reported', compromised);
    expect(problemCode(answer)).toEqual([400, 'compromised_key']);
    expect(answer.json<{ detail: string }>().detail).toMatch(/reported as compromised/);
    expect((await app.api.get(`${ISSUERS}/reported`)).status).toBe(404);
    const { csr_pem: otherCsr, ...superseded } = await withLeaf('outdated');
    await desk.revoke(await desk.issue({ csr: otherCsr }), { reason: 'superseded' });
    expect((await importing('outdated', superseded)).status).toBe(201);
  });

  it('is refused with a weak key, a foreign chain or text that is no certificate', async () => {
    const weak = await selfSigned('weak', caExtensions, ['rsa:1024']);
    const { certificate_pem, private_key_pem } = weak;
    expect(problemCode(await importing('weak', { certificate_pem, private_key_pem }))).toEqual([400, 'weak_key']);
    const good = await selfSigned('good');
    const stranger = await selfSigned('stranger');
    const strangerChain = {
      certificate_pem: good.certificate_pem,
      private_key_pem: good.private_key_pem,
      chain_pem: stranger.certificate_pem,
    };
    expect(problemCode(await importing('good', strangerChain))).toEqual([400, 'invalid_certificate']);
    expect(problemCode(await importing('good', { certificate_pem: 'x', private_key_pem }))).toEqual([
      400,
      'invalid_pem',
    ]);
  });
});

describe('a CA imported without its private key', () => {
  const elsewhere = `${ISSUERS}/elsewhere`;
  let issuer: IssuerJson;
  let otherId: string;
  let certificate: { serial_number: string; pem: string };
  beforeAll(async () => {
    // Made by another Certplane, so that there is somebody who has the key.
    otherId = 'holds-the-key';
    const { certificate_pem } = await desk.root(otherId);
    const issued = await desk.issue({ issuer: otherId });
    certificate = { serial_number: issued.serial_number, pem: issued.certificate_pem };
    issuer = await desk.createIssuer({ id: 'elsewhere', name: 'Elsewhere', kind: 'imported', certificate_pem });
  });

  const explain = (body: Record<string, unknown>) =>
    app.api.create<{ answer: string; why: string }>('/api/v1/admin/ocsp/explain', body);

  it('is shown without a CRL and an OCSP responder here, and its certificate is served', async () => {
    expect(issuer).toMatchObject({ kind: 'imported', status: 'active', crl_url: null, ocsp_url: null, crl_shards: 1 });
    expect(await app.api.fetch(elsewhere)).toEqual(issuer);
    expect((await app.pki('/.well-known/pki/ca/elsewhere.pem')).body.toString()).toBe(issuer.certificate_pem);
    expect(issuer.ca_issuers_url).toMatch(/\/ca\/elsewhere$/);
  });

  it('issues nothing: no leaf, no intermediate and no OCSP responder', async () => {
    const { csr } = await openssl.csr('/CN=leaf.example.com');
    const answers = [
      await app.api.post('/api/v1/certificates', { issuer_id: 'elsewhere', csr }),
      await create({ id: 'below-it', name: 'b', kind: 'intermediate', parent_id: 'elsewhere', subject: 'CN=b' }),
      await app.api.post('/api/v1/admin/ocsp/responders/elsewhere/rotate'),
    ];
    for (const answer of answers) {
      expect(problemCode(answer)).toEqual([409, 'issuer_without_key']);
      expect(answer.json<{ detail: string }>().detail).toMatch(/elsewhere was imported without its private key/);
    }
    const { items } = await app.api.fetch<Page<CertificateJson>>('/api/v1/certificates?issuer_id=elsewhere');
    expect(items).toEqual([]);
    const rows = await app.dataSource.query('SELECT id FROM certificates WHERE issuer_id = $1', ['elsewhere']);
    expect(rows).toEqual([]);
  });

  it('is not answered for by OCSP, however it is asked', async () => {
    const request = openssl.path('elsewhere.req');
    const [cert, ca] = [
      openssl.file('elsewhere-leaf.pem', certificate.pem),
      openssl.file('elsewhere-ca.pem', issuer.certificate_pem),
    ];
    await openssl.ok('ocsp', '-issuer', ca, '-cert', cert, '-no_nonce', '-reqout', request);
    const body = readFileSync(request);
    const ways: [string, Parameters<TestApp['pki']>[1]][] = [
      [`/elsewhere/${certificate.serial_number}`, {}],
      [`/elsewhere/${encodeURIComponent(body.toString('base64'))}`, {}],
      ['/elsewhere', { method: 'POST', body, headers: { 'content-type': 'application/ocsp-request' } }],
    ];
    for (const [path, options] of ways) {
      const answer = await app.pki(`/.well-known/pki/ocsp${path}`, options);
      expect([path, answer.status]).toEqual([path, 200]);
      expect([path, decodeOcsp(answer.body).responderStatus]).toEqual([path, OCSP_STATUS.unauthorized]);
    }
    const why = 'elsewhere was imported without its private key: whoever has the key answers for it.';
    const { serial_number } = certificate;
    expect(await explain({ issuer_id: 'elsewhere', serial_number })).toMatchObject({ answer: 'unauthorized', why });
    const named = { issuer_id: 'elsewhere', request: body.toString('base64') };
    expect(await explain(named)).toMatchObject({ answer: 'unauthorized', why });
    // Where no address names one of the two, whoever has the key answers.
    const anywhere = await app.pki('/.well-known/pki/ocsp', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/ocsp-request' },
    });
    expect(decodeOcsp(anywhere.body).singles[0]?.status).toBe('good');
  });

  it('has no CRL here, and nobody tries to build one', async () => {
    for (const path of ['elsewhere', 'elsewhere/0', 'elsewhere/delta']) {
      const answer = await app.pki(`/.well-known/pki/crl/${path}`);
      expect([path, ...problemCode(answer)]).toEqual([path, 404, 'crl_published_elsewhere']);
    }
    const next = await desk.root('after-elsewhere');
    await waitUntil('the CRL of a later issuer is there', async () => {
      return (await app.pki(new URL(next.crl_url).pathname)).status === 200;
    });
    for (const table of ['crls', 'crl_events']) {
      expect(await app.dataSource.query(`SELECT FROM ${table} WHERE issuer_id = 'elsewhere'`)).toEqual([]);
    }
  });

  it('does not make the instance unready', async () => {
    expect((await app.api.get('/ready')).status).toBe(200);
  });

  it('takes a new name, and no settings of a CRL that is not made here', async () => {
    expect((await app.api.patch(elsewhere, { name: 'Far away', crl_shards: 1 })).json()).toMatchObject({
      name: 'Far away',
      crl_url: null,
    });
    const settings = [{ crl_shards: 2 }, { crl_delta_interval: 'off' }, { expired_certs_on_crl: true }];
    const { certificate_pem } = issuer;
    for (const more of settings) {
      expect(problemCode(await app.api.patch(elsewhere, more))).toEqual([409, 'issuer_without_key']);
      const imported = await create({ id: 'elsewhere-2', name: 'E', kind: 'imported', certificate_pem, ...more });
      expect(problemCode(imported)).toEqual([409, 'issuer_without_key']);
    }
    expect(await app.api.fetch(elsewhere)).toEqual({ ...issuer, name: 'Far away' });
  });

  it('may be disabled and retired like any other', async () => {
    expect((await app.api.post(`${elsewhere}/disable`)).json()).toMatchObject({ status: 'disabled', crl_url: null });
    expect((await app.api.post(`${elsewhere}/retire`)).json()).toMatchObject({ status: 'retired' });
  });
});

describe('the settings of an issuer', () => {
  const settingsOf = ({
    name,
    baseline_requirements,
    crl_shards,
    crl_delta_interval,
    expired_certs_on_crl,
  }: IssuerJson) => ({
    name,
    baseline_requirements,
    crl_shards,
    crl_delta_interval,
    expired_certs_on_crl,
  });

  it('are given when it is created, or have their defaults', async () => {
    const plain = await desk.root('plain-settings');
    expect(settingsOf(plain)).toEqual({
      name: 'plain-settings',
      baseline_requirements: false,
      crl_shards: 1,
      crl_delta_interval: null,
      expired_certs_on_crl: false,
    });
    const given = { crl_shards: 16, crl_delta_interval: '90m', expired_certs_on_crl: true };
    const issuer = await desk.intermediate('given-settings', 'plain-settings', given);
    expect(issuer).toMatchObject(given);
    expect(await app.api.fetch(`${ISSUERS}/given-settings`)).toEqual(issuer);
    expect(await desk.root('no-deltas', { crl_delta_interval: 'off' })).toMatchObject({ crl_delta_interval: '0s' });
  });

  it('are changed one by one or together, and each change is in the audit trail with what was before', async () => {
    const before = await desk.root('changing');
    const path = `${ISSUERS}/changing`;
    const changes: [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>][] = [
      [{ name: ' Changed ' }, { name: 'changing' }, { name: 'Changed' }],
      [
        { crl_shards: 4, crl_delta_interval: '60m' },
        { crl_shards: 1, crl_delta_interval: null },
        { crl_shards: 4, crl_delta_interval: '1h' },
      ],
      [{ crl_delta_interval: 'off' }, { crl_delta_interval: '1h' }, { crl_delta_interval: '0s' }],
      [{ crl_delta_interval: null, crl_shards: 4 }, { crl_delta_interval: '0s' }, { crl_delta_interval: null }],
      [
        { expired_certs_on_crl: true, baseline_requirements: true },
        { baseline_requirements: false, expired_certs_on_crl: false },
        { baseline_requirements: true, expired_certs_on_crl: true },
      ],
    ];
    const expected = { ...before };
    for (const [body, old, now] of changes) {
      const answer = await app.api.patch(path, body);
      expect(answer.status).toBe(200);
      Object.assign(expected, now);
      expect(answer.json()).toEqual(expected);
      expect(await app.api.fetch(path)).toEqual(expected);
      const { items } = await app.api.fetch<Page<{ action: string; details: unknown }>>(
        '/api/v1/audit?subject_id=changing&action=issuer.update&limit=1',
      );
      expect(items[0]).toMatchObject({
        action: 'issuer.update',
        outcome: 'success',
        details: { before: old, after: now },
      });
    }
    expect((await app.api.patch(path, { name: 'Changed', crl_shards: 4 })).json()).toEqual(expected);
    const { items } = await app.api.fetch<Page<{ action: string }>>('/api/v1/audit?subject_id=changing&limit=100');
    expect(items.filter(({ action }) => action === 'issuer.update')).toHaveLength(changes.length);
  });

  it('count at once: the Baseline Requirements limit what is issued next', async () => {
    await desk.root('strict-later');
    expect(await desk.issue({ issuer: 'strict-later', validity: '400d' })).toMatchObject({ status: 'active' });
    await app.api.patch(`${ISSUERS}/strict-later`, { baseline_requirements: true });
    const { csr } = await openssl.csr('/CN=strict.example.com');
    const refused = await app.api.post('/api/v1/certificates', { issuer_id: 'strict-later', csr, validity: '400d' });
    expect(problemCode(refused)).toEqual([400, 'validity_exceeds_limit']);
  });

  it.each([
    ['nothing', {}],
    ['no body', undefined],
    ['a list', [{ name: 'x' }]],
    ['an unknown field', { name: 'x', colour: 'blue' }],
    ['what is not to be changed', { subject: 'CN=Other' }],
    ['a status', { status: 'retired' }],
    ['no shard', { crl_shards: 0 }],
    ['1025 shards', { crl_shards: 1025 }],
    ['a part of a shard', { crl_shards: 1.5 }],
    ['shards in words', { crl_shards: '4' }],
    ['a delta interval under a minute', { crl_delta_interval: '59s' }],
    ['a delta interval over a week', { crl_delta_interval: '8d' }],
    ['a delta interval without a unit', { crl_delta_interval: 3600 }],
    ['an empty name', { name: '' }],
    ['a name that is null', { name: null }],
  ])('are not changed by %s', async (_, body) => {
    const before = await app.api.fetch(`${ISSUERS}/iss-local`);
    expect(problemCode(await app.api.patch(`${ISSUERS}/iss-local`, body))).toEqual([400, 'invalid_request']);
    expect(await app.api.fetch(`${ISSUERS}/iss-local`)).toEqual(before);
  });

  it.each([
    ['no shard', { crl_shards: 0 }],
    ['1025 shards', { crl_shards: 1025 }],
    ['a delta interval of no unit', { crl_delta_interval: '60' }],
    ['expired certificates in words', { expired_certs_on_crl: 'yes' }],
  ])('refuse a new issuer with %s', async (_, more) => {
    expect(problemCode(await root(more))).toEqual([400, 'invalid_request']);
  });

  it('are not changed for an issuer that is not there', async () => {
    expect(problemCode(await app.api.patch(`${ISSUERS}/nobody`, { name: 'x' }))).toEqual([404, 'issuer_not_found']);
    expect(problemCode(await app.api.patch(`${ISSUERS}/No`, { name: 'x' }))).toEqual([400, 'invalid_request']);
  });

  it('are all changed when many change them at the same time', async () => {
    await desk.root('contended');
    const bodies = [{ name: 'New' }, { crl_shards: 3 }, { crl_delta_interval: '2h' }, { expired_certs_on_crl: true }];
    await Promise.all(bodies.map((body) => app.api.patch(`${ISSUERS}/contended`, body)));
    expect(await app.api.fetch(`${ISSUERS}/contended`)).toMatchObject(Object.assign({}, ...bodies) as object);
    const points = await app.dataSource.query<unknown[]>(
      'SELECT url FROM crl_distribution_points WHERE issuer_id = $1',
      ['contended'],
    );
    expect(points).toHaveLength(3);
  });
});

describe('the status of an issuer', () => {
  const change = (id: string, verb: string) => app.api.post(`${ISSUERS}/${id}/${verb}`);

  it('stops it issuing while disabled, for good when retired, and never its CRL and OCSP', async () => {
    await desk.root('switched');
    const leaf = await desk.issue({ issuer: 'switched' });
    const { csr } = await openssl.csr('/CN=later.example.com');
    const issue = async () => (await app.api.post('/api/v1/certificates', { issuer_id: 'switched', csr })).status;
    const child = () =>
      create({ id: 'child', name: 'c', kind: 'intermediate', parent_id: 'switched', subject: 'CN=c' });
    const files = await desk.files(leaf);
    const stillAnswers = async (): Promise<void> => {
      const url = `${app.pkiUrl}/.well-known/pki/ocsp/switched`;
      const answer = await openssl.ok(
        'ocsp',
        '-issuer',
        files.issuer,
        '-cert',
        files.cert,
        '-CAfile',
        files.root,
        '-url',
        url,
      );
      expect(answer).toMatch(/: good/);
      expect((await app.pki('/.well-known/pki/crl/switched')).status).toBe(200);
      expect((await app.pki('/.well-known/pki/ca/switched')).status).toBe(200);
    };

    expect((await change('switched', 'disable')).json()).toMatchObject({ id: 'switched', status: 'disabled' });
    expect(await issue()).toBe(409);
    expect(problemCode(await child())).toEqual([409, 'issuer_not_active']);
    await stillAnswers();
    expect(problemCode(await change('switched', 'disable'))).toEqual([409, 'issuer_status_conflict']);
    expect((await change('switched', 'enable')).json()).toMatchObject({ status: 'active' });
    expect(await issue()).toBe(201);
    expect((await change('switched', 'retire')).json()).toMatchObject({ status: 'retired' });
    expect(await issue()).toBe(409);
    expect(problemCode(await change('switched', 'enable'))).toEqual([409, 'issuer_status_conflict']);
    await stillAnswers();
    const { serial_number } = await desk.revoke(leaf);
    const url = `${app.pkiUrl}/.well-known/pki/ocsp/switched`;
    const answer = await openssl.ok(
      'ocsp',
      '-issuer',
      files.issuer,
      '-cert',
      files.cert,
      '-CAfile',
      files.root,
      '-url',
      url,
    );
    expect(answer).toMatch(/: revoked/);
    await waitUntil('the CRL of the retired issuer has the entry', async () => {
      const crl = openssl.file('retired.crl', (await app.pki('/.well-known/pki/crl/switched')).body);
      const shown = await openssl.ok('crl', '-inform', 'DER', '-in', crl, '-noout', '-text');
      return shown.toLowerCase().includes(serial_number);
    });
  });

  it('does not help one whose own certificate was revoked: it issues nothing, and stays checkable', async () => {
    await desk.root('revoking-parent');
    const child = await desk.intermediate('revoked-child', 'revoking-parent', { path_length: 0 });
    const { csr } = await openssl.csr('/CN=below.example.com');
    const issued = await desk.issue({ issuer: 'revoked-child', csr });
    const { items } = await app.api.fetch<Page<CertificateJson>>(
      '/api/v1/certificates?issuer_id=revoking-parent&profile=intermediate',
    );
    expect(items.map(({ subject }) => subject)).toEqual([child.subject]);
    await desk.revoke(items[0]!, { reason: 'cessationOfOperation' });

    const refused = await app.api.post('/api/v1/certificates', { issuer_id: 'revoked-child', csr });
    expect(problemCode(refused)).toEqual([409, 'issuer_not_active']);
    expect(refused.json<{ detail: string }>().detail).toMatch(/was revoked/);
    const below = { id: 'below', name: 'below', kind: 'intermediate', parent_id: 'revoked-child', subject: 'CN=below' };
    expect((await app.api.post(ISSUERS, below)).status).toBeGreaterThanOrEqual(400);
    expect((await desk.issue({ issuer: 'revoking-parent', csr })).status).toBe('active');

    // What it has issued can be asked for and revoked as before.
    expect(await desk.revoke(issued)).toMatchObject({ status: 'revoked' });
    const short = await app.pki(`/.well-known/pki/ocsp/revoked-child/${issued.serial_number}`);
    expect(decodeOcsp(short.body).singles[0]?.status).toBe('revoked');
    await waitUntil(
      'its CRL is there',
      async () => (await app.pki('/.well-known/pki/crl/revoked-child')).status === 200,
    );
  });

  it('is not changed for an issuer that is not there', async () => {
    expect(problemCode(await change('nobody', 'disable'))).toEqual([404, 'issuer_not_found']);
    expect(problemCode(await change('No', 'disable'))).toEqual([400, 'invalid_request']);
  });
});

describe('the list of issuers', () => {
  it('is in the order of ids, page by page without repeats', async () => {
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '?limit=3' : `?limit=3&cursor=${cursor}`;
      const page: Page<IssuerJson> = await app.api.fetch(ISSUERS + query);
      expect(page.items.length).toBeGreaterThan(0);
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    const all = await app.api.fetch<Page<IssuerJson>>(`${ISSUERS}?limit=1000`);
    expect(ids).toEqual(all.items.map(({ id }) => id));
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids).toContain('iss-local');
  });

  it('shows an issuer by its id as the list does', async () => {
    const { items } = await app.api.fetch<Page<IssuerJson>>(`${ISSUERS}?limit=1000`);
    const local = items.find(({ id }) => id === 'iss-local');
    expect(await app.api.fetch(`${ISSUERS}/iss-local`)).toEqual(local);
    expect(local?.certificate_pem).toBe(app.ca);
    expect(problemCode(await app.api.get(`${ISSUERS}/nobody`))).toEqual([404, 'issuer_not_found']);
  });

  it.each([
    '?limit=0',
    '?limit=1001',
    '?limit=x',
    '?limit=1&limit=2',
    '?status=active',
    '?cursor=AA',
    '?cursor=%00',
    '?cursor=**',
  ])('refuses %s', async (query) => {
    expect((await app.api.get(ISSUERS + query)).status).toBe(400);
  });
});
