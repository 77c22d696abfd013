import * as fc from 'fast-check';
import * as pkijs from 'pkijs';
import { CERT_ID_ALGORITHMS, type CertId, buildCertId } from './cert-id.js';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
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
} from './der-writer.js';
import { OID } from './object-identifiers.js';
import {
  OCSP_REQUEST_MAX_BYTES,
  OCSP_REQUEST_MAX_CERT_IDS,
  OcspRequestError,
  buildOcspRequest,
  parseOcspRequest,
} from './ocsp-request.js';
import {
  MALFORMED,
  bitFlipsOf,
  countAccepted,
  mutationsOf,
  prefixesOf,
  withLongerLength,
} from './testing/hostile-bytes.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';
import { buildExtension } from './x509-elements.js';

const parse = (bytes: Uint8Array): ReturnType<typeof parseOcspRequest> =>
  parseOcspRequest(bytes, { nonceMaxBytes: 128 });
const isRefusal = (error: unknown): boolean => error instanceof OcspRequestError;

const issuer = { subjectDer: sequence(), publicKeyBits: Buffer.of(1) };
const certId = buildCertId('sha1', issuer, Buffer.of(1));
const list = sequence(sequence(certId.der));
const nonce = buildExtension(OID.pkixOcspNonce, false, octetString(Buffer.alloc(16, 7)));
const other = (critical: boolean): Buffer => buildExtension('1.2.3', critical, nullValue());
const extensions = (...each: Buffer[]): Buffer => explicit(2, sequence(...each));
const single = (...each: Buffer[]): Buffer => sequence(sequence(certId.der, explicit(0, sequence(...each))));
const request = (...parts: Buffer[]): Buffer => sequence(sequence(...parts));
const signature = (...parts: Buffer[]): Buffer => sequence(sequence(list), explicit(0, ...parts));
const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
const name = (tagged: Buffer): Buffer => explicit(1, tagged);

describe('requests of openssl', () => {
  let openssl: OpensslDirectory;
  let ca: CertificateFields;

  beforeAll(() => {
    openssl = new OpensslDirectory();
    const signer = generateLocalSigner('ecdsa-p256');
    ca = parseCertificateFields(openssl.makeCa('ca', signer));
    openssl.issue('leaf', generateLocalSigner('ecdsa-p256'), 'ca', 'ff01');
  });
  afterAll(() => {
    openssl.remove();
  });

  function ask(...options: string[]): Buffer {
    openssl.run(['ocsp', '-issuer', 'ca.pem', ...options, '-reqout', 'request.der']);
    return openssl.read('request.der');
  }

  it('are read with a nonce', () => {
    const parsed = parse(ask('-cert', 'leaf.pem', '-nonce'));
    expect(parsed.certIds).toEqual([buildCertId('sha1', ca, Buffer.from('ff01', 'hex'))]);
    expect(parsed.nonce).toHaveLength(16);
    expect(parsed.signed).toBe(false);
  });

  it('are read without a nonce', () => {
    expect(parse(ask('-serial', '0x0a', '-no_nonce'))).toEqual({
      certIds: [buildCertId('sha1', ca, Buffer.of(10))],
      nonce: null,
      signed: false,
    });
  });

  it('are read with several certificates and hashes, in their order', () => {
    const { certIds } = parse(
      ask('-sha256', '-serial', '0x02', '-sha1', '-cert', 'leaf.pem', '-sha512', '-serial', '0x01'),
    );
    expect(certIds.map(({ algorithm: hash, serialNumber }) => `${hash} ${serialNumber.toString('hex')}`)).toEqual([
      'sha256 02',
      'sha1 ff01',
      'sha512 01',
    ]);
  });

  it('are read with a signature, a requestorName and certificates', () => {
    const signing = ['-signer', 'ca.pem', '-signkey', 'ca.key', '-sign_other', 'leaf.pem'];
    const parsed = parse(ask('-serial', '0x0a', '-nonce', ...signing));
    expect(parsed.signed).toBe(true);
    expect(parsed.certIds).toHaveLength(1);
    expect(parse(ask('-serial', '0x0a', '-no_certs', ...signing)).signed).toBe(true);
  });

  it('have no prefix that is a request, and no longer form', () => {
    const signed = ask('-serial', '0x0a', '-nonce', '-signer', 'ca.pem', '-signkey', 'ca.key');
    for (const whole of [ask('-serial', '0x0a', '-no_nonce'), ask('-sha256', '-serial', '0x0a', '-nonce'), signed]) {
      const inputs = [...prefixesOf(whole), withLongerLength(whole), Buffer.concat([whole, Buffer.alloc(1)])];
      expect(countAccepted(inputs, parse, isRefusal)).toBe(0);
    }
  });

  it('lead to nothing but OcspRequestError when a bit is turned or they are changed at random', () => {
    const whole = ask('-serial', '0x0a', '-nonce', '-signer', 'ca.pem', '-signkey', 'ca.key');
    expect(() => countAccepted(bitFlipsOf(whole), parse, isRefusal)).not.toThrow();
    fc.assert(
      fc.property(mutationsOf(whole), (mutant) => {
        countAccepted([mutant], parse, isRefusal);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parseOcspRequest', () => {
  it.each<[string, Buffer]>([
    ['the smallest request', request(list)],
    ['a requestorName', request(name(implicit(2, octetString(Buffer.from('test')))), list, extensions(nonce))],
    ['an unknown extension that is not critical', request(list, extensions(other(false), nonce))],
    ['a critical nonce', request(list, extensions(buildExtension(OID.pkixOcspNonce, true, octetString(Buffer.of(1)))))],
    ['an unknown single extension that is not critical', request(single(other(false)))],
    ['a nonce among the single extensions, where it is unknown', request(single(nonce))],
    ['a signature without certificates', signature(sequence(algorithm, bitString(Buffer.of(1))))],
    ['a signature with an empty list of them', signature(sequence(algorithm, bitString(), explicit(0, sequence())))],
  ])('takes %s', (_, bytes) => {
    expect(parse(bytes).certIds).toEqual([certId]);
  });

  it.each<[string, string, Buffer]>([
    ['no CertID', 'inside an element', request(sequence())],
    ['an empty Request', 'inside an element', request(sequence(sequence()))],
    ['no list', 'inside an element', request()],
    ['v1 written out', 'a version', request(explicit(0, integer(0)), list)],
    ['v2', 'a version', request(explicit(0, integer(1)), list)],
    ['an unknown critical extension', '1.2.3', request(list, extensions(nonce, other(true)))],
    ['an unknown critical single extension', '1.2.3', request(single(other(true)))],
    [
      'a critical nonce among the single extensions',
      '48.1.2',
      request(single(buildExtension(OID.pkixOcspNonce, true, octetString(Buffer.of(1))))),
    ],
    ['two nonces', 'a second extension', request(list, extensions(nonce, nonce))],
    ['a single extension twice', 'a second extension', request(single(other(false), other(false)))],
    ['an empty list of extensions', 'inside an element', request(list, extensions())],
    ['an empty list of single extensions', 'inside an element', request(single())],
    [
      'critical FALSE written out',
      'a default value',
      request(list, extensions(sequence(oid('1.2.3'), boolean(false), octetString()))),
    ],
    [
      'a nonce of 0 octets',
      'a nonce of 0',
      request(list, extensions(buildExtension(OID.pkixOcspNonce, false, octetString()))),
    ],
    [
      'a nonce that is no OCTET STRING',
      'expected tag 0x04',
      request(list, extensions(buildExtension(OID.pkixOcspNonce, false, integer(1)))),
    ],
    [
      'bytes after the nonce',
      'after the last',
      request(list, extensions(buildExtension(OID.pkixOcspNonce, false, Buffer.from('04010700', 'hex')))),
    ],
    ['an element after the extensions', 'after the last', request(list, extensions(nonce), nullValue())],
    ['an element after the TBSRequest', 'after the last', sequence(sequence(list), nullValue())],
    [
      'two elements in the tag of the extensions',
      'after the last',
      request(list, explicit(2, sequence(nonce), nullValue())),
    ],
    [
      'an element after the single extensions',
      'after the last',
      request(sequence(sequence(certId.der, explicit(0, sequence(nonce)), nullValue()))),
    ],
    ['a requestorName that is no GeneralName', 'GeneralName', request(name(octetString()), list)],
    ['a requestorName of an unknown choice', 'GeneralName', request(name(implicit(9, octetString())), list)],
    ['an empty requestorName', 'GeneralName', request(explicit(1), list)],
    [
      'two requestorNames',
      'after the last',
      request(explicit(1, implicit(2, octetString()), implicit(2, octetString())), list),
    ],
    ['a signature without an algorithm', 'expected tag 0x30', signature(sequence(bitString()))],
    ['a signature without bits', 'inside an element', signature(sequence(algorithm))],
    ['more after the signature', 'after the last', signature(sequence(algorithm, bitString()), nullValue())],
    [
      'more in the signature',
      'after the last',
      signature(sequence(algorithm, bitString(), explicit(0, sequence()), nullValue())),
    ],
    [
      'a certificate of another type',
      'expected tag 0x30',
      signature(sequence(algorithm, bitString(), explicit(0, sequence(nullValue())))),
    ],
  ])('refuses %s', (_, reason, bytes) => {
    expect(() => parse(bytes)).toThrow(reason);
    expect(countAccepted([bytes], parse, isRefusal)).toBe(0);
  });

  it.each(MALFORMED)('refuses %s', (_, bytes) => {
    expect(countAccepted([bytes], parse, isRefusal)).toBe(0);
  });

  it('takes nonces of 1 octet to the maximum', () => {
    for (const length of [1, 16, 32, 33, 127, 128]) {
      expect(parse(buildOcspRequest([certId], Buffer.alloc(length, 1))).nonce).toEqual(Buffer.alloc(length, 1));
    }
    expect(() => parse(buildOcspRequest([certId], Buffer.alloc(129)))).toThrow(OcspRequestError);
    expect(() => parseOcspRequest(buildOcspRequest([certId], Buffer.alloc(33)), { nonceMaxBytes: 32 })).toThrow(
      '1 to 32',
    );
  });

  it('takes OCSP_REQUEST_MAX_CERT_IDS and no more', () => {
    const many = Array.from({ length: OCSP_REQUEST_MAX_CERT_IDS + 1 }, (_, i) =>
      buildCertId('sha512', issuer, Buffer.of(i + 1)),
    );
    expect(parse(buildOcspRequest(many.slice(1), null)).certIds).toEqual(many.slice(1));
    expect(() => parse(buildOcspRequest(many, null))).toThrow('more than 16 CertIDs');
  });

  it('takes OCSP_REQUEST_MAX_BYTES and no more', () => {
    const filled = (length: number): Buffer =>
      request(list, extensions(buildExtension('1.2.3', false, Buffer.alloc(length))));
    const fill = OCSP_REQUEST_MAX_BYTES - (filled(9000).length - 9000);
    expect(filled(fill)).toHaveLength(OCSP_REQUEST_MAX_BYTES);
    expect(parse(filled(fill)).certIds).toEqual([certId]);
    expect(() => parse(filled(fill + 1))).toThrow('more than 10000 bytes');
  });

  it('returns views of the request', () => {
    const bytes = buildOcspRequest([certId], Buffer.of(1, 2, 3));
    const parsed = parse(bytes);
    bytes.fill(0);
    expect(parsed.nonce).toEqual(Buffer.alloc(3));
  });
});

describe('buildOcspRequest', () => {
  const certIds: CertId[] = CERT_ID_ALGORITHMS.map((hash, i) => buildCertId(hash, issuer, Buffer.of(0x80 + i)));

  it('comes back from the parser', () => {
    expect(parse(buildOcspRequest(certIds, Buffer.of(9)))).toEqual({ certIds, nonce: Buffer.of(9), signed: false });
    expect(parse(buildOcspRequest(certIds, null))).toEqual({ certIds, nonce: null, signed: false });
  });

  it('is read by pkijs', () => {
    const { tbsRequest } = pkijs.OCSPRequest.fromBER(buildOcspRequest(certIds, Buffer.of(9)));
    const serials = tbsRequest.requestList.map(({ reqCert }) =>
      Buffer.from(reqCert.serialNumber.valueBlock.valueHexView).toString('hex'),
    );
    expect(serials).toEqual(certIds.map(({ serialNumber }) => `00${serialNumber.toString('hex')}`));
    expect(tbsRequest.requestExtensions?.map(({ extnID }) => extnID)).toEqual([OID.pkixOcspNonce]);
  });
});
