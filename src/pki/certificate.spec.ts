import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { parseCertificateFields } from './certificate-fields.js';
import { buildCertificate, keyIdentifierOf, type CertificatePlan, type CertificateProfile } from './certificate.js';
import { oid, sequence, set, tlv } from './der-writer.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { formatPem } from './pem.js';
import { PkiError } from './pki-error.js';
import type { KeyAlgorithm } from './signature-algorithm.js';
import type { Signer } from './signer.js';
import { NO_NAMES, validateSubjectAlternativeNames } from './subject-alternative-names.js';
import { generateLocalSigner } from './testing/local-signer.js';

const directory = mkdtempSync(join(tmpdir(), 'certplane-certificate-'));
afterAll(() => rmSync(directory, { recursive: true }));

const URLS = {
  ocsp: 'http://pki.example/.well-known/pki/ocsp/iss-1',
  caIssuers: 'http://pki.example/.well-known/pki/ca/iss-1',
  crl: 'http://pki.example/.well-known/pki/crl/iss-1.crl',
};
const NAMES = validateSubjectAlternativeNames({
  dns: ['www.example.com', '*.example.com'],
  ip: ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.33'],
  email: ['postmaster@example.com'],
  uri: ['spiffe://trust.example/workload'],
});
const LEAF: CertificateProfile = { kind: 'leaf', subjectAlternativeNames: NAMES, urls: URLS };
const EMPTY = sequence();

interface Key {
  readonly signer: Signer;
  readonly spkiDer: Buffer;
}

function keyOf(algorithm: KeyAlgorithm): Key {
  const signer = generateLocalSigner(algorithm);
  return { signer, spkiDer: signer.publicKey.export({ format: 'der', type: 'spki' }) };
}

const keys = {
  'ECDSA P-256': keyOf('ecdsa-p256'),
  'ECDSA P-384': keyOf('ecdsa-p384'),
  'ECDSA P-521': keyOf('ecdsa-p521'),
  'RSA 2048': keyOf('rsa-2048'),
  Ed25519: keyOf('ed25519'),
};
const p256 = keys['ECDSA P-256'];
const notBefore = new Date('2026-01-01T00:00:00.999Z');
const notAfter = new Date('2036-01-01T00:00:00.001Z');

function planOf(changes: Partial<CertificatePlan> & Pick<CertificatePlan, 'profile'>): CertificatePlan {
  return {
    serialNumber: Buffer.from([1]),
    issuerDer: distinguishedNameFromText('CN=Root,O=Example').der,
    subjectDer: distinguishedNameFromText('CN=www.example.com').der,
    spkiDer: p256.spkiDer,
    notBefore,
    notAfter,
    authorityKeyIdentifier: keyIdentifierOf(p256.spkiDer),
    ...changes,
  };
}

function rootOf(key: Key, pathLength: number | null = null): Promise<Buffer> {
  const { der } = distinguishedNameFromText('CN=Root,O=Example');
  const authorityKeyIdentifier = keyIdentifierOf(key.spkiDer);
  const profile = { kind: 'root', pathLength } as const;
  return buildCertificate(
    planOf({ issuerDer: der, subjectDer: der, spkiDer: key.spkiDer, authorityKeyIdentifier, profile }),
    key.signer,
  );
}

function file(name: string, ...certificates: Buffer[]): string {
  const path = join(directory, name);
  writeFileSync(path, certificates.map((der) => formatPem('CERTIFICATE', der)).join(''));
  return path;
}

function textOf(der: Buffer): string {
  const text = execFileSync('openssl', ['x509', '-inform', 'DER', '-noout', '-text'], { input: der }).toString();
  return text.replace(/ +\n/g, '\n');
}

/** The extensions as openssl writes them: the lines below each name. */
function extensionsOf(der: Buffer): Record<string, string> {
  const section =
    textOf(der)
      .split('X509v3 extensions:\n')[1]
      ?.split(/\n {4}Signature Algorithm/)[0] ?? '';
  const parts = section.split(/^ {12}(?=\S)/m).filter((part) => part !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', ...lines] = part.split('\n');
      return [
        name.trim().replace(/:(?= critical$)|:$/, ''),
        lines
          .map((line) => line.trim())
          .join('\n')
          .trim(),
      ];
    }),
  );
}

const colons = (bytes: Buffer): string =>
  bytes
    .toString('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:');

function verify(options: readonly string[], certificate: Buffer): string {
  const time = ['-attime', String(Date.UTC(2027, 0, 1) / 1000)];
  const arguments_ = ['verify', '-x509_strict', ...time, ...options, file('subject.pem', certificate)];
  return execFileSync('openssl', arguments_, { stdio: 'pipe' }).toString();
}

describe('a chain of root, intermediate and leaf', () => {
  it.each(Object.entries(keys))('is verified by openssl where the issuers have a key %s', async (_name, key) => {
    const authorityKeyIdentifier = keyIdentifierOf(key.spkiDer);
    const middle = distinguishedNameFromText('CN=Issuing,O=Example').der;
    const root = await rootOf(key, 1);
    const intermediate = await buildCertificate(
      planOf({
        authorityKeyIdentifier,
        subjectDer: middle,
        spkiDer: key.spkiDer,
        profile: { kind: 'intermediate', pathLength: 0, urls: URLS },
      }),
      key.signer,
    );
    const below = { issuerDer: middle, authorityKeyIdentifier };
    const leaf = await buildCertificate(planOf({ ...below, profile: LEAF }), key.signer);
    const responder = await buildCertificate(planOf({ ...below, profile: { kind: 'ocsp-responder' } }), key.signer);
    const issuers = ['-CAfile', file('root.pem', root), '-untrusted', file('intermediate.pem', intermediate)];
    expect(verify([...issuers, '-purpose', 'sslserver', '-verify_hostname', 'a.example.com'], leaf)).toMatch(/OK$/m);
    expect(verify([...issuers, '-purpose', 'sslclient', '-verify_ip', '2001:db8::1'], leaf)).toMatch(/OK$/m);
    expect(verify([...issuers, '-purpose', 'ocsphelper'], responder)).toMatch(/OK$/m);
  });

  it('names the digest that fits the curve', async () => {
    expect(textOf(await rootOf(keys['ECDSA P-384']))).toContain('Signature Algorithm: ecdsa-with-SHA384');
    expect(textOf(await rootOf(keys['ECDSA P-521']))).toContain('Signature Algorithm: ecdsa-with-SHA512');
    expect(textOf(await rootOf(keys['RSA 2048']))).toContain('Signature Algorithm: sha256WithRSAEncryption');
  });
});

describe('the extensions', () => {
  const keyIdentifier = colons(keyIdentifierOf(p256.spkiDer));
  const keyIdentifiers = {
    'X509v3 Subject Key Identifier': keyIdentifier,
    'X509v3 Authority Key Identifier': keyIdentifier,
  };
  const addresses = {
    'Authority Information Access': `OCSP - URI:${URLS.ocsp}\nCA Issuers - URI:${URLS.caIssuers}`,
    'X509v3 CRL Distribution Points': `Full Name:\nURI:${URLS.crl}`,
  };

  it('of a root are those of a CA, without addresses', async () => {
    expect(extensionsOf(await rootOf(p256))).toEqual({
      ...keyIdentifiers,
      'X509v3 Basic Constraints critical': 'CA:TRUE',
      'X509v3 Key Usage critical': 'Certificate Sign, CRL Sign',
    });
  });

  it('of an intermediate have its path length and the addresses of its issuer', async () => {
    const profile: CertificateProfile = { kind: 'intermediate', pathLength: 0, urls: URLS };
    expect(extensionsOf(await buildCertificate(planOf({ profile }), p256.signer))).toEqual({
      ...keyIdentifiers,
      ...addresses,
      'X509v3 Basic Constraints critical': 'CA:TRUE, pathlen:0',
      'X509v3 Key Usage critical': 'Certificate Sign, CRL Sign',
    });
  });

  it('of a leaf with an elliptic curve key are complete', async () => {
    expect(extensionsOf(await buildCertificate(planOf({ profile: LEAF }), p256.signer))).toEqual({
      ...keyIdentifiers,
      ...addresses,
      'X509v3 Basic Constraints critical': 'CA:FALSE',
      'X509v3 Key Usage critical': 'Digital Signature',
      'X509v3 Extended Key Usage': 'TLS Web Server Authentication, TLS Web Client Authentication',
      'X509v3 Subject Alternative Name': [
        'email:postmaster@example.com',
        'DNS:www.example.com',
        'DNS:*.example.com',
        'URI:spiffe://trust.example/workload',
        'IP Address:192.0.2.1',
        'IP Address:2001:DB8:0:0:0:0:0:1',
        'IP Address:0:0:0:0:0:FFFF:C000:221',
      ].join(', '),
    });
  });

  it('of a leaf with an RSA key allow key encipherment', async () => {
    const { spkiDer } = keys['RSA 2048'];
    const extensions = extensionsOf(await buildCertificate(planOf({ spkiDer, profile: LEAF }), p256.signer));
    expect(extensions['X509v3 Key Usage critical']).toBe('Digital Signature, Key Encipherment');
    expect(extensions['X509v3 Subject Key Identifier']).toBe(colons(keyIdentifierOf(spkiDer)));
  });

  it('of a leaf without a subject have the alternative names as critical', async () => {
    const der = await buildCertificate(planOf({ subjectDer: EMPTY, profile: LEAF }), p256.signer);
    expect(Object.keys(extensionsOf(der))).toContain('X509v3 Subject Alternative Name critical');
  });

  it('of a leaf leave out what there is nothing to say about', async () => {
    const urls = { ...URLS, ocsp: null };
    const profile: CertificateProfile = { kind: 'leaf', subjectAlternativeNames: NO_NAMES, urls };
    const extensions = extensionsOf(await buildCertificate(planOf({ profile }), p256.signer));
    expect(extensions['Authority Information Access']).toBe(`CA Issuers - URI:${URLS.caIssuers}`);
    expect(Object.keys(extensions).filter((name) => name.includes('Alternative'))).toEqual([]);
  });

  it('of an OCSP responder let nobody ask for its own status', async () => {
    const der = await buildCertificate(planOf({ profile: { kind: 'ocsp-responder' } }), p256.signer);
    expect(extensionsOf(der)).toEqual({
      ...keyIdentifiers,
      'X509v3 Basic Constraints critical': 'CA:FALSE',
      'X509v3 Key Usage critical': 'Digital Signature',
      'X509v3 Extended Key Usage': 'OCSP Signing',
      'OCSP No Check': '',
    });
    expect(parseCertificateFields(der).extensions.get('1.3.6.1.5.5.7.48.1.5')?.value.toString('hex')).toBe('0500');
    expect(parseCertificateFields(der).extensions.get('2.5.29.19')?.value.toString('hex')).toBe('3000');
  });

  it('are read by @peculiar/x509, too', async () => {
    const der = await buildCertificate(planOf({ profile: LEAF }), p256.signer);
    const certificate = new x509.X509Certificate(Buffer.from(der));
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
    expect(names.map(({ value }) => value)).toEqual([
      ...NAMES.email,
      ...NAMES.dns,
      ...NAMES.uri,
      '192.0.2.1',
      '2001:db8::1',
      '::ffff:c000:221',
    ]);
    expect(certificate.getExtension(x509.KeyUsagesExtension)?.usages).toBe(x509.KeyUsageFlags.digitalSignature);
  });
});

describe('keyIdentifierOf', () => {
  it('is the SHA-1 of the key bits alone', () => {
    const point = p256.spkiDer.subarray(-65);
    expect(keyIdentifierOf(p256.spkiDer)).toEqual(createHash('sha1').update(point).digest());
  });
});

describe('buildCertificate', () => {
  it.each([
    ['a leading zero nibble', '0abc'],
    ['the high bit', 'ff01'],
    ['one octet', '01'],
    ['16 octets with the high bit', '80'.padEnd(32, '0')],
    ['20 octets', '7f'.padEnd(40, 'f')],
  ])('writes a serial number with %s that openssl reads back', async (_name, hex) => {
    const serialNumber = Buffer.from(hex, 'hex');
    const der = await buildCertificate(planOf({ serialNumber, profile: LEAF }), p256.signer);
    const shown = execFileSync('openssl', ['x509', '-inform', 'DER', '-noout', '-serial'], { input: der }).toString();
    expect(shown).toBe(`serial=${hex.toUpperCase()}\n`);
    expect(new X509Certificate(der).serialNumber).toBe(hex.toUpperCase());
    expect(parseCertificateFields(der).serialNumber).toEqual(serialNumber);
  });

  it.each(['00', '', '80'.padEnd(40, '0'), '01'.padEnd(42, '0')])('refuses the serial number %j', async (hex) => {
    const plan = planOf({ serialNumber: Buffer.from(hex, 'hex'), profile: LEAF });
    await expect(buildCertificate(plan, p256.signer)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_serial_number' }),
    );
  });

  it('cuts the milliseconds off, and changes from UTCTime to GeneralizedTime in 2050', async () => {
    const lastUtcTime = new Date('2049-12-31T23:59:59.999Z');
    const firstGeneralizedTime = new Date('2050-01-01T00:00:00.000Z');
    const read = async (end: Date): Promise<Buffer> =>
      buildCertificate(planOf({ notAfter: end, profile: LEAF }), p256.signer);
    expect((await read(lastUtcTime)).includes(Buffer.from('\x17\x0d491231235959Z'))).toBe(true);
    expect((await read(firstGeneralizedTime)).includes(Buffer.from('\x18\x0f20500101000000Z'))).toBe(true);
    const fields = parseCertificateFields(await read(notAfter));
    expect([fields.notBefore, fields.notAfter]).toEqual([
      new Date('2026-01-01T00:00:00Z'),
      new Date('2036-01-01T00:00:00Z'),
    ]);
  });

  it('keeps the bytes of an issuer name that it would not write itself', async () => {
    const strings = [0x14, 0x1e, 0x13].map((tag, index) =>
      sequence(oid(`2.5.4.${10 + index}`), tlv(tag, Buffer.from('AB'))),
    );
    const issuerDer = sequence(set(...strings), set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from('')))));
    const der = await buildCertificate(planOf({ issuerDer, profile: LEAF }), p256.signer);
    expect(parseCertificateFields(der).issuerDer).toEqual(issuerDer);
  });

  it('refuses a leaf without any name', async () => {
    const profile: CertificateProfile = { kind: 'leaf', subjectAlternativeNames: NO_NAMES, urls: URLS };
    const work = buildCertificate(planOf({ subjectDer: EMPTY, profile }), p256.signer);
    await expect(work).rejects.toThrow(PkiError);
    await expect(work).rejects.toThrow(expect.objectContaining({ code: 'invalid_name' }));
  });

  it('refuses an issuer without a name, and a validity that ends before it begins', async () => {
    const nameless = buildCertificate(planOf({ issuerDer: EMPTY, profile: LEAF }), p256.signer);
    await expect(nameless).rejects.toThrow('an issuer needs a name');
    const backwards = buildCertificate(planOf({ notAfter: notBefore, profile: LEAF }), p256.signer);
    await expect(backwards).rejects.toThrow('notAfter must be later than notBefore');
  });

  it.each([
    ['gives a signature of other bytes', (signer: Signer) => signer.sign(Buffer.from('something else'))],
    ['gives no signature', () => Promise.resolve(Buffer.alloc(0))],
    ['gives raw r and s', () => Promise.resolve(Buffer.alloc(64, 1))],
    ['uses another key', (_signer: Signer, tbs: Uint8Array) => keys['ECDSA P-384'].signer.sign(tbs)],
  ])('throws where the signer %s', async (_name, badSign) => {
    const { signer } = p256;
    const work = buildCertificate(planOf({ profile: LEAF }), { ...signer, sign: (tbs) => badSign(signer, tbs) });
    await expect(work).rejects.toThrow('the signed certificate is not what was planned: signature');
  });

  it('passes on what the signer throws', async () => {
    const signer = { ...p256.signer, sign: () => Promise.reject(new Error('the token is gone')) };
    await expect(buildCertificate(planOf({ profile: LEAF }), signer)).rejects.toThrow('the token is gone');
  });
});
