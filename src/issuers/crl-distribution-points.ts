import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Tx } from '../platform/database/transaction.js';
import { CrlDistributionPointEntity } from './crl-distribution-point.entity.js';
import { RelyingPartyAddresses } from './relying-party-addresses.js';

/**
 * The addresses of CRL shards. Each is recorded before a certificate names it, and stays: a relying party accepts a shard
 * only where its issuing distribution point names what the certificate does (RFC 5280 section 6.3.3).
 */
@Injectable()
export class CrlDistributionPoints {
  /** How many shards of an issuer are known to be recorded under the addresses of today. */
  private readonly recorded = new Map<string, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly addresses: RelyingPartyAddresses,
  ) {}

  /** Records the addresses of an issuer's shards, in the transaction that gives it so many. */
  async add(tx: Tx, issuerId: string, shards: number): Promise<void> {
    await this.record(tx, issuerId, shards);
  }

  /** Sees to it that the addresses of today are recorded; CERTPLANE_PKI_URL may have changed since they were added. */
  async ensure(issuerId: string, shards: number): Promise<void> {
    if (shards <= (this.recorded.get(issuerId) ?? 1)) return;
    await this.record(this.dataSource.manager, issuerId, shards);
    this.recorded.set(issuerId, shards);
  }

  /** Every address that certificates on this shard may name, oldest first. */
  async list(issuerId: string, shard: number): Promise<string[]> {
    const rows = await this.dataSource.manager.find(CrlDistributionPointEntity, {
      where: { issuerId, shard },
      order: { createdAt: 'ASC', url: 'ASC' },
    });
    return rows.map(({ url }) => url);
  }

  /** With one shard there is none: certificates name the complete CRL. */
  private async record(manager: EntityManager, issuerId: string, count: number): Promise<void> {
    if (count === 1) return;
    const shards = Array.from({ length: count }, (_, shard) => shard);
    await manager.query(
      `INSERT INTO crl_distribution_points (issuer_id, shard, url)
       SELECT $1, shard, url FROM unnest($2::int2[], $3::text[]) AS point (shard, url)
       ON CONFLICT DO NOTHING`,
      [issuerId, shards, shards.map((shard) => this.addresses.crl(issuerId, shard))],
    );
  }
}
