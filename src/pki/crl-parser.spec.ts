import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import type { CrlEntry } from './crl-entry.js';
import { type ParsedCrl, parseCrl } from './crl-parser.js';
import { type CrlFields, buildCrl } from './crl.js';
import {
  bitString,
  boolean,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  time,
  tlv,
} from './der-writer.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { REVOCATION_REASONS } from './revocation-reason.js';
import { type KeyAlgorithm, KEY_ALGORITHMS } from './signature-algorithm.js';
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
const isInvalid = (error: unknown): boolean => error instanceof PkiError && error.code === 'invalid_crl';

const thisUpdate = at('2026-01-01T00:00:00Z');
const nextUpdate = at('2026-01-05T00:00:00Z');
const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
const name = sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from('test')))));
const number = buildExtension(OID.cRLNumber, false, integer(7));
const reasonOf = (code: number): Buffer => buildExtension(OID.cRLReason, false, enumerated(code));
const invalidity = buildExtension(OID.invalidityDate, false, generalizedTime(thisUpdate));
const entry = (...extensions: Buffer[]): Buffer =>
  sequence(integer(5), time(thisUpdate), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
const NOTHING = Buffer.alloc(0);

/** A CRL of these parts, in place of the usual ones. */
function crlOf(
  parts: Partial<Record<'version' | 'algorithm' | 'issuer' | 'nextUpdate' | 'revoked' | 'extensions', Buffer>> = {},
): Buffer {
  const tbs = sequence(
    parts.version ?? integer(1),
    parts.algorithm ?? algorithm,
    parts.issuer ?? name,
    time(thisUpdate),
    parts.nextUpdate ?? time(nextUpdate),
    parts.revoked ?? NOTHING,
    parts.extensions ?? explicit(0, sequence(number)),
  );
  return sequence(tbs, algorithm, bitString(Buffer.of(1)));
}

const withEntry = (...elements: Buffer[]): Buffer => crlOf({ revoked: sequence(...elements) });
const withExtensions = (...extensions: Buffer[]): Buffer => crlOf({ extensions: explicit(0, sequence(...extensions)) });

describe('parseCrl', () => {
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

  function fields(entries: CrlEntriesWriter): CrlFields {
    return {
      issuerDer: ca.subjectDer,
      authorityKeyIdentifier: Buffer.of(1, 2, 3),
      crlNumber: 9n,
      thisUpdate,
      nextUpdate,
      entries,
    };
  }

  const EVERY_KIND: CrlEntry[] = REVOCATION_REASONS.flatMap((reason, i) =>
    [null, at('2055-06-07T08:09:10Z')].map((invalidityDate, j) => ({
      serialNumber: Buffer.of(0x7f + i, j),
      revokedAt: at(`${2049 + j}-12-31T23:59:0${i}Z`),
      reason,
      invalidityDate,
    })),
  );

  function everyKind(): Promise<Buffer> {
    const entries = new CrlEntriesWriter();
    for (const { serialNumber, revokedAt, reason, invalidityDate } of EVERY_KIND)
      entries.add(serialNumber, revokedAt, reason, invalidityDate);
    return buildCrl(fields(entries), signer);
  }

  it('reads back what buildCrl was given', async () => {
    const parsed = parseCrl(await everyKind());
    expect(parsed).toMatchObject({
      issuerDer: ca.subjectDer,
      crlNumber: 9n,
      thisUpdate,
      nextUpdate,
      entryCount: EVERY_KIND.length,
      authorityKeyIdentifier: Buffer.of(1, 2, 3),
    });
    expect([...parsed.entries()]).toEqual(EVERY_KIND);
    expect([...parsed.entries()]).toHaveLength(EVERY_KIND.length);
  });

  it('reads a CRL without entries', async () => {
    const parsed = parseCrl(await buildCrl(fields(new CrlEntriesWriter()), signer));
    expect([parsed.entryCount, [...parsed.entries()], parsed.find(Buffer.of(1))]).toEqual([0, [], null]);
  });

  it('finds the entry of a serial number, however that is written', async () => {
    const parsed = parseCrl(await everyKind());
    for (const each of EVERY_KIND)
      expect(parsed.find(Buffer.concat([Buffer.alloc(2), each.serialNumber]))).toEqual(each);
    expect(parsed.find(Buffer.of(0x7f))).toBeNull();
    expect(() => parsed.find(Buffer.alloc(1))).toThrow(PkiError);
  });

  it('reads a CRL that openssl has made', () => {
    openssl.write(
      'index.txt',
      'R\t300101000000Z\t260102030405Z,keyCompromise\tFF01\tunknown\t/CN=one\nR\t300101000000Z\t260102030406Z\t0A\tunknown\t/CN=two\n',
    );
    openssl.write('number', '80FF\n');
    openssl.write(
      'ca.cnf',
      '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ncrl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid,issuer:always\n',
    );
    openssl.run([
      'ca',
      '-gencrl',
      '-config',
      'ca.cnf',
      '-cert',
      'ca.pem',
      '-keyfile',
      'ca.key',
      '-crldays',
      '4',
      '-out',
      'crl.pem',
    ]);
    openssl.run(['crl', '-in', 'crl.pem', '-outform', 'DER', '-out', 'crl.der']);
    const parsed = parseCrl(openssl.read('crl.der'));
    expect(parsed).toMatchObject({
      issuerDer: ca.subjectDer,
      crlNumber: 0x80ffn,
      authorityKeyIdentifier: ca.subjectKeyIdentifier,
    });
    expect([...parsed.entries()]).toMatchObject([
      { serialNumber: Buffer.of(10), revokedAt: at('2026-01-02T03:04:06Z'), reason: 'unspecified' },
      { serialNumber: Buffer.of(0xff, 1), revokedAt: at('2026-01-02T03:04:05Z'), reason: 'keyCompromise' },
    ]);
    expect(parsed.verify(signer.publicKey)).toBe(true);
  });

  describe('verify', () => {
    const build = async (own: LocalSigner): Promise<Buffer> => buildCrl(fields(new CrlEntriesWriter()), own);

    it.each<KeyAlgorithm>([...KEY_ALGORITHMS])('is true for the %s key that signed', async (key) => {
      const own = generateLocalSigner(key);
      const crl = parseCrl(await build(own));
      expect([crl.verify(own.publicKey), crl.verify(signer.publicKey)]).toEqual([true, false]);
    });

    it('is false for another key of the same kind, and for keys that Certplane does not sign with', async () => {
      const crl = parseCrl(await build(signer));
      expect(crl.verify(generateLocalSigner('ecdsa-p256').publicKey)).toBe(false);
      expect(crl.verify(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)).toBe(false);
      expect(crl.verify(generateKeyPairSync('x25519').publicKey)).toBe(false);
      expect(crl.verify(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)).toBe(false);
    });

    it.each(['ecdsa-p256', 'rsa-2048', 'ed25519'] as const)(
      'is false, and throws nothing, for every turned bit under an %s key',
      async (key) => {
        const own = generateLocalSigner(key);
        const verified = (bytes: Uint8Array): void => {
          if (parseCrl(bytes).verify(own.publicKey)) throw new Error('verified');
        };
        const der = await build(own);
        expect(() => verified(der)).toThrow('verified');
        expect(() => countAccepted(bitFlipsOf(der), verified, isInvalid)).not.toThrow();
      },
    );

    it('is false when the CRL names another algorithm than it was signed with', async () => {
      const { der } = generateLocalSigner('ecdsa-p384').algorithm;
      const mislabelled = { ...signer, algorithm: { ...signer.algorithm, der } };
      expect(parseCrl(await build(mislabelled)).verify(signer.publicKey)).toBe(false);
    });

    it('is false for a signature that is empty or no DER', () => {
      for (const signature of [NOTHING, Buffer.alloc(64, 1), sequence(integer(0), integer(0))]) {
        const crl = parseCrl(sequence(crlTbs(), algorithm, bitString(signature)));
        expect(crl.verify(signer.publicKey)).toBe(false);
      }
    });
  });

  it.each<[string, Buffer, Partial<ParsedCrl>]>([
    ['a CRL without authority key identifier', crlOf(), { authorityKeyIdentifier: null, crlNumber: 7n, entryCount: 0 }],
    [
      'an authority key identifier without key identifier',
      withExtensions(number, aki()),
      { authorityKeyIdentifier: null },
    ],
    [
      'one with all its fields',
      withExtensions(number, aki(implicit(0, octetString(Buffer.of(9))), explicit(1), implicit(2, integer(5)))),
      { authorityKeyIdentifier: Buffer.of(9) },
    ],
    [
      'an unknown extension that is not critical',
      withExtensions(number, buildExtension('1.2.3', false, nullValue())),
      { crlNumber: 7n },
    ],
    [
      'a number of 20 octets',
      withExtensions(buildExtension(OID.cRLNumber, true, integer((1n << 159n) - 1n))),
      { crlNumber: (1n << 159n) - 1n },
    ],
    [
      'an unknown entry extension that is not critical',
      withEntry(entry(buildExtension('1.2.3', false, nullValue()))),
      { entryCount: 1 },
    ],
    ['a reason after an invalidity date', withEntry(entry(invalidity, reasonOf(1))), { entryCount: 1 }],
    ['a critical reason', withEntry(entry(buildExtension(OID.cRLReason, true, enumerated(1)))), { entryCount: 1 }],
    ['unspecified written out', withEntry(entry(reasonOf(0)), entry(reasonOf(0), invalidity)), { entryCount: 2 }],
  ])('takes %s', (_, bytes, expected) => {
    expect(parseCrl(bytes)).toMatchObject(expected);
  });

  it.each<[string, string, Buffer]>([
    ['v1', 'not v2', crlOf({ version: NOTHING })],
    ['v3', 'not v2', crlOf({ version: integer(2) })],
    ['two algorithms', 'differs', crlOf({ algorithm: sequence(oid('1.2.840.10045.4.3.3')) })],
    ['an issuer that is no name', 'expected tag 0x31', crlOf({ issuer: sequence(nullValue()) })],
    ['no nextUpdate', 'expected tag 0x18', crlOf({ nextUpdate: NOTHING })],
    ['an empty list', 'an empty list', withEntry()],
    ['no extensions', 'inside an element', crlOf({ extensions: NOTHING })],
    ['no number', 'without a CRL number', withExtensions(aki())],
    ['two numbers', 'a second extension', withExtensions(number, number)],
    [
      'a negative number',
      'negative',
      withExtensions(buildExtension(OID.cRLNumber, false, Buffer.from('0201ff', 'hex'))),
    ],
    ['a number of 2^159', '20 octets', withExtensions(buildExtension(OID.cRLNumber, false, integer(1n << 159n)))],
    [
      'an unknown critical extension',
      'critical extension 2.5.29.99',
      withExtensions(number, buildExtension('2.5.29.99', true, integer(1))),
    ],
    ['more in the authority key identifier', 'after the last', withExtensions(number, aki(nullValue()))],
    [
      'more after the extensions',
      'after the last',
      crlOf({ extensions: Buffer.concat([explicit(0, sequence(number)), nullValue()]) }),
    ],
    ['more after the signature', 'after the last', sequence(crlTbs(), algorithm, bitString(), nullValue())],
    ['an entry that is no sequence', 'expected tag 0x30', withEntry(nullValue())],
    ['an entry without a time', 'inside an element', withEntry(sequence(integer(1)))],
    ['a serial number of zero', 'not positive', withEntry(sequence(integer(0), time(thisUpdate)))],
    [
      'an entry with empty extensions',
      'inside an element',
      withEntry(sequence(integer(1), time(thisUpdate), sequence())),
    ],
    [
      'an entry with two lists of extensions',
      'after the last',
      withEntry(sequence(integer(1), time(thisUpdate), sequence(reasonOf(1)), sequence(reasonOf(1)))),
    ],
    [
      'an entry with two lists of other extensions',
      'after the last',
      withEntry(sequence(integer(1), time(thisUpdate), sequence(invalidity), sequence(invalidity))),
    ],
    ['the reason 7', 'a reason', withEntry(entry(reasonOf(7)))],
    ['removeFromCRL', 'no delta', withEntry(entry(reasonOf(8)))],
    ['the reason 11', 'a reason', withEntry(entry(reasonOf(11)))],
    ['two reasons', 'a second extension', withEntry(entry(reasonOf(1), reasonOf(1)))],
    [
      'a reason that is no ENUMERATED',
      'expected tag 0x0a',
      withEntry(entry(buildExtension(OID.cRLReason, false, integer(1)))),
    ],
    [
      'an invalidity date as UTCTime',
      'expected tag 0x18',
      withEntry(entry(buildExtension(OID.invalidityDate, false, time(thisUpdate)))),
    ],
    ['an entry of another issuer', '2.5.29.29', withEntry(entry(buildExtension('2.5.29.29', true, sequence())))],
    ['a broken entry after a good one', 'not positive', withEntry(entry(), sequence(integer(0), time(thisUpdate)))],
    [
      'critical FALSE written out',
      'a default value',
      withEntry(entry(sequence(oid('1.2.3'), boolean(false), octetString()))),
    ],
  ])('refuses %s', (_, reason, bytes) => {
    expect(() => parseCrl(bytes)).toThrow(reason);
    expect(countAccepted([bytes], parseCrl, isInvalid)).toBe(0);
  });

  it('refuses every prefix, every longer form and trailing bytes', async () => {
    const der = await everyKind();
    const inputs = [...prefixesOf(der), withLongerLength(der), Buffer.concat([der, Buffer.alloc(1)])];
    expect(countAccepted(inputs, parseCrl, isInvalid)).toBe(0);
  });

  it.each(MALFORMED)('refuses %s', (_, bytes) => {
    expect(countAccepted([bytes], parseCrl, isInvalid)).toBe(0);
  });

  it('throws only PkiError for every turned bit and for random changes, and its entries throw nothing after that', async () => {
    const der = await everyKind();
    const read = (bytes: Uint8Array): void => {
      const parsed = parseCrl(bytes);
      try {
        if ([...parsed.entries()].length !== parsed.entryCount) throw new Error('another count of entries');
        parsed.find(Buffer.of(1));
      } catch (error) {
        throw new Error('a CRL that was accepted cannot be read', { cause: error });
      }
    };
    expect(() => countAccepted(bitFlipsOf(der), read, isInvalid)).not.toThrow();
    fc.assert(
      fc.property(mutationsOf(der), (mutant) => {
        countAccepted([mutant], read, isInvalid);
      }),
      { numRuns: 2000 },
    );
  });
});

function aki(...elements: Buffer[]): Buffer {
  return buildExtension(OID.authorityKeyIdentifier, false, sequence(...elements));
}

function crlTbs(): Buffer {
  return sequence(integer(1), algorithm, name, time(thisUpdate), time(nextUpdate), explicit(0, sequence(number)));
}
