import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAdmin, type AdminResult } from '../support/admin-command.js';
import { ApiClient, ask } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import type { Page } from '../support/issuing.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { createTestDatabase } from '../support/test-database.js';

let app: TestApp;
let dir: string;
beforeAll(async () => {
  app = await startTestApp();
  dir = mkdtempSync(join(tmpdir(), 'certplane-admin-'));
  // The account that runs PostgreSQL when the tests run as root has to get in.
  chmodSync(dir, 0o755);
});
afterAll(async () => {
  await app.stop();
  rmSync(dir, { recursive: true, force: true });
});

const admin = (...args: string[]): Promise<AdminResult> =>
  runAdmin({ CERTPLANE_DATABASE_URL: app.database.url, CERTPLANE_DATA_DIR: app.dataDir }, ...args);
const whoami = (key: string) => new ApiClient(app.httpsUrl, app.ca, key).fetch('/api/v1/whoami');

describe('admin key create', () => {
  it('makes a key while the server runs, and prints it alone on standard output', async () => {
    const { code, stdout, stderr } = await admin('key', 'create', '--name', 'rescue', '--role', 'admin');
    expect([code, stderr]).toEqual([0, 'The API key rescue has the role admin. It is shown this once.\n']);
    expect(stdout).toMatch(/^certplane_[\w-]{43}\n$/);
    expect(await whoami(stdout.trim())).toMatchObject({ actor: 'api-key:rescue', role: 'admin', issuer_ids: null });
    const { items } = await app.api.fetch<Page<object>>('/api/v1/audit?action=api_key.create&limit=1');
    expect(items[0]).toMatchObject({
      actor: 'system:admin-command',
      details: { name: 'rescue', role: 'admin' },
      source_address: null,
    });
  });

  it('writes it into a new file that is its owner’s alone', async () => {
    const file = join(dir, 'deploy.key');
    const args = ['--role', 'operator', '--issuer', 'iss-local', '--profile', 'leaf', '--expires-in', '90d'];
    const { code, stdout } = await admin('key', 'create', '--name', 'deploy', ...args, '--file', file);
    expect([code, stdout]).toEqual([0, '']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await whoami(readFileSync(file, 'utf8').trim())).toMatchObject({
      role: 'operator',
      issuer_ids: ['iss-local'],
      profiles: ['leaf'],
      expires_at: expect.stringMatching(/Z$/),
    });
    writeFileSync(join(dir, 'mine'), 'mine');
    const again = await admin('key', 'create', '--name', 'b', '--role', 'viewer', '--file', join(dir, 'mine'));
    expect([again.code, readFileSync(join(dir, 'mine'), 'utf8')]).toEqual([2, 'mine']);
  });

  it('leaves neither key nor file behind when it is refused', async () => {
    const file = join(dir, 'refused.key');
    for (const [args, fault] of [
      [['--name', 'rescue', '--role', 'admin'], /live API key named rescue already/],
      [['--name', 'x', '--role', 'operator', '--issuer', 'nobody'], /no issuer nobody/],
    ] as const) {
      const { code, stdout, stderr } = await admin('key', 'create', ...args, '--file', file);
      expect([code, stdout, existsSync(file)]).toEqual([1, '', false]);
      expect(stderr).toMatch(fault);
    }
  });

  it.each([
    [['key', 'create'], /--name is needed/],
    [['key', 'create', '--name', 'x'], /--role is needed/],
    [['key', 'create', '--name', 'x', '--role', 'king'], /--role: /],
    [['key', 'create', '--name', 'a b', '--role', 'viewer'], /--name: must be/],
    [['key', 'create', '--name', 'x', '--role', 'viewer', '--expires-in', 'soon'], /--expires-in: must be/],
    [['key', 'create', '--name', 'x', '--role', 'viewer', '--file', '/nowhere/x'], /--file: .*ENOENT/],
    [['key', 'create', '--nome', 'x'], /--nome/],
    [['key', 'make'], /no command key make/],
  ])('says what is wrong with %j', async (args, fault) => {
    const { code, stdout, stderr } = await admin(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(fault);
    expect(stderr).not.toMatch(/\n +at /);
  });

  it('explains itself', async () => {
    expect((await admin('--help')).stdout).toMatch(/key create +Make an API key/);
    expect(await admin('key', 'create', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:/),
    });
    expect(await admin()).toMatchObject({ code: 2, stdout: expect.stringMatching(/Usage:/) });
  });

  it('does not touch a database that is not of this version, or is not there', async () => {
    const args = ['key', 'create', '--name', 'x', '--role', 'admin'];
    const empty = await createTestDatabase();
    try {
      const { code, stderr } = await runAdmin({ CERTPLANE_DATABASE_URL: empty.url }, ...args);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/start the server once/)]);
    } finally {
      await empty.drop();
    }
    const nowhere = join(dir, 'nowhere');
    const missing = await runAdmin({ CERTPLANE_DATA_DIR: nowhere }, ...args);
    expect([missing.code, existsSync(nowhere)]).toEqual([1, false]);
    expect(missing.stderr).toMatch(/There is no database in/);
    const down = await runAdmin({ CERTPLANE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' }, ...args);
    expect([down.code, down.stderr]).toEqual([1, expect.stringMatching(/Can't connect to PostgreSQL/)]);
  });

  it('works on the embedded database with the server stopped, and leaves it stopped', async () => {
    const dataDir = join(dir, 'data');
    const port = await findFreePort();
    const env = {
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_HTTPS_PORT: String(port),
      CERTPLANE_PKI_HTTP_PORT: '0',
    };
    const first = await new AppProcess(env).ready();
    await first.stop();
    const { code, stdout } = await runAdmin(env, 'key', 'create', '--name', 'rescue', '--role', 'admin');
    expect(code).toBe(0);
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    const second = await new AppProcess(env).ready();
    try {
      const ca = readFileSync(join(dataDir, 'ca.pem'), 'utf8');
      const answer = await ask(`https://localhost:${port}/api/v1/whoami`, {
        ca,
        headers: { authorization: `Bearer ${stdout.trim()}` },
      });
      expect(answer.json()).toMatchObject({ actor: 'api-key:rescue' });
    } finally {
      await second.stop();
    }
  }, 180_000);
});
