import type { Buffer } from 'node:buffer';
import { type CertId, readCertId } from './cert-id.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG, constructedContextTag } from './der-tags.js';
import { explicit, octetString, sequence } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { buildExtension, readAlgorithmIdentifier, readExtensionsKnowing } from './x509-elements.js';

export const OCSP_REQUEST_MAX_BYTES = 10_000;
export const OCSP_REQUEST_MAX_CERT_IDS = 16;

/** What an OCSP client asks (RFC 6960 section 4.1.1). The buffers are views of the request. */
export interface OcspRequest {
  /** In the order of the request, 1 to OCSP_REQUEST_MAX_CERT_IDS of them. */
  readonly certIds: readonly CertId[];
  /** The contents of the nonce's OCTET STRING (RFC 9654), or null. */
  readonly nonce: Buffer | null;
  /** Whether there is a signature. It is not verified. */
  readonly signed: boolean;
}

/** The request is to be answered with malformedRequest. */
export class OcspRequestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OcspRequestError';
  }
}

/** The same, for a nonce that is too short or too long (RFC 9654 section 2.1) in a request that is else in order. */
export class OcspNonceError extends OcspRequestError {
  constructor(message: string) {
    super(message);
    this.name = 'OcspNonceError';
  }
}

/**
 * Reads an OCSPRequest. A requestorName and a signature are looked at for their structure only; extensions that are not
 * critical and not known are ignored. Throws only OcspRequestError.
 */
export function parseOcspRequest(bytes: Uint8Array, options: { readonly nonceMaxBytes: number }): OcspRequest {
  if (bytes.length > OCSP_REQUEST_MAX_BYTES) {
    throw new OcspRequestError(`a request of more than ${OCSP_REQUEST_MAX_BYTES} bytes`);
  }
  try {
    return DerReader.readAll(bytes, (reader) => readOcspRequest(reader, options.nonceMaxBytes));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new OcspRequestError(`malformed OCSP request: ${error.message}`);
  }
}

/** An unsigned OCSPRequest for these certificates. */
export function buildOcspRequest(certIds: readonly CertId[], nonce: Uint8Array | null): Buffer {
  const requestList = sequence(...certIds.map((certId) => sequence(certId.der)));
  if (nonce === null) return sequence(sequence(requestList));
  const extensions = sequence(buildExtension(OID.pkixOcspNonce, false, octetString(nonce)));
  return sequence(sequence(requestList, explicit(2, extensions)));
}

function readOcspRequest(reader: DerReader, nonceMaxBytes: number): OcspRequest {
  const request = reader.readSequence();
  const tbsRequest = request.readSequence();
  const signature = request.optional(constructedContextTag(0));
  request.expectEnd();
  if (signature !== null) checkSignature(signature);

  if (tbsRequest.peekTag() === constructedContextTag(0)) {
    throw tbsRequest.error('a version: v1 is the default, which DER leaves out, and there is no other,');
  }
  const requestorName = tbsRequest.optional(constructedContextTag(1));
  if (requestorName !== null) checkGeneralName(requestorName);
  const certIds = readRequestList(tbsRequest.readSequence());
  const tagged = tbsRequest.optional(constructedContextTag(2));
  tbsRequest.expectEnd();
  const nonce = tagged === null ? null : readNonce(tagged, nonceMaxBytes);
  return { certIds, nonce, signed: signature !== null };
}

function readRequestList(list: DerReader): CertId[] {
  const certIds: CertId[] = [];
  do {
    if (certIds.length === OCSP_REQUEST_MAX_CERT_IDS) {
      throw list.error(`more than ${OCSP_REQUEST_MAX_CERT_IDS} CertIDs`);
    }
    const request = list.readSequence();
    certIds.push(readCertId(request));
    const tagged = request.optional(constructedContextTag(0));
    if (tagged !== null) readExtensionsKnowing([], tagged);
    request.expectEnd();
  } while (!list.atEnd);
  return certIds;
}

function readNonce(tagged: DerReader, maxBytes: number): Buffer | null {
  const extension = readExtensionsKnowing([OID.pkixOcspNonce], tagged).get(OID.pkixOcspNonce);
  if (extension === undefined) return null;
  const nonce = DerReader.readAll(extension.value, (reader) => reader.readOctetString());
  if (nonce.length < 1 || nonce.length > maxBytes) {
    throw new OcspNonceError(`a nonce of ${nonce.length} octets, where 1 to ${maxBytes} are accepted`);
  }
  return nonce;
}

function checkGeneralName(tagged: DerReader): void {
  const start = tagged.offset;
  const tag = tagged.peekTag() ?? 0;
  if ((tag & 0xc0) !== 0x80 || (tag & 0x1f) > 8) throw tagged.error('a requestorName that is not a GeneralName', start);
  tagged.skip();
  tagged.expectEnd();
}

function checkSignature(tagged: DerReader): void {
  const signature = tagged.readSequence();
  tagged.expectEnd();
  readAlgorithmIdentifier(signature);
  signature.readBitString();
  const certs = signature.optional(constructedContextTag(0));
  signature.expectEnd();
  if (certs === null) return;
  const list = certs.readSequence();
  certs.expectEnd();
  while (!list.atEnd) list.skip(TAG.sequence);
}
