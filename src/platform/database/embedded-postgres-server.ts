import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerAccount } from './embedded-postgres-account.js';
import { explainSpawnError, getServerEnvironment } from './embedded-postgres-process.js';
import { isPostmasterOf, isProcessAlive } from './embedded-postgres-process.js';

const POLL_MS = 20;

const START_TIMEOUT_MS = 60_000;
const RETRY_MS = 200;
const STOP_TIMEOUT_MS = 60_000;
const PROGRESS_EVERY_MS = 2_000;
const LOG_MAX_BYTES = 10 * 1024 * 1024;
const LOG_TAIL_BYTES = 4_096;
/** Another server came first, is not quite gone, or took the port: worth another attempt. */
const PASSING_FAILURE =
  /lock file .* already exists|pre-existing shared memory block|could not create any TCP\/IP sockets/;

interface Server {
  /** The real place of the cluster. */
  readonly directory: string;
  readonly logFile: string;
  readonly account: ServerAccount | null;
  /** The folder with `postgres`. */
  readonly bin: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly onProgress: (message: string) => void;
}

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** `starting`, `ready` or `stopping`; empty before the server has said. */
  readonly status: string;
}

/** The server running on this cluster, or null. A postmaster.pid without such a process counts for nothing. */
export function findPostmaster(directory: string): Postmaster | null {
  const postmaster = readPidFile(directory);
  return postmaster !== null && isPostmasterOf(postmaster.pid, directory) ? postmaster : null;
}

/**
 * Waits for the server that runs on the cluster, or starts one. At most 60 s; a server that is still recovering then is
 * left at it, for ending it would begin the recovery anew.
 */
export async function startServer(server: Server): Promise<{ postmaster: Postmaster; adopted: boolean }> {
  const begin = Date.now();
  let nextProgress = begin + PROGRESS_EVERY_MS;
  if (findPostmaster(server.directory) === null) server.onProgress(`Starting PostgreSQL on ${server.directory}`);
  for (let launched: Launch | null = null; Date.now() - begin < START_TIMEOUT_MS; await delay(POLL_MS)) {
    const postmaster = findPostmaster(server.directory);
    if (postmaster?.status === 'ready') return { postmaster, adopted: postmaster.pid !== launched?.child.pid };
    if (launched?.end != null) {
      const failure = explainEnd(launched.end, server.logFile, launched.logStart);
      if (!PASSING_FAILURE.test(failure.message)) throw failure;
      launched = null;
      await delay(RETRY_MS);
    } else if (postmaster === null) {
      launched ??= await launch(server);
    }
    if (Date.now() > nextProgress) {
      const seconds = Math.round((Date.now() - begin) / 1000);
      server.onProgress(`PostgreSQL is not ready after ${seconds} s; it may be recovering`);
      nextProgress += PROGRESS_EVERY_MS;
    }
  }
  throw new Error(
    `PostgreSQL was not ready within ${START_TIMEOUT_MS / 1000} s. One that is still recovering has been left to it; ` +
      `a later start will find it. The end of ${server.logFile}:\n${readTail(server.logFile, 0)}`,
  );
}

/** Fast shutdown: ends every session, keeps what was committed. Resolves when the process is gone. */
export async function stopServer({ pid }: Postmaster): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  if (isProcessAlive(pid)) process.kill(pid, 'SIGINT');
  while (isProcessAlive(pid)) {
    if (Date.now() > deadline) {
      throw new Error(`PostgreSQL (process ${pid}) was still shutting down after ${STOP_TIMEOUT_MS / 1000} s.`);
    }
    await delay(POLL_MS);
  }
}

/** Empties a log of more than 10 MB. The server appends, so that is safe under it. Never throws: it is housekeeping. */
export function limitLog(logFile: string): void {
  try {
    if (statSync(logFile).size > LOG_MAX_BYTES) truncateSync(logFile);
  } catch {
    return;
  }
}

interface Launch {
  readonly child: ChildProcess;
  /** How long the log was before. */
  readonly logStart: number;
  /** Why it runs no more. */
  end: Error | string | null;
}

function explainEnd(end: Error | string, logFile: string, logStart: number): Error {
  if (end instanceof Error) return explainSpawnError(end);
  return new Error(`PostgreSQL ${end} while starting:\n${readTail(logFile, logStart)}`);
}

async function launch(server: Server): Promise<Launch> {
  limitLog(server.logFile);
  const args = ['-D', server.directory];
  for (const [name, value] of Object.entries(server.settings)) args.push('-c', `${name}=${value}`);
  args.push('-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', `port=${await findFreePort()}`);
  const log = openSync(server.logFile, 'a', 0o600);
  try {
    const logStart = fstatSync(log).size;
    // Detached and without a pipe: the server outlives this process.
    const child = spawn(join(server.bin, 'postgres'), args, {
      ...server.account,
      cwd: '/',
      detached: true,
      env: { ...getServerEnvironment(), ...excuseStalePid(server.directory) },
      stdio: ['ignore', log, log],
    });
    const launched: Launch = { child, logStart, end: null };
    child.once('error', (error) => (launched.end = error));
    child.once('exit', (code, signal) => {
      launched.end = code === null ? `was ended by ${signal}` : `ended with code ${code}`;
    });
    child.unref();
    return launched;
  } finally {
    closeSync(log);
  }
}

/**
 * PostgreSQL takes any living process with the pid in an old postmaster.pid for a server, except the one in this
 * variable. In a container that pid is soon another program's.
 */
function excuseStalePid(directory: string): Record<string, string> {
  const stale = readPidFile(directory);
  return stale === null || isPostmasterOf(stale.pid, directory) ? {} : { PG_GRANDPARENT_PID: String(stale.pid) };
}

/** Lines of postmaster.pid: pid, data directory, start time, port, socket directory, address, shared memory, status. */
function readPidFile(directory: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const pid = Number(lines[0]);
  return pid > 0 ? { pid, port: Number(lines[3]), status: (lines[7] ?? '').trim() } : null;
}

function readTail(file: string, from: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(from, size - LOG_TAIL_BYTES);
    const tail = Buffer.alloc(Math.max(0, size - start));
    return tail.toString('utf8', 0, readSync(descriptor, tail, 0, tail.length, start)).trim();
  } finally {
    closeSync(descriptor);
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
