import { buildCertificateRequest } from './certificate-request-builder.js';
import { parseCertificateRequest } from './certificate-request.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { formatPem } from './pem.js';
import { KEY_ALGORITHMS } from './signature-algorithm.js';
import { NO_NAMES, validateSubjectAlternativeNames } from './subject-alternative-names.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const EMPTY_NAME = Buffer.from('3000', 'hex');
const subjectDer = distinguishedNameFromText('CN=www.example.com,O=Example').der;

describe('buildCertificateRequest', () => {
  let openssl: OpensslDirectory;
  beforeAll(() => {
    openssl = new OpensslDirectory();
  });
  afterAll(() => {
    openssl.remove();
  });

  it.each(KEY_ALGORITHMS.filter((name) => name !== 'rsa-4096'))(
    'makes a request with a key of %s that openssl and our own reader take',
    async (algorithm) => {
      const signer = generateLocalSigner(algorithm);
      const names = validateSubjectAlternativeNames({
        dns: ['www.example.com', '*.example.org'],
        ip: ['192.0.2.1', '2001:db8::1'],
        email: ['hostmaster@example.com'],
        uri: ['https://example.com/a'],
      });
      const der = await buildCertificateRequest({ subjectDer, subjectAlternativeNames: names }, signer);
      openssl.write('request.pem', formatPem('CERTIFICATE REQUEST', der));
      const shown = openssl.run(['req', '-in', 'request.pem', '-noout', '-verify', '-text', '-nameopt', 'RFC2253']);
      expect(shown).toContain('self-signature verify OK');
      expect(shown).toContain('Subject: CN=www.example.com,O=Example');
      expect(shown).toContain(
        'email:hostmaster@example.com, DNS:www.example.com, DNS:*.example.org, URI:https://example.com/a, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
      );
      const read = await parseCertificateRequest(formatPem('CERTIFICATE REQUEST', der));
      expect(read.subjectAlternativeNames).toEqual(names);
      expect(read.publicKey.equals(signer.publicKey)).toBe(true);
    },
  );

  it('leaves the attributes empty where no names are asked for', async () => {
    const signer = generateLocalSigner('ecdsa-p256');
    const der = await buildCertificateRequest({ subjectDer, subjectAlternativeNames: NO_NAMES }, signer);
    const read = await parseCertificateRequest(formatPem('CERTIFICATE REQUEST', der));
    expect(read).toMatchObject({ commonName: 'www.example.com', subjectAlternativeNames: NO_NAMES });
    openssl.write('request.der', der);
    expect(openssl.run(['req', '-inform', 'DER', '-in', 'request.der', '-noout', '-text'])).toContain('(none)');
  });

  it('makes the names critical where the subject is empty', async () => {
    const names = { ...NO_NAMES, dns: ['www.example.com'] };
    const plan = { subjectDer: EMPTY_NAME, subjectAlternativeNames: names };
    openssl.write('request.der', await buildCertificateRequest(plan, generateLocalSigner('ecdsa-p256')));
    const shown = openssl.run(['req', '-inform', 'DER', '-in', 'request.der', '-noout', '-text']);
    expect(shown).toMatch(/Subject Alternative Name: critical\s+DNS:www\.example\.com/);
  });
});
