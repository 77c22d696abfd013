import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../platform/database/migrations.js';
import { StartError } from '../platform/errors/start-error.js';

/**
 * The schema is a start's to make and to change: another version of the server may be running on it.
 * @throws StartError when the database is not of this version
 */
export async function checkSchema(dataSource: DataSource): Promise<void> {
  const [{ exists }] = await dataSource.query<[{ exists: boolean }]>(
    "SELECT to_regclass('migrations') IS NOT NULL AS exists",
  );
  const rows = exists ? await dataSource.query<{ name: string }[]>('SELECT name FROM migrations') : [];
  const done = new Set(rows.map(({ name }) => name));
  if (MIGRATIONS.every(({ name }) => done.has(name))) return;
  throw new StartError('The database is not of this version of Certplane: start the server once, then try again.');
}
