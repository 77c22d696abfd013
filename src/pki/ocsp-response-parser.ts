import type { Buffer } from 'node:buffer';
import { type CertId, readCertId } from './cert-id.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG, constructedContextTag, contextTag } from './der-tags.js';
import { type SignatureScheme, readSignatureScheme } from './foreign-signature.js';
import { OID } from './object-identifiers.js';
import type { CertStatus, OcspErrorStatus } from './ocsp-response.js';
import { findRevocationReason } from './revocation-reason.js';
import { readExtensionsKnowing, readName } from './x509-elements.js';

/** What one with a few certificates and a long signature may need. */
export const OCSP_RESPONSE_MAX_BYTES = 65_536;
const MAX_RESPONSES = 16;
const MAX_CERTIFICATES = 4;

/** What is said of one certificate. */
export interface ParsedSingleResponse {
  readonly certId: CertId;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
}

/** A BasicOCSPResponse. The buffers are views of its DER; no signature is verified. */
export interface ParsedOcspResponse {
  readonly status: 'successful';
  /** The one of the two ways to name the responder that is used: its Name, or the SHA-1 of its public key. */
  readonly responderId: { readonly nameDer: Buffer } | { readonly keyHash: Buffer };
  readonly producedAt: Date;
  readonly responses: readonly ParsedSingleResponse[];
  readonly nonce: Buffer | null;
  /** DER of the certificates that came along. */
  readonly certificates: readonly Buffer[];
  /** The DER of what is signed. */
  readonly tbs: Buffer;
  /** Null for an algorithm that is not accepted. */
  readonly scheme: SignatureScheme | null;
  readonly signature: Buffer;
}

/** The bytes are no OCSP response, or not one that may be believed. The message is a sentence. */
export class OcspResponseError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OcspResponseError';
  }
}

const ERROR_STATUSES = new Map<number, OcspErrorStatus>([
  [1, 'malformedRequest'],
  [2, 'internalError'],
  [3, 'tryLater'],
  [5, 'sigRequired'],
  [6, 'unauthorized'],
]);

/** Reads an OCSPResponse (RFC 6960 section 4.2.1). Unknown critical extensions are refused. Throws only OcspResponseError. */
export function parseOcspResponse(der: Uint8Array): ParsedOcspResponse | { readonly status: OcspErrorStatus } {
  if (der.length > OCSP_RESPONSE_MAX_BYTES) {
    throw new OcspResponseError(`The OCSP response has more than ${OCSP_RESPONSE_MAX_BYTES} bytes.`);
  }
  try {
    return DerReader.readAll(der, readResponse);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new OcspResponseError(`The OCSP response is malformed: ${error.message}.`);
  }
}

function readResponse(reader: DerReader): ParsedOcspResponse | { readonly status: OcspErrorStatus } {
  const response = reader.readSequence();
  const start = response.offset;
  const code = response.readEnumerated();
  const tagged = response.optional(constructedContextTag(0));
  response.expectEnd();
  if (code !== 0) {
    const status = ERROR_STATUSES.get(code);
    if (status === undefined) throw response.error(`the unknown status ${code}`, start);
    return { status };
  }
  if (tagged === null) throw response.error('a successful response without contents', start);
  const responseBytes = tagged.readSequence();
  tagged.expectEnd();
  const type = responseBytes.readOid();
  if (type !== OID.pkixOcspBasic) throw responseBytes.error(`the response type ${type}`);
  const basic = responseBytes.readOctetString();
  responseBytes.expectEnd();
  return DerReader.readAll(basic, readBasicResponse);
}

function readBasicResponse(reader: DerReader): ParsedOcspResponse {
  const basic = reader.readSequence();
  const tbs = basic.fork().readElement(TAG.sequence);
  const data = readResponseData(basic.readSequence());
  const scheme = readSignatureScheme(basic.readSequence());
  const signature = basic.readBitString();
  const list = basic.optional(constructedContextTag(0))?.readSequence();
  basic.expectEnd();
  const certificates = list === undefined ? [] : readCertificates(list);
  return { status: 'successful', ...data, certificates, tbs, scheme, signature };
}

function readCertificates(list: DerReader): Buffer[] {
  const certificates: Buffer[] = [];
  while (!list.atEnd) {
    if (certificates.length === MAX_CERTIFICATES) throw list.error(`more than ${MAX_CERTIFICATES} certificates`);
    certificates.push(list.readElement(TAG.sequence));
  }
  return certificates;
}

type ResponseData = Pick<ParsedOcspResponse, 'responderId' | 'producedAt' | 'responses' | 'nonce'>;

function readResponseData(data: DerReader): ResponseData {
  if (data.peekTag() === constructedContextTag(0))
    throw data.error('a version: v1 is the default, which DER leaves out,');
  const responderId = readResponderId(data);
  const producedAt = data.readGeneralizedTime();
  const list = data.readSequence();
  const responses: ParsedSingleResponse[] = [];
  while (!list.atEnd) {
    if (responses.length === MAX_RESPONSES) throw list.error(`more than ${MAX_RESPONSES} SingleResponses`);
    responses.push(readSingleResponse(list.readSequence()));
  }
  const tagged = data.optional(constructedContextTag(1));
  data.expectEnd();
  const extensions = tagged === null ? null : readExtensionsKnowing([OID.pkixOcspNonce], tagged);
  const nonce = extensions?.get(OID.pkixOcspNonce);
  return {
    responderId,
    producedAt,
    responses,
    nonce: nonce === undefined ? null : DerReader.readAll(nonce.value, (reader) => reader.readOctetString()),
  };
}

function readResponderId(data: DerReader): ParsedOcspResponse['responderId'] {
  const byName = data.optional(constructedContextTag(1));
  const choice = byName ?? data.read(constructedContextTag(2));
  const responderId = byName === null ? { keyHash: choice.readOctetString() } : { nameDer: readName(choice) };
  choice.expectEnd();
  return responderId;
}

function readSingleResponse(single: DerReader): ParsedSingleResponse {
  const certId = readCertId(single);
  const certStatus = readCertStatus(single);
  const thisUpdate = single.readGeneralizedTime();
  const next = single.optional(constructedContextTag(0));
  const nextUpdate = next?.readGeneralizedTime() ?? null;
  next?.expectEnd();
  const extensions = single.optional(constructedContextTag(1));
  if (extensions !== null) readExtensionsKnowing([], extensions);
  single.expectEnd();
  return { certId, certStatus, thisUpdate, nextUpdate };
}

/** The CHOICE of RFC 6960 section 4.2.1. */
function readCertStatus(single: DerReader): CertStatus {
  const start = single.offset;
  switch (single.peekTag()) {
    case contextTag(0):
      if (single.readBytes(contextTag(0)).length > 0) throw single.error('a status good with contents', start);
      return { status: 'good' };
    case contextTag(2):
      if (single.readBytes(contextTag(2)).length > 0) throw single.error('a status unknown with contents', start);
      return { status: 'unknown' };
    default:
      return readRevokedInfo(single.read(constructedContextTag(1)));
  }
}

function readRevokedInfo(info: DerReader): CertStatus {
  const revokedAt = info.readGeneralizedTime();
  const start = info.offset;
  const tagged = info.optional(constructedContextTag(0));
  info.expectEnd();
  if (tagged === null) return { status: 'revoked', revokedAt, reason: 'unspecified' };
  const reason = findRevocationReason(tagged.readEnumerated());
  tagged.expectEnd();
  if (reason === null) throw info.error('an unknown revocation reason', start);
  return { status: 'revoked', revokedAt, reason };
}
