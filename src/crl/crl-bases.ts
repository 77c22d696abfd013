import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import type { Tx } from '../platform/database/transaction.js';

/** Bases lie at least this part of a CRL's validity apart: a delta tells of so many changes more than it would have to. */
const BASES_PER_VALIDITY = 48;

export interface CrlBase {
  readonly crlNumber: bigint;
  /** It holds every change up to this dirty revision. */
  readonly revision: string;
}

/** The newest complete CRL that none of those still valid is older than: a delta based on it goes with every one of them. */
const BASE = `
  SELECT b.crl_number, b.revision FROM crl_bases b
   WHERE b.issuer_id = $1 AND NOT EXISTS (
           SELECT FROM crl_bases older
            WHERE older.issuer_id = $1 AND older.crl_number < b.crl_number AND older.next_update > $2)
   ORDER BY b.crl_number DESC LIMIT 1`;

/** What delta CRLs are based on. Kept also where there are none: then they can begin at any time. */
@Injectable()
export class CrlBases {
  constructor(
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws Error before the first complete CRL */
  async get(client: PoolClient, issuerId: string): Promise<CrlBase> {
    const { rows } = await client.query<{ crl_number: string; revision: string }>(BASE, [issuerId, this.clock.now()]);
    const [row] = rows;
    if (row === undefined) throw new Error('there is no complete CRL to base a delta on');
    return { crlNumber: BigInt(row.crl_number), revision: row.revision };
  }

  /** Takes note of a complete CRL in its publication, and forgets the bases and changes that no delta will need. */
  async record(tx: Tx, issuerId: string, crl: CrlBase & { readonly nextUpdate: Date }): Promise<void> {
    const now = this.clock.now();
    const newest = await tx.query<unknown[]>(
      `SELECT FROM crl_bases WHERE issuer_id = $1 AND published_at > $2 AND published_at <= $3`,
      [issuerId, addSeconds(now, -this.config.crl.validity / BASES_PER_VALIDITY), now],
    );
    if (newest.length === 0) {
      await tx.query(
        `INSERT INTO crl_bases (issuer_id, crl_number, revision, next_update, published_at) VALUES ($1, $2, $3, $4, $5)`,
        [issuerId, crl.crlNumber.toString(), crl.revision, crl.nextUpdate, now],
      );
    } else {
      await tx.query(
        `UPDATE crl_bases SET next_update = greatest(next_update, $2) WHERE issuer_id = $1
            AND crl_number = (SELECT max(crl_number) FROM crl_bases WHERE issuer_id = $1)`,
        [issuerId, crl.nextUpdate],
      );
    }
    await tx.query(
      `WITH base AS (${BASE}),
            older AS (DELETE FROM crl_bases b USING base WHERE b.issuer_id = $1 AND b.crl_number < base.crl_number)
       DELETE FROM crl_changes c USING base WHERE c.issuer_id = $1 AND c.revision <= base.revision`,
      [issuerId, now],
    );
  }
}
