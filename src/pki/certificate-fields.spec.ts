import 'reflect-metadata';
import { X509Certificate, createHash } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import * as fc from 'fast-check';
import { CERTIFICATE_MAX_BYTES, type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { boolean, explicit, integer, nullValue, octetString, oid, sequence, set, time, tlv } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import type { KeyAlgorithm } from './signature-algorithm.js';
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

const isInvalid = (error: unknown): boolean => error instanceof PkiError && error.code === 'invalid_certificate';

const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
const name = sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from('test')))));
const validity = sequence(time(new Date('2026-01-01T00:00:00Z')), time(new Date('2056-01-01T00:00:00Z')));
const bits = Buffer.from('030400aabbcc', 'hex');
const publicKey = sequence(sequence(oid('1.2.840.10045.2.1')), bits);
const v3 = explicit(0, integer(2));
const extension = (...rest: Uint8Array[]): Buffer => explicit(3, sequence(sequence(oid('1.2.3'), ...rest)));

const TWICE = [1, 2].map(() => sequence(oid('1.2.3'), octetString()));
const BAD_KEY_ID = sequence(oid(OID.subjectKeyIdentifier), octetString(integer(1)));

/** A certificate of these parts, in place of the usual ones. */
function certificate(
  parts: Partial<Record<'version' | 'serial' | 'algorithm' | 'issuer' | 'key' | 'rest', Uint8Array>> = {},
): Buffer {
  const tbs = sequence(
    parts.version ?? v3,
    parts.serial ?? integer(5),
    parts.algorithm ?? algorithm,
    parts.issuer ?? name,
    validity,
    name,
    parts.key ?? publicKey,
    parts.rest ?? Buffer.alloc(0),
  );
  return sequence(tbs, algorithm, bits);
}

describe('parseCertificateFields', () => {
  let openssl: OpensslDirectory;
  let der: Buffer;
  let fields: CertificateFields;

  beforeAll(() => {
    openssl = new OpensslDirectory();
    der = openssl.makeCa('ca', generateLocalSigner('ecdsa-p256'));
    fields = parseCertificateFields(der);
  });
  afterAll(() => {
    openssl.remove();
  });

  it.each<KeyAlgorithm>(['ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'ed25519'])(
    'reads what openssl and others read of a certificate with an %s key',
    (key) => {
      const signer = generateLocalSigner(key);
      const ca = openssl.makeCa(`ca-${key}`, signer, ['-set_serial', '0xff00112233445566']);
      const parsed = parseCertificateFields(ca);
      const node = new X509Certificate(ca);
      const peculiar = new x509.X509Certificate(Uint8Array.from(ca));
      expect(parsed.serialNumber.toString('hex').toUpperCase()).toBe(node.serialNumber);
      expect(parsed.spkiDer).toEqual(signer.publicKey.export({ type: 'spki', format: 'der' }));
      expect(parsed.notBefore).toEqual(peculiar.notBefore);
      expect(parsed.notAfter).toEqual(peculiar.notAfter);
      expect(parsed.subjectDer).toEqual(Buffer.from(peculiar.subjectName.toArrayBuffer()));
      expect(parsed.issuerDer).toEqual(Buffer.from(peculiar.issuerName.toArrayBuffer()));
      expect([...parsed.extensions.keys()]).toEqual(peculiar.extensions.map(({ type }) => type));
      expect([...parsed.extensions.values()].map(({ critical }) => critical)).toEqual(
        peculiar.extensions.map(({ critical }) => critical),
      );
      // RFC 5280 section 4.2.1.2, method 1, which openssl uses: the hash that issuerKeyHash is too.
      expect(parsed.subjectKeyIdentifier).toEqual(createHash('sha1').update(parsed.publicKeyBits).digest());
    },
  );

  it('reads a leaf whose issuer and subject differ, without subject key identifier', () => {
    const leaf = parseCertificateFields(
      openssl.issue(
        'leaf',
        generateLocalSigner('ecdsa-p256'),
        'ca',
        '0a',
        'subjectKeyIdentifier = none\nsubjectAltName = DNS:leaf.test',
      ),
    );
    expect(leaf.issuerDer).toEqual(fields.subjectDer);
    expect(leaf.subjectDer).not.toEqual(fields.subjectDer);
    expect(leaf.subjectKeyIdentifier).toBeNull();
    expect(leaf.extensions.get(OID.subjectAltName)?.value.toString('latin1')).toContain('leaf.test');
    expect(leaf.serialNumber.toString('hex')).toBe('0a');
  });

  it('reads a v1 certificate, which has no extensions', () => {
    openssl.run(['req', '-new', '-key', 'ca.key', '-subj', '/CN=v1', '-out', 'v1.csr']);
    openssl.run(['x509', '-req', '-in', 'v1.csr', '-signkey', 'ca.key', '-outform', 'DER', '-out', 'v1.der']);
    expect(parseCertificateFields(openssl.read('v1.der')).extensions.size).toBe(0);
  });

  it('reads a certificate that ends after 2049', () => {
    const parsed = parseCertificateFields(
      openssl.makeCa('long', generateLocalSigner('ecdsa-p256'), ['-days', '15000']),
    );
    expect(parsed.notAfter.getUTCFullYear()).toBeGreaterThan(2050);
  });

  it('reads the parts of a certificate put together by hand', () => {
    const parsed = parseCertificateFields(certificate({ rest: extension(boolean(true), octetString(Buffer.of(7))) }));
    expect(parsed.notAfter).toEqual(new Date('2056-01-01T00:00:00Z'));
    expect(parsed.publicKeyBits.toString('hex')).toBe('aabbcc');
    expect(parsed.extensions.get('1.2.3')).toEqual({ critical: true, value: Buffer.of(7) });
  });

  it.each<[string, string, Buffer]>([
    ['v1 written out', 'version', certificate({ version: explicit(0, integer(0)) })],
    ['a version after v3', 'version', certificate({ version: explicit(0, integer(3)) })],
    [
      'extensions in v2',
      'after the last',
      certificate({ version: explicit(0, integer(1)), rest: extension(octetString()) }),
    ],
    ['a serial number of zero', 'not positive', certificate({ serial: integer(0) })],
    ['a negative serial number', 'not positive', certificate({ serial: Buffer.from('020180', 'hex') })],
    ['a serial number of 21 octets', '20 octets', certificate({ serial: integer(Buffer.alloc(20, 0xff)) })],
    ['two algorithms', 'differs', certificate({ algorithm: sequence(oid('1.2.840.10045.4.3.3')) })],
    ['an empty relative name', 'inside an element', certificate({ issuer: sequence(set()) })],
    ['a name that is no list of attributes', 'expected tag 0x30', certificate({ issuer: sequence(set(integer(1))) })],
    [
      'a key with unused bits',
      'BIT STRING',
      certificate({ key: sequence(sequence(oid('1.2.3')), Buffer.from('03020180', 'hex')) }),
    ],
    ['an empty list of extensions', 'inside an element', certificate({ rest: explicit(3, sequence()) })],
    [
      'an extension that stands twice',
      'a second extension 1.2.3',
      certificate({ rest: explicit(3, sequence(...TWICE)) }),
    ],
    ['critical FALSE written out', 'a default value', certificate({ rest: extension(boolean(false), octetString()) })],
    ['an extension without a value', 'inside an element', certificate({ rest: extension() })],
    [
      'more after the extensions',
      'after the last',
      certificate({ rest: Buffer.concat([extension(octetString()), nullValue()]) }),
    ],
    [
      'a malformed subject key identifier',
      'expected tag 0x04',
      certificate({ rest: explicit(3, sequence(BAD_KEY_ID)) }),
    ],
  ])('refuses %s', (_, reason, bytes) => {
    expect(() => parseCertificateFields(bytes)).toThrow(reason);
    expect(countAccepted([bytes], parseCertificateFields, isInvalid)).toBe(0);
  });

  it('takes unique identifiers from v2 on', () => {
    const identifiers = Buffer.from('8102000182020002', 'hex');
    expect(countAccepted([certificate({ rest: identifiers })], parseCertificateFields, isInvalid)).toBe(1);
  });

  it('refuses every prefix, every longer form and trailing bytes', () => {
    const inputs = [...prefixesOf(der), withLongerLength(der), Buffer.concat([der, Buffer.alloc(1)])];
    expect(countAccepted(inputs, parseCertificateFields, isInvalid)).toBe(0);
  });

  it.each(MALFORMED)('refuses %s', (_, bytes) => {
    expect(countAccepted([bytes], parseCertificateFields, isInvalid)).toBe(0);
  });

  it('refuses more than CERTIFICATE_MAX_BYTES', () => {
    const filler = (length: number): Buffer => certificate({ rest: extension(octetString(Buffer.alloc(length))) });
    const overhead = filler(60_000).length - 60_000;
    expect(countAccepted([filler(CERTIFICATE_MAX_BYTES - overhead)], parseCertificateFields, isInvalid)).toBe(1);
    expect(countAccepted([filler(CERTIFICATE_MAX_BYTES - overhead + 1)], parseCertificateFields, isInvalid)).toBe(0);
  });

  it('throws only PkiError for every turned bit and for random changes', () => {
    expect(() => countAccepted(bitFlipsOf(der), parseCertificateFields, isInvalid)).not.toThrow();
    fc.assert(
      fc.property(mutationsOf(der), (mutant) => {
        countAccepted([mutant], parseCertificateFields, isInvalid);
      }),
      { numRuns: 1000 },
    );
  });
});
