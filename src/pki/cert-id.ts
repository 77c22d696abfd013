import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { DerError, type DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { integer, nullValue, octetString, oid, sequence } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { canonicalSerialNumber, readSerialNumber } from './serial-number.js';

/**
 * Names of the hashAlgorithm of a CertID, the exact AlgorithmIdentifier included: with NULL parameters (what OpenSSL, Java
 * and Go send) or without ("-absent", RFC 5754 section 2). A client may compare the whole CertID, so each is a key of its own.
 */
export const CERT_ID_ALGORITHMS = [
  'sha1',
  'sha256',
  'sha384',
  'sha512',
  'sha1-absent',
  'sha256-absent',
  'sha384-absent',
  'sha512-absent',
] as const;

export type CertIdAlgorithm = (typeof CERT_ID_ALGORITHMS)[number];

/** CertID of RFC 6960 section 4.1.1. */
export interface CertId {
  readonly algorithm: CertIdAlgorithm;
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
  /** Canonical, see serial-number.ts. */
  readonly serialNumber: Buffer;
  /** The exact DER. */
  readonly der: Buffer;
}

/** What a CertID says of the issuer: see CertificateFields. */
export interface CertIdIssuer {
  readonly subjectDer: Uint8Array;
  readonly publicKeyBits: Uint8Array;
}

type Digest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

interface HashAlgorithm {
  readonly name: CertIdAlgorithm;
  readonly digest: Digest;
  readonly bytes: number;
  /** The AlgorithmIdentifier. */
  readonly der: Buffer;
}

const DIGEST_BYTES = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;

const HASH_ALGORITHMS: readonly HashAlgorithm[] = CERT_ID_ALGORITHMS.map((name) => {
  const [digest, absent] = name.split('-') as [Digest, string?];
  const parameters = absent === undefined ? [nullValue()] : [];
  return { name, digest, bytes: DIGEST_BYTES[digest], der: sequence(oid(OID[digest]), ...parameters) };
});

/** The hashes by which a CertID with this algorithm names the issuer. */
export function hashCertIdIssuer(
  algorithm: CertIdAlgorithm,
  issuer: CertIdIssuer,
): { issuerNameHash: Buffer; issuerKeyHash: Buffer } {
  const { digest } = getHashAlgorithm(algorithm);
  return {
    issuerNameHash: createHash(digest).update(issuer.subjectDer).digest(),
    issuerKeyHash: createHash(digest).update(issuer.publicKeyBits).digest(),
  };
}

/** The CertID of the certificate with this serial number. Throws PkiError('invalid_serial_number'). */
export function buildCertId(algorithm: CertIdAlgorithm, issuer: CertIdIssuer, serialNumber: Uint8Array): CertId {
  const { issuerNameHash, issuerKeyHash } = hashCertIdIssuer(algorithm, issuer);
  const canonical = canonicalSerialNumber(serialNumber);
  const der = sequence(
    getHashAlgorithm(algorithm).der,
    octetString(issuerNameHash),
    octetString(issuerKeyHash),
    integer(canonical),
  );
  return { algorithm, issuerNameHash, issuerKeyHash, serialNumber: canonical, der };
}

/** Reads the CertID that is the next element; its buffers are views. Throws DerError, also for another hash algorithm. */
export function readCertId(reader: DerReader): CertId {
  const fork = reader.fork();
  const der = reader.readElement(TAG.sequence);
  const fields = fork.readSequence();
  const algorithm = acceptHashAlgorithm(fields);
  const issuerNameHash = readHash(fields, algorithm);
  const issuerKeyHash = readHash(fields, algorithm);
  const serialNumber = readSerialNumber(fields);
  fields.expectEnd();
  return { algorithm: algorithm.name, issuerNameHash, issuerKeyHash, serialNumber, der };
}

function acceptHashAlgorithm(reader: DerReader): HashAlgorithm {
  for (const algorithm of HASH_ALGORITHMS) if (reader.accept(algorithm.der)) return algorithm;
  throw reader.error('a CertID hash algorithm other than SHA-1, SHA-256, SHA-384 and SHA-512');
}

function readHash(reader: DerReader, algorithm: HashAlgorithm): Buffer {
  const start = reader.offset;
  const hash = reader.readOctetString();
  if (hash.length !== algorithm.bytes) throw new DerError(`a hash that is not of ${algorithm.bytes} octets`, start);
  return hash;
}

function getHashAlgorithm(name: CertIdAlgorithm): HashAlgorithm {
  const algorithm = HASH_ALGORITHMS.find((candidate) => candidate.name === name);
  if (algorithm === undefined) throw new RangeError(`${name} is not an algorithm of a CertID`);
  return algorithm;
}
