import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { isDatabaseUnavailable, isUniqueViolation } from '../platform/database/database-error.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { systemCaller, type Caller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import type { OcspResponderEntity } from './ocsp-responder.entity.js';
import type { OcspResponder } from './ocsp-responder.js';
import { OcspResponderDirectory } from './ocsp-responder-directory.js';
import { IssuerExpiredError, OcspResponderIssuance, type ResponderOccasion } from './ocsp-responder-issuance.js';

/** How long nobody tries again to make a responder after that has failed, doubled each time: a try costs a serial number. */
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 3_600_000;

const SYSTEM: ResponderOccasion = { caller: systemCaller('ocsp-responder'), action: 'ocsp_responder.issue' };

interface Failure {
  readonly error: unknown;
  readonly count: number;
  readonly retryMs: number;
}

/** Puts a new responder in the place of the one before: one instance at a time, and not again and again when it fails. */
@Injectable()
export class OcspResponderReplacement {
  private readonly failures = new Map<string, Failure>();

  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly directory: OcspResponderDirectory,
    private readonly issuance: OcspResponderIssuance,
    private readonly metrics: OcspMetrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /**
   * The new responder of an issuer, by whichever instance it is made.
   * @returns null when another makes it just now, and this one is not to wait
   * @throws IssuerExpiredError, and what signing and the database throw
   */
  async replace(issuer: IssuerEntity, wait: boolean): Promise<OcspResponder | null> {
    const failure = this.failures.get(issuer.id);
    if (failure !== undefined && performance.now() < failure.retryMs) throw failure.error;
    try {
      const responder = await this.makeUnlessMade(issuer, wait);
      this.failures.delete(issuer.id);
      return responder;
    } catch (error) {
      if (isDatabaseUnavailable(error) || error instanceof IssuerExpiredError) throw error;
      const count = (failure?.count ?? 0) + 1;
      const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1));
      this.failures.set(issuer.id, { error, count, retryMs: performance.now() + waitMs });
      this.logger.error({ err: error, issuerId: issuer.id, waitMs }, 'no new OCSP responder could be made');
      throw error;
    }
  }

  /** Makes a new responder whatever the one before is like. */
  async rotate(issuer: IssuerEntity, caller: Caller): Promise<OcspResponderEntity> {
    const row = await this.withLock(issuer.id, true, () =>
      this.make(issuer, { caller, action: 'ocsp_responder.rotate' }),
    );
    this.failures.delete(issuer.id);
    return row!;
  }

  /** One instance makes the new responder; the others find it when they get the lock. */
  private makeUnlessMade(issuer: IssuerEntity, wait: boolean): Promise<OcspResponder | null> {
    return this.withLock(
      issuer.id,
      wait,
      async () => (await this.directory.findCurrent(issuer)) ?? this.directory.open(await this.make(issuer, SYSTEM)),
    ).catch(async (error: unknown) => {
      // The lock was lost with its session, and somebody else was first.
      const made = isUniqueViolation(error) ? await this.directory.findCurrent(issuer) : null;
      if (made === null) throw error;
      return made;
    });
  }

  private async make(issuer: IssuerEntity, occasion: ResponderOccasion): Promise<OcspResponderEntity> {
    const row = await this.issuance.issue(issuer, occasion);
    this.metrics.count('responder_issued');
    return row;
  }

  private withLock<T>(issuerId: string, wait: boolean, work: () => Promise<T>): Promise<T | null> {
    return withAdvisoryLock(this.pool, `ocsp-responder:${issuerId}`, { wait }, work);
  }
}
