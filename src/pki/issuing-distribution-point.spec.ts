import * as fc from 'fast-check';
import * as pkijs from 'pkijs';
import { parseCertificateFields } from './certificate-fields.js';
import { type CertificateProfile, buildCertificate, keyIdentifierOf } from './certificate.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import { buildCrl } from './crl.js';
import { DerError, DerReader } from './der-reader.js';
import { contextTag } from './der-tags.js';
import { explicit, nullValue, sequence, tlv } from './der-writer.js';
import { buildDistributionPointName } from './distribution-point.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { buildIssuingDistributionPoint, readIssuingDistributionPoint } from './issuing-distribution-point.js';
import { OID } from './object-identifiers.js';
import { NO_NAMES } from './subject-alternative-names.js';
import {
  MALFORMED,
  bitFlipsOf,
  countAccepted,
  mutationsOf,
  prefixesOf,
  withLongerLength,
} from './testing/hostile-bytes.js';
import { generateLocalSigner } from './testing/local-signer.js';

const URI = 'http://pki.example/.well-known/pki/crl/iss-1/7';
const OTHER = 'ldap://ldap.example/cn=CA';
const name = buildDistributionPointName([URI]);
const read = (bytes: Uint8Array): string[] => DerReader.readAll(bytes, readIssuingDistributionPoint);
const isDerError = (error: unknown): boolean => error instanceof DerError;
const flag = (n: number, octet = 0xff): Buffer => tlv(contextTag(n), Buffer.of(octet));

describe('the issuing distribution point', () => {
  it.each([[[URI]], [[URI, OTHER]]])('is for pkijs that of %j', (uris) => {
    const built = buildIssuingDistributionPoint(uris);
    const parsed = pkijs.IssuingDistributionPoint.fromBER(built);
    expect(parsed.distributionPoint).toMatchObject(uris.map((value) => ({ type: 6, value })));
    expect(parsed).toMatchObject({ onlyContainsUserCerts: false, onlyContainsCACerts: false, indirectCRL: false });
    expect(read(built)).toEqual(uris);
  });

  it.each(['subscriber', 'intermediate'])('has byte for byte the name in a %s certificate', async (kind) => {
    const signer = generateLocalSigner('ecdsa-p256');
    const spkiDer = signer.publicKey.export({ format: 'der', type: 'spki' });
    const issuerDer = distinguishedNameFromText('CN=CA').der;
    const authorityKeyIdentifier = keyIdentifierOf(spkiDer);
    const urls = { ocsp: null, caIssuers: 'http://pki.example/ca', crl: URI, freshestCrl: `${URI}/delta` };
    const profile: CertificateProfile =
      kind === 'intermediate'
        ? { kind, pathLength: 0, urls }
        : { kind: 'leaf', subjectAlternativeNames: NO_NAMES, urls };
    const [start, end] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-05T00:00:00Z')];
    const issued = { issuerDer, authorityKeyIdentifier, notBefore: start, notAfter: end, spkiDer, profile };
    const certificate = parseCertificateFields(
      await buildCertificate(
        { serialNumber: Buffer.of(1), subjectDer: distinguishedNameFromText('CN=a').der, ...issued },
        signer,
      ),
    );
    const times = { thisUpdate: start, nextUpdate: end };
    const entries = new CrlEntriesWriter();
    const crl = await buildCrl(
      { issuerDer, authorityKeyIdentifier, crlNumber: 1n, ...times, entries, issuingDistributionPoint: [urls.crl] },
      signer,
    );

    const points = new DerReader(certificate.extensions.get(OID.cRLDistributionPoints)!.value);
    const inCertificate = points.readSequence().readSequence().readElement();
    const extension = pkijs.CertificateRevocationList.fromBER(crl).crlExtensions?.extensions.find(
      ({ extnID }) => extnID === OID.issuingDistributionPoint,
    );
    const inCrl = new DerReader(Buffer.from(extension!.extnValue.valueBlock.valueHexView)).readSequence().readElement();
    expect(inCrl.toString('hex')).toBe(inCertificate.toString('hex'));
    expect(certificate.extensions.get(OID.cRLDistributionPoints)?.critical).toBe(false);
    expect(certificate.extensions.get(OID.freshestCRL)?.critical).toBe(false);
    expect(extension?.critical).toBe(true);
  });

  it.each<[string, string, Buffer]>([
    ['onlyContainsUserCerts', 'onlyContainsUserCerts, which is not supported', sequence(name, flag(1))],
    ['onlyContainsCACerts', 'onlyContainsCACerts', sequence(name, flag(2))],
    ['onlySomeReasons', 'onlySomeReasons', sequence(name, tlv(contextTag(3), Buffer.from('0560', 'hex')))],
    ['an indirect CRL', 'indirectCRL', sequence(name, flag(4))],
    ['onlyContainsAttributeCerts', 'onlyContainsAttributeCerts', sequence(name, flag(5))],
    ['a restriction without a name', 'onlyContainsUserCerts', sequence(flag(1))],
    ['FALSE written out', 'onlyContainsUserCerts', sequence(name, flag(1, 0))],
    ['an empty sequence', 'without a name', sequence()],
    ['two names', 'after the last', sequence(name, name)],
    ['an unknown field', 'after the last', sequence(name, flag(6))],
    ['a name that is no URI', 'expected tag 0x86', sequence(explicit(0, explicit(0, nullValue())))],
    ['a name relative to the issuer', 'expected tag 0xa0', sequence(explicit(0, explicit(1, nullValue())))],
  ])('is refused with %s', (_, reason, bytes) => {
    expect(() => read(bytes)).toThrow(reason);
    expect(countAccepted([bytes], read, isDerError)).toBe(0);
  });

  it('is refused in every prefix and every longer form, and throws only DerError for turned bits and random changes', () => {
    const der = buildIssuingDistributionPoint([URI, OTHER]);
    const refused = [...prefixesOf(der), withLongerLength(der), Buffer.concat([der, Buffer.alloc(1)])];
    expect(countAccepted([...refused, ...MALFORMED.map(([, bytes]) => bytes)], read, isDerError)).toBe(0);
    expect(() => countAccepted(bitFlipsOf(der), read, isDerError)).not.toThrow();
    fc.assert(fc.property(mutationsOf(der), (mutant) => void countAccepted([mutant], read, isDerError)));
  });
});
