import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RateLimitGuard } from './rate-limit.guard.js';
import { SharedRateLimiter } from './shared-rate-limiter.js';

@Module({ providers: [SharedRateLimiter, { provide: APP_GUARD, useClass: RateLimitGuard }] })
export class RateLimitModule {}
