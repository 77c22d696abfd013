import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import passport from 'passport';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Principal } from '../platform/http/caller.js';
import { PUBLIC_ROUTE } from '../platform/http/public.js';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { ApiKeysService } from './api-keys.service.js';

/** Closes every route that is not marked public. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  // Not passport's shared instance: several apps may run in one process.
  private readonly passport = new passport.Passport();

  constructor(
    private readonly reflector: Reflector,
    apiKeys: ApiKeysService,
  ) {
    this.passport.use(new ApiKeyStrategy(apiKeys));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (isPublic === true) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const principal = await this.authenticate(request, http.getResponse<Response>());
    if (principal === null) {
      throw new DomainError('unauthorized', 'A valid API key is needed: send `Authorization: Bearer <api key>`.');
    }
    request.user = principal;
    return true;
  }

  private authenticate(request: Request, response: Response): Promise<Principal | null> {
    return new Promise((resolve, reject) => {
      const decide = (error: unknown, principal: Principal | false | null | undefined): void =>
        error ? reject(error) : resolve(principal || null);
      const middleware = this.passport.authenticate('api-key', { session: false }, decide) as (
        request: Request,
        response: Response,
        next: (error: unknown) => void,
      ) => void;
      middleware(request, response, reject);
    });
  }
}
