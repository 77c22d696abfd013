import type { Buffer } from 'node:buffer';
import { createHash, type KeyObject } from 'node:crypto';
import type { CertId } from './cert-id.js';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { isSignedBy } from './foreign-signature.js';
import { parsePublicKey } from './key-strength.js';
import { OID } from './object-identifiers.js';
import type { CertStatus } from './ocsp-response.js';
import { OcspResponseError, type ParsedOcspResponse, type ParsedSingleResponse } from './ocsp-response-parser.js';
import { PkiError } from './pki-error.js';
import { isSignedWith } from './signed-object.js';

/** How far the clocks of the two sides may be apart. */
const CLOCK_SKEW_MS = 300_000;

/** What a relying party asked. */
export interface OcspQuestion {
  readonly certId: CertId;
  /** Of the issuer's certificate, which is trusted. */
  readonly issuer: CertificateFields;
  readonly nonce: Uint8Array | null;
}

/** What may be believed of an answer. */
export interface VerifiedOcspResponse {
  readonly certStatus: CertStatus;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  /** The certificate of the delegated responder, or null where the issuer itself signed. */
  readonly responder: CertificateFields | null;
  /** Whether the answer was made for this question. False: it has no nonce, and may be an earlier one. */
  readonly hasNonce: boolean;
}

/**
 * Verifies an answer as RFC 6960 section 3.2 asks: it is about this certificate, signed by the issuer or by whom the issuer
 * has delegated this to, fresh, and holds the nonce of the question or none.
 * Throws OcspResponseError, which says what is wrong.
 */
export async function verifyOcspResponse(
  response: ParsedOcspResponse,
  { certId, issuer, nonce }: OcspQuestion,
  now: Date,
): Promise<VerifiedOcspResponse> {
  const single = response.responses.find((candidate) => isSameCertId(candidate.certId, certId));
  if (single === undefined) throw new OcspResponseError('The OCSP response is not about this certificate.');
  const responder = await findResponder(response, issuer, now);
  await checkSignature(response, responder ?? issuer);
  checkTimes(single, now);
  if (nonce !== null && response.nonce !== null && !response.nonce.equals(nonce)) {
    throw new OcspResponseError('The nonce of the OCSP response is that of another question.');
  }
  const { certStatus, thisUpdate, nextUpdate } = single;
  const hasNonce = nonce !== null && response.nonce !== null;
  return { certStatus, producedAt: response.producedAt, thisUpdate, nextUpdate, responder, hasNonce };
}

function isSameCertId(a: CertId, b: CertId): boolean {
  return (
    // The parameters of the hash algorithm may be NULL or absent (RFC 5754 section 2).
    a.algorithm.replace('-absent', '') === b.algorithm.replace('-absent', '') &&
    a.issuerNameHash.equals(b.issuerNameHash) &&
    a.issuerKeyHash.equals(b.issuerKeyHash) &&
    a.serialNumber.equals(b.serialNumber)
  );
}

/** The delegated responder that signed, or null for the issuer. RFC 6960 section 4.2.2.2. */
async function findResponder(
  response: ParsedOcspResponse,
  issuer: CertificateFields,
  now: Date,
): Promise<CertificateFields | null> {
  if (isNamed(response.responderId, issuer)) return null;
  for (const der of response.certificates) {
    const candidate = parseCandidate(der);
    if (candidate === null || !isNamed(response.responderId, candidate)) continue;
    if (!candidate.issuerDer.equals(issuer.subjectDer) || !(await isSignedWith(der, issuer.spkiDer))) {
      throw new OcspResponseError('The responder’s certificate was not issued by the issuer of this certificate.');
    }
    if (!mayRespond(candidate)) throw new OcspResponseError('The responder’s certificate is not one for OCSP signing.');
    if (now.getTime() + CLOCK_SKEW_MS < candidate.notBefore.getTime() || now > candidate.notAfter) {
      throw new OcspResponseError('The responder’s certificate is not valid now.');
    }
    return candidate;
  }
  throw new OcspResponseError('The OCSP response names a responder whose certificate it does not hold.');
}

async function checkSignature(response: ParsedOcspResponse, { spkiDer }: CertificateFields): Promise<void> {
  const publicKey = findPublicKey(spkiDer);
  if (response.scheme === null || publicKey === null) {
    throw new OcspResponseError('The OCSP response is signed with a weak or unknown algorithm.');
  }
  if (await isSignedBy(publicKey, response.scheme, response.tbs, response.signature)) return;
  throw new OcspResponseError('The signature of the OCSP response is wrong.');
}

function findPublicKey(spkiDer: Buffer): KeyObject | null {
  try {
    return parsePublicKey(spkiDer);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function parseCandidate(der: Buffer): CertificateFields | null {
  try {
    return parseCertificateFields(der);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function isNamed(id: ParsedOcspResponse['responderId'], { subjectDer, publicKeyBits }: CertificateFields): boolean {
  if ('nameDer' in id) return id.nameDer.equals(subjectDer);
  return id.keyHash.equals(createHash('sha1').update(publicKeyBits).digest());
}

function mayRespond({ extensions }: CertificateFields): boolean {
  const usage = extensions.get(OID.extKeyUsage);
  if (usage === undefined) return false;
  try {
    return DerReader.readAll(usage.value, readUsages).includes(OID.kpOcspSigning);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function readUsages(reader: DerReader): string[] {
  const list = reader.readSequence();
  const usages: string[] = [];
  while (!list.atEnd) usages.push(list.readOid());
  return usages;
}

function checkTimes({ thisUpdate, nextUpdate }: ParsedSingleResponse, now: Date): void {
  if (thisUpdate.getTime() > now.getTime() + CLOCK_SKEW_MS) {
    throw new OcspResponseError(`The OCSP response is from the future (thisUpdate ${thisUpdate.toISOString()}).`);
  }
  if (nextUpdate !== null && nextUpdate.getTime() < now.getTime() - CLOCK_SKEW_MS) {
    throw new OcspResponseError(`The OCSP response has expired (nextUpdate ${nextUpdate.toISOString()}).`);
  }
}
