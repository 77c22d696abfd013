import type { PoolClient } from 'pg';
import type { CrlScope } from './crl-scope.js';

export interface Allocation {
  readonly crlNumber: bigint;
  /** What is read from now on holds every change up to this dirty revision. */
  readonly revision: string;
  /** That of the CRL which is published in this scope. */
  readonly previousThisUpdate: Date | null;
}

/**
 * Takes the next CRL number; a complete CRL and its deltas share one sequence (RFC 5280 section 5.2.3). The row's lock waits for
 * every revocation that has counted it up and has not committed yet.
 * @throws Error for a delta before the first complete CRL
 */
export async function allocateCrlNumber(client: PoolClient, scope: CrlScope): Promise<Allocation> {
  const { issuerId, kind, shard } = scope;
  const own = [issuerId, kind, shard];
  await client.query('INSERT INTO crls (issuer_id, kind, shard) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', own);
  // The time in milliseconds keeps numbers rising after a restore from a backup, which knows nothing of the last ones.
  const numbered = await client.query<{ last_number: string; dirty_revision: string }>(
    `UPDATE crls
        SET last_number = greatest(last_number + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::int8)
      WHERE issuer_id = $1 AND kind = $2 AND shard = $3
      RETURNING last_number, dirty_revision`,
    [issuerId, kind === 'delta' ? 'complete' : kind, shard],
  );
  // Asked behind the lock: the statement that waits for it would see what was so before.
  const published = await client.query<{ this_update: Date | null }>(
    'SELECT this_update FROM crls WHERE issuer_id = $1 AND kind = $2 AND shard = $3',
    own,
  );
  const [row] = numbered.rows;
  if (row === undefined) throw new Error('there is no complete CRL to base a delta on');
  return {
    crlNumber: BigInt(row.last_number),
    revision: row.dirty_revision,
    previousThisUpdate: published.rows[0]?.this_update ?? null,
  };
}
