import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { buildCertId, CERT_ID_ALGORITHMS, type CertIdAlgorithm } from '../../src/pki/cert-id.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { buildOcspRequest } from '../../src/pki/ocsp-request.js';
import { REVOCATION_REASON_CODES } from '../../src/pki/revocation-reason.js';
import { ask, type Answer } from '../support/api-client.js';
import { IssuingDesk, type CertificateJson } from '../support/issuing.js';
import { decodeOcsp, exchangeBytes, OCSP_STATUS, type DecodedOcsp } from '../support/ocsp-client.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const OCSP = '/.well-known/pki/ocsp';
const HOUR = 3600;

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;
/** A certificate that stays good. */
let good: CertificateJson;
beforeAll(async () => {
  app = await startTestApp();
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=www.example.com'));
  good = await desk.issue({ csr });
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const der = (pem: string): Buffer => Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
const local = () => parseCertificateFields(der(app.ca));

function requestFor(serials: string[], nonce: Buffer | null = null, algorithm: CertIdAlgorithm = 'sha1'): Buffer {
  return buildOcspRequest(
    serials.map((serial) => buildCertId(algorithm, local(), Buffer.from(serial, 'hex'))),
    nonce,
  );
}

const post = (body: Buffer, path = `${OCSP}/iss-local`): Promise<Answer> =>
  app.pki(path, { method: 'POST', body, headers: { 'content-type': 'application/ocsp-request' } });

async function asked(body: Buffer, path?: string): Promise<DecodedOcsp> {
  return decodeOcsp(expectOcsp(await post(body, path)).body);
}

function expectOcsp(answer: Answer): Answer {
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/ocsp-response');
  expect(answer.headers['content-length']).toBe(String(answer.body.length));
  return answer;
}

function expectRefusal(answer: Answer, status: keyof typeof OCSP_STATUS): void {
  expectOcsp(answer);
  expect(answer.body.toString('hex')).toBe(`30030a010${OCSP_STATUS[status]}`);
  expect(answer.headers['cache-control']).toBe('no-store');
}

const storedCount = async (): Promise<number> => {
  const rows: [{ count: number }] = await app.dataSource.query('SELECT count(*)::int AS count FROM ocsp_responses');
  return rows[0].count;
};

describe('openssl ocsp', () => {
  /** Asks as `openssl ocsp` does, and expects an answer that it finds in order. */
  async function check(
    certificate: CertificateJson,
    options: string[] = [],
    url = `${app.pkiUrl}${OCSP}/${certificate.issuer_id}`,
  ) {
    const { cert, issuer, chain, root } = await desk.files(certificate);
    const { code, output } = await openssl.run(
      'ocsp',
      '-issuer',
      issuer,
      ...options,
      '-cert',
      cert,
      '-CAfile',
      root,
      '-verify_other',
      chain,
      '-url',
      url,
    );
    expect(output).toMatch(/Response verify OK/);
    expect(output).not.toMatch(/no nonce|Nonce Verify|No Status|WARNING|error/i);
    expect(code).toBe(0);
    return output;
  }

  it.each([
    ['P-256', 'ecdsa-p256', undefined],
    ['RSA 2048', 'rsa-2048', undefined],
    ['P-384', 'ecdsa-p384', undefined],
    ['Ed25519', 'ed25519', undefined],
    ['P-384 under RSA', 'ecdsa-p384', 'rsa-2048'],
  ])(
    'under an issuer with %s hears good, and revoked from the moment of the revocation',
    async (_, algorithm, above) => {
      const id = `asked-${algorithm}${above === undefined ? '' : '-low'}`;
      const key = { key_algorithm: algorithm };
      if (above === undefined) await desk.root(id, key);
      else await desk.intermediate(id, `asked-${above}`, key);
      const certificate = await desk.issue({ issuer: id });
      const ways = [
        ['-no_nonce'],
        ['-nonce'],
        ['-no_nonce', '-sha1'],
        ['-sha256'],
        ['-sha384', '-no_nonce'],
        ['-sha512'],
        ['-sha256', '-no_nonce'],
      ];
      for (const way of ways) expect(await check(certificate, way)).toMatch(/: good\n/);
      const { revoked_at } = await desk.revoke(certificate, { reason: 'superseded' });
      for (const way of ways) {
        const output = await check(certificate, way);
        expect(output).toMatch(/: revoked\n/);
        expect(output).toMatch(/Reason: superseded\n/);
        const time = /Revocation Time: (.*)\n/.exec(output)?.[1] ?? '';
        expect(new Date(time).toISOString()).toBe(revoked_at);
      }
    },
  );

  it('may leave the issuer to the CertID', async () => {
    const other = await desk.issue({ issuer: (await desk.root('pathless')).id });
    expect(await check(other, [], `${app.pkiUrl}${OCSP}`)).toMatch(/: good/);
    expect(await check(good, ['-sha256'], `${app.pkiUrl}${OCSP}`)).toMatch(/: good/);
    expect(await check(good, [], `${app.pkiUrl}${OCSP}/`)).toMatch(/: good/);
  });

  it('may ask for several certificates at once', async () => {
    const gone = await desk.issue({ csr });
    await desk.revoke(gone, { reason: 'keyCompromise' });
    const { cert: goneFile } = await desk.files(gone);
    // A key that is revoked as compromised can't be used again.
    ({ csr } = await openssl.csr('/CN=www.example.com'));
    for (const nonce of ['-nonce', '-no_nonce']) {
      const output = await check(good, [nonce, '-cert', goneFile, '-serial', '0x77']);
      expect(output).toMatch(/: good\n/);
      expect(output).toMatch(/: revoked\n/);
      expect(output).toMatch(/0x77: unknown\n/);
    }
  });

  it('hears unknown for a serial number that was never given away, signed', async () => {
    const { issuer, root } = await desk.files(good);
    const { output } = await openssl.run(
      'ocsp',
      '-issuer',
      issuer,
      '-serial',
      '0x0123456789abcdef',
      '-CAfile',
      root,
      '-url',
      `${app.pkiUrl}${OCSP}/iss-local`,
    );
    expect(output).toMatch(/Response verify OK/);
    expect(output).toMatch(/: unknown\n/);
  });

  it('hears unauthorized for an issuer that is not ours', async () => {
    await openssl.ok(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'f.key',
      '-out',
      'f.pem',
      '-subj',
      '/CN=Certplane Local Root',
    );
    for (const path of ['', '/iss-local']) {
      const { output } = await openssl.run(
        'ocsp',
        '-issuer',
        openssl.path('f.pem'),
        '-serial',
        `0x${good.serial_number}`,
        '-url',
        app.pkiUrl + OCSP + path,
      );
      expect(output).toMatch(/Responder Error: unauthorized \(6\)/);
    }
  });
});

describe('an answer', () => {
  it('names its responder by key, carries its certificate and no other, and repeats the CertID byte for byte', async () => {
    for (const algorithm of CERT_ID_ALGORITHMS) {
      const request = requestFor([good.serial_number], null, algorithm);
      const { body } = expectOcsp(await post(request));
      const decoded = decodeOcsp(body);
      expect(decoded.singles).toHaveLength(1);
      expect(decoded.certificates).toHaveLength(1);
      expect(decoded.responderKeyHash).toBe(decoded.certificates[0]?.keyHash);
      expect(decoded.extensionCount).toBe(0);
      const certId = buildCertId(algorithm, local(), Buffer.from(good.serial_number, 'hex'));
      expect(body.includes(certId.der)).toBe(true);
    }
  });

  it('is signed with a delegated certificate of the profile of CA/B BR 7.1.2.8', async () => {
    const { certificates } = await asked(requestFor([good.serial_number]));
    const file = openssl.file('responder.der', certificates[0]!.der);
    const shown = await openssl.ok('x509', '-inform', 'DER', '-in', file, '-noout', '-text');
    expect(shown).toMatch(/X509v3 Key Usage: critical\n +Digital Signature\n/);
    expect(shown).toMatch(/X509v3 Extended Key Usage: \n +OCSP Signing\n/);
    expect(shown).toMatch(/X509v3 Basic Constraints: critical\n +CA:FALSE\n/);
    expect(shown).toMatch(/OCSP No Check: \n/);
    expect(shown).toMatch(/ASN1 OID: prime256v1/);
    expect(shown).not.toMatch(/Authority Information Access|CRL Distribution|Alternative Name|Certificate Policies/);
    expect(shown.match(/X509v3 [A-Z]|OCSP No Check/g)).toHaveLength(6);
    const nocheck = parseCertificateFields(certificates[0]!.der).extensions.get('1.3.6.1.5.5.7.48.1.5');
    expect(Buffer.from(nocheck!.value).toString('hex')).toBe('0500');
    const root = openssl.file('root.pem', app.ca);
    expect(
      await openssl.ok(
        'verify',
        '-x509_strict',
        '-CAfile',
        root,
        openssl.file('r.pem', await openssl.ok('x509', '-inform', 'DER', '-in', file)),
      ),
    ).toMatch(/OK/);
  });

  it.each(Object.entries(REVOCATION_REASON_CODES))(
    'tells the reason %s in the status and nowhere else',
    async (reason, code) => {
      const certificate = await desk.issue();
      const { revoked_at } = await desk.revoke(certificate, { reason });
      for (const nonce of [null, randomBytes(32)]) {
        const { singles } = await asked(requestFor([certificate.serial_number], nonce));
        expect(singles).toMatchObject([
          {
            status: 'revoked',
            reason: code === 0 ? null : code,
            extensionCount: 0,
            serialNumber: certificate.serial_number,
          },
        ]);
        expect(singles[0]?.revokedAt?.toISOString()).toBe(revoked_at);
      }
    },
  );

  it('has whole seconds, begins a little in the past, and lasts as configured', async () => {
    const { singles, producedAt } = await asked(requestFor([good.serial_number], randomBytes(16)));
    const { thisUpdate, nextUpdate } = singles[0]!;
    for (const time of [producedAt!, thisUpdate, nextUpdate!]) expect(time.getTime() % 1000).toBe(0);
    expect(producedAt!.getTime() - thisUpdate.getTime()).toBe(300_000);
    expect(nextUpdate!.getTime() - thisUpdate.getTime()).toBe(24 * HOUR * 1000);
  });

  it.each([1, 16, 32, 33, 127, 128])(
    'repeats a nonce of %i octets in responseExtensions, and is kept nowhere',
    async (length) => {
      const nonce = randomBytes(length);
      const count = await storedCount();
      const answer = expectOcsp(await post(requestFor([good.serial_number], nonce)));
      expect(decodeOcsp(answer.body)).toMatchObject({ nonce: nonce.toString('hex'), extensionCount: 1 });
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['etag']).toBeUndefined();
      expect(await storedCount()).toBe(count);
    },
  );

  it('is unknown for a serial number that is only reserved, and good once its certificate is there', async () => {
    const certificate = await desk.issue({ csr });
    const hide = 'UPDATE certificates SET certificate_der = NULL WHERE id = $1 RETURNING fingerprint_sha256';
    const rows: [{ der: Buffer }] = await app.dataSource.query(
      'SELECT certificate_der AS der FROM certificates WHERE id = $1',
      [certificate.id],
    );
    await desk.forgetResponses(certificate);
    await app.dataSource.query(hide, [certificate.id]);
    const status = async () => (await asked(requestFor([certificate.serial_number]))).singles[0]?.status;
    expect(await status()).toBe('unknown');
    await app.dataSource.query('UPDATE certificates SET certificate_der = $2 WHERE id = $1', [
      certificate.id,
      rows[0].der,
    ]);
    expect(await status()).toBe('good');
  });

  it('is unknown, for a short time and kept nowhere, for random serial numbers', async () => {
    const count = await storedCount();
    for (let turn = 0; turn < 20; turn++) {
      const serial = randomBytes(16).toString('hex').replace(/^../, '7f');
      const answer = expectOcsp(await post(requestFor([serial])));
      const [single] = decodeOcsp(answer.body).singles;
      expect(single).toMatchObject({ status: 'unknown', serialNumber: serial });
      expect(single!.nextUpdate!.getTime() - Date.now()).toBeLessThanOrEqual(300_000);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(await storedCount()).toBe(count);
  });

  it('is unauthorized where the CertIDs are not all of the issuer that is asked', async () => {
    await desk.root('stranger');
    const request = requestFor([good.serial_number]);
    expectRefusal(await post(request, `${OCSP}/stranger`), 'unauthorized');
    expectRefusal(await post(request, `${OCSP}/nobody`), 'unauthorized');
    const serial = Buffer.from(good.serial_number, 'hex');
    const theirs = parseCertificateFields((await app.pki('/.well-known/pki/ca/stranger')).body);
    const mixed = buildOcspRequest([buildCertId('sha1', local(), serial), buildCertId('sha1', theirs, serial)], null);
    for (const path of [OCSP, `${OCSP}/iss-local`]) expectRefusal(await post(mixed, path), 'unauthorized');
    const half = { subjectDer: local().subjectDer, publicKeyBits: theirs.publicKeyBits };
    expectRefusal(await post(buildOcspRequest([buildCertId('sha256', half, serial)], null), OCSP), 'unauthorized');
  });

  it('is for the issuer that is asked, where two issuers gave away the same serial number', async () => {
    const twin = await desk.issue({ issuer: (await desk.root('twin')).id });
    const mine = await desk.issue();
    await desk.renumber(twin, mine.serial_number);
    const theirs = parseCertificateFields((await app.pki('/.well-known/pki/ca/twin')).body);
    const request = buildOcspRequest([buildCertId('sha1', theirs, Buffer.from(mine.serial_number, 'hex'))], null);
    expect((await asked(request, OCSP)).singles[0]?.status).toBe('good');
    await desk.revoke(mine);
    expect((await asked(request, OCSP)).singles[0]?.status).toBe('good');
    expect((await asked(requestFor([mine.serial_number]), OCSP)).singles[0]?.status).toBe('revoked');
  });

  it('comes by HTTPS as well', async () => {
    const answer = await ask(`${app.httpsUrl}${OCSP}/iss-local`, {
      method: 'POST',
      ca: app.ca,
      body: requestFor([good.serial_number]),
    });
    expect(decodeOcsp(expectOcsp(answer).body).singles[0]?.status).toBe('good');
  });

  it('is unauthorized once the issuer has expired', async () => {
    const brief = await desk.root('brief', { validity: '2d' });
    const certificate = await desk.issue({ issuer: 'brief', csr, validity: '1d' });
    const request = buildOcspRequest(
      [
        buildCertId(
          'sha1',
          parseCertificateFields(der(brief.certificate_pem)),
          Buffer.from(certificate.serial_number, 'hex'),
        ),
      ],
      null,
    );
    const [before] = (await asked(request, `${OCSP}/brief`)).singles;
    expect(before?.status).toBe('good');
    app.clock.advance(3 * 86_400);
    try {
      expectRefusal(await post(request, `${OCSP}/brief`), 'unauthorized');
    } finally {
      app.clock.advance(-3 * 86_400);
    }
  });
});

describe('serial numbers', () => {
  it.each([
    ['the high bit set', 'f1a2b3c4d5e6f708192a3b4c5d6e7f80'],
    ['a leading zero nibble', '0b1a2b3c4d5e6f708192a3b4c5d6e7f8'],
    ['one octet', '09'],
    ['one octet with the high bit', '80'],
    ['20 octets', `6${'d'.repeat(39)}`],
  ])('with %s are found by POST, by GET, by the short form and by openssl', async (_, serial) => {
    const certificate = await desk.issue();
    await desk.renumber(certificate, serial);
    const { issuer, root } = await desk.files(certificate);
    const check = async (status: string): Promise<void> => {
      const request = requestFor([serial], null, 'sha256');
      expect((await asked(request)).singles).toMatchObject([{ status, serialNumber: serial }]);
      const got = await app.pki(`${OCSP}/iss-local/${request.toString('base64')}`);
      expect(decodeOcsp(got.body).singles).toMatchObject([{ status, serialNumber: serial }]);
      const colons = (serial.match(/../g) ?? []).join(':');
      for (const written of [
        serial,
        serial.toUpperCase(),
        serial.replace(/^0/, ''),
        `00${serial}`,
        `0x${serial}`,
        colons,
      ]) {
        const short = await app.pki(`${OCSP}/iss-local/${written}`);
        expect([written, decodeOcsp(short.body).singles[0]?.status]).toEqual([written, status]);
      }
      const output = await openssl.ok(
        'ocsp',
        '-issuer',
        issuer,
        '-serial',
        `0x${serial}`,
        '-CAfile',
        root,
        '-url',
        `${app.pkiUrl}${OCSP}/iss-local`,
      );
      expect(output).toContain(`: ${status}\n`);
    };
    await check('good');
    await desk.revoke(certificate);
    await check('revoked');
  });
});

describe('GET', () => {
  it('takes the request in every writing of base64 in a path', async () => {
    // One with every character that a path makes trouble with.
    let special: { base64: string; serial: string } | null = null;
    while (special === null) {
      const { serial_number: serial } = await desk.issue({ csr });
      for (const algorithm of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
        const base64 = requestFor([serial], null, algorithm).toString('base64');
        if (/\+/.test(base64) && /\//.test(base64) && base64.endsWith('=')) special = { base64, serial };
      }
    }
    const { base64, serial } = special;
    const expected = (await post(Buffer.from(base64, 'base64'))).body;
    const encoded = encodeURIComponent(base64);
    const writings = [
      base64,
      encoded,
      encoded.replace(/%../g, (code) => code.toLowerCase()),
      base64.replace(/=+$/, ''),
      encoded.replace(/(%3D)+$/, ''),
      base64.replaceAll('+', '%2B'),
      base64.replaceAll('/', '%2F'),
      base64.replaceAll('+', '%20'),
      base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
      `/${base64}`,
      `//${encoded}`,
      `${encoded}?x=1`,
    ];
    for (const writing of writings) {
      for (const prefix of [`${OCSP}/iss-local/`, `${OCSP}/`, `${OCSP}//iss-local/`]) {
        const answer = expectOcsp(await app.pki(prefix + writing));
        expect([prefix + writing, answer.body.equals(expected)]).toEqual([prefix + writing, true]);
      }
    }
    expect(decodeOcsp(expected).singles).toMatchObject([{ status: 'good', serialNumber: serial }]);
  });

  it('takes what openssl wrote, with a nonce too', async () => {
    const { cert, issuer, root } = await desk.files(good);
    for (const nonce of ['-nonce', '-no_nonce']) {
      await openssl.ok('ocsp', '-issuer', issuer, '-cert', cert, nonce, '-reqout', openssl.path('req.der'));
      const request = readFileSync(openssl.path('req.der'));
      const { body } = expectOcsp(await app.pki(`${OCSP}/iss-local/${encodeURIComponent(request.toString('base64'))}`));
      const file = openssl.file('resp.der', body);
      const output = await openssl.run(
        'ocsp',
        '-issuer',
        issuer,
        '-cert',
        cert,
        '-no_nonce',
        '-reqin',
        openssl.path('req.der'),
        '-respin',
        file,
        '-CAfile',
        root,
      );
      expect(output.output).toMatch(/: good\n[^]*Response verify OK/);
    }
  });

  it('has the headers of RFC 9919 section 5', async () => {
    const answer = expectOcsp(await app.pki(`${OCSP}/iss-local/${good.serial_number}`));
    const { thisUpdate, nextUpdate } = decodeOcsp(answer.body).singles[0]!;
    const { headers } = answer;
    expect(headers['etag']).toBe(`"${createHash('sha256').update(answer.body).digest('hex')}"`);
    expect(headers['last-modified']).toBe(thisUpdate.toUTCString());
    expect(headers['expires']).toBe(nextUpdate!.toUTCString());
    expect(headers['cache-control']).toBe('max-age=3600, public, no-transform, must-revalidate');
    // What is fetched by the million has no id; a problem has.
    expect(headers['x-request-id']).toBeUndefined();
    expect((await app.pki(`${OCSP}/iss-local`, { method: 'PUT' })).headers['x-request-id']).toMatch(/\S/);
  });

  it('may be kept up to the refresh at the most, and is another answer from then on', async () => {
    const path = `${OCSP}/iss-local/${good.serial_number}`;
    const first = await app.pki(path);
    const { thisUpdate } = decodeOcsp(first.body).singles[0]!;
    const untilRefresh = Math.floor((thisUpdate.getTime() + 12 * HOUR * 1000 - app.clock.now().getTime()) / 1000);
    const ahead = untilRefresh - 60;
    app.clock.advance(ahead);
    try {
      const second = await app.pki(path);
      expect(second.body.equals(first.body)).toBe(true);
      const maxAge = Number(/^max-age=(\d+),/.exec(String(second.headers['cache-control']))?.[1]);
      expect(maxAge).toBeLessThanOrEqual(61);
      expect(maxAge).toBeGreaterThan(0);
      app.clock.advance(62);
      const third = await app.pki(path);
      expect(third.body.equals(first.body)).toBe(false);
      expect(third.headers['cache-control']).toMatch(/^max-age=3600,/);
    } finally {
      app.clock.advance(-ahead - 62);
    }
  });

  it('is 304 while the answer is the one that If-None-Match names', async () => {
    const certificate = await desk.issue();
    const path = `${OCSP}/iss-local/${requestFor([certificate.serial_number]).toString('base64')}`;
    const first = await app.pki(path);
    const etag = String(first.headers['etag']);
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await app.pki(path, { headers: { 'if-none-match': condition } });
      expect([condition, again.status, again.body.length]).toEqual([condition, 304, 0]);
      expect(again.headers['etag']).toBe(etag);
      expect(again.headers['cache-control']).toMatch(/^max-age=\d+, public/);
    }
    expect((await app.pki(path, { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
    await desk.revoke(certificate);
    const after = expectOcsp(await app.pki(path, { headers: { 'if-none-match': etag } }));
    expect(decodeOcsp(after.body).singles[0]?.status).toBe('revoked');
  });

  it('by HEAD has the same headers and no body', async () => {
    const path = `${OCSP}/iss-local/${good.serial_number}`;
    const got = await app.pki(path);
    const head = await app.pki(path, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    for (const name of ['etag', 'content-length', 'content-type', 'last-modified', 'expires']) {
      expect(head.headers[name]).toBe(got.headers[name]);
    }
  });

  it.each([
    '',
    '/',
    '/iss-local',
    '/iss-local/',
    '/iss-local/MA',
    '/iss-local/%',
    '/iss-local/%ff',
    '/iss-local/M*',
    '/Iss/MAA',
    '/iss-local/00',
    '/iss-local/0',
    `/iss-local/${'ff'.repeat(21)}`,
    '/iss-local/M',
    `/iss-local/M${'A'.repeat(13_400)}`,
    `/iss-local/M${'A'.repeat(41_000)}`,
  ])('is a malformedRequest at %s', async (rest) => {
    expectRefusal(await app.pki(OCSP + rest), 'malformedRequest');
  });

  it('is unauthorized in the short form for an issuer that is not there', async () => {
    expectRefusal(await app.pki(`${OCSP}/nobody/01`), 'unauthorized');
  });
});

describe('a stored answer', () => {
  const LOOKUPS = ['memory hit', 'memory miss', 'database hit', 'database miss', 'database stale'];

  /** How often responses were looked for and found, by layer and result. */
  async function lookups(of = app): Promise<Record<string, number>> {
    const text = (await of.api.get('/api/v1/metrics/prometheus')).body.toString();
    return Object.fromEntries(
      LOOKUPS.map((name) => {
        const [layer, result] = name.split(' ');
        const sample = new RegExp(`cache_lookups_total\\{layer="${layer}",result="${result}"\\} (\\d+)`).exec(text);
        return [name, Number(sample?.[1] ?? 0)];
      }),
    );
  }

  /** What an answer was looked for in, and the answer. */
  async function lookedUp(question: () => Promise<Answer>, at = app): Promise<[string[], Buffer]> {
    const before = await lookups(at);
    const { body } = expectOcsp(await question());
    const after = await lookups(at);
    return [LOOKUPS.flatMap((name) => Array<string>(after[name]! - before[name]!).fill(name)), body];
  }

  async function inDatabase(
    serialNumber: string,
  ): Promise<{ algorithm: string; status: string | null; der: string }[]> {
    return app.dataSource.query(
      `SELECT cert_id_algorithm AS algorithm, certificate_status AS status, encode(response_der, 'hex') AS der
         FROM ocsp_responses WHERE serial_number = $1 ORDER BY cert_id_algorithm`,
      [Buffer.from(serialNumber, 'hex')],
    );
  }

  it('is signed before the certificate is handed over, and comes from the database, then from memory', async () => {
    const { serial_number } = await desk.issue({ csr });
    const stored = await inDatabase(serial_number);
    expect(stored).toMatchObject([
      { algorithm: 'sha1', status: 'good' },
      { algorithm: 'sha256', status: 'good' },
    ]);
    for (const { algorithm, der: expected } of stored) {
      const request = requestFor([serial_number], null, algorithm as CertIdAlgorithm);
      const [first, one] = await lookedUp(() => post(request));
      expect([algorithm, first]).toEqual([algorithm, ['memory miss', 'database hit']]);
      const [second, two] = await lookedUp(() => app.pki(`${OCSP}/iss-local/${request.toString('base64')}`));
      expect([algorithm, second]).toEqual([algorithm, ['memory hit']]);
      const [third, three] = await lookedUp(() => post(request));
      expect([algorithm, third]).toEqual([algorithm, ['memory hit']]);
      expect([one, two, three].map((body) => body.toString('hex'))).toEqual([expected, expected, expected]);
    }
    expect(await inDatabase(serial_number)).toEqual(stored);
  });

  it('is signed when it is asked for, once, for a hash algorithm that is not signed for in advance', async () => {
    const { serial_number } = await desk.issue({ csr });
    const request = requestFor([serial_number], null, 'sha384');
    const [first, one] = await lookedUp(() => post(request));
    expect(first).toEqual(['memory miss', 'database miss']);
    const [second, two] = await lookedUp(() => post(request));
    expect(second).toEqual(['memory hit']);
    const other = await startTestApp({ beside: app });
    try {
      const [elsewhere, three] = await lookedUp(
        () => other.pki(`${OCSP}/iss-local/${request.toString('base64')}`),
        other,
      );
      expect(elsewhere).toEqual(['memory miss', 'database hit']);
      for (const body of [two, three]) expect(body.equals(one)).toBe(true);
    } finally {
      await other.stop();
    }
    const stored = await inDatabase(serial_number);
    expect(stored.map(({ algorithm }) => algorithm)).toEqual(['sha1', 'sha256', 'sha384']);
    expect(stored[2]?.der).toBe(one.toString('hex'));
  });

  it('is not kept past a revocation: the next one is signed at once, and found by who asks', async () => {
    const { id, serial_number } = await desk.issue({ csr });
    const request = requestFor([serial_number]);
    const before = await inDatabase(serial_number);
    await post(request);
    await desk.revoke({ id });
    expect((await inDatabase(serial_number)).filter(({ status }) => status === 'good')).toEqual([]);
    await waitUntil('the responses are signed anew', async () =>
      (await inDatabase(serial_number)).every(({ status }) => status === 'revoked'),
    );
    const after = await inDatabase(serial_number);
    expect(after.map(({ algorithm }) => algorithm)).toEqual(before.map(({ algorithm }) => algorithm));
    const [looked, body] = await lookedUp(() => post(request));
    expect(looked).toEqual(['memory miss', 'database hit']);
    expect(body.toString('hex')).toBe(after[0]?.der);
    expect(decodeOcsp(body).singles).toMatchObject([{ status: 'revoked' }]);
  });

  it('takes no part in an answer with a nonce', async () => {
    const request = requestFor([good.serial_number], randomBytes(16));
    expect((await lookedUp(() => post(request)))[0]).toEqual([]);
  });
});

describe('a request that is none', () => {
  it('is a malformedRequest at every length short of the whole', async () => {
    const request = requestFor([good.serial_number], randomBytes(16), 'sha256');
    for (let length = 0; length < request.length; length += 1)
      expectRefusal(await post(request.subarray(0, length)), 'malformedRequest');
  });

  it.each([
    ['with a byte behind it', () => Buffer.concat([requestFor(['01']), Buffer.of(0)])],
    ['twice', () => Buffer.concat([requestFor(['01']), requestFor(['02'])])],
    ['with an empty nonce', () => requestFor(['01'], Buffer.alloc(0))],
    ['with a nonce of 129 octets', () => requestFor(['01'], randomBytes(129))],
    ['for 17 certificates', () => requestFor(Array<string>(17).fill('01'))],
    ['of more than 10,000 bytes', () => Buffer.concat([Buffer.from('30822710', 'hex'), Buffer.alloc(10_000)])],
    ['of half a megabyte', () => Buffer.alloc(500_000, 0x30)],
    ['of text', () => Buffer.from('hello')],
    ['of JSON', () => Buffer.from('{"serial_number":"01"}')],
    ['in base64', () => Buffer.from(requestFor(['01']).toString('base64'))],
    [
      'with the serial number zero',
      () =>
        Buffer.from(
          requestFor(['01'])
            .toString('hex')
            .replace(/020101$/, '020100'),
          'hex',
        ),
    ],
    [
      'with a negative serial number',
      () =>
        Buffer.from(
          requestFor(['01'])
            .toString('hex')
            .replace(/020101$/, '020181'),
          'hex',
        ),
    ],
  ])('is a malformedRequest %s', async (_, build) => {
    for (const path of [OCSP, `${OCSP}/iss-local`]) expectRefusal(await post(build(), path), 'malformedRequest');
  });

  it('for 16 certificates is the most that is answered', async () => {
    expect((await asked(requestFor(Array<string>(16).fill(good.serial_number)))).singles).toHaveLength(16);
  });

  it('is a malformedRequest in chunks without an end', async () => {
    const head = `POST ${OCSP}/iss-local HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `4000\r\n${'0'.repeat(0x4000)}\r\n`;
    const answer = (await exchangeBytes(app.config.pkiHttpPort, head + chunk, false)).toString('latin1');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(answer.endsWith('\x30\x03\x0a\x01\x01')).toBe(true);
  });

  it('that is cut short, or never begun, is let go, and the next one is answered', async () => {
    const port = app.config.pkiHttpPort;
    expect((await exchangeBytes(port, '')).length).toBe(0);
    await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.destroy());
      socket.once('close', resolve);
    });
    const head = `POST ${OCSP}/iss-local HTTP/1.1\r\nHost: x\r\nContent-Length: 80\r\n\r\n`;
    const cut = (await exchangeBytes(port, `${head}0N0L`)).toString('latin1');
    expect(cut).not.toMatch(/^HTTP\/1\.1 (?!400|200)/);
    await exchangeBytes(port, head.slice(0, 30));
    expect((await asked(requestFor([good.serial_number]))).singles[0]?.status).toBe('good');
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('is 405 by %s', async (method) => {
    const answer = await app.pki(`${OCSP}/iss-local`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('GET, HEAD, POST');
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('by POST has nothing in its path', async () => {
    expectRefusal(await post(requestFor([good.serial_number]), `${OCSP}/iss-local/01`), 'malformedRequest');
  });
});
