import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import { SUPERUSER } from './embedded-postgres-cluster.js';

const CONNECT_TIMEOUT_MS = 10_000;
const FAREWELL_MS = 1_000;
const POLL_MS = 20;
const DUPLICATE_DATABASE = '42P04';

interface ServerAddress {
  readonly port: number;
  readonly password: string;
}

/** Shows other launchers that the database is in use, even while the application's own pool is empty. */
export interface Presence {
  leave(): Promise<void>;
}

export async function ensureDatabase(address: ServerAddress, database: string): Promise<void> {
  await withSession(address, 'postgres', async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount !== 0) return;
    try {
      await client.query(`CREATE DATABASE ${escapeIdentifier(database)}`);
    } catch (error) {
      if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error;
    }
  });
}

/** Keeps one session open that does not keep this process alive. */
export async function joinDatabase(address: ServerAddress, database: string): Promise<Presence> {
  const socket = new Socket();
  const client = createClient(address, database, socket);
  // A server that goes away takes this session with it; the application's own queries report that.
  client.on('error', () => undefined);
  await client.connect();
  socket.unref();
  return {
    leave: async () => {
      socket.ref();
      await client.end();
    },
  };
}

/**
 * How many sessions are on the database. Sessions that were closed a moment ago may take that long to disappear, so
 * it looks again for a second before it answers anything but 0.
 */
export async function countSessions(address: ServerAddress, database: string): Promise<number> {
  return withSession(address, 'postgres', async (client) => {
    const deadline = Date.now() + FAREWELL_MS;
    for (;;) {
      const { rows } = await client.query<{ sessions: number }>(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'
         AND pid <> pg_backend_pid()`,
        [database],
      );
      const sessions = rows[0]?.sessions ?? 0;
      if (sessions === 0 || Date.now() > deadline) return sessions;
      await delay(POLL_MS);
    }
  });
}

async function withSession<T>(address: ServerAddress, database: string, work: (client: Client) => Promise<T>) {
  const client = createClient(address, database, new Socket());
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function createClient({ port, password }: ServerAddress, database: string, socket: Socket): Client {
  return new Client({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password,
    database,
    // Said, or PGSSLMODE of this process's environment would apply.
    ssl: false,
    application_name: 'certplane-launcher',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    stream: () => socket,
  });
}
