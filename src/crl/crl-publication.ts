import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { systemCaller } from '../platform/http/caller.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { CrlBases } from './crl-bases.js';
import { CrlEvents, type RunningBuild } from './crl-events.js';
import type { SignedCrl } from './crl-maker.js';
import { CrlStore } from './crl-store.js';

/** A CRL with a higher number was published while this one was built. */
export class OvertakenError extends Error {
  constructor() {
    super('a CRL with a higher number was published meanwhile');
    this.name = 'OvertakenError';
  }
}

/** Puts a CRL in the place of the last one. */
@Injectable()
export class CrlPublication {
  constructor(
    private readonly transactions: Transactions,
    private readonly store: CrlStore,
    private readonly bases: CrlBases,
    private readonly events: CrlEvents,
    private readonly audit: AuditService,
  ) {}

  /** Publishes with all that belongs to it, or not at all. @throws OvertakenError */
  async publish(build: RunningBuild, crl: SignedCrl): Promise<void> {
    await this.transactions.run((tx) => this.apply(tx, build, crl));
  }

  /** The CRL itself comes last: from there to the commit its row is locked, and revocations wait for it. */
  private async apply(tx: Tx, build: RunningBuild, crl: SignedCrl): Promise<void> {
    const { scope } = build;
    await this.events.recordPublished(tx, build, crl.entryCount);
    await this.audit.record(tx, systemCaller('crl-builder'), {
      action: 'crl.publish',
      subjectType: 'issuer',
      subjectId: scope.issuerId,
      details: {
        crl_number: crl.crlNumber.toString(),
        kind: scope.kind,
        shard: scope.kind === 'shard' ? scope.shard : null,
        revoked_count: crl.entryCount,
      },
    });
    if (scope.kind === 'complete') await this.bases.record(tx, scope.issuerId, crl);
    const times = { generatedAt: build.startedAt, generationDurationMs: build.elapsedMs() };
    if (!(await this.store.publish(tx, scope, { ...crl, ...times }))) throw new OvertakenError();
  }
}
