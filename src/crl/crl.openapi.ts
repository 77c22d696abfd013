import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorCode } from '../platform/errors/domain-error.js';
import { binaryResponse, issuerIdParameter, problemResponse } from '../platform/http/public-openapi.js';
import { CRL_CONTENT_TYPE, CRL_PEM_CONTENT_TYPE } from './crl-headers.js';

const UNDERSTOOD =
  'ETag, Last-Modified, the conditional headers, HEAD, one range of bytes (Range, If-Range) and gzip are understood.';

const shardParameter = {
  name: 'shard',
  in: 'path' as const,
  required: true,
  description: 'In decimal, from 0, as in the CRL distribution point of the certificates that are on it.',
  schema: { type: 'integer' as const, minimum: 0, maximum: 1023 },
  example: 0,
};

interface CrlResource {
  readonly path: string;
  /** What the identifiers of its operations begin with. */
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly (typeof issuerIdParameter | typeof shardParameter)[];
  readonly absent: readonly ErrorCode[];
}

const RESOURCES: readonly CrlResource[] = [
  {
    path: '/.well-known/pki/crl/{issuer_id}',
    operationId: 'getCrl',
    summary: 'The complete CRL of an issuer',
    parameters: [issuerIdParameter],
    absent: ['issuer_not_found', 'crl_published_elsewhere'],
  },
  {
    path: '/.well-known/pki/crl/{issuer_id}/{shard}',
    operationId: 'getCrlShard',
    summary: 'A shard of the CRL of an issuer',
    parameters: [issuerIdParameter, shardParameter],
    absent: ['issuer_not_found', 'crl_not_found', 'crl_published_elsewhere'],
  },
  {
    path: '/.well-known/pki/crl/{issuer_id}/delta',
    operationId: 'getDeltaCrl',
    summary: 'The delta CRL of an issuer, which goes with its complete CRL',
    parameters: [issuerIdParameter],
    absent: ['issuer_not_found', 'crl_not_found', 'crl_published_elsewhere'],
  },
];

const FORMS = [
  { ending: '', suffix: '', name: 'DER', contentType: CRL_CONTENT_TYPE },
  { ending: '.crl', suffix: 'WithExtension', name: 'DER', contentType: CRL_CONTENT_TYPE },
  { ending: '.pem', suffix: 'Pem', name: 'PEM', contentType: CRL_PEM_CONTENT_TYPE },
] as const;

const answer = (resource: CrlResource, form: (typeof FORMS)[number]) => ({
  get: {
    tags: ['relying parties'],
    summary: `${resource.summary} (${form.name})`,
    description: UNDERSTOOD,
    operationId: `${resource.operationId}${form.suffix}`,
    security: [],
    parameters: [...resource.parameters],
    responses: {
      200: binaryResponse(form.contentType, 'The CRL (RFC 5280).'),
      206: binaryResponse(form.contentType, 'The bytes that Range names.'),
      304: { description: 'The copy that the request names is still right.' },
      404: problemResponse(...resource.absent),
      412: problemResponse('precondition_failed'),
      416: problemResponse('range_not_satisfiable'),
      500: problemResponse('internal_error'),
      503: problemResponse('crl_not_ready', 'database_unavailable'),
    },
  },
});

export const CRL_PATHS: OpenAPIObject['paths'] = Object.fromEntries(
  RESOURCES.flatMap((resource) => FORMS.map((form) => [resource.path + form.ending, answer(resource, form)])),
);
