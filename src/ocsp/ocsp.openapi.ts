import type { OpenAPIObject } from '@nestjs/swagger';
import { SERIAL_NUMBER_EXAMPLE } from '../certificates/certificate.examples.js';
import { binaryResponse, issuerIdParameter, problemResponse } from '../platform/http/public-openapi.js';

const responses = {
  200: binaryResponse(
    'application/ocsp-response',
    'An OCSPResponse (RFC 6960). A refusal is one too: malformedRequest, tryLater, internalError, unauthorized.',
  ),
  404: { ...problemResponse('not_found'), description: '`not_found`: OCSP is turned off here.' },
};
const requestBody = {
  required: true,
  content: { 'application/ocsp-request': { schema: { type: 'string' as const, format: 'binary' } } },
};
const post = (summary: string, operationId: string, parameters: (typeof issuerIdParameter)[]) => ({
  post: { tags: ['relying parties'], summary, operationId, security: [], parameters, requestBody, responses },
});
const get = (summary: string, operationId: string, name: string, description: string) => ({
  get: {
    tags: ['relying parties'],
    summary,
    operationId,
    security: [],
    parameters: [
      issuerIdParameter,
      {
        name,
        in: 'path' as const,
        required: true,
        description,
        schema: { type: 'string' as const },
        example: SERIAL_NUMBER_EXAMPLE,
      },
    ],
    responses: { ...responses, 304: { description: 'The copy that If-None-Match names is still right.' } },
  },
});

export const OCSP_PATHS: OpenAPIObject['paths'] = {
  '/.well-known/pki/ocsp': post('Ask for a status; the CertID finds the issuer', 'ocspPost', []),
  '/.well-known/pki/ocsp/{issuer_id}': post('Ask an issuer for a status', 'ocspPostToIssuer', [issuerIdParameter]),
  '/.well-known/pki/ocsp/{issuer_id}/{request}': get(
    'Ask an issuer for a status by GET (RFC 6960 appendix A.1), or by a serial number alone',
    'ocspGet',
    'request',
    'The base64 of the OCSPRequest, or in the short form the serial number in hexadecimal.',
  ),
};
