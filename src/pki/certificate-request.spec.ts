import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign, webcrypto, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import * as fc from 'fast-check';
import { parseCertificateRequest } from './certificate-request.js';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  tlv,
} from './der-writer.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { formatPem, parsePem } from './pem.js';
import { PkiError, type PkiErrorCode } from './pki-error.js';
import { NO_NAMES } from './subject-alternative-names.js';
import { bitFlipsOf, MALFORMED, mutationsOf, prefixesOf, withLongerLength } from './testing/hostile-bytes.js';
import { buildExtension } from './x509-elements.js';

const directory = mkdtempSync(join(tmpdir(), 'certplane-csr-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');

/** A request as `openssl req -new` writes it. */
function opensslRequest(key: KeyObject, subject: string, ...options: string[]): string {
  const keyFile = join(directory, 'key.pem');
  const out = join(directory, 'request.pem');
  writeFileSync(keyFile, key.export({ format: 'pem', type: 'pkcs8' }));
  execFileSync('openssl', ['req', '-new', '-utf8', '-key', keyFile, '-subj', subject, ...options, '-out', out], {
    stdio: 'pipe',
  });
  return readFileSync(out, 'utf8');
}

interface Parts {
  readonly version?: number;
  readonly subject?: Buffer;
  readonly spki?: Buffer;
  readonly attributes?: Buffer;
  readonly algorithm?: Buffer;
  readonly signature?: (info: Buffer) => Buffer;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const ecdsa = (info: Buffer): Buffer => sign('sha256', info, ec.privateKey);
const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

/** A request written by hand, to break what no tool would break. */
function request(parts: Parts = {}): string {
  const info = sequence(
    integer(parts.version ?? 0),
    parts.subject ?? distinguishedNameFromText('CN=example').der,
    parts.spki ?? spkiOf(ec.publicKey),
    parts.attributes ?? explicit(0),
  );
  const signature = (parts.signature ?? ecdsa)(info);
  return formatPem('CERTIFICATE REQUEST', sequence(info, parts.algorithm ?? ECDSA_SHA256, bitString(signature)));
}

const attribute = (...values: Buffer[]): Buffer => sequence(oid('1.2.840.113549.1.9.14'), set(...values));
const asking = (...extensions: Buffer[]): Buffer => explicit(0, attribute(sequence(...extensions)));
const subjectAltName = (...names: Buffer[]): Buffer => buildExtension('2.5.29.17', false, sequence(...names));
const dns = (name: string): Buffer => implicit(2, tlv(0x16, Buffer.from(name, 'latin1')));

async function refusalOf(pem: string): Promise<PkiError> {
  try {
    await parseCertificateRequest(pem);
  } catch (error) {
    if (error instanceof PkiError) return error;
    throw error;
  }
  throw new Error('the request was accepted');
}

describe('a request made by openssl', () => {
  it.each([
    ['ECDSA with SHA-256', ec, []],
    ['ECDSA with SHA-384', ec, ['-sha384']],
    ['ECDSA P-384 with SHA-512', generateKeyPairSync('ec', { namedCurve: 'P-384' }), ['-sha512']],
    ['ECDSA P-521 with SHA-256', generateKeyPairSync('ec', { namedCurve: 'P-521' }), []],
    ['RSA with SHA-256', rsa, []],
    ['RSA with SHA-512', rsa, ['-sha512']],
    ['RSA-PSS with a short salt', rsa, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']],
    ['RSA-PSS with the longest salt and SHA-384', rsa, ['-sha384', '-sigopt', 'rsa_padding_mode:pss']],
    ['Ed25519', ed25519, []],
    ['the older label', ec, ['-newhdr']],
  ])('is read: %s', async (_name, { publicKey, privateKey }, options) => {
    const pem = opensslRequest(privateKey, '/C=DE/O=Exämple/CN=www.example.com', ...options);
    const read = await parseCertificateRequest(pem);
    expect(read.subject).toBe('CN=www.example.com,O=Exämple,C=DE');
    expect(read.commonName).toBe('www.example.com');
    expect(read.subjectDer).toEqual(distinguishedNameFromText(read.subject).der);
    expect(read.spkiDer).toEqual(spkiOf(publicKey));
    expect(read.publicKey.equals(publicKey)).toBe(true);
    expect(read.subjectAlternativeNames).toEqual(NO_NAMES);
  });

  it('brings its subject alternative names in canonical form, and nothing else that it asks for', async () => {
    const names =
      'DNS:WWW.Example.com,DNS:*.example.com,IP:2001:DB8::1,IP:192.0.2.1,email:a@example.com,URI:https://example.com/x';
    const asked = [
      `subjectAltName=${names}`,
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=keyCertSign',
      '1.2.3.4=ASN1:NULL',
    ];
    const pem = opensslRequest(ec.privateKey, '/CN=x', ...asked.flatMap((extension) => ['-addext', extension]));
    expect((await parseCertificateRequest(pem)).subjectAlternativeNames).toEqual({
      dns: ['www.example.com', '*.example.com'],
      ip: ['2001:db8::1', '192.0.2.1'],
      email: ['a@example.com'],
      uri: ['https://example.com/x'],
    });
  });

  it('may have an empty subject', async () => {
    const read = await parseCertificateRequest(
      opensslRequest(ec.privateKey, '/', '-addext', 'subjectAltName=DNS:a.example'),
    );
    expect([read.subject, read.commonName]).toEqual(['', null]);
    expect(read.subjectDer.toString('hex')).toBe('3000');
  });

  it.each([
    ['SHA-1', ['-sha1']],
    ['MD5', ['-md5']],
    ['SHA-224', ['-sha224']],
    ['RSA-PSS and SHA-1', ['-sha1', '-sigopt', 'rsa_padding_mode:pss']],
  ])('is refused with %s', async (_name, options) => {
    const { code, message } = await refusalOf(opensslRequest(rsa.privateKey, '/CN=x', ...options));
    expect(code).toBe('csr_signature_invalid');
    expect(message).toMatch(/SHA-256, SHA-384 or SHA-512/);
  });

  it.each([
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), 'unsupported_key'],
    ['Ed448', generateKeyPairSync('ed448'), 'unsupported_key'],
    ['RSA with 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }), 'weak_key'],
    ['RSA with the exponent 3', generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }), 'weak_key'],
  ])('is refused with a key %s', async (_name, { privateKey }, code) => {
    expect((await refusalOf(opensslRequest(privateKey, '/CN=x'))).code).toBe(code);
  });
});

describe('a request made by @peculiar/x509', () => {
  it('is read, with every IPv6 address that the library writes', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const ip = ['::', '::1', '1::', '2001:db8::1:0:0:1', '::ffff:c000:221', '255.0.0.1'];
    const made = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=example',
      keys: pair,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension(ip.map((value) => ({ type: 'ip', value })))],
    });
    const { subjectAlternativeNames } = await parseCertificateRequest(made.toString('pem'));
    expect(subjectAlternativeNames.ip).toEqual([...ip.slice(0, 4), '::ffff:192.0.2.33', '255.0.0.1']);
  });
});

describe('parseCertificateRequest', () => {
  it('accepts a request without attributes, and with other attributes', async () => {
    const challenge = explicit(0, sequence(oid('1.2.840.113549.1.9.7'), set(tlv(0x0c, Buffer.from('secret')))));
    for (const attributes of [Buffer.alloc(0), explicit(0), challenge]) {
      expect((await parseCertificateRequest(request({ attributes }))).subject).toBe('CN=example');
    }
  });

  it.each<[string, Parts, PkiErrorCode, RegExp]>([
    ['a version that is not v1', { version: 1 }, 'invalid_csr', /version/],
    [
      'a signature of other bytes',
      { signature: () => ecdsa(Buffer.alloc(1)) },
      'csr_signature_invalid',
      /does not verify/,
    ],
    ['no signature', { signature: () => Buffer.alloc(0) }, 'csr_signature_invalid', /does not verify/],
    [
      'a signature of zeros',
      { signature: () => Buffer.from('3006020100020100', 'hex') },
      'csr_signature_invalid',
      /does not/,
    ],
    ['the key of somebody else', { spki: spkiOf(rsa.publicKey) }, 'csr_signature_invalid', /does not verify/],
    [
      'an algorithm of another key',
      { algorithm: sequence(oid('1.3.101.112')) },
      'csr_signature_invalid',
      /does not verify/,
    ],
    [
      'an algorithm that is not one',
      { algorithm: sequence(oid('2.5.4.3'), nullValue()) },
      'csr_signature_invalid',
      /must be signed/,
    ],
    [
      'the point at infinity as key',
      { spki: Buffer.from('3019301306072a8648ce3d020106082a8648ce3d03010703020000', 'hex') },
      'unsupported_key',
      /cannot be read/,
    ],
    ['a key that is not one', { spki: sequence() }, 'unsupported_key', /cannot be read/],
    ['a control character in the subject', { subject: nameOf('a\nb') }, 'invalid_name', /U\+000A/],
    ['a bidi override in the subject', { subject: nameOf('a\u202eb') }, 'invalid_name', /U\+202E/],
    ['a NUL in the subject', { subject: nameOf('a\0b') }, 'invalid_name', /U\+0000/],
    ['a common name that is too long', { subject: nameOf('a'.repeat(65)) }, 'invalid_name', /at most 64/],
    ['a NUL in a DNS name', { attributes: asking(subjectAltName(dns('a\0.example'))) }, 'invalid_name', /printable/],
    ['Latin-1 in a DNS name', { attributes: asking(subjectAltName(dns('\xfc.example'))) }, 'invalid_name', /xn--/],
    ['an underscore', { attributes: asking(subjectAltName(dns('a_b.example'))) }, 'invalid_name', /underscore/],
    ['an address as DNS name', { attributes: asking(subjectAltName(dns('192.0.2.1'))) }, 'invalid_name', /ip names/],
    [
      'an address of five octets',
      { attributes: asking(subjectAltName(tlv(0x87, Buffer.alloc(5)))) },
      'invalid_name',
      /5 octets instead of 4 or 16/,
    ],
    [
      'a network',
      { attributes: asking(subjectAltName(tlv(0x87, Buffer.from('c0000200ffffff00', 'hex')))) },
      'invalid_name',
      /8 octets instead of 4 or 16/,
    ],
    [
      'a directory name',
      { attributes: asking(subjectAltName(tlv(0xa4, nameOf('x')))) },
      'invalid_name',
      /one of another kind/,
    ],
    [
      'a registered id',
      { attributes: asking(subjectAltName(tlv(0x88, Buffer.from([0x2a])))) },
      'invalid_name',
      /another kind/,
    ],
    [
      'an other name',
      { attributes: asking(subjectAltName(tlv(0xa0, oid('1.2.3'), explicit(0, tlv(0x0c, Buffer.from('x')))))) },
      'invalid_name',
      /another kind/,
    ],
    [
      'more than 1000 names',
      { attributes: asking(subjectAltName(...Array.from({ length: 1001 }, (_, index) => dns(`h${index}.example`)))) },
      'invalid_name',
      /at most 1000/,
    ],
    [
      'two extension requests',
      { attributes: explicit(0, attribute(sequence()), attribute(sequence())) },
      'invalid_csr',
      /not a DER/,
    ],
    [
      'two extensions with names',
      { attributes: asking(subjectAltName(dns('a.example')), subjectAltName(dns('b.example'))) },
      'invalid_csr',
      /a second extension 2\.5\.29\.17/,
    ],
    [
      'names that are not a sequence',
      { attributes: asking(buildExtension('2.5.29.17', false, boolean(true))) },
      'invalid_csr',
      /not a DER/,
    ],
    ['attributes that are not any', { attributes: explicit(0, nullValue()) }, 'invalid_csr', /not a DER/],
    [
      'a second set of attributes',
      { attributes: Buffer.concat([explicit(0), explicit(0)]) },
      'invalid_csr',
      /not a DER/,
    ],
    ['an element too deep', { attributes: asking(deep(1000)) }, 'invalid_csr', /not a DER/],
  ])('refuses %s', async (_name, parts, code, message) => {
    const refusal = await refusalOf(request(parts));
    expect(refusal.message).toMatch(message);
    expect(refusal.code).toBe(code);
  });

  it.each([
    ['no PEM', 'hello', 'invalid_pem'],
    ['a certificate', formatPem('CERTIFICATE', sequence()), 'invalid_pem'],
    ['two requests', request() + request(), 'invalid_pem'],
    ['a text of more than 64 KiB', request() + '\n'.repeat(65536), 'invalid_pem'],
    ['an empty sequence', formatPem('CERTIFICATE REQUEST', sequence()), 'invalid_csr'],
    ['an octet string', formatPem('CERTIFICATE REQUEST', octetString(Buffer.alloc(300))), 'invalid_csr'],
    ['bytes after the request', withTrailingByte(), 'invalid_csr'],
  ])('refuses %s', async (_name, pem, code) => {
    expect((await refusalOf(pem)).code).toBe(code);
  });

  describe('refuses with nothing but PkiError', () => {
    const pem = request({ attributes: asking(subjectAltName(dns('a.example'), tlv(0x87, Buffer.alloc(4)))) });
    const [der = Buffer.alloc(0)] = parsePem(pem, 'CERTIFICATE REQUEST');
    const refusalOfBytes = (bytes: Uint8Array): Promise<PkiError> => refusalOf(formatPem('CERTIFICATE REQUEST', bytes));

    it('every prefix', async () => {
      for (const prefix of prefixesOf(der))
        expect((await refusalOfBytes(prefix)).code).toMatch(/^invalid_(?:pem|csr)$/);
      for (let length = 0; length < pem.length - 1; length += 1) {
        expect((await refusalOf(pem.slice(0, length))).code).toBe('invalid_pem');
      }
    });

    it('every flipped bit', async () => {
      for (const flipped of bitFlipsOf(der)) expect(await refusalOfBytes(flipped)).toBeInstanceOf(PkiError);
    });

    it('random changes', async () => {
      await fc.assert(
        fc.asyncProperty(mutationsOf(der), async (changed) => {
          if (!der.equals(changed)) await refusalOfBytes(changed);
        }),
        { numRuns: 1000 },
      );
    });

    it.each(MALFORMED)('%s', async (_name, bytes) => {
      expect(await refusalOfBytes(bytes)).toBeInstanceOf(PkiError);
    });

    it('a length in one octet more than needed', async () => {
      expect((await refusalOfBytes(withLongerLength(der))).code).toBe('invalid_csr');
    });

    it('random changes of the subject, the key and the attributes that are signed all the same', async () => {
      const parts = {
        subject: distinguishedNameFromText('CN=a+UID=b,C=DE').der,
        attributes: asking(
          subjectAltName(dns('a.example'), tlv(0x87, Buffer.alloc(4))),
          buildExtension('1.2.3', true, Buffer.alloc(3)),
        ),
        spki: spkiOf(ec.publicKey),
      };
      for (const part of ['subject', 'attributes', 'spki'] as const) {
        await fc.assert(
          fc.asyncProperty(mutationsOf(parts[part]), async (changed) => {
            await parseCertificateRequest(request({ ...parts, [part]: Buffer.from(changed) })).catch(
              (error: unknown) => {
                expect(error).toBeInstanceOf(PkiError);
              },
            );
          }),
          { numRuns: 500 },
        );
      }
    });
  });
});

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(commonName)))));
}

function deep(levels: number): Buffer {
  let element = sequence();
  for (let level = 0; level < levels; level += 1) element = sequence(element);
  return element;
}

function withTrailingByte(): string {
  const [der = Buffer.alloc(0)] = parsePem(request(), 'CERTIFICATE REQUEST');
  return formatPem('CERTIFICATE REQUEST', Buffer.concat([der, Buffer.alloc(1)]));
}
