import { randomBytes } from 'node:crypto';
import { buildCertId, type CertIdAlgorithm } from '../../pki/cert-id.js';
import { buildOcspRequest } from '../../pki/ocsp-request.js';
import { OCSP_RESPONSE_MAX_BYTES, OcspResponseError, parseOcspResponse } from '../../pki/ocsp-response-parser.js';
import { verifyOcspResponse, type VerifiedOcspResponse } from '../../pki/ocsp-response-verification.js';
import { formatSerialNumber } from '../../pki/serial-number.js';
import { download, DownloadError, type Download } from './download.js';
import { failedCheck, type CheckedCertificate, type StatusCheck } from './status-check.js';

const NONCE_BYTES = 32;

/** Asks the responder at this address, with a nonce, and believes it only when its answer verifies. Never rejects. */
export async function checkOcsp(
  { fields, issuer }: CheckedCertificate,
  { url, trusted, algorithm }: Pick<Download, 'url' | 'trusted'> & { readonly algorithm: CertIdAlgorithm },
  now: () => Date,
): Promise<StatusCheck> {
  const asked = { source: 'ocsp', url } as const;
  const nonce = randomBytes(NONCE_BYTES);
  const certId = buildCertId(algorithm, issuer, fields.serialNumber);
  const post = { type: 'application/ocsp-request', body: buildOcspRequest([certId], nonce) };
  try {
    const response = parseOcspResponse(await download({ url, trusted, post, maxBytes: OCSP_RESPONSE_MAX_BYTES }));
    if (response.status !== 'successful') {
      return failedCheck(asked, 'not believed', `the responder answers ${response.status}`);
    }
    return toCheck(url, await verifyOcspResponse(response, { certId, issuer, nonce }, now()));
  } catch (error) {
    if (error instanceof DownloadError) return failedCheck(asked, 'unreachable', error.message);
    if (error instanceof OcspResponseError) return failedCheck(asked, 'not believed', error.message);
    throw error;
  }
}

function toCheck(
  url: string,
  { certStatus, responder, hasNonce, thisUpdate, nextUpdate }: VerifiedOcspResponse,
): StatusCheck {
  const isRevoked = certStatus.status === 'revoked';
  const signer = responder === null ? 'the issuer' : `its responder ${formatSerialNumber(responder.serialNumber)}`;
  return {
    source: 'ocsp',
    url,
    outcome: certStatus.status,
    revokedAt: isRevoked ? certStatus.revokedAt : null,
    reason: isRevoked ? certStatus.reason : null,
    thisUpdate,
    nextUpdate,
    detail: `signed by ${signer}, ${hasNonce ? 'for this question' : 'without a nonce: it may be an earlier answer'}`,
  };
}
