import type { Request } from 'express';
import { Strategy } from 'passport';
import type { Principal } from '../platform/http/caller.js';
import type { ApiKeyAuthentication } from './api-key-authentication.js';
import { hashApiKey } from './api-key-secret.js';
import type { KeyAttempts } from './key-attempts.js';

/** Longer than any key of ours; bounds what is hashed. */
const KEY_MAX_LENGTH = 512;

/** Passport strategy for `Authorization: Bearer <api key>` (RFC 6750 section 2.1; never from a query or a body). */
export class ApiKeyStrategy extends Strategy {
  override readonly name = 'api-key';

  constructor(
    private readonly apiKeys: ApiKeyAuthentication,
    private readonly attempts: KeyAttempts,
    private readonly addressOf: (request: Request) => string,
  ) {
    super();
  }

  override authenticate(request: Request): void {
    const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? '');
    if (match === null) {
      this.fail('Bearer realm="certplane"', 401);
      return;
    }
    this.findPrincipal(request, match[1]!).then(
      (principal) => (principal === null ? this.fail('Bearer error="invalid_token"', 401) : this.success(principal)),
      (error: unknown) => this.error(error),
    );
  }

  private findPrincipal(request: Request, key: string): Promise<Principal | null> {
    const keySha256 = hashApiKey(key.slice(0, KEY_MAX_LENGTH + 1));
    return this.attempts.judge(this.addressOf(request), keySha256, () =>
      key.length > KEY_MAX_LENGTH ? Promise.resolve(null) : this.apiKeys.find(keySha256),
    );
  }
}
