import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { explicit, integer, nullValue, octetString, oid, sequence, tlv } from './der-writer.js';
import { isSignedBy, readSignatureScheme, type SignatureScheme } from './foreign-signature.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ed25519 = generateKeyPairSync('ed25519');

const RSA = '1.2.840.113549.1.1';
const ECDSA = '1.2.840.10045.4.3';
const SHA2 = '2.16.840.1.101.3.4.2';
const message = Buffer.from('what is signed');

const read = (identifier: Buffer): SignatureScheme | null =>
  DerReader.readAll(identifier, (reader) => readSignatureScheme(reader.readSequence()));

interface Pss {
  readonly digest?: Buffer;
  readonly mask?: Buffer;
  readonly salt?: Buffer;
  readonly trailer?: Buffer;
}

const sha = (arc: number): Buffer => sequence(oid(`${SHA2}.${arc}`), nullValue());
const mgf1 = (digest: Buffer): Buffer => sequence(oid(`${RSA}.8`), digest);

function pss({ digest, mask, salt, trailer }: Pss): Buffer {
  const parts = [digest, mask, salt, trailer].flatMap((part, n) => (part === undefined ? [] : [explicit(n, part)]));
  return sequence(oid(`${RSA}.10`), sequence(...parts));
}

describe('an AlgorithmIdentifier', () => {
  it.each([
    ['RSA with SHA-256', sequence(oid(`${RSA}.11`), nullValue()), { keyType: 'rsa', digest: 'sha256' }],
    ['RSA with SHA-384, its NULL left out', sequence(oid(`${RSA}.12`)), { keyType: 'rsa', digest: 'sha384' }],
    ['RSA with SHA-512', sequence(oid(`${RSA}.13`), nullValue()), { keyType: 'rsa', digest: 'sha512' }],
    ['ECDSA with SHA-256', sequence(oid(`${ECDSA}.2`)), { keyType: 'ec', digest: 'sha256' }],
    ['ECDSA with SHA-384', sequence(oid(`${ECDSA}.3`)), { keyType: 'ec', digest: 'sha384' }],
    ['ECDSA with SHA-512', sequence(oid(`${ECDSA}.4`)), { keyType: 'ec', digest: 'sha512' }],
    ['Ed25519', sequence(oid('1.3.101.112')), { keyType: 'ed25519', digest: null }],
    [
      'RSA-PSS',
      pss({ digest: sha(1), mask: mgf1(sha(1)), salt: integer(32) }),
      { keyType: 'rsa', digest: 'sha256', saltLength: 32 },
    ],
    [
      'RSA-PSS with the salt of the default',
      pss({ digest: sha(3), mask: mgf1(sha(3)) }),
      { keyType: 'rsa', digest: 'sha512', saltLength: 20 },
    ],
    [
      'RSA-PSS without a salt',
      pss({ digest: sha(2), mask: mgf1(sha(2)), salt: integer(0) }),
      { keyType: 'rsa', digest: 'sha384', saltLength: 0 },
    ],
  ])('is read: %s', (_, identifier, scheme) => {
    expect(read(identifier)).toEqual(scheme);
  });

  it.each([
    ['RSA with SHA-1', sequence(oid(`${RSA}.5`), nullValue())],
    ['RSA with MD5', sequence(oid(`${RSA}.4`), nullValue())],
    ['ECDSA with SHA-1', sequence(oid('1.2.840.10045.4.1'))],
    ['Ed448', sequence(oid('1.3.101.113'))],
    ['a digest alone', sha(1)],
    ['RSA-PSS with the defaults, which are SHA-1', pss({})],
    ['RSA-PSS with two digests', pss({ digest: sha(1), mask: mgf1(sha(2)), salt: integer(32) })],
    ['RSA-PSS with the mask of the default', pss({ digest: sha(1), salt: integer(32) })],
    ['RSA-PSS with another mask', pss({ digest: sha(1), mask: sequence(oid(`${RSA}.9`), sha(1)), salt: integer(32) })],
    ['RSA-PSS with a salt of a megabyte', pss({ digest: sha(1), mask: mgf1(sha(1)), salt: integer(1 << 20) })],
  ])('is not accepted: %s', (_, identifier) => {
    expect(read(identifier)).toBeNull();
  });

  it.each([
    ['parameters where there must be none', sequence(oid(`${ECDSA}.2`), nullValue())],
    ['something behind its NULL', sequence(oid(`${RSA}.11`), nullValue(), nullValue())],
    ['another thing than NULL', sequence(oid(`${RSA}.11`), octetString())],
    ['RSA-PSS without parameters', sequence(oid(`${RSA}.10`))],
    [
      'RSA-PSS with another trailer',
      pss({ digest: sha(1), mask: mgf1(sha(1)), salt: integer(32), trailer: integer(2) }),
    ],
    // Node.js takes some negative lengths for any length.
    [
      'RSA-PSS with a negative salt',
      pss({ digest: sha(1), mask: mgf1(sha(1)), salt: tlv(TAG.integer, Buffer.of(0xfe)) }),
    ],
    ['no OID', sequence(nullValue())],
  ])('is no DER of one: %s', (_, identifier) => {
    expect(() => read(identifier)).toThrow(expect.objectContaining({ name: 'DerError' }));
  });
});

describe('a signature', () => {
  const PSS: SignatureScheme = { keyType: 'rsa', digest: 'sha256', saltLength: 32 };
  const made: [what: string, scheme: SignatureScheme, key: KeyObject, signature: Buffer][] = [
    ['RSA', { keyType: 'rsa', digest: 'sha256' }, rsa.publicKey, sign('sha256', message, rsa.privateKey)],
    [
      'RSA-PSS',
      PSS,
      rsa.publicKey,
      sign('sha256', message, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    ],
    ['P-256', { keyType: 'ec', digest: 'sha256' }, p256.publicKey, sign('sha256', message, p256.privateKey)],
    ['P-384', { keyType: 'ec', digest: 'sha384' }, p384.publicKey, sign('sha384', message, p384.privateKey)],
    ['Ed25519', { keyType: 'ed25519', digest: null }, ed25519.publicKey, sign(null, message, ed25519.privateKey)],
  ];

  it.each(made)('of %s is right for what was signed, and for nothing else', async (_, scheme, key, signature) => {
    expect(await isSignedBy(key, scheme, message, signature)).toBe(true);
    expect(await isSignedBy(key, scheme, Buffer.from('something else'), signature)).toBe(false);
    expect(await isSignedBy(key, scheme, message, signature.subarray(1))).toBe(false);
    expect(await isSignedBy(key, scheme, message, Buffer.alloc(0))).toBe(false);
  });

  it('is right under no other scheme and for no other key', async () => {
    const right: string[] = [];
    for (const [what, , , signature] of made) {
      for (const [other, scheme, key] of made) {
        if (await isSignedBy(key, scheme, message, signature)) right.push(`${what} as ${other}`);
      }
    }
    expect(right).toEqual(made.map(([what]) => `${what} as ${what}`));
  });

  it('is not right with another salt than was named, nor with one that can not be', async () => {
    const [, , , signature] = made[1]!;
    for (const saltLength of [0, 20, 33, 64, 10_000]) {
      expect(await isSignedBy(rsa.publicKey, { ...PSS, saltLength }, message, signature)).toBe(false);
    }
  });
});
