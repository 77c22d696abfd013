import type { ErrorCode } from '../errors/domain-error.js';
import { PROBLEM_CONTENT_TYPE } from './problem.js';

/** Pieces of the OpenAPI description: most are of the endpoints that the framework does not see. */
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

/** One response for these codes, which are all of one status. */
export function problemResponse(...codes: readonly ErrorCode[]) {
  const ofThese = { type: 'object', properties: { code: { enum: [...codes] } } };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: {
      [PROBLEM_CONTENT_TYPE]: { schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, ofThese] } },
    },
  };
}
