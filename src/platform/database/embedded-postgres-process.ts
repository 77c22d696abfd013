import { readFileSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';

const STATE_FIELD = 3;
const START_TIME_FIELD = 22;

/** False for a zombie too: it holds nothing any more. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const state = findProcessStat(pid, STATE_FIELD);
  return state !== 'Z' && state !== 'X';
}

/**
 * Tells two processes apart that had the same pid: containers hand out the same small pids at every start.
 * Where there is no /proc it is the pid alone.
 */
export function getProcessIdentity(pid: number): string {
  return `${pid}:${findProcessStat(pid, START_TIME_FIELD) ?? ''}:${readIfPresent('/proc/sys/kernel/random/boot_id').trim()}`;
}

/** Whether `pid` is a PostgreSQL server on this data directory. Where there is no /proc a living pid is believed. */
export function isPostmasterOf(pid: number, directory: string): boolean {
  if (!isProcessAlive(pid)) return false;
  if (readIfPresent('/proc/self/cmdline') === '') return true;
  const [program, ...args] = readIfPresent(`/proc/${pid}/cmdline`).split('\0');
  const served = args[args.indexOf('-D') + 1];
  return basename(program ?? '') === 'postgres' && served !== undefined && isSamePath(served, directory);
}

/** Nothing of this process's own environment (LANG, PG...) reaches the server. */
export function getServerEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

export function explainSpawnError(error: NodeJS.ErrnoException): Error {
  const hint =
    error.code === 'ENOENT'
      ? ' They need glibc: on Alpine and other musl systems set CERTPLANE_DATABASE_URL instead.'
      : '';
  return new Error(`The embedded PostgreSQL's programs do not run here: ${error.message}.${hint}`, { cause: error });
}

/** One field of /proc/<pid>/stat by its number in proc(5); null where there is none. */
function findProcessStat(pid: number, field: number): string | null {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fromThird = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? null : (fromThird[field - 3] ?? null);
}

function isSamePath(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
