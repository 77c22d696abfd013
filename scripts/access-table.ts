import { RequestMethod, type INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { REQUIRED_PERMISSION, ROLE_PERMISSIONS, ROLES, type Permission } from '../src/platform/http/permission.js';
import { PUBLIC_ROUTE } from '../src/platform/http/public.js';

/** A route of the framework, and what its decorators say of who may use it. */
export interface RouteAccess {
  readonly method: string;
  readonly path: string;
  /** Null: nobody. */
  readonly permission: Permission | 'public' | null;
}

/** Every route, by path and method. */
export function listRoutes(nest: INestApplicationContext): RouteAccess[] {
  const controllers = [...nest.get(ModulesContainer).values()].flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => (metatype === null ? [] : [metatype as Constructor])),
  );
  return [...new Set(controllers)]
    .flatMap(routesOf)
    .sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
}

/** The table of docs/access.md. */
export function formatAccessTable(routes: readonly RouteAccess[]): string {
  const rows = routes.map(({ method, path, permission }) => [
    `\`${method} ${path.replace(/:(\w+)/g, '{$1}')}\``,
    permission === null || permission === 'public' ? (permission ?? '') : `\`${permission}\``,
    permission === 'public' ? 'everybody' : ROLES.filter((role) => mayUse(role, permission)).join(', '),
  ]);
  return formatTable([['Route', 'Permission', 'Roles'], ...rows]);
}

type Constructor = abstract new (...args: never[]) => object;

function routesOf(controller: Constructor): RouteAccess[] {
  const prefix = metadata<string>('path', controller) ?? '';
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const method = typeof handler === 'function' ? metadata<RequestMethod>('method', handler) : undefined;
    if (method === undefined) return [];
    const path = `/${prefix}/${metadata<string>('path', handler as object) ?? ''}`.replace(/\/+/g, '/');
    const isPublic = metadata<boolean>(PUBLIC_ROUTE, handler as object, controller) === true;
    const permission = metadata<Permission>(REQUIRED_PERMISSION, handler as object, controller) ?? null;
    return [
      {
        method: RequestMethod[method],
        path: path.length > 1 ? path.replace(/\/$/, '') : path,
        permission: isPublic ? 'public' : permission,
      },
    ];
  });
}

function metadata<T>(key: string, ...targets: readonly object[]): T | undefined {
  return targets
    .map((target) => Reflect.getMetadata(key, target) as T | undefined)
    .find((value) => value !== undefined);
}

function mayUse(role: (typeof ROLES)[number], permission: Permission | null): boolean {
  return permission !== null && ROLE_PERMISSIONS[role].has(permission);
}

/** As prettier writes it. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(' | ')} |`;
  const [head, ...body] = rows;
  return [
    line(head!, ' '),
    line(
      widths.map(() => ''),
      '-',
    ),
    ...body.map((row) => line(row, ' ')),
  ].join('\n');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
