import { chmodSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The operating system account that runs the server when this process is root: PostgreSQL refuses to be root. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Where root keeps what the server's account could not reach at its own place. */
export const STAGING_HOME = '/var/lib/certplane-postgres';

/**
 * Null when this process is not root and runs the server as itself. Otherwise the owner of the cluster that
 * exists already, else `postgres`, else `nobody`: initdb insists on an account with a name.
 */
export function findServerAccount(cluster: string | null): ServerAccount | null {
  if (process.getuid?.() !== 0) return null;
  if (cluster !== null) {
    const { uid, gid } = statSync(cluster);
    if (uid !== 0) return { uid, gid };
  }
  const account = findPasswdEntry('postgres') ?? findPasswdEntry('nobody');
  if (account === null) {
    throw new Error(
      'PostgreSQL cannot run as root and this system has no account "postgres" or "nobody". ' +
        'Start Certplane as an ordinary user, or set CERTPLANE_DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
  return account;
}

/** Whether the mode bits let the account into `path` and every folder above it. Extra groups and ACLs do not count. */
export function canReach(account: ServerAccount, path: string): boolean {
  const real = realpathSync(path);
  for (let place = real; ; place = dirname(place)) {
    const { mode, uid, gid } = statSync(place);
    const execute = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (place === dirname(place)) return true;
  }
}

/** Makes a folder that any account can enter, whatever this process's umask. */
export function makeOpenFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

function findPasswdEntry(name: string): ServerAccount | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [entry, , uid, gid] = line.split(':');
    // macOS lists `nobody` as -2, which spawn() cannot be given.
    if (entry === name && Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
