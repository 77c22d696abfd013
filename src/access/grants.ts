import { DomainError } from '../platform/errors/domain-error.js';
import type { Principal } from '../platform/http/caller.js';
import { NEEDS_NO_LIMIT, ROLE_PERMISSIONS, type Role } from '../platform/http/permission.js';
import { isUnlimited, isWithin, type Scope } from '../platform/http/scope.js';

/** What a key lets its holder do, and until when. */
export interface Grant {
  readonly role: Role;
  readonly scope: Scope;
  /** Null: until it is revoked. */
  readonly expiresAt: Date | null;
}

/**
 * Nobody hands out more than they have: not a permission, not an issuer, not a profile, not a day.
 * @throws DomainError forbidden
 */
export function requireWithinOwn(caller: Principal, grant: Grant): void {
  const own = caller.role === null ? null : ROLE_PERMISSIONS[caller.role];
  const lacks = [...ROLE_PERMISSIONS[grant.role]].find((permission) => own === null || !own.has(permission));
  if (lacks !== undefined) refuse(`the role ${grant.role} has the permission ${lacks}, which you don't have`);
  if (!isWithin(grant.scope, caller.scope)) refuse('you are limited to some issuers or profiles, and it is not');
  if (caller.expiresAt !== null && (grant.expiresAt === null || grant.expiresAt > caller.expiresAt)) {
    refuse(`your own key ends at ${caller.expiresAt.toISOString()}, and it would outlive that`);
  }
}

/** What is wrong with limiting a role, or null. */
export function findScopeFault(role: Role, scope: Scope): string | null {
  if (isUnlimited(scope)) return null;
  const useless = [...ROLE_PERMISSIONS[role]].every(
    (permission) => NEEDS_NO_LIMIT.has(permission) || permission === 'self:read',
  );
  return useless ? `the role ${role} can't be limited to issuers or profiles` : null;
}

function refuse(why: string): never {
  throw new DomainError('forbidden', `Nobody may give away more than they have: ${why}.`);
}
