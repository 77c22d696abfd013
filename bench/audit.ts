import 'reflect-metadata';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { listAuditKeys } from '../src/audit/audit-keys.js';
import { verifyDatabase } from '../src/audit/verification.js';
import { ENTITIES } from '../src/entities.js';
import { createDataSource, poolOf } from '../src/platform/database/data-source.js';
import { startEmbeddedPostgres } from '../src/platform/database/embedded-postgres.js';
import { untilSealed, watchSealing } from './audit/sealing-watch.js';
import { Writers, type WriteResult } from './audit/writers.js';
import { startCertplane } from './ocsp/certplane.js';

const HELP = `Measures what an audit event costs a write, and whether the sealer keeps up.
  --rate N       audited writes a second (default 2000)
  --seconds N    how long they go on (default 30)
  --pairs N      how often writes with and without an event alternate (default 5)
  --instances N  processes of Certplane on the database, any of which may seal (default 2)
`;
const WRITERS = 16;
const SLICE_SECONDS = 3;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '30' },
    pairs: { type: 'string', default: '5' },
    instances: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const tellRow = (...cells: (string | number)[]): void => say(`| ${cells.join(' | ')} |`);

async function measure(home: string, closing: (() => Promise<void>)[]): Promise<void> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(home, 'postgres'), database: 'bench' });
  closing.push(() => postgres.stop());
  for (let i = 0; i < Number(values.instances); i++) {
    const { child } = await startCertplane(postgres.url, join(home, 'data'));
    closing.push(() => child.stop());
  }
  const dataSource = await createDataSource(postgres.url, ENTITIES).initialize();
  closing.push(() => dataSource.destroy());
  const pool = poolOf(dataSource);
  await pool.query('CREATE TABLE bench_acts (number bigint PRIMARY KEY)');
  const writers = new Writers(dataSource);
  say(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
  say(`load average before the run: ${loadavg()[0]!.toFixed(1)}; ${values.instances} instances, fsync on`);
  await tellCost(writers, pool);
  await tellKeepingUp(writers, pool);
  const keys = await listAuditKeys(dataSource);
  await tellVerification(
    pool,
    keys.map(({ publicKey }) => publicKey),
  );
}

async function tellCost(writers: Writers, pool: Pool): Promise<void> {
  const plain: WriteResult[] = [];
  const audited: WriteResult[] = [];
  let worst = { unsealed: 0, seconds: 0 };
  for (let pair = 0; pair <= Number(values.pairs); pair++) {
    const base = await writers.flatOut(WRITERS, SLICE_SECONDS, false);
    const { result, lag } = await watchSealing(pool, writers.flatOut(WRITERS, SLICE_SECONDS, true));
    await untilSealed(pool);
    // The first pair only warms up.
    if (pair === 0) continue;
    plain.push(base);
    audited.push(result);
    if (lag.unsealed > worst.unsealed) worst = lag;
  }
  say();
  tellRow(`${WRITERS} writers, flat out`, 'per second', 'p50 ms', 'p99 ms', 'most unsealed', 'oldest s');
  tellRow('---', '--:', '--:', '--:', '--:', '--:');
  const rate = (results: readonly WriteResult[]): number => median(results.map(({ perSecond }) => perSecond));
  tellRow('without an event', ...cellsOf(plain), '', '');
  tellRow('with an event', ...cellsOf(audited), whole(worst.unsealed), worst.seconds.toFixed(2));
  say();
  say(`Ratio: ${(rate(audited) / rate(plain)).toFixed(2)}`);
}

async function tellKeepingUp(writers: Writers, pool: Pool): Promise<void> {
  const before = await countCheckpoints(pool);
  const { result, lag } = await watchSealing(
    pool,
    writers.atRate(Number(values.rate), WRITERS, Number(values.seconds)),
  );
  const restSeconds = await untilSealed(pool);
  say();
  tellRow(
    'audited writes',
    'per second',
    'p50 ms',
    'p99 ms',
    'most unsealed',
    'oldest s',
    'checkpoints',
    'sealed after s',
  );
  tellRow('---', '--:', '--:', '--:', '--:', '--:', '--:', '--:');
  tellRow(
    `${values.rate} a second for ${values.seconds} s`,
    ...cellsOf([result]),
    whole(lag.unsealed),
    lag.seconds.toFixed(2),
    (await countCheckpoints(pool)) - before,
    restSeconds.toFixed(2),
  );
}

async function tellVerification(pool: Pool, keys: Parameters<typeof verifyDatabase>[1]['keys']): Promise<void> {
  const startedMs = performance.now();
  const { treeSize, checkpoints } = await verifyDatabase(pool, { keys, kept: null });
  const seconds = (performance.now() - startedMs) / 1000;
  say();
  say(
    `Verified: ${whole(treeSize)} events under ${whole(checkpoints)} checkpoints, ${whole(treeSize / seconds)} a second`,
  );
}

function cellsOf(results: readonly WriteResult[]): string[] {
  const of = (pick: (result: WriteResult) => number): number => median(results.map(pick));
  return [whole(of(({ perSecond }) => perSecond)), of(({ p50 }) => p50).toFixed(1), of(({ p99 }) => p99).toFixed(1)];
}

async function countCheckpoints(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM audit_checkpoints');
  return rows[0]!.n;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

if (values.help) {
  say(HELP);
} else {
  const home = mkdtempSync(join(tmpdir(), 'certplane-bench-'));
  // The account that runs PostgreSQL when the bench runs as root has to get in.
  chmodSync(home, 0o755);
  const closing: (() => Promise<void>)[] = [];
  try {
    await measure(home, closing);
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(home, { recursive: true, force: true });
  }
}
