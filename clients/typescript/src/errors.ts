import type { Problem } from './schemas.js';

/** Every code that this version of Certplane refuses with. A later one may have more. */
export type ErrorCode = Problem['code'];

/** One fault of a request: where it is, and what is wrong. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** Certplane refused the call: problem details of RFC 9457. The message is the detail, a sentence that helps. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** Stable, for programs. */
  readonly code: ErrorCode | (string & Record<never, never>);
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** The faults of the request, one by one, where it has any. */
  readonly errors: readonly FieldFault[];
  /** What the log and the audit trail of the server know the call by. */
  readonly requestId: string | null;
  /** Where the refusal is one for a while. */
  readonly retryAfterSeconds: number | null;
  /** All that the answer said. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(problem: Readonly<Record<string, unknown>>, status: number, retryAfterSeconds: number | null = null) {
    const detail = textOf(problem['detail']) ?? `The call was refused with the status ${status}.`;
    super(detail);
    this.code = textOf(problem['code']) ?? 'unknown';
    this.status = status;
    this.title = textOf(problem['title']) ?? '';
    this.detail = detail;
    this.errors = Array.isArray(problem['errors']) ? problem['errors'].filter(isFieldFault) : [];
    this.requestId = textOf(problem['request_id']);
    this.retryAfterSeconds = retryAfterSeconds;
    this.problem = problem;
  }
}

/** Nobody answered, or the connection broke before the answer was whole. Whether a change was made is not known. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(
    /** The origin that was asked. */
    readonly url: string,
    /** For example ECONNREFUSED, ETIMEDOUT or SELF_SIGNED_CERT_IN_CHAIN. */
    readonly code: string,
    cause: unknown,
  ) {
    super(`The connection to ${url} failed (${code}).`, { cause });
  }
}

/** What answered does not answer as Certplane does: another server, or something on the way to it. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';

  constructor(
    readonly status: number,
    readonly contentType: string,
    reason: string,
  ) {
    super(`The answer with the status ${status} is not one of Certplane: ${reason}.`);
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isFieldFault(value: unknown): value is FieldFault {
  const { field, message } = (value ?? {}) as { field?: unknown; message?: unknown };
  return typeof field === 'string' && typeof message === 'string';
}
