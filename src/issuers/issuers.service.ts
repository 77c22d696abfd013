import { Injectable } from '@nestjs/common';
import { DataSource, MoreThan } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { AuditAction } from '../audit/audit-action.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { isUniqueViolation } from '../platform/database/database-error.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { CrlDistributionPoints } from './crl-distribution-points.js';
import { IssuerCreation, type PreparedIssuer } from './issuer-creation.js';
import { IssuerEntity, type IssuerStatus } from './issuer.entity.js';
import { checkCrlSettings, settingsChange } from './issuer-settings.js';
import type { CreateIssuer, UpdateIssuer } from './issuer.schemas.js';

const TRANSITIONS = {
  disable: { from: ['active'], to: 'disabled', action: 'issuer.disable' },
  enable: { from: ['disabled'], to: 'active', action: 'issuer.enable' },
  retire: { from: ['active', 'disabled'], to: 'retired', action: 'issuer.retire' },
} as const satisfies Record<string, { from: readonly IssuerStatus[]; to: IssuerStatus; action: AuditAction }>;

export type IssuerTransition = keyof typeof TRANSITIONS;

@Injectable()
export class IssuersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly creation: IssuerCreation,
    private readonly audit: AuditService,
    private readonly distributionPoints: CrlDistributionPoints,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError issuer_exists, issuer_not_found, issuer_not_active and what the input deserves */
  async create(input: CreateIssuer, caller: Caller): Promise<IssuerEntity> {
    if (await this.find(input.id)) throw issuerExists(input.id);
    const prepared = await this.creation.prepare(input, this.clock.now());
    try {
      await this.transactions.run((tx) => this.save(tx, prepared, caller));
    } catch (error) {
      if (isUniqueViolation(error)) throw issuerExists(input.id);
      throw error;
    }
    await prepared.prepareResponse();
    return prepared.issuer;
  }

  async find(id: string): Promise<IssuerEntity | null> {
    return this.dataSource.manager.findOneBy(IssuerEntity, { id });
  }

  /** @throws DomainError issuer_not_found */
  async get(id: string): Promise<IssuerEntity> {
    const issuer = await this.find(id);
    if (issuer === null) throw issuerNotFound(id);
    return issuer;
  }

  /** Issuers by rising id. */
  async list(limit: number, after: string | null): Promise<IssuerEntity[]> {
    return this.dataSource.manager.find(IssuerEntity, {
      where: after === null ? {} : { id: MoreThan(after) },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /**
   * Changes what an issuer may do. Its CRL and OCSP go on whatever its status.
   * @throws DomainError issuer_not_found, issuer_status_conflict
   */
  async change(id: string, transition: IssuerTransition, caller: Caller): Promise<IssuerEntity> {
    const { from, to, action } = TRANSITIONS[transition];
    await this.transactions.run(async (tx) => {
      const result = await tx
        .createQueryBuilder()
        .update(IssuerEntity)
        .set({ status: to })
        .where('id = :id AND status IN (:...from)', { id, from })
        .execute();
      if (result.affected === 0) {
        const { status } = await this.get(id);
        throw new DomainError('issuer_status_conflict', `The issuer ${id} is ${status}: it can't ${transition}.`);
      }
      await this.audit.record(tx, caller, { action, subjectType: 'issuer', subjectId: id });
    });
    return this.get(id);
  }

  /**
   * Changes settings. Those of the CRLs are followed from the next CRL and the next certificate on.
   * @throws DomainError issuer_not_found, issuer_without_key
   */
  async update(id: string, input: UpdateIssuer, caller: Caller): Promise<IssuerEntity> {
    return this.transactions.run(async (tx) => {
      const issuer = await tx.findOne(IssuerEntity, { where: { id }, lock: { mode: 'for_no_key_update' } });
      if (issuer === null) throw issuerNotFound(id);
      const change = settingsChange(issuer, input);
      if (change === null) return issuer;
      const { columns, before, after } = change;
      Object.assign(issuer, columns);
      checkCrlSettings(issuer);
      await tx.update(IssuerEntity, { id }, columns);
      await this.distributionPoints.add(tx, id, issuer.crlShards);
      await this.audit.record(tx, caller, {
        action: 'issuer.update',
        subjectType: 'issuer',
        subjectId: id,
        details: { before, after },
      });
      return issuer;
    });
  }

  private async save(tx: Tx, { issuer, saveKey, confirm }: PreparedIssuer, caller: Caller): Promise<void> {
    await saveKey(tx);
    await tx.insert(IssuerEntity, issuer);
    await this.distributionPoints.add(tx, issuer.id, issuer.crlShards);
    await confirm(tx);
    await this.audit.record(tx, caller, {
      action: 'issuer.create',
      subjectType: 'issuer',
      subjectId: issuer.id,
      details: { kind: issuer.kind, subject: issuer.subject, parent_id: issuer.parentId },
    });
  }
}

function issuerNotFound(id: string): DomainError {
  return new DomainError('issuer_not_found', `There is no issuer ${id}.`);
}

function issuerExists(id: string): DomainError {
  return new DomainError(
    'issuer_exists',
    `There is an issuer ${id} already. Ids are never used again: choose another.`,
  );
}
