import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { parsePem } from '../../src/pki/pem.js';
import { MIGRATIONS } from '../../src/platform/database/migrations.js';
import { ApiClient, ask } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import type { CertificateJson } from '../support/issuing.js';
import { OcspClient, ocspQuestion } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitUntil } from '../support/wait-until.js';

let openssl: OpensslWorkshop;
let home: string;
const processes: AppProcess[] = [];

beforeAll(() => {
  openssl = new OpensslWorkshop();
  home = mkdtempSync(join(tmpdir(), 'certplane-lifecycle-'));
  // The account that runs PostgreSQL when the tests run as root has to get in.
  chmodSync(home, 0o755);
});

afterAll(() => {
  openssl.remove();
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
});

afterEach(async () => {
  for (const process of processes.splice(0)) await process.stop('SIGKILL');
});

interface Instance {
  readonly process: AppProcess;
  readonly dataDir: string;
  readonly httpsUrl: string;
  readonly pkiUrl: string;
  readonly httpsPort: number;
}

async function launch(dataDir: string, env: Record<string, string> = {}): Promise<Instance> {
  const httpsPort = Number(env['CERTPLANE_HTTPS_PORT'] ?? (await findFreePort()));
  const pkiPort = Number(env['CERTPLANE_PKI_HTTP_PORT'] ?? (await findFreePort()));
  const process = new AppProcess({
    CERTPLANE_DATA_DIR: dataDir,
    CERTPLANE_HTTPS_PORT: String(httpsPort),
    CERTPLANE_PKI_HTTP_PORT: String(pkiPort),
    ...env,
  });
  processes.push(process);
  return {
    process,
    dataDir,
    httpsPort,
    httpsUrl: `https://localhost:${httpsPort}`,
    pkiUrl: `http://127.0.0.1:${pkiPort}`,
  };
}

async function launchReady(dataDir: string, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await launch(dataDir, env);
  await instance.process.ready();
  return instance;
}

const read = (dataDir: string, file: string): string => readFileSync(join(dataDir, file), 'utf8');

function apiOf({ dataDir, httpsUrl }: Instance, key = read(dataDir, 'admin.key').trim()): ApiClient {
  return new ApiClient(httpsUrl, read(dataDir, 'ca.pem'), key);
}

async function rows(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('a Certplane with its embedded PostgreSQL', () => {
  let dataDir: string;
  let certificate: CertificateJson;
  let revoked: CertificateJson;
  let kept: Record<string, string>;

  const FILES = ['ca.pem', 'admin.key', 'master.key', 'tls/server.pem'];
  const fileContents = () => Object.fromEntries(FILES.map((file) => [file, read(dataDir, file)]));

  function findPostmaster(): number | null {
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
  }

  beforeAll(() => (dataDir = join(home, 'embedded')));

  afterAll(async () => {
    const pid = findPostmaster();
    if (pid !== null) await endProcess(pid);
    const cluster = join(dataDir, 'postgres');
    if (existsSync(cluster)) rmSync(realpathSync(cluster), { recursive: true, force: true });
  });

  /** Everything that was made on the first start is there, and works. */
  async function expectAllKept(instance: Instance): Promise<void> {
    expect(fileContents()).toEqual(kept);
    const api = apiOf(instance);
    expect((await api.get('/ready')).json()).toMatchObject({ ready: true });
    const { items } = await api.fetch<{ items: CertificateJson[] }>('/api/v1/certificates?profile=leaf');
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining([certificate.id, revoked.id]));
    const client = new OcspClient(instance.pkiUrl);
    const issuerDer = parsePem(kept['ca.pem']!, 'CERTIFICATE')[0]!;
    expect(await client.ask(ocspQuestion(issuerDer, certificate.serial_number))).toMatchObject({ status: 'good' });
    expect(await client.ask(ocspQuestion(issuerDer, revoked.serial_number))).toMatchObject({ status: 'revoked' });
    client.close();
  }

  it('makes everything on its first start, and says where it is in about ten lines', async () => {
    const instance = await launchReady(dataDir);
    const { stdout, stderr } = instance.process;
    expect(stderr).toBe('');
    for (const mode of ['admin.key', 'master.key', 'tls/server.pem']) {
      expect([mode, statSync(join(dataDir, mode)).mode & 0o777]).toEqual([mode, 0o600]);
    }
    expect(stdout).toContain(`https://127.0.0.1:${instance.httpsPort}/api/v1`);
    expect(stdout).toContain(`${instance.pkiUrl}/.well-known/pki/`);
    for (const file of ['ca.pem', 'admin.key', 'master.key']) expect(stdout).toContain(join(dataDir, file));
    expect(stdout).toContain('npm run tour');
    expect(stdout).toMatch(/! .*CERTPLANE_MASTER_KEY_FILE/);
    expect(stdout).toContain('Creating the root issuer iss-local');
    const announced = stdout.slice(stdout.indexOf('is running')).trim().split('\n');
    expect(announced.length).toBeLessThanOrEqual(10);
    expect(stdout.trim().split('\n').length).toBeLessThanOrEqual(25);
    expect(stdout).not.toContain(read(dataDir, 'admin.key').trim());

    const api = apiOf(instance);
    const { csr } = await openssl.csr('/CN=kept.example.com');
    certificate = await api.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    revoked = await api.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'iss-local', csr });
    await api.create(`/api/v1/certificates/${revoked.id}/revoke`, { reason: 'superseded' });
    kept = fileContents();
    await expectAllKept(instance);
    const root = new X509Certificate(kept['ca.pem']!);
    expect(root.subject).toBe('CN=Certplane Local Root');
    expect(Date.parse(root.validTo) - Date.now()).toBeGreaterThan(3650 * 86_400_000);
  });

  it('stops PostgreSQL and ends with 0 on SIGTERM, and keeps everything for the next start', async () => {
    const instance = await launchReady(dataDir);
    await expectAllKept(instance);
    expect(instance.process.stdout).not.toContain('Creating');
    const pid = findPostmaster();
    expect(pid).not.toBeNull();
    expect(await instance.process.stop()).toBe(0);
    expect(isAlive(pid!)).toBe(false);
    expect(findPostmaster()).toBeNull();
    await expectAllKept(await launchReady(dataDir));
  });

  it('ends with 0 on SIGINT too, and on a second signal while it stops', async () => {
    const instance = await launchReady(dataDir);
    instance.process.signal('SIGINT');
    instance.process.signal('SIGTERM');
    expect(await instance.process.exit()).toBe(0);
    expect(findPostmaster()).toBeNull();
  });

  it('adopts the PostgreSQL that its killed predecessor left', async () => {
    const instance = await launchReady(dataDir);
    const pid = findPostmaster();
    expect(await instance.process.stop('SIGKILL')).toBeNull();
    expect(isAlive(pid!)).toBe(true);
    const next = await launchReady(dataDir);
    expect(next.process.stdout).toContain('was running already');
    await expectAllKept(next);
    expect(await next.process.stop()).toBe(0);
    expect(isAlive(pid!)).toBe(false);
  });

  it('recovers after both were killed', async () => {
    const instance = await launchReady(dataDir);
    const pid = findPostmaster()!;
    await instance.process.stop('SIGKILL');
    await endProcess(pid);
    await expectAllKept(await launchReady(dataDir));
  });

  it('answers tryLater while its PostgreSQL is dead, and lives', async () => {
    const instance = await launchReady(dataDir, { CERTPLANE_OCSP_LEASE: '2s' });
    const client = new OcspClient(instance.pkiUrl);
    const question = ocspQuestion(parsePem(kept['ca.pem']!, 'CERTIFICATE')[0]!, certificate.serial_number);
    expect(await client.ask(question)).toMatchObject({ status: 'good' });
    await endProcess(findPostmaster()!);
    const deadSince = performance.now();
    await waitUntil('what lies in memory is no longer answered', async () => {
      const askedAt = performance.now();
      const { status } = await client.ask(question);
      if (status === 'good') expect(askedAt - deadSince).toBeLessThan(2000);
      else expect(status).toBe('tryLater');
      return status === 'tryLater';
    });
    expect(await ask(`${instance.httpsUrl}/ready`, { ca: kept['ca.pem']! })).toMatchObject({ status: 503 });
    expect(await ask(`${instance.httpsUrl}/health`, { ca: kept['ca.pem']! })).toMatchObject({ status: 200 });
    client.close();
    expect(await instance.process.stop()).toBe(0);
    await expectAllKept(await launchReady(dataDir));
  });
});

describe('several instances on one database', () => {
  const masterKey = Buffer.alloc(32, 7).toString('base64');
  let database: TestDatabase;

  beforeEach(async () => (database = await createTestDatabase()));
  afterEach(async () => {
    for (const process of processes) await process.stop('SIGKILL');
    await database.drop();
  });

  const counts = () =>
    rows(
      database.url,
      `SELECT (SELECT count(*)::int FROM issuers) AS issuers, (SELECT count(*)::int FROM api_keys) AS api_keys,
              (SELECT count(*)::int FROM migrations) AS migrations`,
    );

  it('do not race when they start at once on an empty database', async () => {
    const env = { CERTPLANE_DATABASE_URL: database.url, CERTPLANE_MASTER_KEY: masterKey };
    const dirs = ['race-a', 'race-b', 'race-c'].map((name) => join(home, name));
    const instances = await Promise.all(dirs.map((dir) => launch(dir, env)));
    await Promise.all(instances.map(({ process }) => process.ready()));
    expect(await counts()).toEqual([{ issuers: 1, api_keys: 1, migrations: MIGRATIONS.length }]);
    expect(new Set(dirs.map((dir) => read(dir, 'ca.pem'))).size).toBe(1);
    const [maker, ...others] = dirs.filter((dir) => existsSync(join(dir, 'admin.key')));
    expect(others).toEqual([]);
    const key = read(maker!, 'admin.key').trim();
    for (const instance of instances) {
      expect(await apiOf(instance, key).get('/api/v1/issuers')).toMatchObject({ status: 200 });
      // No file is named that is not there.
      const named = /Admin API key\s+(\/.*)/.exec(instance.process.stdout)?.[1];
      expect(named === undefined || existsSync(named)).toBe(true);
      expect(named !== undefined).toBe(instance.dataDir === maker);
    }
    for (const { process } of instances) expect(await process.stop()).toBe(0);
  });

  it('do not race when they share a data directory and make its keys', async () => {
    const dataDir = join(home, 'race-shared');
    const env = { CERTPLANE_DATABASE_URL: database.url };
    const instances = await Promise.all([launch(dataDir, env), launch(dataDir, env)]);
    await Promise.all(instances.map(({ process }) => process.ready()));
    expect(await counts()).toEqual([{ issuers: 1, api_keys: 1, migrations: MIGRATIONS.length }]);
    for (const instance of instances) {
      expect(await apiOf(instance).get('/ready')).toMatchObject({ status: 200 });
    }
  });

  it('end with a message when the master key is not the one of the database', async () => {
    const env = { CERTPLANE_DATABASE_URL: database.url, CERTPLANE_MASTER_KEY: masterKey };
    const first = await launchReady(join(home, 'right-key'), env);
    await first.process.stop();
    const other = { ...env, CERTPLANE_MASTER_KEY: Buffer.alloc(32, 8).toString('base64') };
    const { process } = await launch(join(home, 'wrong-key'), other);
    expect(await process.exit()).toBe(1);
    expect(process.stderr).toContain('The master key is not the one that the keys in this database were wrapped with.');
    expect(process.stderr).toContain('CERTPLANE_MASTER_KEY');
    expect(process.stderr).not.toMatch(/^\s+at /m);
    expect(process.output).not.toContain(other.CERTPLANE_MASTER_KEY);
  });
});

describe('a start that can not succeed', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await createTestDatabase()));
  afterAll(() => database.drop());

  it.each(['CERTPLANE_HTTPS_PORT', 'CERTPLANE_PKI_HTTP_PORT'])('names %s when its port is taken', async (variable) => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as { port: number };
    const { process } = await launch(join(home, 'busy'), {
      CERTPLANE_DATABASE_URL: database.url,
      [variable]: String(port),
    });
    expect(await process.exit()).toBe(1);
    expect(process.stderr).toContain(`port ${port} on 127.0.0.1 is in use: set ${variable} to another`);
    expect(process.stderr).not.toMatch(/^\s+at /m);
    await new Promise((resolve) => squatter.close(resolve));
  });

  it('says that the database does not answer, and not with which password it was asked', async () => {
    const port = await findFreePort();
    const { process } = await launch(join(home, 'no-database'), {
      CERTPLANE_DATABASE_URL: `postgres://somebody:open-sesame@localhost:${port}/certplane`,
    });
    expect(await process.exit()).toBe(1);
    expect(process.stderr).toMatch(/CERTPLANE_DATABASE_URL/);
    expect(process.stderr).toMatch(/ECONNREFUSED/);
    expect(process.output).not.toContain('open-sesame');
    expect(process.stderr).not.toMatch(/^\s+at /m);
  });

  it('says that the database does not let it in', async () => {
    const url = new URL(database.url);
    url.password = 'open-sesame';
    const { process } = await launch(join(home, 'no-entry'), { CERTPLANE_DATABASE_URL: url.toString() });
    expect(await process.exit()).toBe(1);
    expect(process.stderr).toMatch(/password authentication failed/);
    expect(process.output).not.toContain('open-sesame');
  });

  it('stops cleanly when it is told to while it starts', async () => {
    const dataDir = join(home, 'hasty');
    const { process } = await launch(dataDir);
    await waitUntil('it makes its database', () => process.stdout.includes('Creating a PostgreSQL database'));
    expect(await process.stop()).toBe(0);
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    rmSync(realpathSync(join(dataDir, 'postgres')), { recursive: true, force: true });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function endProcess(pid: number): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await waitUntil(`process ${pid} is gone`, () => !isAlive(pid));
}
