import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';

/** How the wait for a lock that another session holds goes on. */
export interface LockWait {
  /** Called once, when the lock is not free at once. */
  readonly onWait?: () => void;
  /** False: don't wait. */
  readonly wait: boolean;
}

const POLL_MS = 100;

/**
 * Runs `work` while this session alone, of all on this database, holds the lock of that name; null when it is taken and
 * `wait` is false. The lock ends with the session, so a crash frees it; whoever needs more must fence its writes.
 * The lock is polled for: a blocking wait would hold up CREATE INDEX CONCURRENTLY of the session that has it, for ever.
 * At most half of the pool's connections hold locks, so that there are some left for the work; locks must not be nested.
 */
export async function withAdvisoryLock<T>(
  pool: Pool,
  name: string,
  { wait, onWait }: LockWait,
  work: (client: PoolClient) => Promise<T>,
): Promise<T | null> {
  const key = createHash('sha256').update(`certplane:${name}`).digest().readBigInt64BE().toString();
  for (let tries = 0; ; tries++) {
    const outcome = await slotsOf(pool).run(() => tryWithLock(pool, key, work));
    if (outcome !== null) return outcome.result;
    if (!wait) return null;
    if (tries === 0) onWait?.();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function tryWithLock<T>(
  pool: Pool,
  key: string,
  work: (client: PoolClient) => Promise<T>,
): Promise<{ readonly result: T } | null> {
  const client = await pool.connect();
  // A connection that broke reports it here too; the statement in flight fails by itself.
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [key]);
    if (rows[0]?.got !== true) return null;
    const result = await work(client);
    await client.query('SELECT pg_advisory_unlock($1)', [key]);
    return { result };
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    client.off('error', ignore);
    // Closing the connection is what surely frees the lock after a fault.
    client.release(broken);
  }
}

/** Lets so many run at a time; the others wait in line. */
class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

const slots = new WeakMap<Pool, Slots>();

function slotsOf(pool: Pool): Slots {
  const known = slots.get(pool) ?? new Slots(Math.max(1, Math.floor(pool.options.max / 2)));
  slots.set(pool, known);
  return known;
}
