import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { RefusalAuditor } from '../audit/audited.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { findPrincipal, type Principal } from '../platform/http/caller.js';
import { NEEDS_NO_LIMIT, REQUIRED_PERMISSION, ROLE_PERMISSIONS, type Permission } from '../platform/http/permission.js';
import { PUBLIC_ROUTE } from '../platform/http/public.js';
import { isUnlimited } from '../platform/http/scope.js';

/** Closes every route to whoever lacks its permission. A route that is neither public nor names one is closed to all. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly refusals: RefusalAuditor,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, targets) === true) return true;
    const permission = this.reflector.getAllAndOverride<Permission | undefined>(REQUIRED_PERMISSION, targets);
    const fault = findFault(findPrincipal(context.switchToHttp().getRequest<Request>()), permission);
    if (fault === null) return true;
    const error = new DomainError('forbidden', fault);
    // Guards stand in front of the interceptor that records what is refused behind them.
    await this.refusals.record(context, error);
    throw error;
  }
}

function findFault(principal: Principal | null, permission: Permission | undefined): string | null {
  const role = principal?.role ?? null;
  if (principal === null || role === null || permission === undefined) return 'Nobody may do that.';
  if (!ROLE_PERMISSIONS[role].has(permission)) {
    return `That needs the permission ${permission}, which the role ${role} does not have.`;
  }
  if (NEEDS_NO_LIMIT.has(permission) && !isUnlimited(principal.scope)) {
    return `That is about all issuers and profiles: ${permission} is of no use where access is limited to some.`;
  }
  return null;
}
