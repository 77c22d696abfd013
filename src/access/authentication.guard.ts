import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import passport from 'passport';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { tellSourceAddress, type Principal } from '../platform/http/caller.js';
import { createClientAddressResolver, type ClientAddressResolver } from '../platform/http/client-address.js';
import { PUBLIC_ROUTE } from '../platform/http/public.js';
import { AccessRefusals } from './access-refusals.js';
import { ApiKeyAuthentication } from './api-key-authentication.js';
import { ApiKeyStrategy } from './api-key.strategy.js';
import { ClientCertificateAuthentication } from './client-certificate-authentication.js';
import { ClientCertificateStrategy } from './client-certificate.strategy.js';
import { KeyAttempts } from './key-attempts.js';

type Middleware = (request: Request, response: Response, next: (error: unknown) => void) => void;

/** Closes every route that is not marked public to whoever is nobody that we know. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  // Not passport's shared instance: several apps may run in one process.
  private readonly passport = new passport.Passport();
  private readonly addressOf: ClientAddressResolver;

  constructor(
    private readonly reflector: Reflector,
    private readonly refusals: AccessRefusals,
    apiKeys: ApiKeyAuthentication,
    clientCertificates: ClientCertificateAuthentication,
    @Inject(CONFIG) config: Config,
  ) {
    this.addressOf = createClientAddressResolver(config.trustedProxies);
    const attempts = new KeyAttempts(() => performance.now());
    this.passport.use(new ApiKeyStrategy(apiKeys, attempts, this.addressOf));
    this.passport.use(new ClientCertificateStrategy(clientCertificates));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (isPublic === true) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    tellSourceAddress(request, this.addressOf(request));
    try {
      request.user = await this.authenticate(request, http.getResponse<Response>());
      return true;
    } catch (error) {
      if (error instanceof DomainError) this.refusals.note(request, error.code);
      throw error;
    }
  }

  /** Where both are sent, the API key counts: a wrong one is not mended by a certificate. */
  private authenticate(request: Request, response: Response): Promise<Principal> {
    const strategy = request.headers.authorization === undefined ? 'client-certificate' : 'api-key';
    return new Promise((resolve, reject) => {
      const decide = (error: unknown, principal: Principal | false | null | undefined): void => {
        if (error) reject(error);
        else if (principal) resolve(principal);
        else reject(unauthorized());
      };
      const middleware = this.passport.authenticate(strategy, { session: false }, decide) as Middleware;
      middleware(request, response, reject);
    });
  }
}

function unauthorized(): DomainError {
  return new DomainError('unauthorized', 'A valid API key is needed: send `Authorization: Bearer <api key>`.');
}
