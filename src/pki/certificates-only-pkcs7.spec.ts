import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCertificatesOnlyPkcs7 } from './certificates-only-pkcs7.js';
import { DerReader } from './der-reader.js';
import { formatPem, parsePem } from './pem.js';

const directory = mkdtempSync(join(tmpdir(), 'certplane-p7c-'));
afterAll(() => rmSync(directory, { recursive: true }));

function selfSigned(subject: string, algorithm: string): Buffer {
  const file = join(directory, 'certificate.der');
  const arguments_ = [
    'req',
    '-x509',
    '-newkey',
    algorithm,
    '-nodes',
    '-utf8',
    '-multivalue-rdn',
    '-subj',
    subject,
    '-outform',
    'DER',
  ];
  if (algorithm === 'ec') arguments_.push('-pkeyopt', 'ec_paramgen_curve:P-256');
  execFileSync('openssl', [...arguments_, '-keyout', join(directory, 'key.pem'), '-out', file], { stdio: 'pipe' });
  return readFileSync(file);
}

function printedBy(pkcs7: Buffer): string {
  const command = ['pkcs7', '-inform', 'DER', '-print_certs'];
  return execFileSync('openssl', command, { input: pkcs7 }).toString();
}

describe('buildCertificatesOnlyPkcs7', () => {
  const certificates = [
    selfSigned('/O=Example/CN=Issuing', 'ec'),
    selfSigned('/C=DE/O=Exämple/CN=Middle+OU=x', 'ed25519'),
    selfSigned('/CN=Root', 'ec'),
  ];

  it('is read by openssl, with every certificate unchanged and in order', () => {
    const text = printedBy(buildCertificatesOnlyPkcs7(certificates));
    expect(parsePem(text, 'CERTIFICATE')).toEqual(certificates);
  });

  it('is strict DER without signers, digest algorithms or CRLs', () => {
    const reader = new DerReader(buildCertificatesOnlyPkcs7(certificates));
    const contentInfo = reader.readSequence();
    reader.expectEnd();
    expect(contentInfo.readOid()).toBe('1.2.840.113549.1.7.2');
    const signedData = contentInfo.read(0xa0).readSequence();
    expect(signedData.readInteger()).toBe(1n);
    expect(signedData.readSet().atEnd).toBe(true);
    expect(signedData.readElement(0x30).toString('hex')).toBe('300b06092a864886f70d010701');
    expect(signedData.read(0xa0).readElement()).toEqual(certificates[0]);
    expect(signedData.readSet().atEnd).toBe(true);
    signedData.expectEnd();
  });

  it('holds one certificate, or ten', () => {
    const [first = Buffer.alloc(0)] = certificates;
    expect(parsePem(printedBy(buildCertificatesOnlyPkcs7([first])), 'CERTIFICATE')).toEqual([first]);
    const ten = Array.from({ length: 10 }, () => first);
    expect(parsePem(printedBy(buildCertificatesOnlyPkcs7(ten)), 'CERTIFICATE')).toEqual(ten);
  });

  it('takes views of larger buffers', () => {
    const [first = Buffer.alloc(0)] = certificates;
    const view = Buffer.concat([Buffer.alloc(7), first, Buffer.alloc(9)]).subarray(7, 7 + first.length);
    expect(buildCertificatesOnlyPkcs7([view])).toEqual(buildCertificatesOnlyPkcs7([first]));
    expect(formatPem('CERTIFICATE', view)).toBe(formatPem('CERTIFICATE', first));
  });
});
