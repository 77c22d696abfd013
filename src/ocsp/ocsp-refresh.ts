import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions } from '../platform/database/transaction.js';
import type { Caller } from '../platform/http/caller.js';
import { PresignScheduler } from './presign-scheduler.js';
import { OcspResponseStore } from './ocsp-response-store.js';

/** Has all responses of an issuer signed anew, for an operator who does not want to wait for the schedule. */
@Injectable()
export class OcspRefresh {
  constructor(
    private readonly transactions: Transactions,
    private readonly issuers: IssuersService,
    private readonly store: OcspResponseStore,
    private readonly audit: AuditService,
    private readonly scheduler: PresignScheduler,
    private readonly clock: Clock,
  ) {}

  /** @returns how many are due now. @throws DomainError issuer_not_found */
  async refresh(issuerId: string, caller: Caller): Promise<number> {
    await this.issuers.get(issuerId, caller.scope);
    const due = await this.transactions.run(async (tx) => {
      const count = await this.store.markDue(tx, issuerId, this.clock.now());
      await this.audit.record(tx, caller, {
        action: 'ocsp_cache.refresh',
        subjectType: 'issuer',
        subjectId: issuerId,
        details: { responses: count },
      });
      return count;
    });
    this.scheduler.wake();
    return due;
  }
}
