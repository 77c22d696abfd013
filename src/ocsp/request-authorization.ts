import type { IssuerIdentity } from '../issuers/issuer-directory.js';
import type { OcspRequest } from '../pki/ocsp-request.js';
import { isSignedByRequester } from '../pki/ocsp-request-signature.js';
import { OcspRefusal } from './ocsp-refusal.js';

/** True when the issuer answers whoever asks in this way, without a look at a signature. */
export function isOpenTo(issuer: IssuerIdentity, { signed }: OcspRequest): boolean {
  return issuer.ocspRequestSignature === 'ignore' || (issuer.ocspRequestSignature === 'verify' && !signed);
}

/**
 * Checks a request's signature as its issuer asks for (RFC 6960 section 4.1.2).
 * @param bytes the request; null for a short form, which can't be signed
 * @throws OcspRefusal sigRequired, unauthorized
 */
export async function authorizeRequest(
  issuer: IssuerIdentity,
  request: OcspRequest,
  bytes: Buffer | null,
  now: Date,
): Promise<void> {
  if (isOpenTo(issuer, request)) return;
  if (!request.signed || bytes === null) throw new OcspRefusal('sigRequired');
  if (!(await isSignedByRequester(bytes, issuer.ocspRequesterCasDer, now))) throw new OcspRefusal('unauthorized');
}
