import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/env.js';
import { DomainError } from '../errors/domain-error.js';
import type { Principal } from '../http/caller.js';
import { RefusedCalls } from '../http/refused-calls.js';
import { SharedRateLimiter } from './shared-rate-limiter.js';

/** Limits the calls of each principal. Stands behind authentication: routes that are public have no principal, and no limit here. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly policy: string;

  constructor(
    private readonly limiter: SharedRateLimiter,
    private readonly refused: RefusedCalls,
    @Inject(CONFIG) config: Config,
  ) {
    const { rps, burst } = config.rateLimit;
    this.policy = `"default";q=${burst};w=${rps === 0 ? 0 : Math.ceil(burst / rps)}`;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const principal = request.user as Principal | undefined;
    if (principal === undefined) return true;
    const state = await this.limiter.take(principal.actor);
    if (state === null) return true;
    const response = http.getResponse<Response>();
    response.setHeader('RateLimit-Policy', this.policy);
    response.setHeader('RateLimit', `"default";r=${state.remaining};t=${state.resetSeconds}`);
    if (state.allowed) return true;
    this.refused.note(request, 'rate_limit_exceeded');
    const { retryAfterSeconds } = state;
    throw new DomainError(
      'rate_limit_exceeded',
      `Too many calls in a short time. Wait ${retryAfterSeconds} s and try again.`,
      [],
      { retryAfterSeconds, members: { retry_after_seconds: retryAfterSeconds } },
    );
  }
}
