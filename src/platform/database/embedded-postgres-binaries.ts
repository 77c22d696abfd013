import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { cp, readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type ServerAccount, canReach, makeOpenFolder } from './embedded-postgres-account.js';
import { withProcessLock } from './embedded-postgres-lock.js';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64'];

interface LibraryLink {
  /** The library file, relative to the package. */
  readonly source: string;
  /** The name it is loaded by, relative to the package. */
  readonly target: string;
}

/**
 * The folder with `initdb` and `postgres`, ready to run as `account`. A package that the account cannot reach, or
 * that cannot be written to, is copied below `stagingHome`.
 */
export async function prepareBinaries(
  account: ServerAccount | null,
  stagingHome: string,
  onProgress: (message: string) => void,
): Promise<string> {
  const packageRoot = locatePackage();
  const bin = join(packageRoot, 'native', 'bin');
  const reachable = account === null || canReach(account, join(bin, 'postgres'));
  if (reachable && tryLinkLibraries(packageRoot)) return bin;
  return stagePackage(packageRoot, stagingHome, onProgress);
}

function locatePackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    return dirname(dirname(entry));
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL is not installed for ${platform}. It exists for ${PLATFORMS.join(', ')} and comes as an ` +
        'optional dependency. Set CERTPLANE_DATABASE_URL to a PostgreSQL server of your own instead.',
      { cause },
    );
  }
}

/** npm packages cannot hold symbolic links, so the libraries lack the names they are loaded by. */
function linkLibraries(packageRoot: string): void {
  const list = readFileSync(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as LibraryLink[]) {
    const link = join(packageRoot, target);
    if (existsSync(link)) continue;
    // Renamed into place: another process may be doing the same, and a broken link may be there.
    const fresh = `${link}.${randomBytes(6).toString('hex')}`;
    symlinkSync(relative(dirname(link), join(packageRoot, source)), fresh);
    renameSync(fresh, link);
  }
}

function tryLinkLibraries(packageRoot: string): boolean {
  try {
    linkLibraries(packageRoot);
    return true;
  } catch (error) {
    if (['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function stagePackage(
  packageRoot: string,
  stagingHome: string,
  onProgress: (message: string) => void,
): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const staged = join(stagingHome, `binaries-${version}`);
  const bin = join(staged, 'native', 'bin');
  if (existsSync(staged)) return bin;
  makeOpenFolder(stagingHome);
  await withProcessLock(
    `${staged}.lock`,
    () => onProgress('Waiting for another process that is copying the PostgreSQL programs'),
    async () => {
      if (existsSync(staged)) return;
      onProgress(`Copying the PostgreSQL programs to ${staged}`);
      const partial = `${staged}.partial`;
      await rm(partial, { recursive: true, force: true });
      await cp(join(packageRoot, 'native'), join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
      linkLibraries(partial);
      await openToAll(partial);
      await rename(partial, staged);
    },
  );
  return bin;
}

/** A package installed under a strict umask is readable by its owner alone. */
async function openToAll(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    chmodSync(path, entry.isDirectory() || (statSync(path).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
