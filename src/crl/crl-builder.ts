import { createHash, X509Certificate } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore } from '../keys/key-store.js';
import { keyIdentifierOf } from '../pki/certificate.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { buildCrl } from '../pki/crl.js';
import { parseCrl } from '../pki/crl-parser.js';
import { addSeconds, Clock, latest, truncateToSecond, BACKDATE_SECONDS } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlMetrics } from './crl.metrics.js';
import { streamRevokedCertificates } from './revoked-certificates.js';

/** `busy`: another instance builds this CRL. `overtaken`: another build began later, and its CRL is the one to publish. */
export type BuildResult = 'published' | 'busy' | 'overtaken';

interface Allocation {
  readonly crlNumber: bigint;
  readonly revision: string;
  readonly previousThisUpdate: Date | null;
}

interface BuiltCrl {
  readonly der: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entryCount: number;
}

/** Builds and publishes the CRL of an issuer. */
@Injectable()
export class CrlBuilder {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    @Inject(CONFIG) private readonly config: Config,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
    private readonly metrics: CrlMetrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Builds, checks and publishes. The CRL that is published stays when anything fails. */
  async build(issuer: IssuerEntity): Promise<BuildResult> {
    const result = await withAdvisoryLock(this.pool, `crl:${issuer.id}`, { wait: false }, (client) =>
      this.buildLocked(client, issuer),
    );
    return result ?? 'busy';
  }

  private async buildLocked(client: PoolClient, issuer: IssuerEntity): Promise<BuildResult> {
    const stopTimer = this.metrics.buildSeconds.startTimer();
    try {
      const allocation = await this.allocate(client, issuer.id);
      const built = await this.buildDer(client, issuer, allocation);
      checkCrl(built, issuer, allocation.crlNumber);
      const published = await this.publish(client, issuer.id, allocation, built);
      this.metrics.builds.inc({ result: published ? 'published' : 'overtaken' });
      return published ? 'published' : 'overtaken';
    } catch (error) {
      this.metrics.builds.inc({ result: 'failed' });
      throw error;
    } finally {
      stopTimer();
    }
  }

  /**
   * Takes the next CRL number, and the revision up to which the CRL will be complete: the row's lock waits for every
   * revocation that counted it up and has not committed yet, and what is read afterwards holds them all.
   */
  private async allocate(client: PoolClient, issuerId: string): Promise<Allocation> {
    await client.query('INSERT INTO crls (issuer_id) VALUES ($1) ON CONFLICT DO NOTHING', [issuerId]);
    // The time in milliseconds keeps numbers rising after a restore from a backup, which knows nothing of the last ones.
    const { rows } = await client.query<{ last_number: string; dirty_revision: string; this_update: Date | null }>(
      `UPDATE crls
          SET last_number = greatest(last_number + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::int8)
        WHERE issuer_id = $1
        RETURNING last_number, dirty_revision, this_update`,
      [issuerId],
    );
    const row = rows[0]!;
    return {
      crlNumber: BigInt(row.last_number),
      revision: row.dirty_revision,
      previousThisUpdate: row.this_update,
    };
  }

  private async buildDer(client: PoolClient, issuer: IssuerEntity, allocation: Allocation): Promise<BuiltCrl> {
    const { previousThisUpdate, crlNumber } = allocation;
    // An entry stays on one CRL after its certificate expired (RFC 5280 section 3.3), however long ago the last one was.
    const entries = await streamRevokedCertificates(client, issuer.id, previousThisUpdate, (error) =>
      this.logger.error({ err: error, issuerId: issuer.id }, 'a revoked certificate could not be put on the CRL'),
    );
    const fields = parseCertificateFields(issuer.certificateDer);
    const backdated = addSeconds(truncateToSecond(this.clock.now()), -BACKDATE_SECONDS);
    // Last-Modified is thisUpdate, to the second: two CRLs with the same would be one to If-Modified-Since.
    const thisUpdate = previousThisUpdate === null ? backdated : latest(backdated, addSeconds(previousThisUpdate, 1));
    const nextUpdate = addSeconds(thisUpdate, this.config.crl.validity);
    const der = await buildCrl(
      {
        issuerDer: fields.subjectDer,
        authorityKeyIdentifier: fields.subjectKeyIdentifier ?? keyIdentifierOf(fields.spkiDer),
        crlNumber,
        thisUpdate,
        nextUpdate,
        entries,
      },
      await this.keyStore.getSigner(issuer.keyId, 'crl'),
    );
    return { der, thisUpdate, nextUpdate, entryCount: entries.count };
  }

  /** Publishes unless a later build has taken a number meanwhile: an older CRL never replaces a newer one. */
  private async publish(
    client: PoolClient,
    issuerId: string,
    { crlNumber, revision }: Allocation,
    { der, thisUpdate, nextUpdate, entryCount }: BuiltCrl,
  ): Promise<boolean> {
    const { rowCount } = await client.query(
      `UPDATE crls
          SET crl_number = $2, crl_der = $3, crl_sha256 = $4, this_update = $5, next_update = $6, generated_at = $7,
              entry_count = $8, built_revision = $9
        WHERE issuer_id = $1 AND last_number = $2`,
      [
        issuerId,
        crlNumber.toString(),
        der,
        createHash('sha256').update(der).digest(),
        thisUpdate,
        nextUpdate,
        this.clock.now(),
        entryCount,
        revision,
      ],
    );
    return rowCount === 1;
  }
}

/** Reads the CRL back as a relying party would. @throws Error when it is not what it should be */
function checkCrl({ der, entryCount }: BuiltCrl, issuer: IssuerEntity, crlNumber: bigint): void {
  const crl = parseCrl(der);
  const { publicKey } = new X509Certificate(issuer.certificateDer);
  if (crl.crlNumber !== crlNumber || crl.entryCount !== entryCount || !crl.verify(publicKey)) {
    throw new Error('the CRL that was built does not stand up to a check');
  }
}
