import { Injectable } from '@nestjs/common';
import { DataSource, In, IsNull } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { isUniqueViolation } from '../platform/database/database-error.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { hasIssuer, isWithin, type Scope } from '../platform/http/scope.js';
import { generateApiKey, hashApiKey } from './api-key-secret.js';
import { ApiKeyEntity } from './api-key.entity.js';
import { apiKeyStatus, type CreateApiKey, type ListApiKeys } from './api-key.schemas.js';
import { findScopeFault, requireWithinOwn } from './grants.js';

export interface ApiKeyWithSecret {
  readonly row: ApiKeyEntity;
  readonly key: string;
}

/** Makes what the caller is told, to be kept for those who repeat the call. */
type AnswerTo<T> = (result: T) => unknown;

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
    private readonly audit: AuditService,
  ) {}

  /** Makes a key. @throws DomainError forbidden, invalid_request, issuer_not_found, api_key_exists */
  async create(
    input: CreateApiKey,
    caller: Caller,
    answerTo: AnswerTo<ApiKeyWithSecret> = () => null,
  ): Promise<ApiKeyWithSecret> {
    const row = this.draft(input);
    await this.check(row, caller);
    const key = generateApiKey();
    try {
      return await this.transactions.run(async (tx) => {
        const made = { row: await this.add(tx, caller, row, key), key };
        await caller.idempotentCall?.store(tx, 201, answerTo(made));
        return made;
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new DomainError('api_key_exists', `There is a live API key named ${input.name} already: revoke it first.`);
    }
  }

  /** The first key of an empty database. @param key kept in a file already */
  async createFirst(tx: Tx, caller: Caller, name: string, key: string): Promise<void> {
    await this.add(tx, caller, this.draft({ name, role: 'admin' }), key);
  }

  async exists(): Promise<boolean> {
    return this.dataSource.manager.existsBy(ApiKeyEntity, {});
  }

  /** @throws DomainError api_key_not_found, also for a key that may do more than the scope holds */
  async get(id: string, scope: Scope): Promise<ApiKeyEntity> {
    return toVisible(id, await this.dataSource.manager.findOneBy(ApiKeyEntity, { id }), scope);
  }

  /** Keys, newest first. */
  async list(query: ListApiKeys, scope: Scope): Promise<{ rows: readonly ApiKeyEntity[]; nextCursor: string | null }> {
    const before = findCursorId(query);
    const rows = this.dataSource.manager
      .createQueryBuilder(ApiKeyEntity, 'k')
      .orderBy('k.id', 'DESC')
      .take(query.limit + 1);
    if (before !== null) rows.andWhere('k.id < :before', { before });
    const { issuerIds, profiles } = scope;
    if (issuerIds !== null) rows.andWhere('k.issuer_ids <@ :issuerIds', { issuerIds });
    if (profiles !== null) rows.andWhere('k.profiles <@ :profiles', { profiles });
    const now = this.clock.now();
    if (query.status === 'revoked') rows.andWhere('k.revoked_at IS NOT NULL');
    if (query.status === 'expired') rows.andWhere('k.revoked_at IS NULL AND k.expires_at <= :now', { now });
    if (query.status === 'active') {
      rows.andWhere('k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)', { now });
    }
    return cutPage(await rows.getMany(), query);
  }

  /**
   * Gives a key a new secret. The one until now stays good for `overlap` seconds, the one before it not at all.
   * @throws DomainError api_key_not_found, api_key_not_active, forbidden
   */
  async rotate(
    id: string,
    { overlap }: { readonly overlap: number },
    caller: Caller,
    answerTo: AnswerTo<ApiKeyWithSecret> = () => null,
  ): Promise<ApiKeyWithSecret> {
    const key = generateApiKey();
    return this.transactions.run(async (tx) => {
      const now = this.clock.now();
      const row = toVisible(id, await lockKey(tx, id), caller.scope);
      requireWithinOwn(caller, grantOf(row));
      const status = apiKeyStatus(row, now);
      if (status !== 'active') {
        throw new DomainError('api_key_not_active', `The API key ${row.name} is ${status}: make a new one.`);
      }
      const changed = {
        keySha256: hashApiKey(key),
        previousKeySha256: overlap === 0 ? null : row.keySha256,
        previousValidUntil: overlap === 0 ? null : addSeconds(now, overlap),
      };
      await tx.update(ApiKeyEntity, { id }, changed);
      await this.record(tx, caller, 'api_key.rotate', row, {
        before: { previous_valid_until: row.previousValidUntil?.toISOString() ?? null },
        after: { previous_valid_until: changed.previousValidUntil?.toISOString() ?? null },
      });
      const rotated = { row: { ...row, ...changed }, key };
      await caller.idempotentCall?.store(tx, 200, answerTo(rotated));
      return rotated;
    });
  }

  /**
   * Revokes a key: whoever asks with it from now on is refused, by every instance. Repeating it gives the first result.
   * @throws DomainError api_key_not_found, last_admin_key
   */
  async revoke(id: string, caller: Caller): Promise<ApiKeyEntity> {
    return this.transactions.run(async (tx) => {
      const now = this.clock.now();
      // All admin keys in one order: of two calls that revoke the last two, the second sees what the first did.
      const admins = await tx.find(ApiKeyEntity, {
        where: { role: 'admin', revokedAt: IsNull() },
        order: { id: 'ASC' },
        lock: { mode: 'pessimistic_write' },
      });
      const row = toVisible(id, await lockKey(tx, id), caller.scope);
      if (row.revokedAt !== null) return row;
      const live = admins.filter((key) => apiKeyStatus(key, now) === 'active' && isUnlimitedKey(key));
      if (live.length === 1 && live[0]!.id === id) {
        throw new DomainError(
          'last_admin_key',
          `${row.name} is the last admin key without limits: make another first.`,
        );
      }
      await tx.update(ApiKeyEntity, { id }, { revokedAt: now });
      await this.record(tx, caller, 'api_key.revoke', row, {
        before: { revoked_at: null },
        after: { revoked_at: now.toISOString() },
      });
      return { ...row, revokedAt: now };
    });
  }

  private draft({ name, role, issuer_ids: issuerIds, profiles, expires_at: expiresAt }: CreateApiKey): ApiKeyEntity {
    const now = this.clock.now();
    return {
      id: uuidV7(now),
      name,
      keySha256: Buffer.alloc(0),
      createdAt: now,
      role,
      issuerIds: issuerIds ?? null,
      profiles: profiles ?? null,
      expiresAt: expiresAt ?? null,
      lastUsedAt: null,
      revokedAt: null,
      previousKeySha256: null,
      previousValidUntil: null,
    };
  }

  private async check(row: ApiKeyEntity, caller: Caller): Promise<void> {
    const { role, expiresAt, createdAt } = row;
    const scope = scopeOf(row);
    const scopeFault = findScopeFault(role, scope);
    if (scopeFault !== null) throw invalid(scope.issuerIds === null ? 'profiles' : 'issuer_ids', scopeFault);
    if (expiresAt !== null && expiresAt <= createdAt) throw invalid('expires_at', 'must lie in the future');
    requireWithinOwn(caller, grantOf(row));
    if (scope.issuerIds === null) return;
    const found = await this.dataSource.manager.find(IssuerEntity, {
      where: { id: In([...scope.issuerIds]) },
      select: { id: true },
    });
    const known: Scope = { issuerIds: found.map((issuer) => issuer.id), profiles: null };
    const unknown = scope.issuerIds.find((id) => !hasIssuer(known, id));
    if (unknown !== undefined) throw new DomainError('issuer_not_found', `There is no issuer ${unknown}.`);
  }

  private async add(tx: Tx, caller: Caller, draft: ApiKeyEntity, key: string): Promise<ApiKeyEntity> {
    const row = { ...draft, keySha256: hashApiKey(key) };
    await tx.insert(ApiKeyEntity, row);
    await this.record(tx, caller, 'api_key.create', row, {
      role: row.role,
      issuer_ids: row.issuerIds,
      profiles: row.profiles,
      expires_at: row.expiresAt?.toISOString() ?? null,
    });
    return row;
  }

  private record(
    tx: Tx,
    caller: Caller,
    action: 'api_key.create' | 'api_key.rotate' | 'api_key.revoke',
    { id, name }: ApiKeyEntity,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.audit.record(tx, caller, {
      action,
      subjectType: 'api_key',
      subjectId: id,
      details: { name, ...details },
    });
  }
}

function scopeOf({ issuerIds, profiles }: ApiKeyEntity): Scope {
  return { issuerIds, profiles };
}

function grantOf(row: ApiKeyEntity) {
  return { role: row.role, scope: scopeOf(row), expiresAt: row.expiresAt };
}

function isUnlimitedKey({ issuerIds, profiles }: ApiKeyEntity): boolean {
  return issuerIds === null && profiles === null;
}

function lockKey(tx: Tx, id: string): Promise<ApiKeyEntity | null> {
  return tx.findOne(ApiKeyEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
}

/** A key that may do more than the scope holds is as if not there. */
function toVisible(id: string, row: ApiKeyEntity | null, scope: Scope): ApiKeyEntity {
  if (row !== null && isWithin(scopeOf(row), scope)) return row;
  throw new DomainError('api_key_not_found', `There is no API key ${id}.`);
}

function invalid(field: string, message: string): DomainError {
  return new DomainError('invalid_request', `${field}: ${message}`, [{ field, message }]);
}
