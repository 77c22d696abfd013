import type { Pool } from 'pg';
import { DataSource, type MixedList } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { withAdvisoryLock } from './advisory-lock.js';
import { MIGRATIONS } from './migrations.js';

/** A connection pool on one database. Not connected yet. */
export function createDataSource(url: string, entities: MixedList<new () => object>): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities,
    migrations: [...MIGRATIONS],
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    applicationName: 'certplane',
    connectTimeoutMS: 5000,
    // A connection that breaks while it idles is replaced; nothing is lost.
    poolErrorHandler: () => undefined,
    // A server that vanished without a word is noticed within half a minute.
    extra: {
      max: 20,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      // A client that is lost in the middle of a transaction does not hold its rows for ever.
      idle_in_transaction_session_timeout: 15_000,
    },
  });
}

/** The pg pool under a connected DataSource. */
export function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}

/** Runs `work` while no other instance on this database sets anything up: migrations, the first start. */
export async function withSetupLock<T>(dataSource: DataSource, onWait: () => void, work: () => Promise<T>): Promise<T> {
  return (await withAdvisoryLock(poolOf(dataSource), 'setup', { wait: true, onWait }, work)) as T;
}

/** Runs the pending migrations; their names. */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const done = await dataSource.runMigrations({ transaction: 'each' });
  return done.map((migration) => migration.name);
}
