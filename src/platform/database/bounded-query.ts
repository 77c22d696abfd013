import type { Pool, QueryConfig, QueryResultRow } from 'pg';

/** A relying party waits for the answer: give up early, and say tryLater. */
const QUERY_TIMEOUT_MS = 4000;

/**
 * Runs one prepared statement and gives up after four seconds, also when the connection is dead without knowing it. A
 * connection that did not answer is thrown away.
 */
export async function boundedQuery<Row extends QueryResultRow>(
  pool: Pool,
  query: QueryConfig & { readonly name: string },
): Promise<Row[]> {
  const bounded: QueryConfig & { query_timeout: number } = { ...query, query_timeout: QUERY_TIMEOUT_MS };
  const { rows } = await pool.query<Row>(bounded);
  return rows;
}
