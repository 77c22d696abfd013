import { SetMetadata } from '@nestjs/common';

/** Every permission there is. A route needs exactly one, or is public. */
export const PERMISSIONS = [
  'issuers:read',
  'issuers:manage',
  'certificates:read',
  'certificates:issue',
  'certificates:revoke',
  'certificates:export',
  'ocsp:read',
  'ocsp:manage',
  'crl:admin',
  'audit:read',
  'api_keys:manage',
  'metrics:read',
  'self:read',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ['admin', 'operator', 'viewer', 'auditor', 'metrics'] as const;
export type Role = (typeof ROLES)[number];

/** What each role may do. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  admin: new Set(PERMISSIONS),
  operator: new Set([
    'issuers:read',
    'certificates:read',
    'certificates:issue',
    'certificates:revoke',
    'certificates:export',
    'ocsp:read',
    'metrics:read',
    'self:read',
  ]),
  viewer: new Set(['issuers:read', 'certificates:read', 'ocsp:read', 'metrics:read', 'self:read']),
  auditor: new Set(['audit:read', 'self:read']),
  metrics: new Set(['metrics:read']),
};

/** What can't be cut down to some issuers or profiles: only those may who are limited to none. */
export const NEEDS_NO_LIMIT: ReadonlySet<Permission> = new Set(['audit:read', 'metrics:read']);

/** Metadata key of the permission that a route needs. */
export const REQUIRED_PERMISSION = 'certplane:permission';

/** Closes a route to everybody without this permission. A route that has neither this nor `Public` answers nobody. */
export const Requires = (permission: Permission): MethodDecorator & ClassDecorator =>
  SetMetadata(REQUIRED_PERMISSION, permission);
