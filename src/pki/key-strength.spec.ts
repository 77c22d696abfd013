import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { findKeyWeakness, parsePublicKey } from './key-strength.js';
import { PkiError } from './pki-error.js';

const F4 = 65537n;

function rsaKey(n: bigint, e: bigint = F4): KeyObject {
  const base64url = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  };
  return createPublicKey({ key: { kty: 'RSA', n: base64url(n), e: base64url(e) }, format: 'jwk' });
}

function smallPrimes(limit: number): number[] {
  return Array.from({ length: limit }, (_, index) => index).filter(
    (value) => value > 1 && !Array.from({ length: value }, (_, d) => d).some((d) => d > 1 && value % d === 0),
  );
}

const primes = smallPrimes(752);
const hasSmallFactor = (n: bigint): boolean => primes.some((prime) => n % BigInt(prime) === 0n);

/** The first number from here on, in steps of 2, that no small prime divides: as good as a prime for these tests. */
function nextCandidate(from: bigint): bigint {
  let value = from | 1n;
  while (hasSmallFactor(value)) value += 2n;
  return value;
}

function powMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus) {
    if (e & 1n) result = (result * b) % modulus;
  }
  return result;
}

/** k * M + 65537^a mod M of exactly `bits` bits, M the product of the first 126 primes: how the ROCA generator makes primes. */
function rocaFactor(bits: number, a: bigint): bigint {
  const primorial = primes.slice(0, 126).reduce((product, prime) => product * BigInt(prime), 1n);
  let k = (3n << BigInt(bits - 2)) / primorial;
  const value = (): bigint => k * primorial + powMod(F4, a, primorial);
  while (hasSmallFactor(value()) || value() < 3n << BigInt(bits - 2)) k += 1n;
  return value();
}

/** The smallest number without a small factor whose power of this degree has a whole number of octets. */
function highPower(degree: bigint): bigint {
  let base = 757n;
  while (hasSmallFactor(base) || (base ** degree).toString(2).length % 8 !== 0 || base ** degree < 1n << 2047n)
    base += 2n;
  return base ** degree;
}

// openssl ecparam -name prime256v1 -genkey -param_enc explicit -noout | openssl ec -pubout -outform DER | base64 -w0
const EXPLICIT_P256 =
  'MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABC8JWNopvNpE0NeIAgEvE3iw/TxtiZolC30+k4JmvmL2r/y5E+AghtV2E3aoC7FCYojzRDJw4dxN099zp9qGAFw=';
// openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -conv_form compressed -outform DER | xxd -p -c 100
const COMPRESSED_P256 =
  '3039301306072a8648ce3d020106082a8648ce3d03010703220003c0ee8372d892c669815a71ddfc350b993f1ba7a57f4f82d81b8b8b4f60da9ac7';

const soundRsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const soundModulus = BigInt(
  `0x${Buffer.from(soundRsa.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
);
const half = nextCandidate(3n << 1022n);

describe('findKeyWeakness', () => {
  it.each([
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
    ['RSA with 2048 bits', soundRsa],
    ['RSA with 8192 bits', rsaKey(nextCandidate(3n << 4094n) * nextCandidate(13n << 4092n))],
    ['RSA with 2056 bits', rsaKey(half * nextCandidate(3n << 1030n))],
    ['RSA with a long odd exponent', rsaKey(soundModulus, 2n ** 256n - 1n)],
  ])('finds nothing wrong with %s', (_name, key) => {
    expect(findKeyWeakness(key)).toBeNull();
  });

  it.each([
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey, /P-256, P-384 or P-521/],
    ['P-224', generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).publicKey, /P-256, P-384 or P-521/],
    ['X25519', generateKeyPairSync('x25519').publicKey, /x25519 are not supported/],
    ['X448', generateKeyPairSync('x448').publicKey, /x448 are not supported/],
    ['Ed448', generateKeyPairSync('ed448').publicKey, /ed448 are not supported/],
    ['RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey, /rsa-pss are not supported/],
    ['RSA with 1024 bits', rsaKey(nextCandidate(3n << 510n) * nextCandidate(13n << 508n)), /1024 bits; .* 2048/],
    ['RSA with 2047 bits', rsaKey(nextCandidate(3n << 1021n) * half), /2047 bits/],
    ['RSA with 2049 bits', rsaKey(nextCandidate(3n << 1023n) * half), /2049 bits, which is not a multiple of 8/],
    ['RSA with 8200 bits', rsaKey((1n << 8199n) + 1n), /8200 bits; at most 8192/],
    ['exponent 1', rsaKey(soundModulus, 1n), /exponent is 1;/],
    ['exponent 3', rsaKey(soundModulus, 3n), /exponent is 3;/],
    ['exponent 65535', rsaKey(soundModulus, 65535n), /exponent is 65535;/],
    ['an even exponent', rsaKey(soundModulus, 65538n), /exponent is even/],
    ['an exponent of 257 bits', rsaKey(soundModulus, 2n ** 256n + 1n), /2\^256 or more/],
    ['an even modulus', rsaKey(soundModulus - 1n), /divisible by 2\./],
    ['a factor of 751', rsaKey(751n * nextCandidate((1n << 2047n) / 751n + 1n)), /divisible by 751/],
    ['ROCA', rsaKey(rocaFactor(1024, 5n) * rocaFactor(1024, 123457n)), /ROCA/],
    ['a square', rsaKey(half * half), /power of one number/],
    ['a cube', rsaKey(nextCandidate(11n << 679n) ** 3n), /power of one number/],
    ['the 211th power of a number just above 752', rsaKey(highPower(211n)), /power of one number/],
    ['neighbouring factors', rsaKey(half * nextCandidate(half + 2n)), /Fermat/],
    ['factors that share half their bits', rsaKey(half * nextCandidate(half + (1n << 500n))), /Fermat/],
  ])('says what is wrong with %s', (_name, key, sentence) => {
    expect(findKeyWeakness(key)).toMatch(sentence);
  });

  it('does not take a factor with the ROCA form on one side only for the weakness', () => {
    expect(findKeyWeakness(rsaKey(rocaFactor(1024, 5n) * nextCandidate(13n << 1020n)))).toBeNull();
  });
});

describe('parsePublicKey', () => {
  const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const rsaDer = spkiOf(soundRsa);

  it.each([
    ['EC', ec],
    ['RSA', soundRsa],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
  ])('reads a canonical %s key', (_name, key) => {
    expect(spkiOf(parsePublicKey(spkiOf(key)))).toEqual(spkiOf(key));
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['the point at infinity', Buffer.from('3019301306072a8648ce3d020106082a8648ce3d03010703020000', 'hex')],
    ['a point off the curve', Buffer.concat([spkiOf(ec).subarray(0, -1), Buffer.from([(spkiOf(ec).at(-1) ?? 0) ^ 1])])],
    ['a trailing byte', Buffer.concat([spkiOf(ec), Buffer.alloc(1)])],
    [
      'an Ed25519 key that is too short',
      Buffer.concat([Buffer.from('3029300506032b6570032000', 'hex'), Buffer.alloc(31)]),
    ],
    ['RSA without the NULL parameters', withoutNullParameters(rsaDer)],
    ['a private key', generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })],
    ['DSA', Buffer.from('3014300906072a8648ce380401030700020401020304', 'hex')],
    ['X25519', spkiOf(generateKeyPairSync('x25519').publicKey)],
    ['an elliptic curve with explicit parameters', Buffer.from(EXPLICIT_P256, 'base64')],
    ['a compressed point', Buffer.from(COMPRESSED_P256, 'hex')],
  ])('refuses %s', (_name, der) => {
    expect(() => parsePublicKey(der)).toThrow(PkiError);
    expect(() => parsePublicKey(der)).toThrow(expect.objectContaining({ code: 'unsupported_key' }));
  });

  it('throws nothing but PkiError, and never ends the process, for every changed byte of a key', () => {
    for (const der of [spkiOf(ec), spkiOf(generateKeyPairSync('ed25519').publicKey), rsaDer.subarray(0, 60)]) {
      for (let index = 0; index < der.length; index += 1) {
        for (const change of [1, 0x80, 0xff]) {
          const changed = Buffer.from(der);
          changed[index] = (changed[index] ?? 0) ^ change;
          try {
            findKeyWeakness(parsePublicKey(changed));
          } catch (error) {
            expect(error).toBeInstanceOf(PkiError);
          }
        }
      }
    }
  });
});

/** The same SubjectPublicKeyInfo, its AlgorithmIdentifier cut from 15 to 13 octets and the outer length with it. */
function withoutNullParameters(der: Buffer): Buffer {
  const shorter = Buffer.concat([der.subarray(0, 17), der.subarray(19)]);
  shorter.writeUInt16BE(der.readUInt16BE(2) - 2, 2);
  shorter[5] = 11;
  return shorter;
}
