import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { findKeyAlgorithm, type KeyAlgorithm } from '../pki/signature-algorithm.js';
import type { Signer } from '../pki/signer.js';
import { Clock } from '../platform/clock/clock.js';
import { uuidV7 } from '../platform/database/uuid.js';
import type { Tx } from '../platform/database/transaction.js';
import { KeyEntity } from './key.entity.js';
import { KeyStore, KeyUnavailableError, type NewKey, type SigningJob, type SigningPurpose } from './key-store.js';
import { KeysMetrics } from './keys.metrics.js';
import { LocalSigner } from './local-signer.js';
import { MasterKey, UnwrapError } from './master-key.js';
import { SigningPool } from './signing-pool.js';

const generate = promisify(generateKeyPair);

/** Keys in the database, wrapped under the master key; opened once a process and then kept in memory. */
@Injectable()
export class DatabaseKeyStore extends KeyStore implements OnModuleDestroy {
  private readonly opened = new Map<string, KeyObject>();
  private readonly pool = new SigningPool();

  constructor(
    private readonly dataSource: DataSource,
    private readonly masterKey: MasterKey,
    private readonly clock: Clock,
    private readonly metrics: KeysMetrics,
  ) {
    super();
  }

  override async generate(algorithm: KeyAlgorithm): Promise<NewKey> {
    const { privateKey } = await generateKey(algorithm);
    return this.adopt(privateKey);
  }

  override adopt(privateKey: KeyObject): NewKey {
    const algorithm = findKeyAlgorithm(privateKey);
    if (algorithm === null) throw new Error('the key store does not hold keys of this kind');
    const id = uuidV7(this.clock.now());
    const publicKey = createPublicKey(privateKey);
    const spkiDer = publicKey.export({ type: 'spki', format: 'der' });
    return {
      id,
      algorithm,
      publicKey,
      spkiDer,
      signer: (purpose) => this.createSigner(privateKey, purpose),
      save: (tx) => this.save(tx, { id, algorithm, spkiDer }, privateKey),
    };
  }

  override async getSigner(keyId: string, purpose: SigningPurpose): Promise<Signer> {
    return this.createSigner(await this.getKey(keyId), purpose);
  }

  override async remove(tx: Tx, keyId: string): Promise<void> {
    await tx.delete(KeyEntity, { id: keyId });
    this.forget(keyId);
  }

  override forget(keyId: string): void {
    this.opened.delete(keyId);
  }

  override get jobConcurrency(): number {
    return this.pool.concurrency;
  }

  override async runJob<Input, Output>(
    keyId: string,
    purpose: SigningPurpose,
    job: SigningJob<Input, Output>,
    input: Input,
  ): Promise<Output> {
    if (!this.pool.isUsable) return super.runJob(keyId, purpose, job, input);
    const done = await this.pool.run(await this.getKey(keyId), job, input);
    if (done === null) return super.runJob(keyId, purpose, job, input);
    this.metrics.signatures.inc({ purpose }, done.signatures);
    return done.output;
  }

  async onModuleDestroy(): Promise<void> {
    await this.pool.close();
  }

  private async getKey(keyId: string): Promise<KeyObject> {
    return this.opened.get(keyId) ?? this.open(keyId);
  }

  private createSigner(privateKey: KeyObject, purpose: SigningPurpose): Signer {
    return new LocalSigner(privateKey, () => this.metrics.signatures.inc({ purpose }));
  }

  private async save(
    tx: Tx,
    key: Pick<KeyEntity, 'id' | 'algorithm' | 'spkiDer'>,
    privateKey: KeyObject,
  ): Promise<void> {
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
    const wrappedPrivateKey = this.masterKey.wrap(pkcs8, key.id);
    pkcs8.fill(0);
    await tx.insert(KeyEntity, { ...key, wrappedPrivateKey, createdAt: this.clock.now() });
  }

  private async open(keyId: string): Promise<KeyObject> {
    const row = await this.dataSource.manager.findOneBy(KeyEntity, { id: keyId });
    if (row === null) throw new KeyUnavailableError(keyId, 'it is not in the key store');
    try {
      const pkcs8 = this.masterKey.unwrap(row.wrappedPrivateKey, keyId);
      const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
      pkcs8.fill(0);
      this.opened.set(keyId, key);
      return key;
    } catch (error) {
      const reason = error instanceof UnwrapError ? error.message : 'its stored form is damaged';
      throw new KeyUnavailableError(keyId, reason);
    }
  }
}

function generateKey(algorithm: KeyAlgorithm): Promise<{ privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ecdsa-p256':
      return generate('ec', { namedCurve: 'prime256v1' });
    case 'ecdsa-p384':
      return generate('ec', { namedCurve: 'secp384r1' });
    case 'ecdsa-p521':
      return generate('ec', { namedCurve: 'secp521r1' });
    case 'ed25519':
      return generate('ed25519', {});
    case 'rsa-2048':
      return generate('rsa', { modulusLength: 2048 });
    case 'rsa-3072':
      return generate('rsa', { modulusLength: 3072 });
    case 'rsa-4096':
      return generate('rsa', { modulusLength: 4096 });
  }
}
