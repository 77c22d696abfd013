import { Inject, Injectable } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { CrlEvents } from './crl-events.js';
import { CrlMaker } from './crl-maker.js';
import { CrlMetrics } from './crl.metrics.js';
import { CrlPublication, OvertakenError } from './crl-publication.js';
import { scopeKey, type CrlScope } from './crl-scope.js';
import { DueCrls } from './due-crls.js';

/**
 * `not_due`: another instance has just built it. `busy`: another one is building it. `overtaken`: another build began later, and
 * its CRL is the one that is published.
 */
export type BuildResult = 'published' | 'not_due' | 'busy' | 'overtaken';

/** Builds and publishes CRLs, each by one instance at a time. */
@Injectable()
export class CrlBuilder {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly due: DueCrls,
    private readonly maker: CrlMaker,
    private readonly publication: CrlPublication,
    private readonly events: CrlEvents,
    private readonly metrics: CrlMetrics,
  ) {}

  /**
   * Builds, checks and publishes. The CRL that is published stays when anything fails.
   * @param force build it whether it is due or not
   */
  async build(scope: CrlScope, { force }: { readonly force: boolean }): Promise<BuildResult> {
    const result = await withAdvisoryLock(this.pool, `crl:${scopeKey(scope)}`, { wait: false }, async (client) =>
      force || (await this.due.isDue(client, scope)) ? this.buildLocked(client, scope) : 'not_due',
    );
    return result ?? 'busy';
  }

  private async buildLocked(client: PoolClient, scope: CrlScope): Promise<BuildResult> {
    const { kind } = scope;
    const build = this.events.begin(scope);
    const stopTimer = this.metrics.buildSeconds.startTimer({ kind });
    try {
      const crl = await this.maker.make(client, scope, (crlNumber) => (build.crlNumber = crlNumber));
      await this.publication.publish(build, crl);
      this.metrics.builds.inc({ kind, result: 'published' });
      return 'published';
    } catch (error) {
      const result = error instanceof OvertakenError ? 'overtaken' : 'failed';
      this.metrics.builds.inc({ kind, result });
      await this.events.recordFailure(build, error);
      if (result === 'failed') throw error;
      return result;
    } finally {
      stopTimer();
    }
  }
}
