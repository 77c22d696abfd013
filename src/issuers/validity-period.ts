import { addSeconds, truncateToSecond, BACKDATE_SECONDS } from '../platform/clock/clock.js';
import { formatDuration } from '../platform/config/duration.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { IssuerEntity } from './issuer.entity.js';

/**
 * The validity period of a certificate that is made now. It lasts exactly `seconds`, both ends included (RFC 5280
 * section 4.1.2.5), and begins a little in the past.
 * @throws DomainError validity_exceeds_issuer
 */
export function validityPeriod(
  now: Date,
  seconds: number,
  issuer: IssuerEntity | null = null,
): { notBefore: Date; notAfter: Date } {
  // Short-lived certificates give up a tenth of their life at most.
  const backdated = truncateToSecond(addSeconds(now, -Math.min(BACKDATE_SECONDS, Math.floor(seconds / 10))));
  const notBefore = issuer !== null && issuer.notBefore > backdated ? issuer.notBefore : backdated;
  const notAfter = addSeconds(notBefore, seconds - 1);
  if (issuer !== null && notAfter > issuer.notAfter) {
    const left = Math.max(0, Math.floor((issuer.notAfter.getTime() - now.getTime()) / 1000));
    throw new DomainError(
      'validity_exceeds_issuer',
      `A validity of ${formatDuration(seconds)} would outlive the issuer ${issuer.id}, which expires on ` +
        `${issuer.notAfter.toISOString()}. Ask for at most ${describeRest(left)}.`,
    );
  }
  return { notBefore, notAfter };
}

function describeRest(seconds: number): string {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)}d`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}h` : `${seconds}s`;
}
