import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import * as fc from 'fast-check';
import * as pkijs from 'pkijs';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import type { CrlEntry } from './crl-entry.js';
import { type CrlExtensionFields, buildCrlExtensions, readCrlExtensions } from './crl-extensions.js';
import { parseCrl } from './crl-parser.js';
import { type CrlFields, buildCrl } from './crl.js';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag } from './der-tags.js';
import { explicit, generalizedTime, integer, nullValue, sequence, utcTime } from './der-writer.js';
import { buildCrlDistributionPoints } from './distribution-point.js';
import { buildIssuingDistributionPoint } from './issuing-distribution-point.js';
import { OID } from './object-identifiers.js';
import { CRL_REASON_CODES, type CrlReason } from './revocation-reason.js';
import {
  MALFORMED,
  bitFlipsOf,
  countAccepted,
  mutationsOf,
  prefixesOf,
  withLongerLength,
} from './testing/hostile-bytes.js';
import { type LocalSigner, generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';
import { buildExtension } from './x509-elements.js';

const at = (iso: string): Date => new Date(iso);
const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const REASONS = Object.keys(CRL_REASON_CODES) as CrlReason[];
const SHARD = 'http://pki.example/crl/iss-1/7';
const DELTA = 'http://pki.example/crl/iss-1/delta';
const BASIC: CrlExtensionFields = { authorityKeyIdentifier: Buffer.of(1, 2, 3), crlNumber: 9n };
const BASE: CrlExtensionFields = {
  ...BASIC,
  issuingDistributionPoint: [SHARD, 'ldap://ldap.example/cn=7'],
  freshestCrl: [DELTA],
  expiredCertsOnCrl: at('2026-01-02T03:04:05Z'),
};
const OF_DELTA: CrlExtensionFields = { ...BASIC, issuingDistributionPoint: [SHARD], baseCrlNumber: 8n };
const NONE = { issuingDistributionPoint: null, baseCrlNumber: null, freshestCrl: null, expiredCertsOnCrl: null };

const read = (bytes: Uint8Array): unknown =>
  DerReader.readAll(bytes, (reader) => readCrlExtensions(reader.read(constructedContextTag(0))));
const isDerError = (error: unknown): boolean => error instanceof DerError;

describe('CRL extensions', () => {
  it.each<[string, CrlExtensionFields]>([
    ['a complete CRL', BASIC],
    ['a base', BASE],
    ['a delta', OF_DELTA],
    ['the first delta', { ...BASIC, crlNumber: 1n, baseCrlNumber: 0n }],
    ['the largest numbers', { ...BASIC, crlNumber: (1n << 159n) - 1n, baseCrlNumber: (1n << 159n) - 2n }],
    ['entries kept since the year 2050', { ...BASIC, expiredCertsOnCrl: at('2050-01-01T00:00:00Z') }],
  ])('read back what was built for %s', (_, fields) => {
    expect(read(buildCrlExtensions(fields))).toEqual({ ...NONE, ...fields });
  });

  it('take null for what there is nothing to say about', () => {
    expect(buildCrlExtensions({ ...BASIC, ...NONE })).toEqual(buildCrlExtensions(BASIC));
  });

  it.each<[string, Partial<CrlExtensionFields>]>([
    ['a delta that begins at itself', { baseCrlNumber: 9n }],
    ['a delta that begins at a later CRL', { baseCrlNumber: 10n }],
    ['a negative base', { baseCrlNumber: -1n }],
    ['a freshest CRL in a delta', { baseCrlNumber: 8n, freshestCrl: [DELTA] }],
    ['a distribution point without a URI', { issuingDistributionPoint: [] }],
    ['a relative URI', { freshestCrl: ['/delta'] }],
    ['no date', { expiredCertsOnCrl: new Date(Number.NaN) }],
    ['a number of 21 octets', { crlNumber: 1n << 159n }],
  ])('cannot be built with %s', (_, fields) => {
    expect(() => buildCrlExtensions({ ...BASIC, ...fields })).toThrow(RangeError);
  });

  const number = buildExtension(OID.cRLNumber, false, integer(7));
  const indicator = (critical: boolean, value: Buffer): Buffer =>
    buildExtension(OID.deltaCRLIndicator, critical, value);
  const freshest = buildExtension(OID.freshestCRL, false, buildCrlDistributionPoints([DELTA]));
  const point = buildIssuingDistributionPoint([SHARD]);

  it.each<[string, string, Buffer[]]>([
    ['no number', 'without a CRL number', [indicator(true, integer(1))]],
    ['a base that is the CRL itself', 'not above that of its base', [number, indicator(true, integer(7))]],
    ['a base number of 2^159', '20 octets', [number, indicator(true, integer(1n << 159n))]],
    ['a base number of 100,000 octets', '20 octets', [number, indicator(true, integer(Buffer.alloc(100_000, 1)))]],
    ['a negative base number', 'negative', [number, indicator(true, Buffer.from('0201ff', 'hex'))]],
    [
      'more after the base number',
      'after the last',
      [number, indicator(true, Buffer.concat([integer(1), nullValue()]))],
    ],
    ['a delta indicator that is not critical', '2.5.29.27, not marked', [number, indicator(false, integer(1))]],
    [
      'a distribution point that is not critical',
      '2.5.29.28, not marked',
      [number, buildExtension(OID.issuingDistributionPoint, false, point)],
    ],
    [
      'a critical freshest CRL',
      '2.5.29.46, marked',
      [number, buildExtension(OID.freshestCRL, true, buildCrlDistributionPoints([DELTA]))],
    ],
    [
      'a critical expiredCertsOnCRL',
      '2.5.29.60, marked',
      [number, buildExtension(OID.expiredCertsOnCRL, true, generalizedTime(now))],
    ],
    [
      'expiredCertsOnCRL as UTCTime',
      'expected tag 0x18',
      [number, buildExtension(OID.expiredCertsOnCRL, false, utcTime(now))],
    ],
    ['a freshest CRL in a delta', 'freshest CRL in a delta', [number, indicator(true, integer(1)), freshest]],
    ['two freshest CRLs', 'a second extension', [number, freshest, freshest]],
    [
      'a distribution point of some certificates',
      'onlyContainsUserCerts',
      [number, buildExtension(OID.issuingDistributionPoint, true, sequence(Buffer.from('8101ff', 'hex')))],
    ],
  ])('are refused with %s', (_, reason, extensions) => {
    const bytes = explicit(0, sequence(...extensions));
    expect(() => read(bytes)).toThrow(reason);
    expect(countAccepted([bytes], read, isDerError)).toBe(0);
  });

  it('are refused in every prefix and every longer form, and throw only DerError for turned bits and random changes', () => {
    for (const der of [buildCrlExtensions(BASE), buildCrlExtensions(OF_DELTA)]) {
      const refused = [...prefixesOf(der), withLongerLength(der), Buffer.concat([der, Buffer.alloc(1)])];
      expect(countAccepted([...refused, ...MALFORMED.map(([, bytes]) => bytes)], read, isDerError)).toBe(0);
      expect(() => countAccepted(bitFlipsOf(der), read, isDerError)).not.toThrow();
      fc.assert(fc.property(mutationsOf(der), (mutant) => void countAccepted([mutant], read, isDerError)));
    }
  });
});

describe('CRLs of every scope', () => {
  let openssl: OpensslDirectory;
  let signer: LocalSigner;
  let ca: CertificateFields;

  beforeAll(() => {
    openssl = new OpensslDirectory();
    signer = generateLocalSigner('ecdsa-p256');
    ca = parseCertificateFields(openssl.makeCa('ca', signer));
  });
  afterAll(() => {
    openssl.remove();
  });

  function build(
    revoked: Readonly<Record<number, CrlReason>>,
    overrides: Partial<CrlFields> = {},
    invalidityDate: Date | null = null,
  ): Promise<Buffer> {
    const entries = new CrlEntriesWriter();
    for (const [serial, reason] of Object.entries(revoked))
      entries.add(Buffer.of(Number(serial)), now, reason, invalidityDate);
    const authorityKeyIdentifier = ca.subjectKeyIdentifier ?? Buffer.alloc(0);
    const times = { thisUpdate: now, nextUpdate: new Date(now.getTime() + 86_400_000) };
    const fields = { issuerDer: ca.subjectDer, authorityKeyIdentifier, crlNumber: 9n, ...times, entries };
    return buildCrl({ ...fields, ...overrides }, signer);
  }

  /** Gives openssl the CRL as NAME.pem, and returns what it says about it. */
  function text(name: string, der: Buffer): string {
    openssl.write(`${name}.der`, der);
    openssl.run(['crl', '-inform', 'DER', '-in', `${name}.der`, '-out', `${name}.pem`]);
    return openssl.run(['crl', '-in', `${name}.pem`, '-noout', '-text', '-CAfile', 'ca.pem']).replaceAll(/\s+/g, ' ');
  }

  function verify(certificate: string, crls: readonly string[], status: number, ...options: string[]): string {
    const files = crls.flatMap((name) => ['-CRLfile', `${name}.pem`]);
    return openssl.run(
      ['verify', '-CAfile', 'ca.pem', '-crl_check', ...files, ...options, `${certificate}.pem`],
      status,
    );
  }

  const issue = (name: string, serial: string, extensions = ''): Buffer =>
    openssl.issue(name, generateLocalSigner('ecdsa-p256'), 'ca', serial, extensions);

  it('say the same to openssl, pkijs and @peculiar/x509', async () => {
    const base = await build({ 1: 'certificateHold' }, { ...BASE, crlNumber: 0x80ffn });
    const said = text('base', base);
    expect(said).toContain('verify OK');
    expect(said).toContain(
      `Issuing Distribution Point: critical Full Name: URI:${SHARD} URI:ldap://ldap.example/cn=7 X509v3 Freshest CRL: Full Name: URI:${DELTA} 2.5.29.60: ..20260102030405Z`,
    );
    const delta = await build({ 1: 'removeFromCRL', 2: 'keyCompromise' }, { ...OF_DELTA, baseCrlNumber: 0x7n });
    const saidOfDelta = text('delta', delta);
    expect(saidOfDelta).toContain('verify OK');
    expect(saidOfDelta).toContain(
      `Delta CRL Indicator: critical 7 X509v3 Issuing Distribution Point: critical Full Name: URI:${SHARD}`,
    );
    expect(saidOfDelta).toContain('Remove From CRL');

    for (const [der, expected] of [
      [
        base,
        [
          [OID.issuingDistributionPoint, true],
          [OID.freshestCRL, false],
          [OID.expiredCertsOnCRL, false],
        ],
      ],
      [
        delta,
        [
          [OID.deltaCRLIndicator, true],
          [OID.issuingDistributionPoint, true],
        ],
      ],
    ] as const) {
      const always = [
        [OID.authorityKeyIdentifier, false],
        [OID.cRLNumber, false],
      ];
      const peculiar = new x509.X509Crl(Uint8Array.from(der));
      expect(peculiar.extensions.map(({ type, critical }) => [type, critical])).toEqual([...always, ...expected]);
      const extensions = pkijs.CertificateRevocationList.fromBER(der).crlExtensions?.extensions ?? [];
      expect(extensions.map(({ extnID, critical }) => [extnID, critical])).toEqual([...always, ...expected]);
    }
    expect(Buffer.from(new x509.X509Crl(Uint8Array.from(delta)).extensions[2]!.value).toString('hex')).toBe('020107');
  });

  it('say in a delta the same of every reason to pkijs and @peculiar/x509', async () => {
    const revoked = Object.fromEntries(REASONS.map((reason, i) => [1 + i, reason]));
    const invalidityDate = at('2049-12-31T23:59:59Z');
    const der = await build(revoked, OF_DELTA, invalidityDate);
    const codes = REASONS.map((reason) => CRL_REASON_CODES[reason] || undefined);

    const peculiar = new x509.X509Crl(Uint8Array.from(der)).entries;
    expect(peculiar.map(({ reason }) => reason)).toEqual(codes);
    expect(peculiar.map(({ invalidity }) => invalidity)).toEqual(codes.map(() => invalidityDate));
    const decoded = pkijs.CertificateRevocationList.fromBER(der).revokedCertificates ?? [];
    const reasonOf = ({ crlEntryExtensions }: pkijs.RevokedCertificate): unknown =>
      crlEntryExtensions?.extensions.find(({ extnID }) => extnID === OID.cRLReason)?.parsedValue.valueBlock.valueDec;
    expect(decoded.map(reasonOf)).toEqual(codes);
    expect(text('reasons', der).match(/Invalidity Date: Dec 31 23:59:59 2049 GMT/g)).toHaveLength(REASONS.length);

    const parsed = parseCrl(der);
    const expected = REASONS.map((reason, i) => ({
      serialNumber: Buffer.of(1 + i),
      revokedAt: now,
      reason,
      invalidityDate,
    }));
    expect([...parsed.entries()]).toEqual(expected);
    const walked: CrlEntry[] = [];
    parsed.walk(({ serialNumber, reason, ...seconds }) => {
      const [revokedAt, invalid] = [seconds.revokedAt, seconds.invalidityDate ?? 0].map(
        (each) => new Date(each * 1000),
      );
      walked.push({ serialNumber, reason, revokedAt: revokedAt!, invalidityDate: invalid! });
    });
    expect(walked).toEqual(expected);
    expect(parsed.find(Buffer.of(1 + REASONS.indexOf('removeFromCRL')))?.reason).toBe('removeFromCRL');
  });

  it('may remove in a delta only', async () => {
    await expect(build({ 1: 'removeFromCRL' })).rejects.toThrow('removeFromCRL is for delta CRLs');
    await expect(build({ 1: 'removeFromCRL' }, { freshestCrl: [DELTA] })).rejects.toThrow(RangeError);
  });

  it('are used by openssl for the certificates whose distribution point they are', async () => {
    issue('here', '10', `crlDistributionPoints=URI:${SHARD}`);
    issue('there', '11', `crlDistributionPoints=URI:${SHARD}0`);
    text('shard', await build({ 0x12: 'keyCompromise' }, { issuingDistributionPoint: [SHARD] }));
    text('complete', await build({ 0x12: 'keyCompromise' }));
    text('full', await build({ 0x10: 'keyCompromise' }, { issuingDistributionPoint: [SHARD] }));
    expect(verify('here', ['shard'], 0)).toContain('OK');
    expect(verify('here', ['full'], 2)).toContain('certificate revoked');
    expect(verify('there', ['shard'], 2)).toContain('different CRL scope');
    expect(verify('there', ['complete'], 0)).toContain('OK');
  });

  it('hold, release and revoke by a delta for openssl', async () => {
    for (const serial of ['21', '22', '23']) issue(`c${serial}`, serial);
    text('first', await build({ 0x21: 'certificateHold', 0x22: 'certificateHold' }, { freshestCrl: [DELTA] }));
    const changes = { 0x21: 'removeFromCRL', 0x23: 'superseded' } as const;
    text('changes', await build(changes, { crlNumber: 10n, baseCrlNumber: 9n }));
    const crls = ['first', 'changes'];
    expect(verify('c21', ['first'], 2)).toContain('certificate revoked');
    expect(verify('c21', crls, 0, '-use_deltas')).toContain('OK');
    expect(verify('c22', crls, 2, '-use_deltas')).toContain('certificate revoked');
    expect(verify('c23', ['first'], 0)).toContain('OK');
    expect(verify('c23', crls, 2, '-use_deltas')).toContain('certificate revoked');
  });
});
