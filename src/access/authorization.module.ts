import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { PermissionGuard } from './permission.guard.js';

/** Apart from authentication, so that the general rate limit stands between: what is refused is limited too. */
@Module({ providers: [{ provide: APP_GUARD, useClass: PermissionGuard }] })
export class AuthorizationModule {}
