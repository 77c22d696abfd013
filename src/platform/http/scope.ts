import { DomainError } from '../errors/domain-error.js';

/** What somebody may see and act upon, of all that their role allows. Null is no limit. */
export interface Scope {
  readonly issuerIds: readonly string[] | null;
  readonly profiles: readonly string[] | null;
}

/** No limit at all. */
export const EVERYTHING: Scope = { issuerIds: null, profiles: null };

export function hasIssuer({ issuerIds }: Scope, issuerId: string): boolean {
  return issuerIds === null || issuerIds.includes(issuerId);
}

export function hasProfile({ profiles }: Scope, profile: string): boolean {
  return profiles === null || profiles.includes(profile);
}

/** Whether a certificate of this issuer and profile is within the scope. */
export function hasCertificate(
  scope: Scope,
  { issuerId, profile }: { readonly issuerId: string; readonly profile: string },
): boolean {
  return hasIssuer(scope, issuerId) && hasProfile(scope, profile);
}

export function isUnlimited({ issuerIds, profiles }: Scope): boolean {
  return issuerIds === null && profiles === null;
}

/** Whether all of `inner` is within `outer`. */
export function isWithin(inner: Scope, outer: Scope): boolean {
  return isSubset(inner.issuerIds, outer.issuerIds) && isSubset(inner.profiles, outer.profiles);
}

/** @throws DomainError forbidden */
export function requireProfile(scope: Scope, profile: string): void {
  if (hasProfile(scope, profile)) return;
  throw new DomainError(
    'forbidden',
    `You may act on certificates of these profiles only: ${scope.profiles!.join(', ')}. This is about the profile ${profile}.`,
  );
}

function isSubset(inner: readonly string[] | null, outer: readonly string[] | null): boolean {
  if (outer === null) return true;
  return inner !== null && inner.every((item) => outer.includes(item));
}
