import { StandardSchemaValidationPipe } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.js';

type PathSegment = PropertyKey | { readonly key: PropertyKey };

/** Checks bodies, queries and parameters against the zod schemas that their decorators name. */
export function createValidationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const faults = issues
        .slice(0, 50)
        .map((issue) => ({ field: formatPath(issue.path ?? []), message: issue.message }));
      const sentences = faults
        .slice(0, 5)
        .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
      return new DomainError('invalid_request', sentences.join('; '), faults);
    },
  });
}

function formatPath(path: readonly PathSegment[]): string {
  return path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.');
}
