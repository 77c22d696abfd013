import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { AuditAction } from '../audit/audit-action.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { isUniqueViolation } from '../platform/database/database-error.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { hasIssuer, requireProfile, type Scope } from '../platform/http/scope.js';
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

  /**
   * @param answerTo what the caller is told, kept for those who repeat the call
   * @throws DomainError forbidden, issuer_exists, issuer_not_found, issuer_not_active and what the input deserves
   */
  async create(
    input: CreateIssuer,
    caller: Caller,
    answerTo: (issuer: IssuerEntity) => unknown = () => null,
  ): Promise<IssuerEntity> {
    requireAllIssuers(caller.scope);
    if (await this.find(input.id)) throw issuerExists(input.id);
    const prepared = await this.creation.prepare(input, this.clock.now());
    try {
      await this.transactions.run(async (tx) => {
        await this.save(tx, prepared, caller);
        await caller.idempotentCall?.store(tx, 201, answerTo(prepared.issuer));
      });
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

  /** @throws DomainError issuer_not_found, also for one that is not in the scope */
  async get(id: string, scope: Scope): Promise<IssuerEntity> {
    const issuer = hasIssuer(scope, id) ? await this.find(id) : null;
    if (issuer === null) throw issuerNotFound(id);
    return issuer;
  }

  /** Issuers by rising id. */
  async list(limit: number, after: string | null, { issuerIds }: Scope): Promise<IssuerEntity[]> {
    const rows = this.dataSource.manager.createQueryBuilder(IssuerEntity, 'i').orderBy('i.id').take(limit);
    if (after !== null) rows.andWhere('i.id > :after', { after });
    if (issuerIds !== null) rows.andWhere('i.id = ANY(:issuerIds)', { issuerIds });
    return rows.getMany();
  }

  /**
   * Changes what an issuer may do. Its CRL and OCSP go on whatever its status.
   * @throws DomainError issuer_not_found, issuer_status_conflict
   */
  async change(id: string, transition: IssuerTransition, caller: Caller): Promise<IssuerEntity> {
    const { from, to, action } = TRANSITIONS[transition];
    await this.get(id, caller.scope);
    await this.transactions.run(async (tx) => {
      const [changed] = await tx.query<[{ before: IssuerStatus }[], number]>(
        `UPDATE issuers SET status = $2 FROM (SELECT status FROM issuers WHERE id = $1 FOR UPDATE) old
          WHERE id = $1 AND old.status = ANY($3) RETURNING old.status AS before`,
        [id, to, from],
      );
      if (changed[0] === undefined) {
        const { status } = await this.get(id, caller.scope);
        throw new DomainError('issuer_status_conflict', `The issuer ${id} is ${status}: it can't ${transition}.`);
      }
      await this.audit.record(tx, caller, {
        action,
        subjectType: 'issuer',
        subjectId: id,
        change: { before: { status: changed[0].before }, after: { status: to } },
      });
    });
    return this.get(id, caller.scope);
  }

  /**
   * Changes settings. Those of the CRLs are followed from the next CRL and the next certificate on.
   * @param check what the caller takes for granted of the issuer; it is held while this is asked
   * @throws DomainError issuer_not_found, issuer_without_key, and what `check` throws; then nothing has changed
   */
  async update(
    id: string,
    input: UpdateIssuer,
    caller: Caller,
    check: (current: IssuerEntity) => void,
  ): Promise<IssuerEntity> {
    if (!hasIssuer(caller.scope, id)) throw issuerNotFound(id);
    return this.transactions.run(async (tx) => {
      const issuer = await tx.findOne(IssuerEntity, { where: { id }, lock: { mode: 'for_no_key_update' } });
      if (issuer === null) throw issuerNotFound(id);
      check(issuer);
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
        change: { before, after },
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

/** A new issuer is none of those that somebody is limited to; and its certificate is one of the profile intermediate. */
function requireAllIssuers(scope: Scope): void {
  if (scope.issuerIds !== null) {
    const only = scope.issuerIds.join(', ');
    throw new DomainError('forbidden', `You are limited to these issuers, and can't make another: ${only}.`);
  }
  requireProfile(scope, 'intermediate');
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
