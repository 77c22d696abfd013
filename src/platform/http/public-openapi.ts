import type { ErrorCode } from '../errors/domain-error.js';
import { PROBLEM_CONTENT_TYPE } from './problem.js';

/** Pieces of the OpenAPI description of the endpoints that the framework does not see. */
export const issuerIdParameter = {
  name: 'issuer_id',
  in: 'path' as const,
  required: true,
  schema: { type: 'string' as const },
  example: 'iss-local',
};

export function binaryResponse(contentType: string, description: string) {
  return { description, content: { [contentType]: { schema: { type: 'string' as const, format: 'binary' } } } };
}

export function problemResponse(...codes: readonly ErrorCode[]) {
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
