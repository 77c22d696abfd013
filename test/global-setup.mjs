import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One PostgreSQL server for all tests, unless TEST_DATABASE_URL names one. Needs `npm run build` before. */
export default async function setUp() {
  if (process.env.TEST_DATABASE_URL) return;
  const { startEmbeddedPostgres } = await import('../dist/src/platform/database/embedded-postgres.js');
  const home = await mkdtemp(join(tmpdir(), 'certplane-test-'));
  // The account that runs the server when the tests run as root has to get in.
  await chmod(home, 0o755);
  try {
    const server = await startEmbeddedPostgres({
      dataDir: join(home, 'postgres'),
      database: 'certplane_test',
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
    });
    process.env.TEST_DATABASE_URL = server.url;
    globalThis.certplaneTestServer = { server, home };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]) {
    process.once(signal, () => void removeTestServer().finally(() => process.exit(code)));
  }
}

export async function removeTestServer() {
  const { certplaneTestServer: running } = globalThis;
  if (running === undefined) return;
  delete globalThis.certplaneTestServer;
  await running.server.stop();
  await rm(running.home, { recursive: true, force: true });
}
