import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
} from 'node:fs';
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/platform/database/embedded-postgres.js';

const LAUNCHER = pathToFileURL(join(process.cwd(), 'dist/src/platform/database/embedded-postgres.js')).href;
const STARTER = `
  const { startEmbeddedPostgres } = await import(${JSON.stringify(LAUNCHER)});
  const onProgress = (message) => process.stdout.write('PROGRESS ' + message + '\\n');
  const server = await startEmbeddedPostgres({ dataDir: process.argv[1], database: 'certplane', onProgress });
  process.stdout.write('STARTED ' + JSON.stringify({ url: server.url, adopted: server.adopted }) + '\\n');
  setInterval(() => undefined, 1000);
`;
const isRoot = process.getuid?.() === 0;

let home: string;
let dataDir: string;
let children: ChildProcess[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'certplane-embedded-'));
  chmodSync(home, 0o755);
  dataDir = join(home, 'postgres');
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  const pid = findPostmasterPid();
  if (pid !== null) await kill(pid);
  if (existsSync(dataDir)) rmSync(realpathSync(dataDir), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
});

const start = (options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ dataDir, database: 'certplane', ...options });

describe('an embedded PostgreSQL', () => {
  it('keeps its data from one start to the next', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await first.stop();
    expect(findPostmasterPid()).toBeNull();
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
    await second.stop();
  });

  it('listens on 127.0.0.1 only, asks for its password, writes safely and sorts by code point', async () => {
    const server = await start();
    const settings = `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',
      'listen_addresses', 'password_encryption', 'server_encoding', 'synchronous_commit', 'unix_socket_directories')`;
    const rows = (await query(server.url, settings)) as { name: string; setting: string }[];
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      password_encryption: 'scram-sha-256',
      server_encoding: 'UTF8',
      synchronous_commit: 'on',
      unix_socket_directories: '',
    });
    const locale = 'SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()';
    expect(await query(server.url, locale)).toEqual([{ datlocprovider: 'b', datlocale: 'C.UTF-8' }]);
    expect(statSync(`${dataDir}.password`).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(query(wrong.toString(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await server.stop();
  });

  it('makes the named database with the settings it is given and tells what it does', async () => {
    const progress: string[] = [];
    const server = await start({
      database: 'a "database" of mine',
      settings: { max_connections: '17', fsync: 'off' },
      onProgress: (message) => progress.push(message),
    });
    const rows = await query(
      server.url,
      `SELECT current_database() AS name, current_setting('max_connections') AS max`,
    );
    expect(rows).toEqual([{ name: 'a "database" of mine', max: '17' }]);
    expect(progress.join('\n')).toMatch(/Creating .*\n(.*\n)*Starting .*\n(.*\n)*.* is ready/);
    await server.stop();
  });

  it('recovers from the death of the server with every committed row', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept (value int)');
    const client = await connect(first.url);
    await client.query('INSERT INTO kept SELECT generate_series(1, 1000)');
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES (-1)');
    await kill(getPostmasterPid());
    const second = await start();
    expect(second.adopted).toBe(false);
    const counts = 'SELECT count(*)::int AS rows, min(value) AS lowest FROM kept';
    expect(await query(second.url, counts)).toEqual([{ rows: 1000, lowest: 1 }]);
    await second.stop();
    await first.stop();
  });

  it('starts although the pid in an old postmaster.pid is another program by now', async () => {
    const first = await start();
    await kill(getPostmasterPid());
    const { uid, gid } = statSync(dataDir);
    const other = spawn('sleep', ['1000'], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
    children.push(other);
    const pidFile = join(dataDir, 'postmaster.pid');
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(other.pid)));
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(other.exitCode).toBeNull();
    await second.stop();
    await first.stop();
  });

  it('says why the server did not start', async () => {
    await expect(start({ settings: { shared_buffers: 'a lot' } })).rejects.toThrow(
      /ended with code 1 while starting:[^]*invalid value for parameter "shared_buffers": "a lot"/,
    );
    await (await start()).stop();
  });

  it('leaves alone a folder that holds something else', async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'letter.txt'), 'dear');
    await expect(start()).rejects.toThrow('is not empty and holds no PostgreSQL cluster');
    expect(readdirSync(dataDir)).toEqual(['letter.txt']);
  });

  it('takes an empty folder for its data directory', async () => {
    mkdirSync(dataDir);
    await (await start()).stop();
  });

  it('refuses to go on without the password that belongs to its data', async () => {
    await (await start()).stop();
    rmSync(`${dataDir}.password`);
    await expect(start()).rejects.toThrow('postgres.password is missing');
    expect(existsSync(`${dataDir}.password`)).toBe(false);
  });

  it('empties a log of more than 10 MB when it starts', async () => {
    await (await start()).stop();
    writeFileSync(`${dataDir}.log`, Buffer.alloc(10 * 1024 * 1024 + 1, 'x'));
    await (await start()).stop();
    expect(readFileSync(`${dataDir}.log`, 'utf8')).toMatch(/^\d{4}-.*starting PostgreSQL/);
  });
});

describe('several processes on one embedded PostgreSQL', () => {
  it('adopts the server of a process that was killed', async () => {
    const child = spawnStarter();
    const orphan = await waitForStart(child);
    await query(orphan.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = getPostmasterPid();
    await killChild(child);
    const server = await start();
    expect(server.adopted).toBe(true);
    expect(server.url).toBe(orphan.url);
    expect(getPostmasterPid()).toBe(pid);
    expect(await query(server.url, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
    await server.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('makes one server when several start at once on an empty folder', async () => {
    const starts = await Promise.all([waitForStart(spawnStarter()), waitForStart(spawnStarter()), start(), start()]);
    expect(starts.filter(({ adopted }) => !adopted)).toHaveLength(1);
    expect(new Set(starts.map(({ url }) => url)).size).toBe(1);
    expect(readdirSync(home).sort()).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  it('takes over from a process that was killed in the middle of initdb', async () => {
    const child = spawnStarter();
    await waitForOutput(child, /PROGRESS Creating/);
    await killChild(child);
    expect(existsSync(`${dataDir}/PG_VERSION`)).toBe(false);
    expect(lstatSync(`${dataDir}.lock`).isSymbolicLink()).toBe(true);
    const server = await start();
    expect(server.adopted).toBe(false);
    await server.stop();
  });

  it('clears away a half cluster and a lock whose owners are dead', async () => {
    const half = `${dataDir}.init-0123456789ab`;
    mkdirSync(join(half, 'data'), { recursive: true });
    writeFileSync(join(half, 'data', 'PG_VERSION'), '18\n');
    symlinkSync(`${spawnSync('true').pid}:1:boot:0123456789ab`, `${dataDir}.lock`);
    await (await start()).stop();
    expect(readdirSync(home).sort()).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  it('takes over a lock whose pid belongs to a later process', async () => {
    symlinkSync(`${process.pid}:1:an-earlier-boot:0123456789ab`, `${dataDir}.lock`);
    await (await start()).stop();
  });

  it('leaves the server running while another session uses the database', async () => {
    const server = await start();
    const session = await connect(server.url);
    await server.stop();
    await server.stop();
    expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await session.end();
    const next = await start();
    expect(next.adopted).toBe(true);
    await next.stop();
    expect(findPostmasterPid()).toBeNull();
  });

  it('leaves the server to an instance that adopted it and has no session open just now', async () => {
    const first = await start();
    const second = await start();
    expect(second.adopted).toBe(true);
    await first.stop();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.stop();
    expect(findPostmasterPid()).toBeNull();
  });

  it('stops at once and once only when it is told to stop twice', async () => {
    const server = await start();
    const pid = getPostmasterPid();
    await Promise.all([server.stop(), server.stop()]);
    expect(isAlive(pid)).toBe(false);
    await server.stop();
  });
});

(isRoot ? describe : describe.skip)('an embedded PostgreSQL started by root', () => {
  it('keeps the data of a folder that only root can enter where the server can reach it', async () => {
    chmodSync(home, 0o700);
    const first = await start();
    expect(lstatSync(dataDir).isSymbolicLink()).toBe(true);
    expect(dirname(realpathSync(dataDir))).toBe('/var/lib/certplane-postgres');
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await first.stop();
    chmodSync(home, 0o755);
    const second = await start();
    expect(await query(second.url, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
    await second.stop();
  });

  it('begins anew when its folder was deleted, and says so when only the data is gone', async () => {
    chmodSync(home, 0o700);
    await (await start()).stop();
    const old = realpathSync(dataDir);
    rmSync(old, { recursive: true });
    await expect(start()).rejects.toThrow(`points to ${old}, which does not exist`);
    rmSync(dataDir);
    await (await start()).stop();
    expect(realpathSync(dataDir)).not.toBe(old);
    expect(basename(realpathSync(dataDir)).split('-')[0]).toBe(basename(old).split('-')[0]);
  });

  it('runs the server as another account', async () => {
    const server = await start();
    expect(statSync(`/proc/${getPostmasterPid()}`).uid).toBe(statSync(dataDir).uid);
    expect(statSync(dataDir).uid).not.toBe(0);
    await server.stop();
  });
});

function findPostmasterPid(): number | null {
  const file = join(dataDir, 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
}

function getPostmasterPid(): number {
  const pid = findPostmasterPid();
  if (pid === null) throw new Error('No server is running.');
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function kill(pid: number): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await delay(5);
}

async function killChild(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** A process of its own that runs the compiled launcher and then waits to be killed. */
function spawnStarter(): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', STARTER, dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

async function waitForStart(child: ChildProcess): Promise<{ url: string; adopted: boolean }> {
  const line = await waitForOutput(child, /^STARTED (.*)\n/m);
  return JSON.parse(line) as { url: string; adopted: boolean };
}

/** The first group of the pattern, or ''. */
function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      const match = pattern.exec(output);
      if (match !== null) resolve(match[1] ?? '');
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', () => reject(new Error(`The starter ended:\n${output}`)));
  });
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = await connect(url);
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}
