import { parseCertificateFields } from './certificate-fields.js';
import { explicit, octetString, oid, sequence, tlv } from './der-writer.js';
import { contextTag } from './der-tags.js';
import { OID } from './object-identifiers.js';
import { readStatusAddresses } from './status-addresses.js';
import { countAccepted, prefixesOf } from './testing/hostile-bytes.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';
import { PkiError } from './pki-error.js';

const uri = (text: string): Buffer => tlv(contextTag(6), Buffer.from(text, 'latin1'));
const dns = (text: string): Buffer => tlv(contextTag(2), Buffer.from(text, 'latin1'));
const access = (...descriptions: Buffer[]): Buffer => sequence(...descriptions);
const description = (method: string, name: Buffer): Buffer => sequence(oid(method), name);
const fullName = (...names: Buffer[]): Buffer => explicit(0, explicit(0, ...names));

function read(values: Partial<Record<'authorityInfoAccess' | 'cRLDistributionPoints', Buffer>>) {
  const extensions = Object.entries(values).map(
    ([name, value]) => [OID[name as 'authorityInfoAccess'], { critical: false, value }] as const,
  );
  return readStatusAddresses({ extensions: new Map(extensions) });
}

describe('readStatusAddresses', () => {
  it('reads what openssl writes, in its order', () => {
    const openssl = new OpensslDirectory();
    openssl.makeCa('ca', generateLocalSigner('ecdsa-p256'));
    const der = openssl.issue(
      'leaf',
      generateLocalSigner('ecdsa-p256'),
      'ca',
      '0a',
      [
        'authorityInfoAccess=OCSP;URI:http://ocsp.example.com/a,caIssuers;URI:http://ca.example.com/ca.cer,OCSP;URI:http://ocsp.example.com/b',
        'crlDistributionPoints=URI:http://crl.example.com/1.crl,URI:ldap://ldap.example.com/cn=ca,URI:http://crl.example.com/2.crl',
      ].join('\n'),
    );
    openssl.remove();
    expect(readStatusAddresses(parseCertificateFields(der))).toEqual({
      ocsp: ['http://ocsp.example.com/a', 'http://ocsp.example.com/b'],
      caIssuers: ['http://ca.example.com/ca.cer'],
      crl: ['http://crl.example.com/1.crl', 'http://crl.example.com/2.crl'],
    });
  });

  it('finds nothing in a certificate that names nothing', () => {
    expect(read({})).toEqual({ ocsp: [], crl: [], caIssuers: [] });
  });

  it('passes over other names, other methods, and distribution points without a full name', () => {
    expect(
      read({
        authorityInfoAccess: access(
          description(OID.adOcsp, dns('ocsp.example.com')),
          description('1.3.6.1.5.5.7.48.3', uri('http://tsa.example.com/')),
          description(OID.adOcsp, uri('https://ocsp.example.com/')),
          description(OID.adOcsp, uri('file:///etc/passwd')),
          description(OID.adOcsp, uri('http://ocsp.example.com/with space')),
          description(OID.adOcsp, uri('http://')),
        ),
        cRLDistributionPoints: sequence(
          sequence(explicit(2, octetString(Buffer.of(1)))),
          sequence(fullName(dns('crl.example.com'), uri('http://crl.example.com/1'))),
        ),
      }),
    ).toEqual({ ocsp: ['https://ocsp.example.com/'], crl: ['http://crl.example.com/1'], caIssuers: [] });
  });

  it('refuses malformed extensions with invalid_certificate alone', () => {
    const whole = access(description(OID.adOcsp, uri('http://ocsp.example.com/')));
    const points = sequence(sequence(fullName(uri('http://crl.example.com/1'))));
    const isDocumented = (error: unknown): boolean => error instanceof PkiError && error.code === 'invalid_certificate';
    for (const [name, bytes] of [
      ['authorityInfoAccess', whole],
      ['cRLDistributionPoints', points],
    ] as const) {
      const parse = (value: Uint8Array): unknown => read({ [name]: Buffer.from(value) });
      expect(countAccepted([...prefixesOf(bytes), Buffer.concat([bytes, Buffer.alloc(1)])], parse, isDocumented)).toBe(
        0,
      );
    }
    const many = Array.from({ length: 65 }, () => description(OID.adOcsp, uri('http://a.example.com/')));
    expect(() => read({ authorityInfoAccess: access(...many) })).toThrow(/more than 64 URIs/);
  });
});
