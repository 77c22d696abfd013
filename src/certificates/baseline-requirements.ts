import { formatDuration } from '../platform/config/duration.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';

/** CA/B BR section 6.3.2: the longest lifetime of a TLS certificate that is issued on or after a day. */
const TLS_LIFETIMES = [
  { from: Date.UTC(2029, 2, 15), days: 47 },
  { from: Date.UTC(2027, 2, 15), days: 100 },
  { from: Date.UTC(2026, 2, 15), days: 200 },
  { from: 0, days: 398 },
] as const;

/** The longest lifetime, in seconds, that the Baseline Requirements allow a TLS certificate issued now. */
export function maxTlsLifetimeSeconds(now: Date): number {
  return TLS_LIFETIMES.find(({ from }) => now.getTime() >= from)!.days * 86_400;
}

/** @throws DomainError validity_exceeds_limit when the issuer keeps to the Baseline Requirements and this is too long */
export function checkTlsLifetime(issuer: IssuerEntity, seconds: number, now: Date): void {
  if (!issuer.baselineRequirements) return;
  const limit = maxTlsLifetimeSeconds(now);
  if (seconds <= limit) return;
  throw new DomainError(
    'validity_exceeds_limit',
    `The issuer ${issuer.id} keeps to the CA/B Baseline Requirements, which allow ${formatDuration(limit)} today; ` +
      `${formatDuration(seconds)} was asked for.`,
  );
}
