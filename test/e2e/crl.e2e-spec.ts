import { parseCrl } from '../../src/pki/crl-parser.js';
import { REVOCATION_REASON_CODES } from '../../src/pki/revocation-reason.js';
import { ask, type Answer } from '../support/api-client.js';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const CRL = '/.well-known/pki/crl';
const CA = '/.well-known/pki/ca';
const REASON_TEXT: Record<string, string> = {
  keyCompromise: 'Key Compromise',
  cACompromise: 'CA Compromise',
  affiliationChanged: 'Affiliation Changed',
  superseded: 'Superseded',
  cessationOfOperation: 'Cessation Of Operation',
  certificateHold: 'Certificate Hold',
  privilegeWithdrawn: 'Privilege Withdrawn',
  aACompromise: 'AA Compromise',
};

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

const get = (issuerId: string, headers: Record<string, string> = {}): Promise<Answer> =>
  app.pki(`${CRL}/${issuerId}`, { headers });

/** The published CRL as openssl shows it, its signature verified with the issuer's certificate. */
async function shown(issuerId: string): Promise<string> {
  const { body } = await get(issuerId);
  const { body: pem } = await app.pki(`${CA}/${issuerId}.pem`);
  const file = openssl.file(`${issuerId}.crl`, body);
  const { output } = await openssl.run(
    'crl',
    '-inform',
    'DER',
    '-in',
    file,
    '-noout',
    '-text',
    '-verify',
    '-CAfile',
    openssl.file(`${issuerId}.ca.pem`, pem),
  );
  expect(output).toMatch(/verify OK/);
  return output;
}

const entryOf = (text: string, serial: string): string | undefined =>
  text.split(/ {4}Serial Number: /).find((entry) => entry.toLowerCase().startsWith(`${serial}\n`));

async function waitForEntry(certificate: Pick<CertificateJson, 'issuer_id' | 'serial_number'>): Promise<string> {
  let entry: string | undefined;
  await waitUntil('the CRL has the entry', async () => {
    entry = entryOf(await shown(certificate.issuer_id), certificate.serial_number);
    return entry !== undefined;
  });
  return entry!;
}

const numberOf = async (issuerId: string): Promise<bigint> => parseCrl((await get(issuerId)).body).crlNumber;

describe('a CRL', () => {
  it('is there for a new issuer at once, empty, with its number and the key identifier of its issuer', async () => {
    const issuer = await desk.root('fresh');
    const answer = await get('fresh');
    expect(answer.status).toBe(200);
    const text = await shown('fresh');
    expect(text).toMatch(/Version 2 \(0x1\)/);
    expect(text).toMatch(/No Revoked Certificates/);
    expect(text).toMatch(/X509v3 CRL Number: *\n +\d+/);
    const ski = /Subject Key Identifier: *\n +([0-9A-F:]+)/.exec(
      await openssl.ok('x509', '-in', openssl.file('fresh.pem', issuer.certificate_pem), '-noout', '-text'),
    )?.[1];
    expect(text).toMatch(new RegExp(`Authority Key Identifier: *\\n +(keyid:)?${ski}`));
    expect(text.match(/X509v3/g)).toHaveLength(2);
    const crl = parseCrl(answer.body);
    expect(crl.nextUpdate.getTime() - crl.thisUpdate.getTime()).toBe(4 * 86_400_000);
    expect(crl.thisUpdate.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('has a revocation within seconds, with a number that grew', async () => {
    await desk.root('quick');
    const certificate = await desk.issue({ issuer: 'quick' });
    const before = await numberOf('quick');
    await desk.revoke(certificate);
    await waitForEntry(certificate);
    const between = await numberOf('quick');
    expect(between).toBeGreaterThan(before);
    const second = await desk.issue({ issuer: 'quick' });
    await desk.revoke(second);
    await waitForEntry(second);
    expect(await numberOf('quick')).toBeGreaterThan(between);
    await waitForEntry(certificate);
  });

  it('tells every reason, the time of the revocation and the invalidity date', async () => {
    await desk.root('reasons');
    const revoked: { reason: string; serial: string; revokedAt: string }[] = [];
    for (const reason of Object.keys(REVOCATION_REASON_CODES)) {
      const certificate = await desk.issue({ issuer: 'reasons' });
      const { revoked_at } = await desk.revoke(certificate, { reason, invalidity_date: '2026-01-02T03:04:05Z' });
      revoked.push({ reason, serial: certificate.serial_number, revokedAt: revoked_at });
    }
    await waitForEntry({ issuer_id: 'reasons', serial_number: revoked.at(-1)!.serial });
    const text = await shown('reasons');
    for (const { reason, serial, revokedAt } of revoked) {
      const entry = entryOf(text, serial)!;
      const time = /Revocation Date: (.*)\n/.exec(entry)?.[1] ?? '';
      expect(new Date(time).toISOString()).toBe(revokedAt);
      expect([reason, /Reason Code: *\n +(.*)\n/.exec(entry)?.[1]]).toEqual([reason, REASON_TEXT[reason]]);
      expect(entry).toMatch(/Invalidity Date: *\n +Jan {2}2 03:04:05 2026 GMT/);
    }
  });

  it.each([
    ['the year 0', '0000-01-01T00:00:00Z'],
    ['the year before the year 0', '0000-01-01T00:00:00+14:00'],
    ['the year 1', '0001-01-01T00:00:00Z'],
  ])('has the entry whatever invalidity date was taken: %s', async (_, invalidity_date) => {
    const certificate = await desk.issue();
    const answer = await app.api.post(`/api/v1/certificates/${certificate.id}/revoke`, { invalidity_date });
    if (answer.status === 200) await waitForEntry(certificate);
    else expect(problemCode(answer)).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['the high bit set', 'e1a2b3c4d5e6f708192a3b4c5d6e7f80'],
    ['a leading zero nibble', '0c1a2b3c4d5e6f708192a3b4c5d6e7f8'],
    ['one octet with the high bit', '90'],
    ['20 octets', `5${'c'.repeat(39)}`],
  ])('has serial numbers with %s', async (_, serial) => {
    const certificate = await desk.issue();
    await desk.renumber(certificate, serial);
    await desk.revoke(certificate, { reason: 'superseded' });
    const entry = await waitForEntry({ issuer_id: 'iss-local', serial_number: serial });
    expect(entry).toMatch(/Superseded/);
  });

  it('makes openssl verify refuse what was revoked, on both levels', async () => {
    await desk.root('level-1');
    await desk.intermediate('level-2', 'level-1', { key_algorithm: 'ecdsa-p384' });
    const [kept, gone] = [await desk.issue({ issuer: 'level-2' }), await desk.issue({ issuer: 'level-2' })];
    const { cert, chain, root } = await desk.files(kept);
    const { cert: goneFile } = await desk.files(gone);
    const verify = async (file: string) => {
      const pems: string[] = [];
      for (const id of ['level-1', 'level-2']) {
        const der = openssl.file(`${id}.crl`, (await get(id)).body);
        pems.push(await openssl.ok('crl', '-inform', 'DER', '-in', der));
      }
      const crls = openssl.file('crls.pem', pems.join(''));
      const { output } = await openssl.run(
        'verify',
        '-crl_check_all',
        '-x509_strict',
        '-CAfile',
        root,
        '-untrusted',
        chain,
        '-CRLfile',
        crls,
        file,
      );
      const leafOnly = await openssl.run(
        'verify',
        '-crl_check',
        '-CAfile',
        root,
        '-untrusted',
        chain,
        '-CRLfile',
        crls,
        file,
      );
      return [output, leafOnly.output];
    };
    for (const output of [...(await verify(cert)), ...(await verify(goneFile))]) expect(output).toMatch(/: OK/);
    await desk.revoke(gone);
    await waitForEntry(gone);
    for (const output of await verify(goneFile)) expect(output).toMatch(/certificate revoked/);
    for (const output of await verify(cert)) expect(output).toMatch(/: OK/);

    const { items } = await app.api.fetch<{ items: CertificateJson[] }>(
      '/api/v1/certificates?issuer_id=level-1&profile=intermediate',
    );
    await desk.revoke(items[0]!, { reason: 'cACompromise' });
    await waitForEntry(items[0]!);
    const [all, leafOnly] = await verify(cert);
    expect(all).toMatch(/certificate revoked/);
    expect(leafOnly).toMatch(/: OK/);
  });
});

describe('the certificate of an issuer', () => {
  beforeAll(async () => {
    await desk.root('ca-top');
    await desk.intermediate('ca-low', 'ca-top');
  });

  it('is there as DER, as PEM, and with those above it as PKCS #7', async () => {
    const issuer = await app.api.fetch<IssuerJson>('/api/v1/issuers/ca-low');
    const der = await app.pki(`${CA}/ca-low`);
    expect(der.headers['content-type']).toBe('application/pkix-cert');
    const converted = await openssl.ok('x509', '-inform', 'DER', '-in', openssl.file('ca.der', der.body));
    expect(converted).toBe(issuer.certificate_pem);
    for (const ending of ['.der', '.cer', '.crt'])
      expect((await app.pki(`${CA}/ca-low${ending}`)).body.equals(der.body)).toBe(true);
    const pem = await app.pki(`${CA}/ca-low.pem`);
    expect(pem.body.toString()).toBe(issuer.certificate_pem);
    expect(pem.headers['content-type']).toMatch(/pem/);
    const p7c = await app.pki(`${CA}/ca-low.p7c`);
    expect(p7c.headers['content-type']).toMatch(/^application\/pkcs7-mime/);
    const printed = await openssl.ok(
      'pkcs7',
      '-inform',
      'DER',
      '-in',
      openssl.file('ca.p7c', p7c.body),
      '-print_certs',
    );
    expect(printed.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g)?.sort()).toEqual(
      [issuer.certificate_pem, issuer.chain_pem].sort(),
    );
  });

  it('is where the AIA of a leaf says', async () => {
    const leaf = await desk.issue({ issuer: 'ca-low' });
    const text = await openssl.ok('x509', '-in', openssl.file('leaf.pem', leaf.certificate_pem), '-noout', '-text');
    const url = /CA Issuers - URI:(.*)\n/.exec(text)?.[1] ?? '';
    const { body } = await ask(url);
    const ca = openssl.file(
      'fetched.pem',
      await openssl.ok('x509', '-inform', 'DER', '-in', openssl.file('f.der', body)),
    );
    expect(await openssl.ok('verify', '-partial_chain', '-CAfile', ca, openssl.path('leaf.pem'))).toMatch(/OK/);
    const crlUrl = /Full Name:\n +URI:(.*)\n/.exec(text)?.[1] ?? '';
    expect((await ask(crlUrl)).headers['content-type']).toBe('application/pkix-crl');
    const ocspUrl = /OCSP - URI:(.*)\n/.exec(text)?.[1] ?? '';
    const output = await openssl.ok(
      'ocsp',
      '-issuer',
      ca,
      '-cert',
      openssl.path('leaf.pem'),
      '-partial_chain',
      '-CAfile',
      ca,
      '-url',
      ocspUrl,
    );
    expect(output).toMatch(/: good/);
  });

  it('is cached by HTTP, asked for by HEAD, and not found for another', async () => {
    const first = await app.pki(`${CA}/ca-low`);
    const etag = String(first.headers['etag']);
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
    expect(first.headers['cache-control']).toMatch(/^max-age=3600, public/);
    expect((await app.pki(`${CA}/ca-low`, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await app.pki(`${CA}/ca-low`, { method: 'HEAD' });
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([
      200,
      0,
      String(first.body.length),
    ]);
    for (const path of ['/nobody', '/nobody.pem', '/ca-low.txt', '', '/ca-low/x']) {
      expect([path, ...problemCode(await app.pki(CA + path))]).toEqual([path, 404, 'issuer_not_found']);
    }
    expect(problemCode(await app.pki(`${CA}/ca-low`, { method: 'POST' }))).toEqual([405, 'method_not_allowed']);
  });
});
