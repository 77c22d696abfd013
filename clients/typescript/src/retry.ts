import { ConnectionError, ProblemError } from './errors.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
const UNAVAILABLE = [502, 503, 504];

/** The pause before the next attempt in milliseconds, or null where another would be of no use. @param attempt counts from 0 */
export function pauseBeforeRetry(error: unknown, attempt: number): number | null {
  if (error instanceof ConnectionError) return TLS_FAULT.test(error.code) ? null : backOff(attempt);
  if (!(error instanceof ProblemError) || !passesByItself(error)) return null;
  if (error.retryAfterSeconds === null) return backOff(attempt);
  const asked = error.retryAfterSeconds * 1000;
  return asked <= LONGEST_PAUSE_MS ? asked : null;
}

/** Waits, unless the signal says that nobody waits any more: then rejects with its reason. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** A certificate that is not trusted is not trusted a moment later either. */
const TLS_FAULT = /CERT|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO/;

function passesByItself({ status, code }: ProblemError): boolean {
  return UNAVAILABLE.includes(status) || code === 'rate_limit_exceeded' || code === 'idempotency_in_progress';
}

/** Twice as long each time, and never in step with others. */
function backOff(attempt: number): number {
  return FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random());
}
