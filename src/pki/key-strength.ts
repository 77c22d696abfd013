import { createPublicKey, type KeyObject } from 'node:crypto';
import { PkiError } from './pki-error.js';

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MIN_RSA_EXPONENT = 65537n;
const MAX_RSA_EXPONENT = 2n ** 256n - 1n;
const FERMAT_ROUNDS = 100;

// The whole SubjectPublicKeyInfo up to the coordinates: named curve, uncompressed point (RFC 5480 section 2).
const EC_KEYS = [
  { prefix: '3059301306072a8648ce3d020106082a8648ce3d03010703420004', length: 91 },
  { prefix: '3076301006072a8648ce3d020106052b8104002203620004', length: 120 },
  { prefix: '30819b301006072a8648ce3d020106052b810400230381860004', length: 158 },
];

// CA/B BR 6.1.6: no factor below 752.
const SMALL_PRIMES = primesBelow(752);
const SMALLEST_ROOT_BITS = Math.log2(752);
const ROOT_DEGREES = primesBelow(MAX_RSA_BITS / SMALLEST_ROOT_BITS);
// CVE-2017-15361: the primes of the generator's smallest primorial. A sound modulus passes for all of them with probability 2^-27.
const ROCA_RESIDUES = SMALL_PRIMES.filter((prime) => prime > 2 && prime <= 167).map((prime) => ({
  prime,
  powers: powersOf(65537, prime),
}));

/**
 * The key of a SubjectPublicKeyInfo, which must be the canonical DER of an RSA, P-256, P-384, P-521 or Ed25519 key.
 * Whatever came from outside goes through here before anything else looks at it: node:crypto accepts an EC key whose
 * point is at infinity, and ends the whole process when its details are asked for.
 * @throws PkiError `unsupported_key`
 */
export function parsePublicKey(spkiDer: Uint8Array): KeyObject {
  const der = Buffer.from(spkiDer);
  let key: KeyObject;
  let canonical: Buffer;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    canonical = key.export({ format: 'der', type: 'spki' });
  } catch {
    throw new PkiError('unsupported_key', 'The public key cannot be read.');
  }
  const fault = findUnsupported(key.asymmetricKeyType, canonical);
  if (fault !== null) throw new PkiError('unsupported_key', fault);
  if (!canonical.equals(der))
    throw new PkiError('unsupported_key', 'The public key is not in its canonical DER encoding.');
  return key;
}

/** The sentence that says why a subject must not have this key (CA/B BR 6.1.1.3, 6.1.5 and 6.1.6), or null. */
export function findKeyWeakness(publicKey: KeyObject): string | null {
  let der: Buffer;
  try {
    der = publicKey.export({ format: 'der', type: 'spki' });
  } catch {
    return 'The public key cannot be read.';
  }
  const unsupported = findUnsupported(publicKey.asymmetricKeyType, der);
  if (unsupported !== null || publicKey.asymmetricKeyType !== 'rsa') return unsupported;
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  return findRsaWeakness(Buffer.from(n, 'base64url'), Buffer.from(e, 'base64url'));
}

function findUnsupported(type: string | undefined, spkiDer: Buffer): string | null {
  if (type === 'rsa' || type === 'ed25519') return null;
  if (type !== 'ec') return `Keys of the kind ${type ?? 'unknown'} are not supported; use ECDSA, RSA or Ed25519.`;
  const hex = spkiDer.subarray(0, 32).toString('hex');
  return EC_KEYS.some(({ prefix, length }) => spkiDer.length === length && hex.startsWith(prefix))
    ? null
    : 'The elliptic curve key is not supported; use an uncompressed point on the named curve P-256, P-384 or P-521.';
}

function findRsaWeakness(modulus: Buffer, exponent: Buffer): string | null {
  const bits = bitLengthOf(modulus);
  if (bits < MIN_RSA_BITS) return `The RSA key has ${bits} bits; it needs at least ${MIN_RSA_BITS}.`;
  if (bits > MAX_RSA_BITS) return `The RSA key has ${bits} bits; at most ${MAX_RSA_BITS} are accepted.`;
  if (bits % 8 !== 0) return `The RSA key has ${bits} bits, which is not a multiple of 8.`;
  const e = bitLengthOf(exponent) > 256 ? MAX_RSA_EXPONENT + 1n : toBigInt(exponent);
  if (e < MIN_RSA_EXPONENT) return `The RSA exponent is ${e}; it must be at least 65537.`;
  if (e > MAX_RSA_EXPONENT) return 'The RSA exponent is 2^256 or more.';
  if (e % 2n === 0n) return 'The RSA exponent is even.';
  return findModulusWeakness(toBigInt(modulus));
}

function findModulusWeakness(n: bigint): string | null {
  const factor = SMALL_PRIMES.find((prime) => n % BigInt(prime) === 0n);
  if (factor !== undefined) return `The RSA modulus is divisible by ${factor}.`;
  if (ROCA_RESIDUES.every(({ prime, powers }) => powers.has(Number(n % BigInt(prime))))) {
    return 'The RSA key was made by a generator with the ROCA weakness (CVE-2017-15361).';
  }
  if (isPerfectPower(n)) return 'The RSA modulus is a power of one number.';
  if (hasCloseFactors(n)) return "The two primes of the RSA key are so close that Fermat's method finds them.";
  return null;
}

function isPerfectPower(n: bigint): boolean {
  const bits = n.toString(16).length * 4;
  return ROOT_DEGREES.some((k) => k * SMALLEST_ROOT_BITS <= bits && integerRoot(n, k) ** BigInt(k) === n);
}

function hasCloseFactors(n: bigint): boolean {
  let a = integerRoot(n, 2) + 1n;
  for (let round = 0; round < FERMAT_ROUNDS; round += 1, a += 1n) {
    const square = a * a - n;
    if (integerRoot(square, 2) ** 2n === square) return true;
  }
  return false;
}

/** The greatest integer whose k-th power is at most n, by Newton's method from a guess just above it. */
function integerRoot(n: bigint, k: number): bigint {
  if (n < 2n) return n;
  const shift = Math.max(n.toString(16).length * 4 - 64, 0);
  const exponent = (Math.log2(Number(n >> BigInt(shift))) + shift) / k;
  const whole = Math.max(Math.floor(exponent) - 50, 0);
  let root = (BigInt(Math.ceil(2 ** (exponent - whole) * (1 + 2 ** -30))) + 1n) << BigInt(whole);
  const power = BigInt(k - 1);
  for (;;) {
    const next = (power * root + n / root ** power) / (power + 1n);
    if (next >= root) return root;
    root = next;
  }
}

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

function powersOf(base: number, prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * (base % prime)) % prime) powers.add(power);
  return powers;
}

function bitLengthOf(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString('hex')}`);
}
