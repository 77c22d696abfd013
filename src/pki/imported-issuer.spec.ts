import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { checkImportedIssuer, type ImportedIssuerInput } from './imported-issuer.js';
import { formatPem, parsePem } from './pem.js';
import { PkiError, type PkiErrorCode } from './pki-error.js';
import { mutationsOf } from './testing/hostile-bytes.js';

const directory = mkdtempSync(join(tmpdir(), 'certplane-import-'));
afterAll(() => rmSync(directory, { recursive: true }));

const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash';
const DAY = 86_400_000;
// Later than the begin of every certificate that openssl makes while this runs.
const now = new Date(Date.now() + 3_600_000);

interface Authority {
  readonly pem: string;
  readonly der: Buffer;
  readonly key: KeyObject;
  readonly file: string;
}

let count = 0;
const path = (name: string): string => join(directory, name);
const openssl = (...options: string[]): Buffer => execFileSync('openssl', options, { stdio: 'pipe' });
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pkcs8 = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();

/** A certificate made by openssl, self-signed or signed by an issuer. */
function authority(
  subject: string,
  options: { key?: KeyObject; issuer?: Authority; extensions?: string; days?: number; flags?: string[] } = {},
): Authority {
  const { key = newKey(), issuer, extensions = CA, days = 365, flags = [] } = options;
  count += 1;
  const file = path(`ca-${count}`);
  writeFileSync(`${file}.key`, pkcs8(key));
  writeFileSync(`${file}.cnf`, `[req]\ndistinguished_name=dn\n[dn]\n[ext]\n${extensions}\n`);
  const common = ['-config', `${file}.cnf`, '-subj', subject, '-key', `${file}.key`];
  openssl('req', '-new', ...common, '-out', `${file}.csr`);
  const signedBy =
    issuer === undefined
      ? ['-signkey', `${file}.key`]
      : ['-CA', `${issuer.file}.pem`, '-CAkey', `${issuer.file}.key`, '-CAcreateserial'];
  const extended = extensions === '' ? [] : ['-extfile', `${file}.cnf`, '-extensions', 'ext'];
  const lifetime = ['-days', String(days)];
  openssl('x509', '-req', '-in', `${file}.csr`, ...signedBy, ...extended, ...lifetime, ...flags, '-out', `${file}.pem`);
  const pem = readFileSync(`${file}.pem`, 'utf8');
  return { pem, der: parsePem(pem, 'CERTIFICATE')[0] ?? Buffer.alloc(0), key, file };
}

function refusalOf(input: ImportedIssuerInput, at = now): { code: PkiErrorCode; message: string } {
  try {
    checkImportedIssuer(input, at);
  } catch (error) {
    if (error instanceof PkiError) return error;
    throw error;
  }
  throw new Error('the issuer was accepted');
}

const inputOf = ({ pem, key }: Authority): ImportedIssuerInput => ({ certificatePem: pem, privateKeyPem: pkcs8(key) });

const root = authority('/O=Example/CN=Root');
const middle = authority('/O=Example/CN=Middle', { issuer: root });
const issuing = authority('/O=Example/CN=Issuing', {
  issuer: middle,
  extensions: CA.replace('TRUE', 'TRUE,pathlen:0'),
});

describe('checkImportedIssuer', () => {
  it.each([
    ['ecdsa-p256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['ecdsa-p384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ecdsa-p521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['rsa-2048', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('takes a self-signed CA with a key %s', (algorithm, key) => {
    const made = authority('/CN=Root', { key });
    const imported = checkImportedIssuer(inputOf(made), now);
    expect(imported.keyAlgorithm).toBe(algorithm);
    expect(imported.certificateDer).toEqual(made.der);
    expect(imported.privateKey?.equals(key)).toBe(true);
    expect(imported.chain).toEqual([]);
    expect(imported.pathLength).toBeNull();
  });

  it.each([
    ['PKCS #8', pkcs8(root.key)],
    ['SEC 1', root.key.export({ format: 'pem', type: 'sec1' }).toString()],
    ['SEC 1 behind its curve', openssl('ec', '-in', `${root.file}.key`).toString()],
    ['PKCS #8 with words around it', `key of the root:\r\n${pkcs8(root.key).replaceAll('\n', '\r\n')}end`],
  ])('reads a private key as %s', (_name, privateKeyPem) => {
    expect(checkImportedIssuer({ certificatePem: root.pem, privateKeyPem }, now).privateKey?.equals(root.key)).toBe(
      true,
    );
  });

  it('takes a CA whose private key is elsewhere, and looks at all the rest', () => {
    const imported = checkImportedIssuer({ certificatePem: issuing.pem, chainPem: middle.pem + root.pem }, now);
    expect(imported).toMatchObject({ privateKey: null, keyAlgorithm: 'ecdsa-p256', pathLength: 0 });
    expect(imported.chain).toEqual([middle.der, root.der]);
    const leaf = authority('/CN=Leaf', { extensions: 'basicConstraints=critical,CA:FALSE' });
    expect(refusalOf({ certificatePem: leaf.pem }).code).toBe('invalid_certificate');
    const weak = authority('/CN=Weak', { key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey });
    expect(refusalOf({ certificatePem: weak.pem }).code).toBe('weak_key');
    expect(refusalOf({ certificatePem: root.pem, privateKeyPem: '' }).code).toBe('invalid_pem');
  });

  it('reads a private key as PKCS #1', () => {
    const made = authority('/CN=Root', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey });
    const privateKeyPem = made.key.export({ format: 'pem', type: 'pkcs1' }).toString();
    expect(checkImportedIssuer({ certificatePem: made.pem, privateKeyPem }, now).keyAlgorithm).toBe('rsa-2048');
  });

  it.each([
    ['in order', middle.pem + root.pem],
    ['the other way round', root.pem + middle.pem],
    ['with the certificate itself', issuing.pem + middle.pem + root.pem],
    ['with repetitions', middle.pem + root.pem + middle.pem],
  ])('puts a chain in order that was given %s', (_name, chainPem) => {
    const imported = checkImportedIssuer({ ...inputOf(issuing), chainPem }, now);
    expect(imported.chain).toEqual([middle.der, root.der]);
    expect(imported.pathLength).toBe(0);
  });

  it('takes a chain without its top, no chain, and an empty one', () => {
    expect(checkImportedIssuer({ ...inputOf(issuing), chainPem: middle.pem }, now).chain).toEqual([middle.der]);
    expect(checkImportedIssuer(inputOf(issuing), now).chain).toEqual([]);
    expect(checkImportedIssuer({ ...inputOf(issuing), chainPem: '\n' }, now).chain).toEqual([]);
  });

  it('finds the issuer by its signature where two have the same name', () => {
    const namesake = authority('/O=Example/CN=Middle', { issuer: root });
    expect(checkImportedIssuer({ ...inputOf(issuing), chainPem: middle.pem + root.pem }, now).chain[0]).toEqual(
      middle.der,
    );
    const refusal = refusalOf({ ...inputOf(issuing), chainPem: namesake.pem + middle.pem + root.pem });
    expect(refusal.message).toBe('"CN=Middle,O=Example" is in the chain, but has signed nothing in it.');
  });

  it('takes a self-issued certificate with which a CA changed its key', () => {
    const renewed = authority('/O=Example/CN=Root', { issuer: root });
    const below = authority('/O=Example/CN=Below', { issuer: renewed });
    expect(checkImportedIssuer({ ...inputOf(below), chainPem: root.pem + renewed.pem }, now).chain).toEqual([
      renewed.der,
      root.der,
    ]);
  });

  it.each<[string, () => ImportedIssuerInput, PkiErrorCode, RegExp]>([
    ['no PEM', () => ({ ...inputOf(root), certificatePem: '' }), 'invalid_pem', /no PEM block "CERTIFICATE"/],
    [
      'two certificates',
      () => ({ ...inputOf(root), certificatePem: root.pem + middle.pem }),
      'invalid_pem',
      /exactly one/,
    ],
    [
      'a certificate that is not one',
      () => ({ ...inputOf(root), certificatePem: formatPem('CERTIFICATE', Buffer.from([0x30, 0])) }),
      'invalid_certificate',
      /./,
    ],
    [
      'a leaf',
      () => inputOf(authority('/CN=x', { extensions: CA.replace('TRUE', 'FALSE') })),
      'invalid_certificate',
      /not a CA/,
    ],
    ['no extensions', () => inputOf(authority('/CN=x', { extensions: '' })), 'invalid_certificate', /not a CA/],
    [
      'no key usage',
      () => inputOf(authority('/CN=x', { extensions: 'basicConstraints=critical,CA:TRUE' })),
      'invalid_certificate',
      /keyCertSign and cRLSign/,
    ],
    [
      'no cRLSign',
      () => inputOf(authority('/CN=x', { extensions: CA.replace(',cRLSign', '') })),
      'invalid_certificate',
      /keyCertSign and cRLSign/,
    ],
    [
      'no keyCertSign',
      () => inputOf(authority('/CN=x', { extensions: CA.replace('keyCertSign,', '') })),
      'invalid_certificate',
      /keyCertSign and cRLSign/,
    ],
    ['no subject', () => inputOf(authority('/')), 'invalid_certificate', /no subject/],
    [
      'the key of another',
      () => ({ ...inputOf(root), privateKeyPem: pkcs8(middle.key) }),
      'key_mismatch',
      /not the one of the certificate/,
    ],
    [
      'a key of another kind',
      () => ({ ...inputOf(root), privateKeyPem: pkcs8(generateKeyPairSync('x25519').privateKey) }),
      'key_mismatch',
      /not the one of the certificate/,
    ],
    [
      'a private key whose public half is that of another',
      () => ({ ...inputOf(root), privateKeyPem: withPublicHalfOf(root.key, middle.key) }),
      'key_mismatch',
      /not the one of the certificate/,
    ],
    [
      'an encrypted private key',
      () => ({
        ...inputOf(root),
        privateKeyPem: root.key
          .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      }),
      'invalid_pem',
      /encrypted; decrypt it first/,
    ],
    [
      'an encrypted private key of the old form',
      () => ({
        ...inputOf(root),
        privateKeyPem: root.key
          .export({ format: 'pem', type: 'sec1', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      }),
      'invalid_pem',
      /encrypted PEM is not accepted/,
    ],
    [
      'no private key',
      () => ({ ...inputOf(root), privateKeyPem: root.pem }),
      'invalid_pem',
      /one PEM block PRIVATE KEY/,
    ],
    [
      'two private keys',
      () => ({ ...inputOf(root), privateKeyPem: pkcs8(root.key).repeat(2) }),
      'invalid_pem',
      /exactly one/,
    ],
    [
      'a private key that is not one',
      () => ({ ...inputOf(root), privateKeyPem: formatPem('PRIVATE KEY', Buffer.alloc(40)) }),
      'invalid_pem',
      /can be read/,
    ],
    [
      'RSA with 1024 bits',
      () => inputOf(authority('/CN=x', { key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey })),
      'weak_key',
      /1024 bits/,
    ],
    [
      'RSA with 2056 bits',
      () => inputOf(authority('/CN=x', { key: generateKeyPairSync('rsa', { modulusLength: 2056 }).privateKey })),
      'unsupported_key',
      /2048, 3072 or 4096/,
    ],
    [
      'secp256k1',
      () => inputOf(authority('/CN=x', { key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey })),
      'unsupported_key',
      /P-256/,
    ],
    ['a chain that is not PEM', () => ({ ...inputOf(issuing), chainPem: 'x' }), 'invalid_pem', /no PEM block/],
    [
      'a gap in the chain',
      () => ({ ...inputOf(issuing), chainPem: root.pem }),
      'invalid_certificate',
      /signed nothing/,
    ],
    [
      'a stranger in the chain',
      () => ({ ...inputOf(issuing), chainPem: middle.pem + root.pem + authority('/CN=Stranger').pem }),
      'invalid_certificate',
      /"CN=Stranger" is in the chain/,
    ],
    [
      'a leaf in the chain',
      () => ({ ...inputOf(root), chainPem: authority('/CN=x', { extensions: 'keyUsage=digitalSignature' }).pem }),
      'invalid_certificate',
      /of the chain is not a CA/,
    ],
    [
      'a chain of more than eleven',
      () => ({ ...inputOf(issuing), chainPem: root.pem.repeat(12) }),
      'invalid_pem',
      /more than 11 blocks/,
    ],
    [
      'a path length that is used up',
      pathLengthUsedUp,
      'invalid_certificate',
      /path length of "CN=Middle" does not allow/,
    ],
    [
      'a self-signature that is not right',
      brokenSelfSignature,
      'invalid_certificate',
      /self-signed certificate .* verify/,
    ],
  ])('refuses %s', (_name, input, code, message) => {
    const refusal = refusalOf(input());
    expect(refusal.message).toMatch(message);
    expect(refusal.code).toBe(code);
  });

  it('refuses a CA before and after its time, and one that expired in the chain', () => {
    expect(refusalOf(inputOf(root), new Date(now.getTime() + 366 * DAY)).message).toMatch(
      /^The certificate expired at /,
    );
    expect(refusalOf(inputOf(root), new Date(now.getTime() - DAY)).message).toMatch(/is not valid before /);
    const short = authority('/CN=Short', { days: 1 });
    const below = authority('/CN=Below', { issuer: short });
    const refusal = refusalOf({ ...inputOf(below), chainPem: short.pem }, new Date(now.getTime() + 2 * DAY));
    expect(refusal).toMatchObject({ code: 'invalid_certificate' });
    expect(refusal.message).toMatch(/^A certificate of the chain expired/);
  });

  it('throws nothing but PkiError for changed certificates, chains and keys', () => {
    const keyDer = root.key.export({ format: 'der', type: 'pkcs8' });
    const changes = fc.oneof(
      mutationsOf(issuing.der).map((bytes) => ['certificatePem', 'CERTIFICATE', bytes] as const),
      mutationsOf(middle.der).map((bytes) => ['chainPem', 'CERTIFICATE', bytes] as const),
      mutationsOf(keyDer).map((bytes) => ['privateKeyPem', 'PRIVATE KEY', bytes] as const),
    );
    const input = { certificatePem: issuing.pem, chainPem: middle.pem, privateKeyPem: pkcs8(issuing.key) };
    fc.assert(
      fc.property(changes, ([field, label, bytes]) => {
        try {
          checkImportedIssuer({ ...input, [field]: formatPem(label, bytes) }, now);
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** PKCS #8 of P-256 ends with the uncompressed point: 65 octets that nobody holds against the scalar when it is read. */
function withPublicHalfOf(certified: KeyObject, other: KeyObject): string {
  const scalarOfOther = other.export({ format: 'der', type: 'pkcs8' }).subarray(0, -65);
  const pointOfCertified = certified.export({ format: 'der', type: 'pkcs8' }).subarray(-65);
  return formatPem('PRIVATE KEY', Buffer.concat([scalarOfOther, pointOfCertified]));
}

function pathLengthUsedUp(): ImportedIssuerInput {
  const limited = authority('/CN=Middle', { extensions: CA.replace('TRUE', 'TRUE,pathlen:0') });
  return { ...inputOf(authority('/CN=Below', { issuer: limited })), chainPem: limited.pem };
}

function brokenSelfSignature(): ImportedIssuerInput {
  const broken = Buffer.from(root.der);
  broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
  return { ...inputOf(root), certificatePem: formatPem('CERTIFICATE', broken) };
}
