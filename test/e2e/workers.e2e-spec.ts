import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { parseCrl } from '../../src/pki/crl-parser.js';
import { parsePem } from '../../src/pki/pem.js';
import { parseSerialNumber } from '../../src/pki/serial-number.js';
import { ApiClient, ask } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import type { CertificateJson, RevocationJson } from '../support/issuing.js';
import { ocspQuestion, readOcsp } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitUntil } from '../support/wait-until.js';

const PKI = '/.well-known/pki';

interface OcspCacheJson {
  readonly memory: { readonly hits: number; readonly misses: number; readonly entries: number };
  readonly nodes: {
    readonly id: string;
    readonly name: string;
    readonly this_process: boolean;
    readonly silent: boolean;
  }[];
}

let openssl: OpensslWorkshop;
let home: string;
let csr: string;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=workers.example.com'));
  home = mkdtempSync(join(tmpdir(), 'certplane-workers-'));
  // The account that runs PostgreSQL when the tests run as root has to get in.
  chmodSync(home, 0o755);
});

afterAll(() => {
  openssl.remove();
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
});

/** An instance of two workers, from outside. */
class Instance {
  readonly api: ApiClient;
  readonly issuerDer: Buffer;

  private constructor(
    readonly process: AppProcess,
    readonly dataDir: string,
    readonly httpsPort: number,
    readonly pkiUrl: string,
  ) {
    const ca = readFileSync(join(dataDir, 'ca.pem'), 'utf8');
    this.issuerDer = parsePem(ca, 'CERTIFICATE')[0]!;
    this.api = new ApiClient(
      `https://localhost:${httpsPort}`,
      ca,
      readFileSync(join(dataDir, 'admin.key'), 'utf8').trim(),
    );
  }

  static async start(dataDir: string, env: Record<string, string> = {}): Promise<Instance> {
    const [httpsPort, pkiPort] = [await findFreePort(), await findFreePort()];
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_HTTPS_PORT: String(httpsPort),
      CERTPLANE_PKI_HTTP_PORT: String(pkiPort),
      CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '0',
      CERTPLANE_WORKERS: '2',
      ...env,
    });
    await process.ready();
    const instance = new Instance(process, dataDir, httpsPort, `http://127.0.0.1:${pkiPort}`);
    await waitUntil('both workers have a lease', async () => (await instance.workerPids()).length === 2);
    return instance;
  }

  issue(): Promise<CertificateJson> {
    return this.api.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'iss-local', csr });
  }

  revoke({ id }: CertificateJson): Promise<RevocationJson> {
    return this.api.create<RevocationJson>(`/api/v1/certificates/${id}/revoke`, { reason: 'superseded' });
  }

  /** Asks on a connection of its own: the connections go to the workers in turn. */
  async status({ serial_number: serial }: CertificateJson): Promise<string> {
    const { path } = ocspQuestion(this.issuerDer, serial);
    const { body } = await ask(`${this.pkiUrl}${PKI}/ocsp/iss-local/${path}`);
    return readOcsp(body).status;
  }

  /** How the cache stands in each worker that has a lease, by process id: whoever is asked tells of itself. */
  async caches(): Promise<Map<number, OcspCacheJson>> {
    const caches = new Map<number, OcspCacheJson>();
    await waitUntil('both workers have told of themselves', async () => {
      const cache = await this.api.fetch<OcspCacheJson>('/api/v1/admin/ocsp/cache');
      const own = cache.nodes.find((node) => node.this_process);
      if (own !== undefined) caches.set(pidOf(own.name), cache);
      return caches.size === 2;
    });
    return caches;
  }

  async workerPids(): Promise<number[]> {
    const { nodes } = await this.api.fetch<OcspCacheJson>('/api/v1/admin/ocsp/cache');
    return nodes.filter(({ silent }) => !silent).map(({ name }) => pidOf(name));
  }

  /** Samples by name and labels. */
  async metrics(): Promise<Map<string, number>> {
    const text = (await this.api.get('/api/v1/metrics/prometheus')).body.toString();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }
}

const pidOf = (name: string): number => Number(/:(\d+)$/.exec(name)?.[1]);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('two workers on one database', () => {
  const LEASE_MS = 2000;
  let database: TestDatabase;
  let instance: Instance;

  beforeAll(async () => {
    database = await createTestDatabase();
    instance = await Instance.start(join(home, 'shared'), {
      CERTPLANE_DATABASE_URL: database.url,
      CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL: '1s',
      CERTPLANE_OCSP_LEASE: `${LEASE_MS / 1000}s`,
    });
  });
  afterAll(async () => {
    await instance.process.stop('SIGTERM');
    await database.drop();
  });

  const statuses = (certificate: CertificateJson, times: number) =>
    Promise.all(Array.from({ length: times }, () => instance.status(certificate)));

  it('both answer, on both ports', async () => {
    const certificate = await instance.issue();
    // Those who ask at once wait for one lookup together; those who come later find its answer in memory.
    for (let turns = 0; turns < 3; turns++) {
      expect(new Set(await statuses(certificate, 10))).toEqual(new Set(['good']));
    }
    const caches = [...(await instance.caches()).values()];
    expect(caches).toHaveLength(2);
    for (const { memory } of caches) {
      expect(memory.hits).toBeGreaterThan(0);
      expect(memory.entries).toBeGreaterThan(0);
    }
  });

  it('both know of a revocation when one has answered it', async () => {
    for (let round = 0; round < 8; round++) {
      const certificate = await instance.issue();
      expect(new Set(await statuses(certificate, 4))).toEqual(new Set(['good']));
      const { visible } = await instance.revoke(certificate);
      expect(visible).toMatchObject({ ocsp: true, nodes: 2 });
      expect(new Set(await statuses(certificate, 6))).toEqual(new Set(['revoked']));
    }
  });

  it('tell their metrics together, and what both know once', async () => {
    const certificate = await instance.issue();
    await instance.revoke(certificate);
    const asked = 'certplane_ocsp_requests_total{method="GET",status="revoked"}';
    const before = await instance.metrics();
    await statuses(certificate, 12);
    const crl = async () => parseCrl((await ask(`${instance.pkiUrl}${PKI}/crl/iss-local`)).body);
    await waitUntil('the CRL has it', async () => {
      return (await crl()).find(parseSerialNumber(certificate.serial_number)) !== null;
    });
    // One worker after the other is scraped, and tells the same.
    for (let scrapes = 0; scrapes < 4; scrapes++) {
      const after = await instance.metrics();
      expect((after.get(asked) ?? 0) - (before.get(asked) ?? 0)).toBe(12);
      const { crlNumber } = await crl();
      expect(after.get('certplane_crl_number{issuer="iss-local",kind="complete",shard=""}')).toBe(Number(crlNumber));
      expect(after.get('certplane_crl_age_seconds{issuer="iss-local",kind="complete",shard=""}')).toBeLessThan(60);
      expect(
        after.get('certplane_crl_next_update_seconds{issuer="iss-local",kind="complete",shard=""}'),
      ).toBeLessThanOrEqual(4 * 86_400);
      const [{ entries }] = (await rows(
        `SELECT count(*)::int AS entries FROM certificates WHERE issuer_id = 'iss-local' AND revoked_at IS NOT NULL`,
      )) as [{ entries: number }];
      expect(after.get('certplane_crl_entries{issuer="iss-local",kind="complete",shard=""}')).toBe(entries);
    }
  });

  it('sign in advance once, not once each', async () => {
    const presigned = 'certplane_ocsp_events_total{event="response_presigned"}';
    await Promise.all(Array.from({ length: 10 }, () => instance.issue()));
    const dueNow = async () => (await rows('SELECT FROM ocsp_responses WHERE refresh_at <= now()')).length;
    await waitUntil('nothing is due', async () => (await dueNow()) === 0);
    const before = (await instance.metrics()).get(presigned) ?? 0;
    const { due } = await instance.api.create<{ due: number }>('/api/v1/admin/ocsp/cache/iss-local/refresh');
    expect(due).toBeGreaterThan(20);
    await waitUntil('nothing is due', async () => (await dueNow()) === 0);
    await waitUntil('it is counted', async () => (await instance.metrics()).get(presigned)! - before >= due);
    expect((await instance.metrics()).get(presigned)! - before).toBeLessThan(2 * due);
  });

  it('are two again after one was killed, and nothing is good that was revoked', async () => {
    const [doomed, survivor] = await instance.workerPids();
    const certificate = await instance.issue();
    await statuses(certificate, 4);
    process.kill(doomed!, 'SIGKILL');
    // What the operating system gave to a process in the moment that it was killed is lost, with it.
    await waitUntil('its end is noticed', () => instance.process.stderr.includes('a worker ended; starting another'));
    const { visible } = await instance.revoke(certificate);
    // Its successor may have joined meanwhile.
    expect([1, 2]).toContain(visible.nodes);
    expect(visible.waited_ms).toBeLessThan(LEASE_MS * 1.1 + 2000);
    expect(new Set(await statuses(certificate, 6))).toEqual(new Set(['revoked']));
    // Nobody waits twice for the dead.
    expect((await instance.revoke(await instance.issue())).visible.waited_ms).toBeLessThan(LEASE_MS);
    await waitUntil('another has taken its place', async () => {
      const pids = await instance.workerPids();
      return pids.length === 2 && pids.includes(survivor!) && !pids.includes(doomed!);
    });
    expect(new Set(await statuses(certificate, 6))).toEqual(new Set(['revoked']));
    expect((await instance.revoke(await instance.issue())).visible.nodes).toBe(2);
  });

  it('all stop on SIGTERM, with 0, and leave no row that anybody would wait for', async () => {
    const pids = await instance.workerPids();
    expect(await instance.process.stop()).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    await expect(instance.api.get('/health')).rejects.toThrow(/ECONNREFUSED/);
    await expect(ask(`${instance.pkiUrl}${PKI}/ca/iss-local`)).rejects.toThrow(/ECONNREFUSED/);
    expect(await rows('SELECT name FROM responder_nodes WHERE NOT silent')).toEqual([]);
  });

  async function rows(statement: string): Promise<unknown[]> {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query(statement)).rows as unknown[];
    } finally {
      await client.end();
    }
  }
});

describe('two workers with the embedded PostgreSQL', () => {
  it('share one server, which stops after them', async () => {
    const dataDir = join(home, 'embedded');
    const instance = await Instance.start(dataDir);
    const pids = await instance.workerPids();
    const postmaster = Number.parseInt(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
    const certificate = await instance.issue();
    expect(await instance.status(certificate)).toBe('good');
    expect((await instance.revoke(certificate)).visible).toMatchObject({ ocsp: true, nodes: 2 });
    expect([await instance.status(certificate), await instance.status(certificate)]).toEqual(['revoked', 'revoked']);
    expect(await instance.process.stop()).toBe(0);
    expect([postmaster, ...pids].filter(isAlive)).toEqual([]);
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    rmSync(realpathSync(join(dataDir, 'postgres')), { recursive: true, force: true });
  });
});

describe('a worker that can not start', () => {
  it('stops the start, and its output says why', async () => {
    const database = await createTestDatabase();
    const taken = await Instance.start(join(home, 'first'), { CERTPLANE_DATABASE_URL: database.url });
    try {
      const process = new AppProcess({
        CERTPLANE_DATA_DIR: join(home, 'first'),
        CERTPLANE_DATABASE_URL: database.url,
        CERTPLANE_HTTPS_PORT: String(taken.httpsPort),
        CERTPLANE_PKI_HTTP_PORT: '0',
        CERTPLANE_WORKERS: '2',
      });
      expect(await process.exit()).toBe(1);
      expect(process.stderr).toContain(`port ${taken.httpsPort} on 127.0.0.1 is in use: set CERTPLANE_HTTPS_PORT`);
      expect(process.stderr).not.toMatch(/^\s+at /m);
    } finally {
      expect(await taken.process.stop()).toBe(0);
      await database.drop();
    }
  });
});
