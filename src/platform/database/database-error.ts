import { QueryFailedError } from 'typeorm';

const UNIQUE_VIOLATION = '23505';

/** True when a statement failed because a row with the same unique key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION;
}

/**
 * True when the fault lies with the connection or the server and not with the statement: network faults, no connection
 * to be had in time, and SQLSTATE classes 08 (connection), 53 (resources), 57 (operator intervention).
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null && /^(08|53|57)/.test(state)) return true;
  const cause = error instanceof QueryFailedError ? (error.driverError as Error) : error;
  if (!(cause instanceof Error)) return false;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (/^E(CONN|PIPE|HOST|NET|TIMEDOUT|AI_)/.test(code)) return true;
  return /connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout|not queryable|connection ended/i.test(
    cause.message,
  );
}

function sqlState(error: unknown): string | null {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!(cause instanceof Error)) return null;
  const { code } = cause as NodeJS.ErrnoException;
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}
