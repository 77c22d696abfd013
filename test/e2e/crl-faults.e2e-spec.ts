import { readFileSync } from 'node:fs';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import type { CrlCache } from '../../src/crl/crl-admin.schemas.js';
import { completeCrlOf, scopeKey, type CrlScope } from '../../src/crl/crl-scope.js';
import { KeyStore } from '../../src/keys/key-store.js';
import { parseCrl, type ParsedCrl } from '../../src/pki/crl-parser.js';
import { formatSerialNumber, parseSerialNumber } from '../../src/pki/serial-number.js';
import { ApiClient } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk, type CertificateJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { insertRevoked } from '../support/revoked-rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

/** Nothing is built by itself but the first CRL of an issuer. */
const BY_HAND = { CERTPLANE_CRL_REBUILD_DELAY: '1h', CERTPLANE_CRL_GENERATION_INTERVAL: '2d' };

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let csr: string;

beforeAll(async () => {
  app = await startTestApp({ schedules: false, env: BY_HAND });
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
  ({ csr } = await openssl.csr('/CN=crl-faults.example.com'));
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const sql = <Row = Record<string, unknown>>(statement: string, values: unknown[] = []): Promise<Row[]> =>
  app.dataSource.query(statement, values);
const build = (scope: CrlScope, at = app): Promise<string> => at.app.nest.get(CrlBuilder).build(scope, { force: true });

async function fetchCrl(path: string, at = app): Promise<ParsedCrl> {
  const { status, body } = await at.pki(`/.well-known/pki/crl/${path}`);
  if (status !== 200) throw new Error(`CRL ${path}: ${status} ${body.toString('latin1')}`);
  return parseCrl(body);
}

const isOn = (crl: ParsedCrl, { serial_number: serial }: CertificateJson): boolean =>
  crl.find(parseSerialNumber(serial)) !== null;

interface Waiting {
  readonly issuerId: string;
  readonly certificate: CertificateJson;
  /** What is published. */
  readonly last: ParsedCrl;
}

/** An issuer with a CRL, and a revocation that is not on it. */
async function issuerWithLateRevocation(issuerId: string): Promise<Waiting> {
  await desk.root(issuerId);
  expect(await build(completeCrlOf(issuerId))).toBe('published');
  const certificate = await desk.issue({ issuer: issuerId, csr });
  await desk.revoke(certificate, { reason: 'superseded' });
  return { issuerId, certificate, last: await fetchCrl(issuerId) };
}

/** The last good CRL is what is served. */
async function expectLastGood({ issuerId, certificate, last }: Waiting): Promise<void> {
  const crl = await fetchCrl(issuerId);
  expect(crl.crlNumber).toBe(last.crlNumber);
  expect(isOn(crl, certificate)).toBe(false);
}

/** The next build has everything, and nothing is left of the one that failed. */
async function expectRepaired({ issuerId, certificate, last }: Waiting): Promise<void> {
  await waitUntil(
    'the lock of the last builder is free',
    async () => (await build(completeCrlOf(issuerId))) !== 'busy',
  );
  const crl = await fetchCrl(issuerId);
  expect(crl.crlNumber).toBeGreaterThan(last.crlNumber);
  expect(isOn(crl, certificate)).toBe(true);
  const chunks = await sql<{ crl_number: string }>('SELECT DISTINCT crl_number FROM crl_chunks WHERE issuer_id = $1', [
    issuerId,
  ]);
  expect(chunks).toEqual([{ crl_number: crl.crlNumber.toString() }]);
  const [row] = await sql(
    `SELECT dirty_revision = built_revision AS clean, dirty_since, last_number >= crl_number AS rising
       FROM crls WHERE issuer_id = $1`,
    [issuerId],
  );
  expect(row).toEqual({ clean: true, dirty_since: null, rising: true });
}

async function failuresOf(issuerId: string): Promise<string[]> {
  const { cache_rows: rows } = await app.api.fetch<CrlCache>('/api/v1/admin/crl/cache');
  const events = rows.filter(({ issuer_id: id }) => id === issuerId).flatMap(({ recent_events: all }) => all);
  return events.filter(({ succeeded }) => !succeeded).map(({ error }) => String(error));
}

/** Puts a trigger in the way of statements, until what comes back is called. */
async function obstruct(table: string, event: string, body: string): Promise<() => Promise<void>> {
  await sql(`CREATE OR REPLACE FUNCTION obstruct() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN ${body}; RETURN coalesce(NEW, OLD); END $$`);
  await sql(`CREATE TRIGGER obstruct BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION obstruct()`);
  return async () => void (await sql(`DROP TRIGGER obstruct ON ${table}`));
}

/** Takes a lock in a session of its own; gives back what lets it go. */
async function lock(statement: string): Promise<() => Promise<void>> {
  const runner = app.dataSource.createQueryRunner();
  await runner.startTransaction();
  await runner.query(statement);
  return async () => {
    await runner.rollbackTransaction();
    await runner.release();
  };
}

/** @param statement how it begins */
const waitForLockWait = (statement: string): Promise<void> =>
  waitUntil(`${statement} waits for a lock`, async () => {
    const waiting = await sql(
      `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(query, $1)`,
      [statement],
    );
    return waiting.length > 0;
  });

describe('a build that is killed', () => {
  /** Makes such statements wait, until what comes back is called. */
  async function hold(table: string, event: string): Promise<() => Promise<void>> {
    const clear = await obstruct(table, event, 'PERFORM pg_advisory_xact_lock_shared(4711)');
    const release = await lock('SELECT pg_advisory_xact_lock(4711)');
    return async () => {
      await release();
      await clear();
    };
  }

  /** A process of its own with the instance's database and keys, that builds what is due. */
  async function createDoomed(): Promise<AppProcess> {
    return new AppProcess({
      CERTPLANE_DATA_DIR: app.dataDir,
      CERTPLANE_DATABASE_URL: app.database.url,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: '0',
      CERTPLANE_CRL_REBUILD_DELAY: '1s',
    });
  }

  const STEPS: Record<string, { readonly statement: string; readonly pause: () => Promise<() => Promise<void>> }> = {
    'when it takes its number': { statement: 'UPDATE crls', pause: () => hold('crls', 'UPDATE OF last_number') },
    'while it reads the certificates': {
      statement: 'COPY (SELECT',
      pause: () => lock('LOCK TABLE certificates IN ACCESS EXCLUSIVE MODE'),
    },
    'when it tells of itself': { statement: 'INSERT INTO audit_events', pause: () => hold('audit_events', 'INSERT') },
    'when it notes what deltas go with': { statement: 'UPDATE crl_bases', pause: () => hold('crl_bases', 'UPDATE') },
    'when it stores the bytes': { statement: 'COPY crl_chunks', pause: () => hold('crl_chunks', 'INSERT') },
    'when it removes those of the last one': {
      statement: 'DELETE FROM crl_chunks',
      pause: () => hold('crl_chunks', 'DELETE'),
    },
    'when it publishes': { statement: 'UPDATE crls', pause: () => hold('crls', 'UPDATE OF crl_number') },
  };

  it.each(Object.keys(STEPS))('%s leaves the last good CRL, and the next build repairs', async (step) => {
    const { statement, pause } = STEPS[step]!;
    const waiting = await issuerWithLateRevocation(`killed-${Object.keys(STEPS).indexOf(step)}`);
    const release = await pause();
    const doomed = await createDoomed();
    try {
      await waitForLockWait(statement);
      expect(await doomed.stop('SIGKILL')).toBeNull();
      await expectLastGood(waiting);
    } finally {
      await doomed.stop('SIGKILL');
      await release();
    }
    await expectRepaired(waiting);
  });
});

describe('a build that the database fails', () => {
  it('in the middle of the rows leaves the last good CRL, and the next build repairs', async () => {
    const waiting = await issuerWithLateRevocation('cursor');
    await insertRevoked(app, 'cursor', 20_000);
    const [row] = await sql<{ id: string }>(
      `SELECT id FROM certificates WHERE issuer_id = 'cursor' ORDER BY ctid OFFSET 15000 LIMIT 1`,
    );
    // No number is so large: the statement fails when it comes to this row.
    await sql(`UPDATE certificates SET revoked_at = 'infinity' WHERE id = $1`, [row!.id]);
    await expect(build(completeCrlOf('cursor'))).rejects.toThrow(/infinity|out of range/);
    await expectLastGood(waiting);
    expect(await failuresOf('cursor')).toEqual([expect.stringMatching(/infinity|out of range/)]);
    await sql('UPDATE certificates SET revoked_at = now() WHERE id = $1', [row!.id]);
    await expectRepaired(waiting);
    expect((await fetchCrl('cursor')).entryCount).toBe(20_001);
  });

  it('by ending the session leaves the last good CRL, and the next build repairs', async () => {
    const waiting = await issuerWithLateRevocation('session');
    const release = await lock('LOCK TABLE certificates IN ACCESS EXCLUSIVE MODE');
    const building = build(completeCrlOf('session')).catch((error: unknown) => error);
    await waitForLockWait('COPY (SELECT');
    await sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(query, 'COPY')`,
    );
    expect(await building).toBeInstanceOf(Error);
    await release();
    await expectLastGood(waiting);
    expect(await failuresOf('session')).toHaveLength(1);
    await expectRepaired(waiting);
  });

  it.each([
    ['crl_chunks', 'INSERT'],
    ['crl_chunks', 'DELETE'],
    ['crl_events', 'INSERT'],
    ['crl_bases', 'UPDATE'],
    ['audit_events', 'INSERT'],
    ['crls', 'UPDATE OF crl_number'],
  ])(
    'because its disk is full, at %s (%s), leaves the last good CRL, and the next build repairs',
    async (table, event) => {
      const waiting = await issuerWithLateRevocation(
        `full-${table.replace('_', '-')}-${event.slice(0, 3).toLowerCase()}`,
      );
      const noSpace = `RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'`;
      const clear = await obstruct(table, event, noSpace);
      try {
        await expect(build(completeCrlOf(waiting.issuerId))).rejects.toThrow('No space left');
        await expectLastGood(waiting);
      } finally {
        await clear();
      }
      // Where there is no room for the event either, the log alone tells.
      expect(await failuresOf(waiting.issuerId)).toHaveLength(table === 'crl_events' ? 0 : 1);
      await expectRepaired(waiting);
    },
  );
});

describe('a build whose signer fails', () => {
  it.each([0, 20_000])('leaves the last good CRL, and the next build repairs (%i entries)', async (entries) => {
    const waiting = await issuerWithLateRevocation(`signer-${entries}`);
    await insertRevoked(app, waiting.issuerId, entries);
    const keyStore = app.app.nest.get(KeyStore);
    const getSigner = keyStore.getSigner.bind(keyStore);
    const refuse = (): Promise<never> => Promise.reject(new Error('the token was removed'));
    const faults: (typeof keyStore.getSigner)[] = [
      refuse,
      async (keyId, purpose) => ({ ...(await getSigner(keyId, purpose)), sign: refuse }),
    ];
    for (const fault of faults) {
      keyStore.getSigner = fault;
      try {
        await expect(build(completeCrlOf(waiting.issuerId))).rejects.toThrow('the token was removed');
      } finally {
        keyStore.getSigner = getSigner;
      }
      await expectLastGood(waiting);
    }
    expect(await failuresOf(waiting.issuerId)).toEqual(faults.map(() => 'the token was removed'));
    await expectRepaired(waiting);
    expect((await fetchCrl(waiting.issuerId)).entryCount).toBe(entries + 1);
  });
});

describe('a process with threads', () => {
  it('builds the same CRL in one of them', async () => {
    await desk.root('threads');
    await insertRevoked(app, 'threads', 20_000);
    const port = await findFreePort();
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: app.dataDir,
      CERTPLANE_DATABASE_URL: app.database.url,
      CERTPLANE_HTTPS_PORT: String(port),
      CERTPLANE_PKI_HTTP_PORT: '0',
    });
    try {
      await process.ready();
      const key = readFileSync(`${app.dataDir}/admin.key`, 'utf8').trim();
      const api = new ApiClient(`https://localhost:${port}`, app.ca, key);
      const { cache_rows: rows } = await api.create<CrlCache>('/api/v1/admin/crl/threads/regenerate');
      expect(rows).toEqual([expect.objectContaining({ revoked_count: 20_000, is_stale: false })]);
      const threaded = await fetchCrl('threads');
      expect(threaded.crlNumber.toString()).toBe(rows[0]!.crl_number);
      await build(completeCrlOf('threads'));
      const entries = [...(await fetchCrl('threads')).entries()];
      expect([...threaded.entries()]).toEqual(entries);
      expect(await process.stop()).toBe(0);
    } finally {
      await process.stop('SIGKILL');
    }
    expect(process.stderr).toBe('');
  });
});

describe('several instances that revoke and build at once', () => {
  const ISSUER = 'crowd';
  let others: TestApp[];
  beforeAll(async () => {
    const env = { CERTPLANE_CRL_REBUILD_DELAY: '1s' };
    others = [];
    for (let count = 0; count < 3; count++) others.push(await startTestApp({ beside: app, env }));
  });
  afterAll(async () => {
    for (const other of others) await other.stop();
  });

  it('let every number grow, lose no entry, and end with all of them on the CRL', async () => {
    await desk.root(ISSUER, { crl_shards: 2, crl_delta_interval: '1h' });
    const paths = [ISSUER, `${ISSUER}/0`, `${ISSUER}/1`, `${ISSUER}/delta`];
    for (const path of paths) await waitUntil(`there is ${path}`, () => fetchCrl(path).then(Boolean, () => false));
    const certificates: CertificateJson[] = [];
    for (let count = 0; count < 60; count++) certificates.push(await desk.issue({ issuer: ISSUER, csr }));

    const seen = new Map<string, { number: bigint; serials: ReadonlySet<string> }>();
    const look = async (path: string, at: TestApp): Promise<void> => {
      const crl = await fetchCrl(path, at);
      const serials = new Set([...crl.entries()].map(({ serialNumber }) => formatSerialNumber(serialNumber)));
      const key = `${others.indexOf(at)} ${path}`;
      const before = seen.get(key);
      if (before !== undefined) {
        expect(crl.crlNumber).toBeGreaterThanOrEqual(before.number);
        expect([...before.serials].filter((serial) => !serials.has(serial))).toEqual([]);
      }
      seen.set(key, { number: crl.crlNumber, serials });
    };
    const revoking = { over: false };
    const watching = Promise.all(
      others.map(async (at) => {
        while (!revoking.over) for (const path of paths) await look(path, at);
      }),
    );
    const building = Promise.all(
      others.map(async (at) => {
        while (!revoking.over) await at.api.post(`/api/v1/admin/crl/${ISSUER}/regenerate`);
      }),
    );
    const queue = certificates.values();
    await Promise.all(
      others
        .flatMap((at) => [at, at])
        .map(async (at) => {
          for (const { id } of queue)
            await at.api.create(`/api/v1/certificates/${id}/revoke`, { reason: 'superseded' });
        }),
    );
    revoking.over = true;
    await Promise.all([watching, building]);

    const due = (): Promise<unknown[]> =>
      sql(`SELECT FROM crls WHERE issuer_id = $1 AND dirty_revision > built_revision`, [ISSUER]);
    await waitUntil('every change is on the CRLs', async () => (await due()).length === 0);
    const [complete, zero, one] = await Promise.all(paths.slice(0, 3).map((path) => fetchCrl(path)));
    for (const certificate of certificates) {
      expect(isOn(complete!, certificate)).toBe(true);
      const shard = Number(BigInt(`0x${certificate.serial_number}`) % 2n);
      expect([isOn(zero!, certificate), isOn(one!, certificate)]).toEqual([shard === 0, shard === 1]);
    }
    await waitUntil('the delta has them', async () => {
      const delta = await fetchCrl(`${ISSUER}/delta`);
      return certificates.every((certificate) => isOn(delta, certificate));
    });
    const events = await sql<{ issuer_id: string; kind: CrlScope['kind']; shard: number; crl_number: string }>(
      'SELECT issuer_id, kind, shard, crl_number FROM crl_events WHERE issuer_id = $1 AND succeeded',
      [ISSUER],
    );
    const keys = events.map(({ kind, shard, crl_number: crlNumber }) => {
      // A delta takes its numbers from the complete CRL's.
      const sequence = kind === 'delta' ? completeCrlOf(ISSUER) : { issuerId: ISSUER, kind, shard };
      return `${scopeKey(sequence)} ${crlNumber}`;
    });
    expect(new Set(keys).size).toBe(keys.length);
  });
});
