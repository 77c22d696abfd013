import { Buffer } from 'node:buffer';
import type { CertId } from './cert-id.js';
import { constructedContextTag, contextTag } from './der-tags.js';
import { bitString, enumerated, explicit, generalizedTime, octetString, oid, sequence, tlv } from './der-writer.js';
import { OID } from './object-identifiers.js';
import { REVOCATION_REASON_CODES, type RevocationReason } from './revocation-reason.js';
import type { Signer } from './signer.js';

export type CertStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revokedAt: Date; readonly reason: RevocationReason }
  | { readonly status: 'unknown' };

export interface SingleResponse {
  /** The one that was asked for: a client looks for its own hash algorithm. */
  readonly certId: CertId;
  readonly certStatus: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

/** What a BasicOCSPResponse says (RFC 6960 section 4.2.1). Times are cut to the second. */
export interface OcspResponse {
  readonly responses: readonly SingleResponse[];
  /** SHA-1 of the bits of the responder's public key. */
  readonly responderKeyHash: Uint8Array;
  readonly producedAt: Date;
  /** The contents of the request's nonce, to be echoed, or null. */
  readonly nonce: Uint8Array | null;
  /** DER of the delegated responder's certificate, or null where the issuer signs. */
  readonly certificate: Uint8Array | null;
}

const ERROR_STATUS_CODES = {
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;

/** OCSPResponseStatus of RFC 6960 section 4.2.1, without successful. */
export type OcspErrorStatus = keyof typeof ERROR_STATUS_CODES;

const RESPONDER_KEY_HASH_BYTES = 20;
const SUCCESSFUL = enumerated(0);
const BASIC = oid(OID.pkixOcspBasic);
const NONCE = oid(OID.pkixOcspNonce);
const GOOD = Buffer.of(contextTag(0), 0);
const UNKNOWN = Buffer.of(contextTag(2), 0);

const ERROR_RESPONSES = Object.fromEntries(
  Object.entries(ERROR_STATUS_CODES).map(([status, code]) => [status, sequence(enumerated(code))]),
) as Record<OcspErrorStatus, Buffer>;

/** The unsigned response of 5 bytes with this status. It is shared: not to be written to. */
export function ocspErrorResponse(status: OcspErrorStatus): Buffer {
  return ERROR_RESPONSES[status];
}

/**
 * Builds and signs an OCSPResponse with the status successful; without a nonce in memory of its own (a cache that keeps it
 * keeps nothing else).
 * Rejects with what the signer rejects with, and with RangeError where the fields make no response.
 */
export async function buildOcspResponse(response: OcspResponse, signer: Signer): Promise<Buffer> {
  const tbs = buildResponseData(response);
  const signature = await signer.sign(tbs);
  const certs = response.certificate === null ? [] : [explicit(0, sequence(response.certificate))];
  const der = wrapBasicResponse(sequence(tbs, signer.algorithm.der, bitString(signature), ...certs));
  return response.nonce === null ? unpooled(der) : der;
}

/** The OCSPResponse with the status successful around the DER of a BasicOCSPResponse. */
export function wrapBasicResponse(basic: Uint8Array): Buffer {
  return sequence(SUCCESSFUL, explicit(0, sequence(BASIC, octetString(basic))));
}

function unpooled(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

function buildResponseData(response: OcspResponse): Buffer {
  const { responses, responderKeyHash, producedAt, nonce } = response;
  if (responses.length === 0) throw new RangeError('an OCSP response needs a SingleResponse');
  if (responderKeyHash.length !== RESPONDER_KEY_HASH_BYTES) throw new RangeError('responderKeyHash is a SHA-1 hash');
  const extensions = nonce === null ? [] : [explicit(1, sequence(sequence(NONCE, octetString(octetString(nonce)))))];
  return sequence(
    explicit(2, octetString(responderKeyHash)),
    generalizedTime(producedAt),
    sequence(...responses.map(buildSingleResponse)),
    ...extensions,
  );
}

function buildSingleResponse({ certId, certStatus, thisUpdate, nextUpdate }: SingleResponse): Buffer {
  if (nextUpdate < thisUpdate) throw new RangeError('nextUpdate is before thisUpdate');
  return sequence(
    certId.der,
    buildCertStatus(certStatus),
    generalizedTime(thisUpdate),
    explicit(0, generalizedTime(nextUpdate)),
  );
}

/** The CHOICE of RFC 6960 section 4.2.1. */
export function buildCertStatus(certStatus: CertStatus): Buffer {
  switch (certStatus.status) {
    case 'good':
      return GOOD;
    case 'unknown':
      return UNKNOWN;
    case 'revoked': {
      const { revokedAt, reason } = certStatus;
      // RFC 5280 section 5.3.1: unspecified is said by leaving the reason out.
      const reasons = reason === 'unspecified' ? [] : [explicit(0, enumerated(REVOCATION_REASON_CODES[reason]))];
      return tlv(constructedContextTag(1), generalizedTime(revokedAt), ...reasons);
    }
  }
}
