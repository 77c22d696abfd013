import { types } from 'node:util';
import { QueryFailedError } from 'typeorm';

const UNIQUE_VIOLATION = '23505';

/** True when a statement failed because a row with the same unique key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION;
}

/**
 * True when the fault lies with the connection or the server and not with the statement: network faults, no connection
 * to be had in time, and SQLSTATE classes 08 (connection), 28 and 3D (not let in, no such database), 53 (resources),
 * 57 (operator intervention), 58 (system), and 25006 (a standby, which takes no writes).
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null && /^(08|28|3D|53|57|58|25006)/.test(state)) return true;
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(cause)) return false;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (/^E(CONN|PIPE|HOST|NET|NOTFOUND|TIMEDOUT|AI_)/.test(code)) return true;
  return /connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout|not queryable|connection ended/i.test(
    cause.message,
  );
}

function sqlState(error: unknown): string | null {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(cause)) return null;
  const { code } = cause as NodeJS.ErrnoException;
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}
