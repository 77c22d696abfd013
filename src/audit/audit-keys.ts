import { createPublicKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import { KeyStore } from '../keys/key-store.js';
import type { Signer } from '../pki/signer.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { systemCaller } from '../platform/http/caller.js';
import { AuditKeyEntity } from './audit-seal.entity.js';
import { AuditService } from './audit.service.js';

/** A key that signs checkpoints now. */
export interface AuditSigner {
  readonly keyId: string;
  readonly signer: Signer;
  /** Stores a key that is new; does nothing for one that is there. */
  save(tx: Tx): Promise<void>;
}

const CALLER = systemCaller('audit-sealer');

/** The keys of the audit trail: one that signs, and those that did. */
@Injectable()
export class AuditKeys {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly keyStore: KeyStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** The one that signs; a new one, not stored yet, where there is none. @throws KeyUnavailableError */
  async getSigner(): Promise<AuditSigner> {
    const row = await this.dataSource.manager.findOne(AuditKeyEntity, {
      where: { retiredAt: IsNull() },
      order: { keyId: 'DESC' },
    });
    if (row === null) return this.generate();
    const signer = await this.keyStore.getSigner(row.keyId, 'audit');
    return { keyId: row.keyId, signer, save: () => Promise.resolve() };
  }

  /** All that ever signed, the first one first. */
  list(): Promise<AuditPublicKey[]> {
    return listAuditKeys(this.dataSource);
  }

  /** Makes the first key of an empty database. The caller sees to it that nobody else does so at the same time. */
  async ensure(): Promise<void> {
    if (await this.dataSource.manager.existsBy(AuditKeyEntity, {})) return;
    const key = await this.generate();
    await this.transactions.run((tx) => key.save(tx));
  }

  private async generate(): Promise<AuditSigner> {
    const key = await this.keyStore.generate('ed25519');
    const now = this.clock.now();
    return {
      keyId: key.id,
      signer: key.signer('audit'),
      save: async (tx) => {
        await key.save(tx);
        await tx.insert(AuditKeyEntity, { keyId: key.id, createdAt: now, retiredAt: null });
        await this.audit.record(tx, CALLER, {
          action: 'audit_key.create',
          subjectType: 'audit_key',
          subjectId: key.id,
          details: { algorithm: key.algorithm, public_key_pem: formatPublicKey(key.publicKey) },
        });
      },
    };
  }
}

/** A key that verifies checkpoints. */
export interface AuditPublicKey {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly createdAt: Date;
  readonly retiredAt: Date | null;
}

/** All keys that ever signed, the first one first. */
export async function listAuditKeys(dataSource: DataSource): Promise<AuditPublicKey[]> {
  const rows = await dataSource.manager.find(AuditKeyEntity, { relations: { key: true }, order: { keyId: 'ASC' } });
  return rows.map(({ keyId, key, createdAt, retiredAt }) => ({
    keyId,
    publicKey: createPublicKey({ key: key!.spkiDer, format: 'der', type: 'spki' }),
    createdAt,
    retiredAt,
  }));
}

export function formatPublicKey(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}
