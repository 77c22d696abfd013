import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { Clock } from '../platform/clock/clock.js';
import type { Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import type { Caller, Principal } from '../platform/http/caller.js';
import { ApiKeyEntity } from './api-key.entity.js';

/** Longer than any key of ours; bounds what is hashed. */
const KEY_MAX_LENGTH = 512;

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
    private readonly audit: AuditService,
  ) {}

  /** A random API key: 256 bits, recognisable in a leak by its prefix. */
  static generate(): string {
    return `certplane_${randomBytes(32).toString('base64url')}`;
  }

  async create(tx: Tx, caller: Caller, name: string, key: string): Promise<void> {
    const now = this.clock.now();
    const id = uuidV7(now);
    await tx.insert(ApiKeyEntity, { id, name, keySha256: sha256(key), createdAt: now });
    await this.audit.record(tx, caller, {
      action: 'api_key.create',
      subjectType: 'api_key',
      subjectId: id,
      details: { name },
    });
  }

  async exists(): Promise<boolean> {
    return this.dataSource.manager.existsBy(ApiKeyEntity, {});
  }

  /** Who holds this key, or null. */
  async findPrincipal(key: string): Promise<Principal | null> {
    if (key.length > KEY_MAX_LENGTH) return null;
    const keySha256 = sha256(key);
    const row = await this.dataSource.manager.findOneBy(ApiKeyEntity, { keySha256 });
    if (row === null || !timingSafeEqual(row.keySha256, keySha256)) return null;
    return { actor: `api-key:${row.name}` };
  }
}

function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
