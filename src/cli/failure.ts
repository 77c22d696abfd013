import { ConnectionError, ProblemError, UnexpectedAnswerError } from '../../clients/typescript/src/errors.js';
import { OcspResponseError } from '../pki/ocsp-response-parser.js';
import { PkiError } from '../pki/pki-error.js';
import { EXIT, type ExitCode } from './command.js';

/** Something that went wrong, told in a sentence. The hint says what to do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    message: string,
    readonly code: string,
    readonly exitCode: ExitCode,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

/** The command line is wrong, or a file that it names can't be used. */
export function usageFailure(message: string, hint: string | null = null): Failure {
  return new Failure(message, 'usage', EXIT.usage, hint);
}

/** What is asked for isn't there, or isn't as it must be. */
export function refusal(code: string, message: string, hint: string | null = null): Failure {
  return new Failure(message, code, EXIT.refused, hint);
}

/** What is told of an error, for people and as JSON. */
export interface FailureReport {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly status?: number;
  readonly requestId?: string | null;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

/** @param keySource where the API key came from, to be named where it is refused */
export function reportFailure(error: unknown, keySource: string | null): FailureReport {
  if (error instanceof Failure) {
    return { exitCode: error.exitCode, code: error.code, message: error.message, hint: error.hint };
  }
  if (error instanceof ProblemError) return reportProblem(error, keySource);
  if (error instanceof ConnectionError) {
    const { code, url } = error;
    return {
      exitCode: EXIT.noConnection,
      code: 'no_connection',
      message: error.message,
      hint: hintOfConnection(code, url),
    };
  }
  if (error instanceof UnexpectedAnswerError) {
    const hint = 'Is this the address of Certplane? --url and CERTPLANE_URL name it.';
    return { exitCode: EXIT.noConnection, code: 'unexpected_answer', message: error.message, hint };
  }
  if (error instanceof PkiError || error instanceof OcspResponseError) {
    const code = error instanceof PkiError ? error.code : 'invalid_ocsp_response';
    return { exitCode: EXIT.usage, code, message: error.message, hint: null };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: EXIT.fault, code: 'fault', message, hint: 'This should not happen. Please report it.' };
}

function reportProblem(error: ProblemError, keySource: string | null): FailureReport {
  const { code, status, detail, errors, requestId } = error;
  const hint = hintOfProblem(error, keySource);
  return { exitCode: EXIT.refused, code, message: detail, hint, status, requestId, errors };
}

const LISTS: Readonly<Record<string, string>> = {
  issuer_not_found: '`certplane issuers list` shows those that there are.',
  certificate_not_found: '`certplane certificates list` shows those that there are.',
  api_key_not_found: '`certplane keys list` shows those that there are.',
  forbidden: '`certplane whoami` shows what you may do.',
};

function hintOfProblem({ code, retryAfterSeconds }: ProblemError, keySource: string | null): string | null {
  if (code === 'unauthorized' && keySource !== null) {
    return `The API key is from ${keySource}. --key-file or CERTPLANE_API_KEY_FILE names another.`;
  }
  if (retryAfterSeconds !== null) return `Try again in ${retryAfterSeconds} s.`;
  return LISTS[code] ?? null;
}

const NOT_TRUSTED = /SELF_SIGNED|UNABLE_TO|CERT_|DEPTH_ZERO/;

function hintOfConnection(code: string, url: string): string {
  if (code === 'ECONNREFUSED') {
    return 'Is Certplane running? `npm start` starts it; --url or CERTPLANE_URL names another address.';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate of ${url} is for another name: give the address by that name with --url.`;
  }
  if (NOT_TRUSTED.test(code)) {
    return 'Its certificate is not trusted: name the CA with --ca or CERTPLANE_CA_FILE (`ca.pem` in the data directory of the server).';
  }
  if (/SSL|EPROTO|HPE_/.test(code)) return 'Is this the HTTPS port? By default it is 8443.';
  return 'Check the address (--url or CERTPLANE_URL) and the network.';
}
