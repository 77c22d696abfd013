import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as fc from 'fast-check';
import * as pkijs from 'pkijs';
import { parseCertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { bitString, explicit, nullValue, sequence, set, tlv } from './der-writer.js';
import {
  buildCrlDistributionPoints,
  buildDistributionPointName,
  crlDistributionPointsOf,
  readCrlDistributionPoints,
  readDistributionPointName,
} from './distribution-point.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
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

const HTTP = 'http://pki.example/.well-known/pki/crl/iss-1/7';
const LDAP = 'ldap://ldap.example/cn=CA?certificateRevocationList;binary';
const LONGEST = `http://pki.example/${'a'.repeat(2048 - 19)}`;

const isDerError = (error: unknown): boolean => error instanceof DerError;
const readPoints = (bytes: Uint8Array): string[] => DerReader.readAll(bytes, readCrlDistributionPoints);
const readName = (bytes: Uint8Array): string[] => DerReader.readAll(bytes, readDistributionPointName);

const uriOf = (uri: string): Buffer => tlv(contextTag(6), Buffer.from(uri, 'latin1'));
const fullName = (...names: Buffer[]): Buffer => explicit(0, tlv(constructedContextTag(0), ...names));
const directoryName = explicit(4, distinguishedNameFromText('CN=CRLs').der);
const reasons = tlv(contextTag(1), Buffer.from('0560', 'hex'));
const crlIssuer = tlv(constructedContextTag(2), directoryName);
const relativeName = explicit(0, tlv(constructedContextTag(1), set(sequence())));

describe('buildCrlDistributionPoints', () => {
  it.each<[string, string[]]>([
    ['one URI', [HTTP]],
    ['a URI with all that it may have', [LDAP]],
    ['the longest URI', [LONGEST]],
    ['two URIs', [HTTP, LDAP]],
  ])('writes for %s what other libraries write', (_, uris) => {
    const built = buildCrlDistributionPoints(uris);
    const names = uris.map((value) => new pkijs.GeneralName({ type: 6, value }));
    const distributionPoints = [new pkijs.DistributionPoint({ distributionPoint: names })];
    const theirs = new pkijs.CRLDistributionPoints({ distributionPoints }).toSchema().toBER();
    expect(built.toString('hex')).toBe(Buffer.from(theirs).toString('hex'));
    expect(readPoints(built)).toEqual(uris);
    if (uris.length === 1) {
      expect(built.equals(Buffer.from(new x509.CRLDistributionPointsExtension(uris).value))).toBe(true);
    }
  });

  it('has the distribution point name of the same URIs in it', () => {
    expect(buildCrlDistributionPoints([HTTP, LDAP])).toEqual(
      sequence(sequence(buildDistributionPointName([HTTP, LDAP]))),
    );
    expect(readName(buildDistributionPointName([HTTP, LDAP]))).toEqual([HTTP, LDAP]);
  });

  it('takes 64 URIs and no more', () => {
    const uris = Array.from({ length: 65 }, (_, i) => `${HTTP}${i}`);
    expect(readPoints(buildCrlDistributionPoints(uris.slice(1)))).toEqual(uris.slice(1));
    expect(() => buildCrlDistributionPoints(uris)).toThrow(RangeError);
    expect(() => buildCrlDistributionPoints([])).toThrow(RangeError);
  });

  it.each(['', '/crl', 'crl', 'http:', ':x', '1http://a', 'http://a/b c', 'http://a/\n', 'http://ä', `${LONGEST}a`])(
    'refuses %j',
    (uri) => {
      expect(() => buildCrlDistributionPoints([HTTP, uri])).toThrow(RangeError);
    },
  );
});

describe('readCrlDistributionPoints', () => {
  it.each<[string, Buffer, string[]]>([
    [
      'several distribution points',
      sequence(sequence(fullName(uriOf(HTTP))), sequence(fullName(uriOf(LDAP)))),
      [HTTP, LDAP],
    ],
    ['names of other kinds', sequence(sequence(fullName(directoryName, uriOf(HTTP)))), [HTTP]],
    ['reasons and a CRL issuer', sequence(sequence(fullName(uriOf(HTTP)), reasons, crlIssuer)), [HTTP]],
    ['a CRL issuer alone', sequence(sequence(crlIssuer)), []],
    ['a name that is relative to the CRL issuer', sequence(sequence(relativeName)), []],
  ])('reads %s', (_, bytes, uris) => {
    expect(readPoints(bytes)).toEqual(uris);
  });

  it.each<[string, Buffer]>([
    ['no distribution point', sequence()],
    ['a distribution point of nothing', sequence(sequence())],
    ['reasons alone', sequence(sequence(reasons))],
    ['a full name without names', sequence(sequence(fullName()))],
    ['a name of neither kind', sequence(sequence(explicit(0, bitString())))],
    [
      'both kinds of names',
      sequence(sequence(explicit(0, ...[0, 1].map((n) => tlv(constructedContextTag(n), uriOf(HTTP)))))),
    ],
    ['the parts in another order', sequence(sequence(crlIssuer, fullName(uriOf(HTTP))))],
    ['more than the parts', sequence(sequence(fullName(uriOf(HTTP)), nullValue()))],
    ['a relative URI', sequence(sequence(fullName(uriOf('/crl'))))],
    ['a URI with a line break', sequence(sequence(fullName(uriOf(`${HTTP}\r\nx`))))],
    ['a URI that is not ASCII', sequence(sequence(fullName(uriOf(`${HTTP}\xe4`))))],
    ['a URI of 2049 octets', sequence(sequence(fullName(uriOf(`${LONGEST}a`))))],
    ['65 URIs', sequence(...Array.from({ length: 65 }, () => sequence(fullName(uriOf(HTTP)))))],
  ])('refuses %s', (_, bytes) => {
    expect(() => readPoints(bytes)).toThrow(DerError);
  });

  it('refuses every prefix and every longer form, and throws only DerError for turned bits and random changes', () => {
    for (const [read, der] of [
      [readPoints, buildCrlDistributionPoints([HTTP, LDAP])],
      [readName, buildDistributionPointName([HTTP, LDAP])],
    ] as const) {
      const refused = [...prefixesOf(der), withLongerLength(der), Buffer.concat([der, Buffer.alloc(1)])];
      expect(countAccepted([...refused, ...MALFORMED.map(([, bytes]) => bytes)], read, isDerError)).toBe(0);
      expect(() => countAccepted(bitFlipsOf(der), read, isDerError)).not.toThrow();
      fc.assert(fc.property(mutationsOf(der), (mutant) => void countAccepted([mutant], read, isDerError)));
    }
  });
});

describe('readDistributionPointName', () => {
  it.each<[string, Buffer]>([
    ['a directory name', fullName(directoryName)],
    ['a directory name behind a URI', fullName(uriOf(HTTP), directoryName)],
    ['a name that is relative to the CRL issuer', relativeName],
    ['no name', fullName()],
    ['a relative URI', fullName(uriOf('crl'))],
  ])('refuses %s', (_, bytes) => {
    expect(() => readName(bytes)).toThrow(DerError);
  });
});

describe('crlDistributionPointsOf', () => {
  it('reads the URIs of a certificate that openssl has made', () => {
    const openssl = new OpensslDirectory();
    try {
      openssl.makeCa('ca', generateLocalSigner('ecdsa-p256'));
      const lines = [
        'crlDistributionPoints=one,two,three',
        `[one]\nfullname=URI:${HTTP},URI:${LDAP}`,
        '[two]\nrelativename=relative\nCRLissuer=dirName:issuer\n[relative]\nCN=CRL\n[issuer]\nCN=CRLs',
        '[three]\nfullname=URI:http://three.example\nreasons=keyCompromise,CACompromise',
      ];
      const der = openssl.issue('leaf', generateLocalSigner('ecdsa-p256'), 'ca', '01', lines.join('\n'));
      expect(crlDistributionPointsOf(parseCertificateFields(der))).toEqual([HTTP, LDAP, 'http://three.example']);
      expect(crlDistributionPointsOf(parseCertificateFields(openssl.read('ca.der')))).toEqual([]);
    } finally {
      openssl.remove();
    }
  });

  it('says which extension is malformed', () => {
    const of = (value: Uint8Array): string[] =>
      crlDistributionPointsOf({
        extensions: new Map([[OID.cRLDistributionPoints, { critical: false, value: Buffer.from(value) }]]),
      });
    const isInvalid = (error: unknown): boolean => error instanceof PkiError && error.code === 'invalid_certificate';
    const der = buildCrlDistributionPoints([HTTP]);
    expect(of(der)).toEqual([HTTP]);
    expect(() => of(der.subarray(1))).toThrow('The CRL distribution points are malformed: ');
    expect(countAccepted(prefixesOf(der), of, isInvalid)).toBe(0);
    expect(() => countAccepted(bitFlipsOf(der), of, isInvalid)).not.toThrow();
  });
});
