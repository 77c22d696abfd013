import type { Buffer } from 'node:buffer';
import { parseCertificateFields, type CertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { constructedContextTag, TAG } from './der-tags.js';
import { isSignedBy, readSignatureScheme, type SignatureScheme } from './foreign-signature.js';
import { parsePublicKey } from './key-strength.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';
import { isSignedWith } from './signed-object.js';

/** The requester's certificate and, should it send more, others of which one may be the signer's. */
const MAX_CERTIFICATES = 4;
const DIGITAL_SIGNATURE = 0x80;

interface RequestSignature {
  /** The DER of what is signed. */
  readonly tbs: Buffer;
  readonly scheme: SignatureScheme | null;
  readonly signature: Buffer;
  readonly certificates: readonly Buffer[];
}

/**
 * Whether an OCSPRequest is signed (RFC 6960 section 4.1.2) by a key whose certificate comes with it, holds now, may sign,
 * and was issued by one of these CAs. The request must have been read by parseOcspRequest before. Never throws.
 * @param requesterCas DER certificates of the CAs whose requesters may ask
 */
export async function isSignedByRequester(
  request: Uint8Array,
  requesterCas: readonly Uint8Array[],
  now: Date,
): Promise<boolean> {
  try {
    const signature = DerReader.readAll(request, readRequestSignature);
    if (signature === null || signature.scheme === null) return false;
    for (const certificate of signature.certificates) {
      const fields = parseCertificateFields(certificate);
      if (!maySign(fields, now) || !(await isIssuedByOne(certificate, fields, requesterCas))) continue;
      const publicKey = parsePublicKey(fields.spkiDer);
      if (await isSignedBy(publicKey, signature.scheme, signature.tbs, signature.signature)) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof DerError || error instanceof PkiError) return false;
    throw error;
  }
}

function readRequestSignature(reader: DerReader): RequestSignature | null {
  const request = reader.readSequence();
  const tbs = request.readElement(TAG.sequence);
  const signature = request.optional(constructedContextTag(0))?.readSequence();
  request.expectEnd();
  if (signature === undefined) return null;
  const scheme = readSignatureScheme(signature.readSequence());
  const bits = signature.readBitString();
  const list = signature.optional(constructedContextTag(0))?.readSequence();
  return { tbs, scheme, signature: bits, certificates: list === undefined ? [] : readCertificates(list) };
}

function readCertificates(list: DerReader): Buffer[] {
  const certificates: Buffer[] = [];
  while (!list.atEnd) {
    if (certificates.length === MAX_CERTIFICATES) throw list.error(`more than ${MAX_CERTIFICATES} certificates`);
    certificates.push(list.readElement(TAG.sequence));
  }
  return certificates;
}

function maySign({ notBefore, notAfter, extensions }: CertificateFields, now: Date): boolean {
  if (now < notBefore || now > notAfter) return false;
  const keyUsage = extensions.get(OID.keyUsage);
  if (keyUsage === undefined) return true;
  const bits = DerReader.readAll(keyUsage.value, (reader) => reader.readBytes(TAG.bitString));
  return ((bits[1] ?? 0) & DIGITAL_SIGNATURE) !== 0;
}

async function isIssuedByOne(
  der: Buffer,
  { issuerDer }: CertificateFields,
  requesterCas: readonly Uint8Array[],
): Promise<boolean> {
  for (const ca of requesterCas) {
    const issuer = parseCertificateFields(ca);
    if (issuer.subjectDer.equals(issuerDer) && (await isSignedWith(der, issuer.spkiDer))) return true;
  }
  return false;
}
