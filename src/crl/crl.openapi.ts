import type { OpenAPIObject } from '@nestjs/swagger';
import { binaryResponse, issuerIdParameter, problemResponse } from '../platform/http/public-openapi.js';

const answer = (operationId: string) => ({
  get: {
    tags: ['relying parties'],
    summary: 'The complete CRL of an issuer (DER)',
    description: 'ETag, Last-Modified, If-None-Match, If-Modified-Since, HEAD and gzip are understood.',
    operationId,
    security: [],
    parameters: [issuerIdParameter],
    responses: {
      200: binaryResponse('application/pkix-crl', 'The CRL (RFC 5280).'),
      304: { description: 'The copy that the request names is still right.' },
      404: problemResponse('issuer_not_found'),
      503: problemResponse('crl_not_ready', 'database_unavailable'),
    },
  },
});

export const CRL_PATHS: OpenAPIObject['paths'] = {
  '/.well-known/pki/crl/{issuer_id}': answer('getCrl'),
  '/.well-known/pki/crl/{issuer_id}.crl': answer('getCrlWithExtension'),
};
