import { canonicalClientName, isCaCertificate, parseClientCertificate } from './client-certificate.js';
import { PkiError } from './pki-error.js';
import { isSignedWith } from './signed-object.js';
import { bitFlipsOf, prefixesOf } from './testing/hostile-bytes.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const openssl = new OpensslDirectory();
afterAll(() => openssl.remove());

const ca = openssl.makeCa('ca', generateLocalSigner('ecdsa-p256'));
const twin = openssl.makeCa('twin', generateLocalSigner('ecdsa-p256'));
const NAMES =
  'subjectAltName=DNS:A.Example.com,email:Ops@Example.COM,URI:spiffe://Example/a,IP:192.0.2.1,otherName:1.2.3.4;UTF8:x,dirName:dn\n[dn]\nCN=x';

const issue = (name: string, serial: string, extensions: string): Buffer =>
  openssl.issue(name, generateLocalSigner('ecdsa-p256'), 'ca', serial, extensions);

const named = issue('named', '21', `extendedKeyUsage=serverAuth,clientAuth\n${NAMES}`);

describe('parseClientCertificate', () => {
  it('reads who presents it: the names that clients go by, in one writing', () => {
    const { subject, dns, email, uri, clientAuth, fields } = parseClientCertificate(named);
    expect({ subject, dns, email, uri, clientAuth }).toEqual({
      subject: 'CN=named',
      dns: ['a.example.com'],
      email: ['Ops@example.com'],
      uri: ['spiffe://Example/a'],
      clientAuth: true,
    });
    expect(fields.serialNumber.toString('hex')).toBe('21');
  });

  it.each([
    ['', '22', false],
    ['extendedKeyUsage=serverAuth', '23', false],
    ['extendedKeyUsage=anyExtendedKeyUsage', '24', false],
    ['extendedKeyUsage=critical,clientAuth', '25', true],
  ])('takes one with "%s" for a client’s: %#', (extension, serial, clientAuth) => {
    expect(parseClientCertificate(issue(`usage-${serial}`, serial, extension)).clientAuth).toBe(clientAuth);
  });

  it('throws nothing but a PkiError, whatever it is given', () => {
    for (const bytes of [...prefixesOf(named), ...bitFlipsOf(named)]) {
      try {
        parseClientCertificate(bytes);
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
      }
    }
    expect(() => parseClientCertificate(Buffer.alloc(0))).toThrow(PkiError);
  });
});

describe('isCaCertificate', () => {
  it('is true of a CA alone', () => {
    const fieldsOf = (der: Buffer) => parseClientCertificate(der).fields;
    expect(isCaCertificate(fieldsOf(ca))).toBe(true);
    expect(isCaCertificate(fieldsOf(named))).toBe(false);
    expect(isCaCertificate(fieldsOf(issue('leaf', '26', 'basicConstraints=critical,CA:FALSE')))).toBe(false);
    expect(isCaCertificate(fieldsOf(issue('sub', '27', 'basicConstraints=critical,CA:TRUE,pathlen:0')))).toBe(true);
  });
});

describe('canonicalClientName', () => {
  it.each([
    ['dns', 'A.B', 'a.b'],
    ['email', 'A@B', 'A@b'],
    ['email', 'A', 'a'],
    ['uri', 'HTTP://A', 'HTTP://A'],
  ] as const)('writes the %s %s as %s', (kind, name, canonical) => {
    expect(canonicalClientName(kind, name)).toBe(canonical);
  });
});

describe('isSignedWith', () => {
  const spkiOf = (der: Buffer) => parseClientCertificate(der).fields.spkiDer;

  it('is true of the key that signed a certificate, and of no other', async () => {
    expect(await isSignedWith(named, spkiOf(ca))).toBe(true);
    expect(await isSignedWith(ca, spkiOf(ca))).toBe(true);
    expect(await isSignedWith(named, spkiOf(twin))).toBe(false);
    expect(await isSignedWith(named, spkiOf(named))).toBe(false);
  });

  it('is false of what was changed, or can’t be read', async () => {
    for (const bytes of [...prefixesOf(named), ...bitFlipsOf(named)]) {
      expect(await isSignedWith(bytes, spkiOf(ca))).toBe(false);
    }
    expect(await isSignedWith(named, Buffer.alloc(0))).toBe(false);
  });
});
