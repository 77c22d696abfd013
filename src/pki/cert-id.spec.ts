import * as pkijs from 'pkijs';
import { CERT_ID_ALGORITHMS, buildCertId, hashCertIdIssuer, readCertId } from './cert-id.js';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { enumerated, integer, nullValue, octetString, oid, sequence } from './der-writer.js';
import { parseOcspRequest } from './ocsp-request.js';
import { PkiError } from './pki-error.js';
import { parseSerialNumber } from './serial-number.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const SERIAL_NUMBERS = ['01', '0a1b2c', '7f', '80', 'ff00', `7f${'ff'.repeat(19)}`];

describe('CertID', () => {
  let openssl: OpensslDirectory;
  let issuer: CertificateFields;

  beforeAll(() => {
    openssl = new OpensslDirectory();
    issuer = parseCertificateFields(openssl.makeCa('ca', generateLocalSigner('ecdsa-p256')));
  });
  afterAll(() => {
    openssl.remove();
  });

  it.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)(
    'is byte for byte what openssl sends with -%s',
    (algorithm) => {
      const serials = SERIAL_NUMBERS.flatMap((serialNumber) => [`-${algorithm}`, '-serial', `0x${serialNumber}`]);
      openssl.run(['ocsp', '-issuer', 'ca.pem', ...serials, '-no_nonce', '-reqout', 'request.der']);
      const { certIds } = parseOcspRequest(openssl.read('request.der'), { nonceMaxBytes: 128 });
      expect(certIds).toEqual(
        SERIAL_NUMBERS.map((serialNumber) => buildCertId(algorithm, issuer, parseSerialNumber(serialNumber))),
      );
    },
  );

  it.each(CERT_ID_ALGORITHMS)('comes back from the reader and from pkijs with %s', (algorithm) => {
    const certId = buildCertId(algorithm, issuer, parseSerialNumber('80ff'));
    expect(DerReader.readAll(certId.der, readCertId)).toEqual(certId);
    const decoded = pkijs.CertID.fromBER(certId.der);
    expect(Buffer.from(decoded.issuerNameHash.valueBlock.valueHexView)).toEqual(certId.issuerNameHash);
    expect(Buffer.from(decoded.issuerKeyHash.valueBlock.valueHexView)).toEqual(certId.issuerKeyHash);
    expect(Buffer.from(decoded.serialNumber.valueBlock.valueHexView).toString('hex')).toBe('0080ff');
    expect(decoded.hashAlgorithm.algorithmParams === undefined).toBe(algorithm.endsWith('-absent'));
  });

  it('tells the algorithms with NULL parameters from those without', () => {
    const ders = CERT_ID_ALGORITHMS.map((algorithm) =>
      buildCertId(algorithm, issuer, Buffer.of(1)).der.toString('hex'),
    );
    expect(new Set(ders).size).toBe(CERT_ID_ALGORITHMS.length);
    expect(hashCertIdIssuer('sha256', issuer)).toEqual(hashCertIdIssuer('sha256-absent', issuer));
  });

  it('holds the canonical serial number, however it was given', () => {
    expect(buildCertId('sha1', issuer, Buffer.from('0000ff', 'hex'))).toEqual(
      buildCertId('sha1', issuer, Buffer.of(0xff)),
    );
  });

  it('refuses to be built for a serial number of zero', () => {
    expect(() => buildCertId('sha1', issuer, Buffer.alloc(1))).toThrow(PkiError);
  });

  const sha1 = sequence(oid('1.3.14.3.2.26'), nullValue());
  const hash = octetString(Buffer.alloc(20));
  it.each([
    ['MD5', 'hash algorithm', sequence(sequence(oid('1.2.840.113549.2.5'), nullValue()), hash, hash, integer(1))],
    [
      'other parameters',
      'hash algorithm',
      sequence(sequence(oid('1.3.14.3.2.26'), integer(1)), hash, hash, integer(1)),
    ],
    [
      'more parameters',
      'hash algorithm',
      sequence(sequence(oid('1.3.14.3.2.26'), nullValue(), nullValue()), hash, hash, integer(1)),
    ],
    ['a name hash that is too short', '20 octets', sequence(sha1, octetString(Buffer.alloc(19)), hash, integer(1))],
    ['a key hash that is too long', '20 octets', sequence(sha1, hash, octetString(Buffer.alloc(32)), integer(1))],
    ['a serial number of zero', 'not positive', sequence(sha1, hash, hash, integer(0))],
    ['a serial number of another type', 'expected tag 0x02', sequence(sha1, hash, hash, enumerated(1))],
    ['no serial number', 'inside an element', sequence(sha1, hash, hash)],
    ['an element too many', 'after the last', sequence(sha1, hash, hash, integer(1), nullValue())],
  ])('is refused with %s', (_, reason, der) => {
    expect(() => DerReader.readAll(der, readCertId)).toThrow(DerError);
    expect(() => DerReader.readAll(der, readCertId)).toThrow(reason);
  });
});
