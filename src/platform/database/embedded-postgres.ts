import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { STAGING_HOME, canReach, findServerAccount } from './embedded-postgres-account.js';
import { prepareBinaries } from './embedded-postgres-binaries.js';
import { SUPERUSER, createCluster, findCluster, readOrCreatePassword } from './embedded-postgres-cluster.js';
import { withProcessLock } from './embedded-postgres-lock.js';
import { isProcessAlive } from './embedded-postgres-process.js';
import { type Postmaster, findPostmaster, limitLog, startServer, stopServer } from './embedded-postgres-server.js';
import { type Presence, countSessions, ensureDatabase, joinDatabase } from './embedded-postgres-session.js';

const LOG_CHECK_MS = 60_000;
/** A server that is starting, stopping or just died: nobody else can be using it. */
const NOT_SERVING = ['ECONNREFUSED', 'ECONNRESET', '57P01', '57P02', '57P03'];

export interface EmbeddedPostgres {
  /** A connection string for the superuser on 127.0.0.1; it holds the password. */
  readonly url: string;
  /** Whether the server was running already. */
  readonly adopted: boolean;
  /** Shuts the server down, unless another session uses the database. Calling it again does nothing more. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Where the cluster lives, e.g. <CERTPLANE_DATA_DIR>/postgres. */
  readonly dataDir: string;
  /** Created when it does not exist. */
  readonly database: string;
  /** Server settings (postgresql.conf), for a server that is started here; an adopted one keeps its own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Progress in words for the console: no silent wait. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Starts PostgreSQL on a data directory of its own, or adopts the server already running there. The server survives
 * this process. Beside the data directory stand its `.password` (to be kept with it), `.log` and, for moments, `.lock`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const onProgress = options.onProgress ?? (() => undefined);
  mkdirSync(dirname(dataDir), { recursive: true });
  const lock = <T>(work: () => Promise<T>) =>
    withProcessLock(
      `${dataDir}.lock`,
      () => onProgress(`Waiting for another process that has ${dataDir} locked`),
      work,
    );
  return lock(async () => {
    const cluster = await openCluster(dataDir, options, onProgress);
    const { directory, password, postmaster, adopted } = cluster;
    const presence = await enterDatabase(cluster, options.database);
    onProgress(`PostgreSQL ${adopted ? 'was running already' : 'is ready'} on 127.0.0.1, port ${postmaster.port}`);
    const logCheck = setInterval(() => limitLog(`${dataDir}.log`), LOG_CHECK_MS).unref();
    let stopped: Promise<void> | undefined;
    const stop = () => {
      clearInterval(logCheck);
      return lock(() => leaveCluster(directory, password, options.database, presence));
    };
    return {
      url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${postmaster.port}/${encodeURIComponent(options.database)}`,
      adopted,
      stop: () => (stopped ??= stop()),
    };
  });
}

interface OpenCluster {
  readonly directory: string;
  readonly password: string;
  readonly postmaster: Postmaster;
  readonly adopted: boolean;
}

async function openCluster(
  dataDir: string,
  options: EmbeddedPostgresOptions,
  onProgress: (message: string) => void,
): Promise<OpenCluster> {
  const settings: Readonly<Record<string, string>> = { log_checkpoints: 'off', ...options.settings };
  const passwordFile = `${dataDir}.password`;
  const existing = findCluster(dataDir);
  if (existing !== null && !existsSync(passwordFile)) {
    throw new Error(`${passwordFile} is missing: it belongs to the database in ${dataDir}. Put it back from a backup.`);
  }
  const account = findServerAccount(existing);
  if (existing !== null && account !== null && !canReach(account, existing)) {
    throw new Error(`The database in ${existing} belongs to uid ${account.uid}, which cannot enter a folder above it.`);
  }
  const password = readOrCreatePassword(passwordFile);
  const bin = await prepareBinaries(account, account === null ? `${dataDir}.binaries` : STAGING_HOME, onProgress);
  if (existing === null) onProgress(`Creating a PostgreSQL database in ${dataDir}`);
  const sync = settings['fsync'] !== 'off';
  const directory = existing ?? (await createCluster({ dataDir, password, account, bin, sync }));
  const started = await startServer({ directory, logFile: `${dataDir}.log`, account, bin, settings, onProgress });
  return { directory, password, ...started };
}

async function enterDatabase({ postmaster, password, adopted }: OpenCluster, database: string): Promise<Presence> {
  const address = { port: postmaster.port, password };
  try {
    await ensureDatabase(address, database);
    return await joinDatabase(address, database);
  } catch (error) {
    if (!adopted) await stopServer(postmaster);
    throw error;
  }
}

async function leaveCluster(directory: string, password: string, database: string, presence: Presence): Promise<void> {
  await presence.leave();
  const postmaster = findPostmaster(directory);
  if (postmaster === null) return;
  if (!(await isInUse(postmaster, password, database))) await stopServer(postmaster);
}

async function isInUse({ pid, port }: Postmaster, password: string, database: string): Promise<boolean> {
  try {
    return (await countSessions({ port, password }, database)) > 0;
  } catch (error) {
    if (NOT_SERVING.includes((error as { code?: string }).code ?? '') || !isProcessAlive(pid)) return false;
    throw error;
  }
}
