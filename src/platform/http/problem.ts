import { HttpException, NotFoundException } from '@nestjs/common';
import { isDatabaseUnavailable } from '../database/database-error.js';
import { DomainError, ERROR_STATUS, type ErrorCode, type FieldFault } from '../errors/domain-error.js';
import { PkiError } from '../../pki/pki-error.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** Problem details of RFC 9457, with a stable `code`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly request_id?: string;
  readonly errors?: readonly FieldFault[];
}

export function createProblem(code: ErrorCode, detail: string, faults: readonly FieldFault[] = []): Problem {
  const words = code.replaceAll('_', ' ');
  return {
    type: `urn:certplane:error:${code}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: ERROR_STATUS[code],
    detail,
    code,
    ...(faults.length > 0 ? { errors: faults } : {}),
  };
}

/** The problem that tells of an error. What is not a refusal of ours becomes internal_error, and says nothing of its cause. */
export function problemOf(error: unknown): Problem {
  if (error instanceof DomainError) {
    return { ...createProblem(error.code, error.detail, error.faults), ...error.additions.members };
  }
  if (error instanceof PkiError) return createProblem(error.code, error.message);
  if (error instanceof NotFoundException) return createProblem('not_found', 'There is nothing at this path.');
  if (isDatabaseUnavailable(error)) {
    return createProblem(
      'database_unavailable',
      'The database did not answer. Whether a change was made is not known: repeat the call.',
    );
  }
  return problemOfHttpStatus(httpStatusOf(error));
}

function httpStatusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { status } = error as { status?: unknown };
  return typeof status === 'number' ? status : 500;
}

function problemOfHttpStatus(status: number): Problem {
  switch (status) {
    case 400:
      return createProblem('invalid_json', 'The request body is not valid JSON.');
    case 401:
      return createProblem('unauthorized', 'An API key is needed: send `Authorization: Bearer <api key>`.');
    case 403:
      return createProblem('forbidden', 'This API key may not do that.');
    case 405:
      return createProblem('method_not_allowed', 'This path does not know this method.');
    case 413:
      return createProblem('body_too_large', 'The request body is larger than CERTPLANE_MAX_BODY_SIZE.');
    case 415:
      return createProblem('unsupported_media_type', 'The request body must be application/json in UTF-8.');
    default:
      return createProblem(
        'internal_error',
        'Something went wrong here. The log holds the details under this request id.',
      );
  }
}
