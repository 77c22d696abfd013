import { Buffer } from 'node:buffer';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { EncryptedData } from 'pkijs';
import { bmpString, explicit, integer, nullValue, octetString, oid, sequence, set } from './der-writer.js';
import { OID } from './object-identifiers.js';

/** How the certificates in a PKCS #12 file are encrypted, and how the whole is authenticated. */
export const PKCS12_CIPHER = 'PBES2 (PBKDF2 HMAC-SHA-256, AES-256-CBC), MAC HMAC-SHA-256';

/** Both derivations take as many rounds as those of the tools that open the file. */
const ITERATIONS = 10_000;
const SALT_BYTES = 16;
const AES_256_CBC = { name: 'AES-CBC', length: 256 };

export interface Pkcs12Certificate {
  readonly der: Uint8Array;
  /** What tools list it under. Of the Basic Multilingual Plane. */
  readonly friendlyName: string;
}

/**
 * A PKCS #12 file (RFC 7292) that holds certificates and no key, in this order. The private key stays with who made it.
 * @throws RangeError where a friendly name or the password has characters outside the Basic Multilingual Plane
 */
export async function buildPkcs12(certificates: readonly Pkcs12Certificate[], password: string): Promise<Buffer> {
  const bags = sequence(...certificates.map(buildCertBag));
  const encrypted = new EncryptedData();
  await encrypted.encrypt({
    password: arrayBufferOf(Buffer.from(password, 'utf8')),
    contentEncryptionAlgorithm: AES_256_CBC,
    hmacHashAlgorithm: 'SHA-256',
    iterationCount: ITERATIONS,
    contentToEncrypt: arrayBufferOf(bags),
  });
  const safe = sequence(sequence(oid(OID.pkcs7EncryptedData), explicit(0, Buffer.from(encrypted.toSchema().toBER()))));
  const authSafe = sequence(oid(OID.pkcs7Data), explicit(0, octetString(safe)));
  return sequence(integer(3), authSafe, buildMacData(safe, password));
}

/** CertBag with what the JDK wants: without its trust attribute `keytool` passes a certificate without a key over. */
function buildCertBag({ der, friendlyName }: Pkcs12Certificate): Buffer {
  const bag = sequence(oid(OID.pkcs9X509Certificate), explicit(0, octetString(der)));
  return sequence(
    oid(OID.pkcs12CertBag),
    explicit(0, bag),
    set(
      sequence(oid(OID.pkcs9FriendlyName), set(bmpString(friendlyName))),
      sequence(oid(OID.oracleTrustedKeyUsage), set(oid(OID.anyExtendedKeyUsage))),
    ),
  );
}

function buildMacData(safe: Buffer, password: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const mac = createHmac('sha256', deriveMacKey(password, salt)).update(safe).digest();
  const digestInfo = sequence(sequence(oid(OID.sha256), nullValue()), octetString(mac));
  return sequence(digestInfo, octetString(salt), integer(ITERATIONS));
}

/** RFC 7292 appendix B.2 with SHA-256, whose output is as long as the key: its first block is all of it. */
function deriveMacKey(password: string, salt: Buffer): Buffer {
  const terminated = Buffer.from(bmpString(`${password}\0`).subarray(-2 * (password.length + 1)));
  let digest = createHash('sha256')
    .update(Buffer.concat([Buffer.alloc(64, 3), fillBlocks(salt), fillBlocks(terminated)]))
    .digest();
  for (let round = 1; round < ITERATIONS; round++) digest = createHash('sha256').update(digest).digest();
  return digest;
}

/** Repeated to a multiple of the 64 octets that SHA-256 takes in at a time. */
function fillBlocks(bytes: Buffer): Buffer {
  return Buffer.alloc(64 * Math.ceil(bytes.length / 64), bytes);
}

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
