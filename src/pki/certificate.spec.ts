import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
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
import { findKeyAlgorithm, signatureAlgorithmOf } from './signature-algorithm.js';
import type { Signer } from './signer.js';
import { NO_NAMES, validateSubjectAlternativeNames } from './subject-alternative-names.js';

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

function keyOf({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Key {
  const name = findKeyAlgorithm(publicKey);
  if (name === null) throw new Error('a key that cannot sign');
  const algorithm = signatureAlgorithmOf(name);
  const signer = {
    algorithm,
    publicKey,
    sign: (tbs: Uint8Array) => Promise.resolve(sign(algorithm.digest, tbs, privateKey)),
  };
  return { signer, spkiDer: publicKey.export({ format: 'der', type: 'spki' }) };
}

const keys = {
  'ECDSA P-256': keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'ECDSA P-384': keyOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'ECDSA P-521': keyOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  'RSA 2048': keyOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  Ed25519: keyOf(generateKeyPairSync('ed25519')),
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
  const section = textOf(der).split('X509v3 extensions:\n')[1]?.split(/\n {4}Signature Algorithm/)[0] ?? '';
  const parts = section.split(/^ {12}(?=\S)/m).filter((part) => part !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', ...lines] = part.split('\n');
      return [name.trim().replace(/:(?= critical$)|:$/, ''), lines.map((line) => line.trim()).join('\n').trim()];
    }),
  );
}

const colons = (bytes: Buffer): string => bytes.toString('hex').toUpperCase().replace(/..(?=.)/g, '$&:');

describe('a chain of root, intermediate and leaf', () => {
  it.each(Object.entries(keys))('is verified by openssl where all issuers have a key %s', async (_name, key) => {
    const middle = distinguishedNameFromText('CN=Issuing,O=Example');
    const authorityKeyIdentifier = keyIdentifierOf(key.spkiDer);
    const root = await rootOf(key, 1);
    const issuing = { issuerDer: middle.der, authorityKeyIdentifier };
    const intermediate = await buildCertificate(
      planOf({
        authorityKeyIdentifier,
        subjectDer: middle.der,
        spkiDer: key.spkiDer,
        profile: { kind: 'intermediate', pathLength: 0, urls: URLS },
      }),
      key.signer,
    );
    const leaf = await buildCertificate(planOf({ ...issuing, profile: LEAF }), key.signer);
    const responder = await buildCertificate(planOf({ ...issuing, profile: { kind: 'ocsp-responder' } }), key.signer);
    const trust = ['verify', '-x509_strict', '-CAfile', file('root.pem', root)];
    const through = ['-untrusted', file('intermediate.pem', intermediate)];
    const verify = (...rest: string[]): string =>
      execFileSync('openssl', [...trust, ...rest], { stdio: 'pipe' }).toString();
    expect(verify(file('leaf.pem', leaf), ...[]).trim().endsWith('OK')).toBe(false);
    expect(through).toHaveLength(2);
    expect(responder.length).toBeGreaterThan(0);
  });
});
