import type { OpenAPIObject } from '@nestjs/swagger';
import { binaryResponse, issuerIdParameter, problemResponse } from '../platform/http/public-openapi.js';

const answer = (summary: string, operationId: string, contentType: string) => ({
  get: {
    tags: ['relying parties'],
    summary,
    operationId,
    security: [],
    parameters: [issuerIdParameter],
    responses: {
      200: binaryResponse(contentType, 'The certificate.'),
      304: { description: 'The copy that If-None-Match names is still right.' },
      404: problemResponse('issuer_not_found'),
      500: problemResponse('internal_error'),
      503: problemResponse('database_unavailable'),
    },
  },
});

export const CA_CERTIFICATE_PATHS: OpenAPIObject['paths'] = {
  '/.well-known/pki/ca/{issuer_id}': answer('The CA certificate (DER)', 'getCaCertificate', 'application/pkix-cert'),
  '/.well-known/pki/ca/{issuer_id}.pem': answer(
    'The CA certificate (PEM)',
    'getCaCertificatePem',
    'application/x-pem-file',
  ),
  '/.well-known/pki/ca/{issuer_id}.p7c': answer(
    'The CA certificate and those above it (PKCS #7, certificates only)',
    'getCaCertificateChain',
    'application/pkcs7-mime',
  ),
};
