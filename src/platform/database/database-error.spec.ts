import { QueryFailedError } from 'typeorm';
import { isDatabaseUnavailable, isUniqueViolation } from './database-error.js';

const fault = (code: string | undefined, message = 'a fault') =>
  Object.assign(new Error(message), code === undefined ? {} : { code });
const failed = (driverError: Error) => new QueryFailedError('SELECT 1', [], driverError);

describe('isDatabaseUnavailable', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
  ])('sees the network fault %s, bare and inside what TypeORM throws', (code) => {
    expect(isDatabaseUnavailable(fault(code))).toBe(true);
    expect(isDatabaseUnavailable(failed(fault(code)))).toBe(true);
  });

  it.each(['08006', '28P01', '3D000', '53300', '57P01', '57P03', '58030', '25006'])('sees SQLSTATE %s', (code) => {
    expect(isDatabaseUnavailable(fault(code))).toBe(true);
    expect(isDatabaseUnavailable(failed(fault(code)))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ])('sees the driver’s "%s"', (message) => {
    expect(isDatabaseUnavailable(fault(undefined, message))).toBe(true);
  });

  it.each([fault('23505'), fault('42P01'), fault('22P02'), fault('ENOENT'), fault(undefined), failed(fault('23503'))])(
    'leaves other faults alone: %s',
    (error) => {
      expect(isDatabaseUnavailable(error)).toBe(false);
    },
  );

  it.each([null, undefined, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])('takes %j for no error', (value) => {
    expect(isDatabaseUnavailable(value)).toBe(false);
  });
});

describe('isUniqueViolation', () => {
  it('sees SQLSTATE 23505 only', () => {
    expect(isUniqueViolation(failed(fault('23505')))).toBe(true);
    expect(isUniqueViolation(failed(fault('23503')))).toBe(false);
    expect(isUniqueViolation(null)).toBe(false);
  });
});
