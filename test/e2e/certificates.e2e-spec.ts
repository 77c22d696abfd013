import { createHash, X509Certificate } from 'node:crypto';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const CERTIFICATES = '/api/v1/certificates';
const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057';
const REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
] as const;
const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'];

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;
beforeAll(async () => {
  app = await startTestApp();
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=www.example.com'));
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const post = (body: Record<string, unknown>) => app.api.post(CERTIFICATES, body);
const issueWith = (more: Record<string, unknown>) => post({ issuer_id: 'iss-local', csr, ...more });
const list = (query = '') => app.api.fetch<Page<CertificateJson>>(CERTIFICATES + query);
const secondsOf = ({ not_before, not_after }: CertificateJson): number =>
  (Date.parse(not_after) - Date.parse(not_before)) / 1000 + 1;

async function shownByOpenssl(certificate: CertificateJson): Promise<string> {
  return openssl.ok('x509', '-in', openssl.file('shown.pem', certificate.certificate_pem), '-noout', '-text');
}

describe('an issued certificate', () => {
  it('is described as it is, and verifies', async () => {
    const names =
      'DNS:www.example.com,DNS:*.example.com,IP:192.0.2.7,IP:2001:db8::7,email:ops@example.com,URI:https://example.com/x';
    const made = await openssl.csr('/C=DE/O=Example/CN=www.example.com', { names });
    const certificate = await desk.issue({ csr: made.csr, validity: '30d' });
    const x509 = new X509Certificate(certificate.certificate_pem);
    expect(certificate).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      issuer_id: 'iss-local',
      serial_number: x509.serialNumber.toLowerCase(),
      profile: 'leaf',
      status: 'active',
      subject: 'CN=www.example.com,O=Example,C=DE',
      subject_alternative_names: {
        dns: ['www.example.com', '*.example.com'],
        ip: ['192.0.2.7', '2001:db8::7'],
        email: ['ops@example.com'],
        uri: ['https://example.com/x'],
      },
      not_before: new Date(x509.validFrom).toISOString(),
      not_after: new Date(x509.validTo).toISOString(),
      fingerprint_sha256: createHash('sha256').update(x509.raw).digest('hex'),
      revoked_at: null,
      revocation_reason: null,
      invalidity_date: null,
      certificate_pem: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/),
      chain_pem: app.ca,
      revocation_history: [],
    });
    expect(secondsOf(certificate)).toBe(30 * 86_400);
    expect(Date.parse(certificate.not_before)).toBeLessThanOrEqual(Date.now());
    const { cert, root } = await desk.files(certificate);
    expect(
      await openssl.ok(
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-CAfile',
        root,
        '-verify_hostname',
        'a.example.com',
        cert,
      ),
    ).toMatch(/OK/);
    expect(await app.api.fetch(`${CERTIFICATES}/${certificate.id}`)).toEqual(certificate);
  });

  it('has the extensions of a leaf', async () => {
    const issuer = await app.api.fetch<IssuerJson>('/api/v1/issuers/iss-local');
    const shown = await shownByOpenssl(await desk.issue({ subject: '/CN=ext.example.com' }));
    const authority = /Subject Key Identifier: *\n? *([0-9A-F:]+)/.exec(
      await openssl.ok('x509', '-in', openssl.file('ca.pem', issuer.certificate_pem), '-noout', '-text'),
    )?.[1];
    expect(shown).toMatch(/X509v3 Subject Key Identifier: *\n +[0-9A-F:]{59}\n/);
    expect(shown).toContain(authority);
    expect(shown).toMatch(/X509v3 Authority Key Identifier: *\n/);
    expect(shown).toMatch(/X509v3 Basic Constraints: critical\n +CA:FALSE\n/);
    expect(shown).toMatch(/X509v3 Key Usage: critical\n +Digital Signature\n/);
    expect(shown).toMatch(
      /X509v3 Extended Key Usage: \n +TLS Web Server Authentication, TLS Web Client Authentication\n/,
    );
    expect(shown).toMatch(/X509v3 Subject Alternative Name: \n +DNS:ext\.example\.com\n/);
    expect(shown).toContain(`OCSP - URI:${issuer.ocsp_url}\n`);
    expect(shown).toContain(`CA Issuers - URI:${issuer.ca_issuers_url}\n`);
    expect(shown).toMatch(/X509v3 CRL Distribution Points: \n +Full Name:\n/);
    expect(shown).toContain(`URI:${issuer.crl_url}\n`);
    for (const url of [issuer.ocsp_url, issuer.crl_url, issuer.ca_issuers_url]) {
      expect(url).toMatch(
        new RegExp(`^http://localhost:${app.config.pkiHttpPort}/\\.well-known/pki/(ocsp|crl|ca)/iss-local$`),
      );
    }
    expect(shown.match(/X509v3 [A-Z]|Authority Information Access/g)).toHaveLength(8);
  });

  it.each([
    ['RSA 2048', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], /Digital Signature, Key Encipherment\n/],
    ['P-384', EC, /Digital Signature\n/],
    ['P-521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'], /Digital Signature\n/],
    ['Ed25519', ['-algorithm', 'ED25519'], /Digital Signature\n/],
  ])('may have a key of %s, and holds the key of the CSR', async (_, algorithm, keyUsage) => {
    const made = await openssl.csr('/CN=keys.example.com', { algorithm });
    const certificate = await desk.issue({ csr: made.csr });
    expect(await shownByOpenssl(certificate)).toMatch(keyUsage);
    const publicKey = await openssl.ok('x509', '-in', openssl.path('shown.pem'), '-noout', '-pubkey');
    expect(publicKey).toBe(await openssl.ok('pkey', '-in', made.keyFile, '-pubout'));
  });

  it('takes from the CSR no extension but its names', async () => {
    const extra = [
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=keyCertSign',
      '-addext',
      'extendedKeyUsage=OCSPSigning',
    ];
    const made = await openssl.csr('/CN=evil.example.com', { extra });
    const shown = await shownByOpenssl(await desk.issue({ csr: made.csr }));
    expect(shown).toContain('CA:FALSE');
    expect(shown).not.toMatch(/Certificate Sign|OCSP Signing|CA:TRUE/);
  });

  it('has the names of the request instead of those of the CSR', async () => {
    const made = await openssl.csr('/CN=x', { names: 'DNS:csr.example.com' });
    const { subject_alternative_names } = await desk.issue({
      csr: made.csr,
      names: { dns: ['B.example.com'], ip: ['2001:DB8:0::1'] },
    });
    expect(subject_alternative_names).toEqual({ dns: ['b.example.com'], ip: ['2001:db8::1'], email: [], uri: [] });
  });

  it('may do without a subject; then its names are critical', async () => {
    const made = await openssl.csr('/', { names: 'DNS:nosubject.example.com' });
    const certificate = await desk.issue({ csr: made.csr });
    expect(certificate.subject).toBe('');
    expect(await shownByOpenssl(certificate)).toMatch(/Subject Alternative Name: critical\n +DNS:nosubject/);
  });

  it('may do without names, where its subject is no host', async () => {
    const certificate = await desk.issue({ subject: '/CN=Jane Doe' });
    expect(certificate.subject_alternative_names).toEqual({ dns: [], ip: [], email: [], uri: [] });
    expect(await shownByOpenssl(certificate)).not.toContain('Alternative');
  });

  it('lasts 90 days where nobody says otherwise', async () => {
    expect(secondsOf(await desk.issue())).toBe(90 * 86_400);
    expect(secondsOf(await desk.issue({ validity: '90s' }))).toBe(90);
  });
});

describe('a CSR', () => {
  const weak = async (options: string[]) => (await openssl.csr('/CN=w.example.com', { algorithm: options })).csr;

  it('is refused with a weak or unsupported key', async () => {
    const rsa1024 = await weak(['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']);
    expect(problemCode(await issueWith({ csr: rsa1024 }))).toEqual([400, 'weak_key']);
    const exponent3 = await weak([
      '-algorithm',
      'RSA',
      '-pkeyopt',
      'rsa_keygen_bits:2048',
      '-pkeyopt',
      'rsa_keygen_pubexp:3',
    ]);
    expect(problemCode(await issueWith({ csr: exponent3 }))).toEqual([400, 'weak_key']);
    const p224 = await weak(['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-224']);
    expect(problemCode(await issueWith({ csr: p224 }))).toEqual([400, 'unsupported_key']);
    const secp256k1 = await weak(['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']);
    expect(problemCode(await issueWith({ csr: secp256k1 }))).toEqual([400, 'unsupported_key']);
    const ed448 = await weak(['-algorithm', 'ED448']);
    expect(problemCode(await issueWith({ csr: ed448 }))).toEqual([400, 'unsupported_key']);
  });

  it('is refused when its signature does not fit, or is by SHA-1', async () => {
    const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64');
    der.write('wwx.example.com', der.indexOf('www.example.com'));
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    expect(problemCode(await issueWith({ csr: forged }))).toEqual([400, 'csr_signature_invalid']);
    const sha1 = await openssl.csr('/CN=sha1.example.com', { extra: ['-sha1'] });
    expect(problemCode(await issueWith({ csr: sha1.csr }))).toEqual([400, 'csr_signature_invalid']);
  });

  it.each([
    ['text', 'hello', 'invalid_pem'],
    ['a certificate', '', 'invalid_pem'],
    [
      'base64 of nothing that is a request',
      '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n',
      'invalid_csr',
    ],
  ])('is refused when it is %s', async (what, text, code) => {
    expect(problemCode(await issueWith({ csr: what === 'a certificate' ? app.ca : text }))).toEqual([400, code]);
  });

  it('is taken from within the chatter of openssl', async () => {
    const chatter = await openssl.ok('req', '-in', openssl.file('c.csr', csr), '-text');
    expect((await issueWith({ csr: chatter })).status).toBe(201);
    expect((await issueWith({ csr: csr.replaceAll('\n', '\r\n') })).status).toBe(201);
  });

  it('is refused with hostile names of its own', async () => {
    for (const names of [
      'DNS:a_b.example.com',
      'DNS:foo.*.example.com',
      'DNS:-a.example.com',
      'DNS:*',
      'otherName:1.2.3.4;UTF8:x',
      'dirName:dn',
    ]) {
      const dn = openssl.file('dn.cnf', '[req]\ndistinguished_name=d\n[d]\n[dn]\nCN=x\n');
      const made = await openssl.csr('/CN=x', { names, extra: names.startsWith('dirName') ? ['-config', dn] : [] });
      expect([names, ...problemCode(await issueWith({ csr: made.csr }))]).toEqual([names, 400, 'invalid_name']);
    }
    const control = await openssl.csr('/CN=a\tb');
    expect(problemCode(await issueWith({ csr: control.csr }))).toEqual([400, 'invalid_name']);
  });
});

describe('a request for a certificate', () => {
  it.each([
    [{ dns: ['foo.*.com'] }],
    [{ dns: ['*.com'] }],
    [{ dns: ['*'] }],
    [{ dns: ['a..b'] }],
    [{ dns: ['under_score.example.com'] }],
    [{ dns: ['a b'] }],
    [{ dns: ['a\u0000.example.com'] }],
    [{ dns: ['exämple.com'] }],
    [{ dns: ['192.0.2.1'] }],
    [{ dns: [''] }],
    [{ dns: [`${'a'.repeat(64)}.com`] }],
    [{ ip: ['192.0.2.256'] }],
    [{ ip: ['192.0.2.0/24'] }],
    [{ ip: ['fe80::1%eth0'] }],
    [{ email: ['a@b@c.com'] }],
    [{ email: ['a\r\nb@example.com'] }],
    [{ uri: ['javascript:alert(1)'] }],
    [{ uri: ['https://user:pw@example.com/'] }],
  ])('is refused with the names %j', async (names) => {
    expect(problemCode(await issueWith({ subject_alternative_names: names }))).toEqual([400, 'invalid_name']);
  });

  it.each([
    ['an unknown field', { profile: 'ca' }],
    ['an unknown kind of name', { subject_alternative_names: { rid: ['1.2.3'] } }],
    ['names that are no list', { subject_alternative_names: { dns: 'a.example.com' } }],
    [
      'more than a thousand names of a kind',
      { subject_alternative_names: { dns: Array<string>(1001).fill('a.example.com') } },
    ],
    ['a validity in months', { validity: '3mo' }],
    ['a negative validity', { validity: '-1d' }],
    ['no CSR', { csr: undefined }],
    ['a CSR that is no text', { csr: { a: 1 } }],
    ['no issuer', { issuer_id: undefined }],
  ])('is refused with %s', async (_, more) => {
    expect(problemCode(await issueWith(more))).toEqual([400, 'invalid_request']);
  });

  it('is refused for an issuer that is not there', async () => {
    expect(problemCode(await issueWith({ issuer_id: 'nobody' }))).toEqual([404, 'issuer_not_found']);
  });

  it('is refused beyond the life of its issuer, and the refusal says how long it may be', async () => {
    await desk.root('short', { validity: '30d' });
    const answer = await issueWith({ issuer_id: 'short', validity: '31d' });
    expect(problemCode(answer)).toEqual([400, 'validity_exceeds_issuer']);
    const { detail } = answer.json<{ detail: string }>();
    expect(detail).toMatch(/outlive the issuer short/);
    const most = /at most (\d+[dhs])/.exec(detail)?.[1];
    expect((await issueWith({ issuer_id: 'short', validity: most })).status).toBe(201);
  });

  it('leaves no trace in the inventory when it is refused', async () => {
    const before = await list('?limit=1000');
    await issueWith({ subject_alternative_names: { dns: ['*'] } });
    await issueWith({ validity: '90000d' });
    expect(await list('?limit=1000')).toEqual(before);
  });
});

describe('the list of certificates', () => {
  it('is newest first, page by page, all of them and none twice', async () => {
    for (let count = 0; count < 5; count++) await desk.issue({ csr });
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await list(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
      // What comes meanwhile does not disturb the pages that follow.
      if (ids.length === 2) await desk.issue({ csr });
    }
    const all = await list('?limit=1000');
    expect(ids).toEqual(all.items.slice(1).map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort().reverse());
    const [{ total }] = await app.dataSource.query<[{ total: number }]>(
      'SELECT count(*)::int AS total FROM certificates',
    );
    expect(all.items).toHaveLength(total);
  });

  it('filters by issuer, profile, status, expiry and serial number, and by all together', async () => {
    await desk.root('filtered');
    const early = await desk.issue({ issuer: 'filtered', csr, validity: '2d' });
    const late = await desk.issue({ issuer: 'filtered', csr, validity: '20d' });
    const gone = await desk.issue({ issuer: 'filtered', csr, validity: '20d' });
    await desk.revoke(gone);
    const idsOf = async (query: string) =>
      (await list(`?issuer_id=filtered&profile=leaf&${query}`)).items.map(({ id }) => id);
    expect(await idsOf('')).toEqual([gone.id, late.id, early.id]);
    expect(await idsOf('status=active')).toEqual([late.id, early.id]);
    expect(await idsOf('status=revoked')).toEqual([gone.id]);
    expect(await idsOf('status=expired')).toEqual([]);
    const inAWeek = new Date(Date.now() + 7 * 86_400_000).toISOString();
    expect(await idsOf(`expires_before=${inAWeek}`)).toEqual([early.id]);
    expect(await idsOf(`serial_number=${late.serial_number}`)).toEqual([late.id]);
    expect(await idsOf(`serial_number=${late.serial_number}&status=revoked`)).toEqual([]);
    expect((await list('?issuer_id=nobody')).items).toEqual([]);
    app.clock.advance(3 * 86_400);
    try {
      expect(await idsOf('status=expired')).toEqual([early.id]);
      expect(await idsOf('status=active')).toEqual([late.id]);
      expect((await app.api.fetch<CertificateJson>(`${CERTIFICATES}/${early.id}`)).status).toBe('expired');
    } finally {
      app.clock.advance(-3 * 86_400);
    }
  });

  it.each([
    ['an unknown parameter', '?colour=blue', 'invalid_request'],
    ['an unknown status', '?status=good', 'invalid_request'],
    ['a time without a zone', '?expires_before=2030-01-01T00:00:00', 'invalid_request'],
    ['a time that is no time', '?expires_before=soon', 'invalid_request'],
    ['a parameter twice', '?status=active&status=revoked', 'invalid_request'],
    ['a limit of none', '?limit=0', 'invalid_request'],
    ['a limit of too many', '?limit=1001', 'invalid_request'],
    ['a cursor that is none', '?cursor=abc', 'invalid_cursor'],
    ['an issuer that can be none', '?issuer_id=A', 'invalid_request'],
    ['a serial number that is none', '?serial_number=xyz', 'invalid_serial_number'],
    ['an empty serial number', '?serial_number=', 'invalid_serial_number'],
    ['the serial number 0', '?serial_number=00', 'invalid_serial_number'],
    ['a serial number that is too long', `?serial_number=${'11'.repeat(21)}`, 'invalid_serial_number'],
  ])('refuses %s', async (_, query, code) => {
    expect(problemCode(await app.api.get(CERTIFICATES + query))).toEqual([400, code]);
  });

  it('takes the farthest times', async () => {
    expect((await list('?expires_before=0000-01-01T00:00:00Z')).items).toEqual([]);
    expect((await list('?expires_before=9999-12-31T23:59:59Z&limit=1')).items).toHaveLength(1);
  });
});

describe('one certificate', () => {
  it('is shown by its id, in upper case too', async () => {
    const certificate = await desk.issue({ csr });
    expect(await app.api.fetch(`${CERTIFICATES}/${certificate.id.toUpperCase()}`)).toEqual(certificate);
  });

  it('is not found by another id', async () => {
    expect(problemCode(await app.api.get(`${CERTIFICATES}/${NOBODY}`))).toEqual([404, 'certificate_not_found']);
    for (const id of ['1', '%00', '%20', `${NOBODY}0`]) {
      expect(problemCode(await app.api.get(`${CERTIFICATES}/${id}`))).toEqual([400, 'invalid_request']);
    }
  });

  it.each([
    ['the high bit set', 'ff00a1b2c3d4e5f60718293a4b5c6d7e'],
    ['a leading zero nibble', '0a0b0c0d0e0f10203040506070809aab'],
    ['one octet', '05'],
    ['19 octets and a half', `0${'f'.repeat(39)}`],
    ['20 octets', `7${'e'.repeat(39)}`],
  ])('with a serial number of %s is found however that is written', async (_, serial) => {
    const certificate = await desk.issue({ csr });
    await desk.renumber(certificate, serial);
    const bare = serial.replace(/^0+/, '');
    const colons = (serial.match(/../g) ?? []).join(':');
    for (const written of [
      serial,
      serial.toUpperCase(),
      bare,
      `0${bare}`,
      `0000${serial}`,
      `0x${serial}`,
      `0X${bare.toUpperCase()}`,
      colons,
      colons.toUpperCase(),
      colons.replaceAll(':', '%20'),
    ]) {
      const { items } = await list(`?serial_number=${written}`);
      expect([written, items.map(({ id, serial_number }) => [id, serial_number])]).toEqual([
        written,
        [[certificate.id, serial]],
      ]);
    }
  });
});

describe('revoking', () => {
  const FINAL = REASONS.filter((reason) => reason !== 'certificateHold');

  it.each(FINAL)('for %s says so, the second time as well', async (reason) => {
    const certificate = await desk.issue();
    const first = await desk.revoke(certificate, { reason });
    expect(first).toEqual({
      id: certificate.id,
      serial_number: certificate.serial_number,
      status: 'revoked',
      reason,
      revoked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      visible: { ocsp: true, nodes: 1, waited_ms: expect.any(Number) },
      invalidity_date: null,
    });
    app.clock.advance(5);
    const second = await desk.revoke(certificate, { reason: 'superseded' });
    expect(second).toEqual({ ...first, visible: { ...first.visible, waited_ms: second.visible.waited_ms } });
    for (const { visible } of [first, second]) {
      expect(Number.isInteger(visible.waited_ms) && visible.waited_ms >= 0).toBe(true);
    }
    expect(await app.api.fetch(`${CERTIFICATES}/${certificate.id}`)).toMatchObject({
      status: 'revoked',
      revoked_at: first.revoked_at,
      revocation_reason: reason,
    });
  });

  it('needs no body, and takes an empty one', async () => {
    expect(await desk.revoke(await desk.issue())).toMatchObject({ reason: 'unspecified', status: 'revoked' });
    expect(await desk.revoke(await desk.issue(), {})).toMatchObject({ reason: 'unspecified' });
  });

  it('keeps the invalidity date to the second, in UTC', async () => {
    const certificate = await desk.issue();
    const answer = await desk.revoke(certificate, {
      reason: 'keyCompromise',
      invalidity_date: '2026-01-02T03:04:05.678+02:00',
    });
    expect(answer).toMatchObject({ invalidity_date: '2026-01-02T01:04:05.000Z' });
  });

  it('is refused with an invalidity date in the future, an unknown reason or an unknown field', async () => {
    const { id } = await desk.issue();
    const refusal = async (body: unknown) => problemCode(await app.api.post(`${CERTIFICATES}/${id}/revoke`, body));
    const soon = new Date(app.clock.now().getTime() + 60_000).toISOString();
    expect(await refusal({ invalidity_date: soon })).toEqual([400, 'invalid_request']);
    expect(await refusal({ invalidity_date: 'yesterday' })).toEqual([400, 'invalid_request']);
    expect(await refusal({ reason: 'removeFromCRL' })).toEqual([400, 'invalid_request']);
    expect(await refusal({ reason: 'KEYCOMPROMISE' })).toEqual([400, 'invalid_request']);
    expect(await refusal({ comment: 'x' })).toEqual([400, 'invalid_request']);
    expect(await refusal([])).toEqual([400, 'invalid_request']);
    expect(await app.api.fetch(`${CERTIFICATES}/${id}`)).toMatchObject({ status: 'active' });
  });

  it('is refused for a certificate that is not there', async () => {
    expect(problemCode(await app.api.post(`${CERTIFICATES}/${NOBODY}/revoke`))).toEqual([404, 'certificate_not_found']);
    expect(problemCode(await app.api.post(`${CERTIFICATES}/1/revoke`))).toEqual([400, 'invalid_request']);
  });

  it('of an expired certificate works too', async () => {
    const certificate = await desk.issue({ validity: '60s' });
    app.clock.advance(120);
    expect(await desk.revoke(certificate)).toMatchObject({ status: 'revoked' });
  });

  it('for the compromise of a key keeps the key from being certified again', async () => {
    const made = await openssl.csr('/CN=stolen.example.com');
    const first = await desk.issue({ csr: made.csr });
    await desk.revoke(first, { reason: 'superseded' });
    const second = await desk.issue({ csr: made.csr });
    await desk.revoke(second, { reason: 'keyCompromise' });
    expect(problemCode(await issueWith({ csr: made.csr }))).toEqual([400, 'compromised_key']);
    const again = await openssl.ok('req', '-new', '-key', made.keyFile, '-subj', '/CN=other.example.com');
    expect(problemCode(await issueWith({ csr: again }))).toEqual([400, 'compromised_key']);
  });
});

describe('an issuer that keeps to the Baseline Requirements', () => {
  beforeAll(async () => {
    await desk.root('public', { baseline_requirements: true });
  });

  it('issues for no longer than they allow today', async () => {
    const answer = await issueWith({ issuer_id: 'public', validity: '399d' });
    expect(problemCode(answer)).toEqual([400, 'validity_exceeds_limit']);
    const most = /allow (\d+d)/.exec(answer.json<{ detail: string }>().detail)?.[1];
    expect((await issueWith({ issuer_id: 'public', validity: most })).status).toBe(201);
    expect((await issueWith({ validity: '399d' })).status).toBe(201);
  });

  it('refuses to hold a certificate', async () => {
    const certificate = await desk.issue({ issuer: 'public' });
    const answer = await app.api.post(`${CERTIFICATES}/${certificate.id}/revoke`, { reason: 'certificateHold' });
    expect(problemCode(answer)).toEqual([400, 'hold_not_allowed']);
    expect(await desk.revoke(certificate, { reason: 'superseded' })).toMatchObject({ reason: 'superseded' });
  });
});
