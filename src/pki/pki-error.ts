/** What is wrong with a thing that somebody handed in. The message says what and how to mend it, and is safe to show. */
export type PkiErrorCode =
  | 'invalid_pem'
  | 'invalid_csr'
  | 'csr_signature_invalid'
  | 'weak_key'
  | 'unsupported_key'
  | 'invalid_name'
  | 'invalid_serial_number'
  | 'invalid_certificate'
  | 'invalid_crl'
  | 'key_mismatch';

export class PkiError extends Error {
  constructor(
    readonly code: PkiErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'PkiError';
  }
}
