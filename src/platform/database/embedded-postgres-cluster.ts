import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, lstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { readdirSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ServerAccount, STAGING_HOME, canReach, makeOpenFolder } from './embedded-postgres-account.js';
import { explainSpawnError, getServerEnvironment } from './embedded-postgres-process.js';

export const SUPERUSER = 'certplane';

const PASSWORD_BYTES = 24;
const INITDB_TIMEOUT_MS = 300_000;

interface NewCluster {
  readonly dataDir: string;
  readonly password: string;
  readonly account: ServerAccount | null;
  /** The folder with `initdb`. */
  readonly bin: string;
  /** Off only where losing the cluster in a power cut does not matter. */
  readonly sync: boolean;
}

/** The real place of the cluster at `dataDir`, or null when there is nothing yet. Throws when something else is there. */
export function findCluster(dataDir: string): string | null {
  if (lstatSync(dataDir, { throwIfNoEntry: false }) === undefined) return null;
  if (!existsSync(dataDir)) {
    throw new Error(
      `${dataDir} points to ${readlinkSync(dataDir)}, which does not exist. Remove the link to begin with an empty database.`,
    );
  }
  const directory = realpathSync(dataDir);
  if (existsSync(join(directory, 'PG_VERSION'))) return directory;
  if (readdirSync(directory).length > 0) throw new Error(`${dataDir} is not empty and holds no PostgreSQL cluster.`);
  return null;
}

/** Of several processes at once one password wins: it is linked into place, never overwritten. */
export function readOrCreatePassword(passwordFile: string): string {
  if (!existsSync(passwordFile)) {
    const fresh = `${passwordFile}.${randomBytes(6).toString('hex')}`;
    writeFileSync(fresh, randomBytes(PASSWORD_BYTES).toString('base64url'), { flag: 'wx', mode: 0o600, flush: true });
    try {
      linkSync(fresh, passwordFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(fresh);
    }
  }
  return readFileSync(passwordFile, 'utf8').trim();
}

/**
 * Runs initdb beside the cluster's place and moves the result there, so that an initdb that was cut short leaves no
 * half cluster. Where the account cannot reach `dataDir` the cluster goes below STAGING_HOME and `dataDir` becomes a
 * link to it. Returns the cluster's real place.
 */
export async function createCluster(cluster: NewCluster): Promise<string> {
  const { dataDir, account } = cluster;
  const beside = existsSync(dataDir) ? realpathSync(dataDir) : join(realpathSync(dirname(dataDir)), basename(dataDir));
  if (account === null || canReach(account, dirname(beside))) {
    await initialise(cluster, `${beside}.init-`, beside);
    return beside;
  }
  makeOpenFolder(STAGING_HOME);
  const name = join(STAGING_HOME, createHash('sha256').update(beside).digest('hex').slice(0, 16));
  const directory = `${name}-${randomBytes(6).toString('hex')}`;
  await initialise(cluster, `${name}.init-`, directory);
  if (existsSync(dataDir)) rmdirSync(dataDir);
  symlinkSync(directory, dataDir);
  return directory;
}

async function initialise(cluster: NewCluster, workPrefix: string, directory: string): Promise<void> {
  await removeLeftovers(workPrefix);
  const work = `${workPrefix}${randomBytes(6).toString('hex')}`;
  const data = join(work, 'data');
  // Its own copy: the server's account must read it, and the lasting one belongs to this process alone.
  const passwordFile = join(work, 'password');
  try {
    await mkdir(work, { mode: 0o700 });
    writeFileSync(passwordFile, cluster.password, { mode: 0o600 });
    if (cluster.account !== null) {
      await chown(work, cluster.account.uid, cluster.account.gid);
      await chown(passwordFile, cluster.account.uid, cluster.account.gid);
    }
    await runInitdb(cluster, data, passwordFile);
    await rename(data, directory);
    if (cluster.sync) await syncFolder(dirname(directory));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Best effort: an initdb whose starter was killed may still be writing there. */
async function removeLeftovers(workPrefix: string): Promise<void> {
  const parent = dirname(workPrefix);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(basename(workPrefix))) continue;
    await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

async function runInitdb(cluster: NewCluster, data: string, passwordFile: string): Promise<void> {
  // LC_CTYPE decides how pg_trgm splits words. Systems without C.UTF-8 make do with C; collation is builtin in both.
  const refusal = await initdb(cluster, data, passwordFile, 'C.UTF-8');
  if (refusal === null) return;
  const second = refusal.includes('invalid locale name') ? await initdb(cluster, data, passwordFile, 'C') : refusal;
  if (second !== null) throw new Error(`initdb failed. ${second}`);
}

/** Null, or the reason it failed. */
function initdb(cluster: NewCluster, data: string, passwordFile: string, locale: string): Promise<string | null> {
  const args = ['-D', data, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', `--locale=${locale}`, '--no-instructions');
  if (!cluster.sync) args.push('--no-sync');
  return new Promise((resolve, reject) => {
    const child = spawn(join(cluster.bin, 'initdb'), args, {
      ...cluster.account,
      cwd: '/',
      env: getServerEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INITDB_TIMEOUT_MS,
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.once('error', (error) => reject(explainSpawnError(error)));
    child.once('close', (code, signal) => resolve(code === 0 ? null : complaint.trim() || `It ended by ${signal}.`));
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
