import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { Transactions } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlBuilder } from './crl-builder.js';
import type { CrlScope } from './crl-scope.js';
import { DueCrls } from './due-crls.js';

/** Shards are many and small: while one waits for the database another one gets on. */
const LANES = 4;
const POLL_MS = 100;
/** So long it is waited for a build that another instance, or the schedule, has under way. */
const PATIENCE_MS = 30_000;

/** Has all CRLs of an issuer built now, for an operator who does not want to wait for the schedule. */
@Injectable()
export class CrlRegeneration {
  constructor(
    private readonly issuers: IssuersService,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
    private readonly due: DueCrls,
    private readonly builder: CrlBuilder,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /**
   * Waits until they are built; what became of each is among its events.
   * @throws DomainError issuer_not_found, crl_published_elsewhere, and crl_build_failed when none could be built
   */
  async regenerate(issuerId: string, caller: Caller): Promise<void> {
    const { keyId } = await this.issuers.get(issuerId, caller.scope);
    if (keyId === null) {
      throw new DomainError(
        'crl_published_elsewhere',
        `The private key of the issuer ${issuerId} is not here: whoever has it publishes the CRL.`,
      );
    }
    await this.transactions.run((tx) =>
      this.audit.record(tx, caller, { action: 'crl.regenerate', subjectType: 'issuer', subjectId: issuerId }),
    );
    const scopes = await this.due.listScopes(issuerId);
    // A delta follows the complete CRL that it goes with.
    const built = [
      ...(await this.buildAll(scopes.filter(({ kind }) => kind !== 'delta'))),
      ...(await this.buildAll(scopes.filter(({ kind }) => kind === 'delta'))),
    ];
    if (built.includes(true)) return;
    if (scopes.length === 0) {
      throw new DomainError('crl_build_failed', `The issuer ${issuerId} has expired: its last CRLs stay as they are.`);
    }
    throw new DomainError(
      'crl_build_failed',
      `No CRL of the issuer ${issuerId} could be built; those that are published stay. GET /api/v1/admin/crl/cache tells why.`,
    );
  }

  private async buildAll(scopes: readonly CrlScope[]): Promise<boolean[]> {
    const built: boolean[] = [];
    const remaining = scopes.values();
    const lane = async (): Promise<void> => {
      for (const scope of remaining) built.push(await this.build(scope));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return built;
  }

  /** One that fails stops no other. */
  private async build(scope: CrlScope): Promise<boolean> {
    const patience = performance.now() + PATIENCE_MS;
    try {
      for (;;) {
        const result = await this.builder.build(scope, { force: true });
        if (result !== 'busy') return result === 'published';
        if (performance.now() > patience) return false;
        await sleep(POLL_MS);
      }
    } catch (error) {
      this.logger.error({ err: error, ...scope }, 'a CRL could not be built; the last one stays');
      return false;
    }
  }
}
