import 'reflect-metadata';
import { createHash } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import * as pkijs from 'pkijs';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import { parseCrl } from './crl-parser.js';
import { type CrlFields, buildCrl } from './crl.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { REVOCATION_REASONS, REVOCATION_REASON_CODES, type RevocationReason } from './revocation-reason.js';
import { type KeyAlgorithm, KEY_ALGORITHMS } from './signature-algorithm.js';
import { type LocalSigner, generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const at = (iso: string): Date => new Date(iso);
const now = new Date(Math.floor(Date.now() / 1000) * 1000);

/** Entries with serial numbers that count up from 1. */
function entriesOf(count: number, reason: RevocationReason = 'unspecified'): CrlEntriesWriter {
  const entries = new CrlEntriesWriter();
  const serialNumber = Buffer.alloc(4);
  for (let i = 1; i <= count; i++) {
    serialNumber.writeUInt32BE(i);
    entries.add(serialNumber, 1_700_000_000 + i, reason);
  }
  return entries;
}

/** The entries of a writer, alone. */
const listDer = (entries: CrlEntriesWriter): Buffer => Buffer.concat(entries.list());

describe('buildCrl', () => {
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

  function fields(overrides: Partial<CrlFields> = {}): CrlFields {
    return {
      issuerDer: ca.subjectDer,
      authorityKeyIdentifier: ca.subjectKeyIdentifier ?? Buffer.alloc(0),
      crlNumber: 1n,
      thisUpdate: now,
      nextUpdate: new Date(now.getTime() + 86_400_000),
      entries: new CrlEntriesWriter(),
      ...overrides,
    };
  }

  function text(der: Uint8Array, issuer = 'ca'): string {
    openssl.write('crl.der', der);
    return openssl.run([
      'crl',
      '-inform',
      'DER',
      '-in',
      'crl.der',
      '-noout',
      '-text',
      '-nameopt',
      'oneline',
      '-CAfile',
      `${issuer}.pem`,
    ]);
  }

  it.each<KeyAlgorithm>([...KEY_ALGORITHMS])('is verified by openssl with an %s key', async (key) => {
    const own = generateLocalSigner(key);
    const issuer = parseCertificateFields(openssl.makeCa(key, own));
    const authorityKeyIdentifier = issuer.subjectKeyIdentifier ?? Buffer.alloc(0);
    const crl = await buildCrl(
      fields({ issuerDer: issuer.subjectDer, authorityKeyIdentifier, entries: entriesOf(3) }),
      own,
    );
    expect(text(crl, key)).toContain('verify OK');
  });

  it('is not verified by openssl when another key has signed it', async () => {
    openssl.write('crl.der', await buildCrl(fields(), generateLocalSigner('ecdsa-p256')));
    const said = openssl.run(['crl', '-inform', 'DER', '-in', 'crl.der', '-noout', '-CAfile', 'ca.pem']);
    expect(said).toContain('verify failure');
  });

  it('has its fields in their places for openssl', async () => {
    const said = text(
      await buildCrl(
        fields({ crlNumber: 0x80ffn, thisUpdate: at('2026-01-02T03:04:05Z'), nextUpdate: at('2050-01-01T00:00:00Z') }),
        signer,
      ),
    );
    expect(said).toContain('Version 2 (0x1)');
    expect(said).toContain('Issuer: O = Test, CN = ca');
    expect(said).toContain('Last Update: Jan  2 03:04:05 2026 GMT');
    expect(said).toContain('Next Update: Jan  1 00:00:00 2050 GMT');
    expect(said.replaceAll(/\s+/g, ' ')).toContain('X509v3 CRL Number: 33023');
    expect(said.replaceAll(':', '')).toContain(
      (ca.subjectKeyIdentifier ?? Buffer.alloc(0)).toString('hex').toUpperCase(),
    );
    expect(said).toContain('No Revoked Certificates');
  });

  it('revokes in openssl the certificates that it names, and no other', async () => {
    openssl.issue('revoked', generateLocalSigner('ecdsa-p256'), 'ca', 'ff00');
    openssl.issue('valid', generateLocalSigner('ecdsa-p256'), 'ca', 'ff01');
    const entries = new CrlEntriesWriter();
    entries.add(Buffer.from('ff00', 'hex'), now, 'keyCompromise');
    openssl.write('crl.der', await buildCrl(fields({ entries }), signer));
    openssl.run(['crl', '-inform', 'DER', '-in', 'crl.der', '-out', 'crl.pem']);
    const verify = ['verify', '-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', '-crl_check'];
    expect(openssl.run([...verify, 'valid.pem'])).toContain('valid.pem: OK');
    expect(openssl.run([...verify, 'revoked.pem'], 2)).toContain('certificate revoked');
  });

  it('says to openssl, pkijs and @peculiar/x509 the same of every reason, with and without an invalidity date', async () => {
    const entries = new CrlEntriesWriter();
    const expected = REVOCATION_REASONS.flatMap((reason, i) =>
      [null, at('2025-06-07T08:09:10Z')].map((invalidityDate, j) => {
        const serialNumber = Buffer.of(0x7f + i, j);
        const revokedAt = at(`${2049 + j}-12-31T23:59:0${i}Z`);
        entries.add(serialNumber, revokedAt, reason, invalidityDate);
        return {
          serialNumber: serialNumber.toString('hex'),
          revokedAt,
          code: REVOCATION_REASON_CODES[reason] || undefined,
          invalidityDate: invalidityDate ?? undefined,
        };
      }),
    );
    const crl = await buildCrl(fields({ entries }), signer);

    const peculiar = new x509.X509Crl(Uint8Array.from(crl));
    expect(
      peculiar.entries.map((entry) => ({
        serialNumber: entry.serialNumber.replace(/^00/, ''),
        revokedAt: entry.revocationDate,
        code: entry.reason,
        invalidityDate: entry.invalidity,
      })),
    ).toEqual(expected);

    const decoded = pkijs.CertificateRevocationList.fromBER(crl).revokedCertificates ?? [];
    expect(
      decoded.map(({ userCertificate, revocationDate, crlEntryExtensions }) => {
        const parsed = new Map(crlEntryExtensions?.extensions.map(({ extnID, parsedValue }) => [extnID, parsedValue]));
        return {
          serialNumber: Buffer.from(userCertificate.valueBlock.valueHexView).toString('hex').replace(/^00/, ''),
          revokedAt: revocationDate.value,
          code: parsed.get(OID.cRLReason)?.valueBlock.valueDec,
          invalidityDate: parsed.get(OID.invalidityDate)?.toDate(),
        };
      }),
    ).toEqual(expected);

    const said = text(crl);
    expect(said.match(/Serial Number: /g)).toHaveLength(expected.length);
    expect(said.match(/Key Compromise/g)).toHaveLength(2);
    expect(said).not.toContain('Unspecified');
    expect(said.match(/Jun {2}7 08:09:10 2025 GMT/g)).toHaveLength(REVOCATION_REASONS.length);
    expect(said).toContain('Revocation Date: Dec 31 23:59:00 2049 GMT');
    expect(said).toContain('Revocation Date: Dec 31 23:59:00 2050 GMT');
  });

  it('leaves the list out when there are no entries', async () => {
    const crl = await buildCrl(fields(), signer);
    expect(pkijs.CertificateRevocationList.fromBER(crl).revokedCertificates).toBeUndefined();
    expect(text(crl)).toContain('verify OK');
  });

  it('has AKI and CRL number as its extensions, neither critical', async () => {
    const { extensions } = new x509.X509Crl(Uint8Array.from(await buildCrl(fields(), signer)));
    expect(extensions.map(({ type, critical }) => [type, critical])).toEqual([
      [OID.authorityKeyIdentifier, false],
      [OID.cRLNumber, false],
    ]);
    expect(extensions[0]).toMatchObject({ keyId: ca.subjectKeyIdentifier?.toString('hex') });
  });

  it.each([0n, 127n, 128n, 255n, 256n, 1n << 64n, (1n << 159n) - 1n])('takes %i as its number', async (crlNumber) => {
    const crl = await buildCrl(fields({ crlNumber }), signer);
    expect(parseCrl(crl).crlNumber).toBe(crlNumber);
    const extension = pkijs.CertificateRevocationList.fromBER(crl).crlExtensions?.extensions.find(
      ({ extnID }) => extnID === OID.cRLNumber,
    );
    expect(BigInt(`0x${Buffer.from(extension?.parsedValue.valueBlock.valueHexView).toString('hex')}`)).toBe(crlNumber);
  });

  // Lists of these counts have lengths on both sides of each step of the length octets, and of a chunk of the writer.
  it.each([1, 6, 7, 12, 13, 3122, 3123, 3124, 3126, 3127, 7000])(
    'is read by openssl with %i entries',
    async (count) => {
      const crl = await buildCrl(fields({ entries: entriesOf(count) }), signer);
      const said = text(crl);
      expect(said).toContain('verify OK');
      expect(said.match(/Serial Number: /g)).toHaveLength(count);
    },
  );

  it('asks the signer once, for exactly the TBSCertList', async () => {
    const signed: Uint8Array[] = [];
    const recording = { ...signer, sign: (tbs: Uint8Array) => (signed.push(Buffer.from(tbs)), signer.sign(tbs)) };
    const crl = await buildCrl(fields({ entries: entriesOf(3) }), recording);
    expect(signed).toEqual([Buffer.from(pkijs.CertificateRevocationList.fromBER(crl).tbsView)]);
  });

  it('can be built again from the same entries', async () => {
    const entries = entriesOf(3000, 'superseded');
    const hashes = await Promise.all(
      [1n, 2n].map(async (crlNumber) => {
        const crl = parseCrl(await buildCrl(fields({ entries, crlNumber }), signer));
        return createHash('sha256')
          .update(JSON.stringify([...crl.entries()]))
          .digest('hex');
      }),
    );
    expect(hashes[0]).toBe(hashes[1]);
  });

  it('rejects with what the signer rejects with', async () => {
    const failing = { ...signer, sign: () => Promise.reject(new Error('the key is gone')) };
    await expect(buildCrl(fields(), failing)).rejects.toThrow('the key is gone');
  });

  it('takes the longest signature that it has room for, and no longer one', async () => {
    const of = (length: number): LocalSigner => ({ ...signer, sign: () => Promise.resolve(Buffer.alloc(length, 1)) });
    expect(parseCrl(await buildCrl(fields(), of(1024))).crlNumber).toBe(1n);
    await expect(buildCrl(fields(), of(1025))).rejects.toThrow(RangeError);
  });

  it('refuses fields that make no CRL', async () => {
    const wrong: Partial<CrlFields>[] = [
      { crlNumber: -1n },
      { crlNumber: 1n << 159n },
      { authorityKeyIdentifier: Buffer.alloc(0) },
      { nextUpdate: now },
      { nextUpdate: new Date(Number.NaN) },
      { thisUpdate: new Date(Number.NaN) },
    ];
    for (const overrides of wrong) await expect(buildCrl(fields(overrides), signer)).rejects.toThrow(RangeError);
  });
});

describe('CrlEntriesWriter', () => {
  it('writes serial numbers in DER, whatever the form they come in', () => {
    const entries = new CrlEntriesWriter();
    const largest = `7f${'ff'.repeat(19)}`;
    for (const hex of ['01', '7f', '80', '0080', `ff${'00'.repeat(18)}`, largest])
      entries.add(Buffer.from(hex, 'hex'), 0, 'unspecified');
    const time = '170d3730303130313030303030305a';
    expect(listDer(entries).toString('hex')).toBe(
      [
        '3081a0',
        `3012020101${time}`,
        `301202017f${time}`,
        `301302020080${time}`,
        `301302020080${time}`,
        `3025021400ff${'00'.repeat(18)}${time}`,
        `30250214${largest}${time}`,
      ].join(''),
    );
  });

  it('takes a time as a Date or as seconds since 1970', () => {
    const [dates, numbers] = [new CrlEntriesWriter(), new CrlEntriesWriter()];
    dates.add(Buffer.of(1), at('2026-01-02T03:04:05.999Z'), 'superseded', at('2055-01-02T03:04:05Z'));
    numbers.add(
      Buffer.of(1),
      at('2026-01-02T03:04:05Z').getTime() / 1000 + 0.5,
      'superseded',
      at('2055-01-02T03:04:05Z').getTime() / 1000,
    );
    expect(listDer(dates)).toEqual(listDer(numbers));
  });

  it('adds nothing when it throws', () => {
    const entries = entriesOf(2);
    const before = listDer(entries);
    for (const hex of ['', '00', `80${'00'.repeat(19)}`]) {
      expect(() => entries.add(Buffer.from(hex, 'hex'), 0, 'unspecified')).toThrow(PkiError);
    }
    expect(() => entries.add(Buffer.of(1), Number.NaN, 'unspecified')).toThrow(RangeError);
    expect(() => entries.add(Buffer.of(1), at('+010000-01-01T00:00:00Z'), 'unspecified')).toThrow(RangeError);
    expect(() => entries.add(Buffer.of(1), 0, 'keyCompromise', Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(entries.count).toBe(2);
    expect(listDer(entries)).toEqual(before);
  });

  it('knows whether it is for a delta CRL', () => {
    const entries = entriesOf(2, 'certificateHold');
    expect(entries.hasRemovals).toBe(false);
    entries.add(Buffer.of(9), 0, 'removeFromCRL');
    expect(entries.hasRemovals).toBe(true);
  });

  it('has no list when it is empty', () => {
    expect(new CrlEntriesWriter().list()).toEqual([]);
    expect(new CrlEntriesWriter().count).toBe(0);
  });
});
