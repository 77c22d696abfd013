import type { Pool } from 'pg';

const SAMPLE_MS = 200;

/** How far sealing was behind, at the worst. */
export interface SealingLag {
  readonly unsealed: number;
  /** Age of the oldest event that waited. */
  readonly seconds: number;
}

/** Looks at what waits to be sealed while something else goes on. */
export async function watchSealing<T>(pool: Pool, work: Promise<T>): Promise<{ result: T; lag: SealingLag }> {
  const samples: SealingLag[] = [];
  const settled = work.then(
    () => true,
    () => true,
  );
  const pause = (): Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(false), SAMPLE_MS));
  do samples.push(await measure(pool));
  while (!(await Promise.race([settled, pause()])));
  const worst = (pick: (sample: SealingLag) => number): number => Math.max(...samples.map(pick));
  return {
    result: await work,
    lag: { unsealed: worst(({ unsealed }) => unsealed), seconds: worst(({ seconds }) => seconds) },
  };
}

/** Waits until nothing waits; the seconds it took. */
export async function untilSealed(pool: Pool): Promise<number> {
  const startedMs = performance.now();
  while ((await measure(pool)).unsealed > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  return (performance.now() - startedMs) / 1000;
}

async function measure(pool: Pool): Promise<SealingLag> {
  const { rows } = await pool.query<{ unsealed: string; seconds: number }>(
    `SELECT (SELECT count(*) FROM audit_pending) AS unsealed,
            coalesce(extract(epoch FROM clock_timestamp() - (
              SELECT e.occurred_at FROM audit_pending p JOIN audit_events e ON e.id = p.event_id
               ORDER BY p.event_id LIMIT 1)), 0)::float8 AS seconds`,
  );
  return { unsealed: Number(rows[0]!.unsealed), seconds: rows[0]!.seconds };
}
