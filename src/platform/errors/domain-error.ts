import type { PkiErrorCode } from '../../pki/pki-error.js';

/**
 * Every stable error code of the REST interface and its HTTP status. Clients may rely on the codes; they are never renamed.
 * The type keeps the list whole: a PkiError code without a status does not compile.
 */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_json: 400,
  invalid_cursor: 400,
  invalid_pem: 400,
  invalid_csr: 400,
  csr_signature_invalid: 400,
  weak_key: 400,
  unsupported_key: 400,
  compromised_key: 400,
  invalid_name: 400,
  invalid_serial_number: 400,
  invalid_certificate: 400,
  invalid_crl: 400,
  key_mismatch: 400,
  validity_exceeds_issuer: 400,
  validity_exceeds_limit: 400,
  path_length_exceeded: 400,
  hold_not_allowed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  issuer_not_found: 404,
  certificate_not_found: 404,
  api_key_not_found: 404,
  crl_not_found: 404,
  crl_published_elsewhere: 404,
  crl_not_ready: 503,
  crl_build_failed: 503,
  method_not_allowed: 405,
  issuer_exists: 409,
  issuer_not_active: 409,
  issuer_without_key: 409,
  issuer_status_conflict: 409,
  issuance_interrupted: 409,
  api_key_exists: 409,
  api_key_not_active: 409,
  last_admin_key: 409,
  idempotency_in_progress: 409,
  certificate_not_on_hold: 409,
  precondition_failed: 412,
  body_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  idempotency_key_reused: 422,
  rate_limit_exceeded: 429,
  too_many_attempts: 429,
  internal_error: 500,
  database_unavailable: 503,
} as const satisfies Record<PkiErrorCode, number> & Record<string, number>;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** One fault of a request: where it is, and what is wrong. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** What a refusal says besides its code and detail. */
export interface RefusalAdditions {
  /** Retry-After. */
  readonly retryAfterSeconds?: number;
  /** Members of the problem of their own (RFC 9457 section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** A refusal with a stable code. The detail is a sentence that helps the caller, and is safe to show. */
export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly faults: readonly FieldFault[] = [],
    readonly additions: RefusalAdditions = {},
  ) {
    super(detail);
    this.name = 'DomainError';
  }
}
