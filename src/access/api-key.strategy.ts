import type { Request } from 'express';
import { Strategy } from 'passport';
import type { ApiKeysService } from './api-keys.service.js';

/** Passport strategy for `Authorization: Bearer <api key>` (RFC 6750 section 2.1; never from a query or a body). */
export class ApiKeyStrategy extends Strategy {
  override readonly name = 'api-key';

  constructor(private readonly apiKeys: ApiKeysService) {
    super();
  }

  override authenticate(request: Request): void {
    const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '');
    if (match === null) {
      this.fail('Bearer realm="certplane"', 401);
      return;
    }
    this.apiKeys.findPrincipal(match[1]!).then(
      (principal) => (principal === null ? this.fail('Bearer error="invalid_token"', 401) : this.success(principal)),
      (error: unknown) => this.error(error),
    );
  }
}
