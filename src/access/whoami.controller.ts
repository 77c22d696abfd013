import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { NEEDS_NO_LIMIT, PERMISSIONS, Requires, ROLE_PERMISSIONS, ROLES } from '../platform/http/permission.js';
import { isUnlimited } from '../platform/http/scope.js';
import { WHOAMI_EXAMPLE } from './api-key.examples.js';

const WHOAMI = z
  .object({
    actor: z.string().describe('What the audit trail calls you: `api-key:<name>` or `client-cert:<name>`.'),
    role: z.enum(ROLES).nullable(),
    permissions: z.array(z.enum(PERMISSIONS)),
    issuer_ids: z.array(z.string()).nullable().describe('The issuers that you are limited to. Null: all.'),
    profiles: z.array(z.string()).nullable().describe('The certificate profiles that you are limited to. Null: all.'),
    expires_at: z.iso.datetime().nullable().describe('When your API key ends by itself.'),
    source_address: z.string().nullable().describe('Where the audit trail says that you are.'),
  })
  .meta({ id: 'Whoami', example: WHOAMI_EXAMPLE });

@ApiTags('access')
@Controller('api/v1/whoami')
export class WhoamiController {
  @Get()
  @Requires('self:read')
  @ApiOperation({ summary: 'Who am I, and what may I do?', operationId: 'whoami' })
  @ApiResponse({ status: 200, standardSchema: WHOAMI })
  @ApiProblems('forbidden')
  whoami(@CurrentCaller() { actor, role, scope, expiresAt, sourceAddress }: Caller): z.input<typeof WHOAMI> {
    const granted = role === null ? new Set() : ROLE_PERMISSIONS[role];
    const isUsable = (permission: (typeof PERMISSIONS)[number]): boolean =>
      granted.has(permission) && (isUnlimited(scope) || !NEEDS_NO_LIMIT.has(permission));
    return {
      actor,
      role,
      permissions: PERMISSIONS.filter(isUsable),
      issuer_ids: scope.issuerIds === null ? null : [...scope.issuerIds],
      profiles: scope.profiles === null ? null : [...scope.profiles],
      expires_at: expiresAt?.toISOString() ?? null,
      source_address: sourceAddress,
    };
  }
}
