import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { BlockedKeyEntity } from './blocked-key.entity.js';

/** The public keys that were reported as compromised: nothing is certified for them, and no CA has them. */
@Injectable()
export class BlockedKeys {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * @param spkiDer the DER of a SubjectPublicKeyInfo
   * @throws DomainError compromised_key
   */
  async refuseBlocked(spkiDer: Buffer): Promise<void> {
    const spkiSha256 = createHash('sha256').update(spkiDer).digest();
    if (!(await this.dataSource.manager.existsBy(BlockedKeyEntity, { spkiSha256 }))) return;
    throw new DomainError('compromised_key', 'This public key was reported as compromised. Make a new key.');
  }

  /** Blocks a key for good. */
  async block(tx: Tx, spkiSha256: Buffer, blockedAt: Date): Promise<void> {
    await tx.query('INSERT INTO blocked_keys (spki_sha256, blocked_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      spkiSha256,
      blockedAt,
    ]);
  }
}
