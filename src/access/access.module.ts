import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiKeysService } from './api-keys.service.js';
import { AuthenticationGuard } from './authentication.guard.js';

@Module({
  providers: [ApiKeysService, { provide: APP_GUARD, useClass: AuthenticationGuard }],
  exports: [ApiKeysService],
})
export class AccessModule {}
