import { randomBytes } from 'node:crypto';
import { readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { getProcessIdentity, isProcessAlive } from './embedded-postgres-process.js';

const LOCK_WAIT_MS = 180_000;
const POLL_MS = 50;

/**
 * Runs `work` while no other process of this machine holds `lockPath`; the lock of a dead process is taken over.
 * The lock is a symbolic link whose target names its owner: the one thing a file system makes exclusively and
 * with its content in a single step.
 */
export async function withProcessLock<T>(lockPath: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const owner = `${getProcessIdentity(process.pid)}:${randomBytes(6).toString('hex')}`;
  await acquire(lockPath, owner, onWait);
  try {
    return await work();
  } finally {
    if (findOwner(lockPath) === owner) unlinkSync(lockPath);
  }
}

async function acquire(lockPath: string, owner: string, onWait: () => void): Promise<void> {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (let waited = false; !tryTake(lockPath, owner); waited = true) {
    if (Date.now() > deadline) {
      throw new Error(`${lockPath} has been held for too long, by process ${findOwner(lockPath) ?? '?'}.`);
    }
    if (!waited) onWait();
    await delay(POLL_MS);
  }
}

/**
 * A dead owner's lock is replaced only by the one process that holds the lock named after that owner, so nobody who
 * read the dead owner's name a moment ago can take away the lock of a successor.
 */
function tryTake(lockPath: string, owner: string): boolean {
  if (tryLink(owner, lockPath)) return true;
  const holder = findOwner(lockPath);
  if (holder === null || isOwnerAlive(holder)) return false;
  const succession = `${lockPath}.${holder.split(':').at(-1)}`;
  if (!tryTake(succession, owner)) return false;
  if (findOwner(lockPath) === holder) {
    renameSync(succession, lockPath);
    return true;
  }
  unlinkSync(succession);
  return false;
}

function isOwnerAlive(owner: string): boolean {
  const pid = Number.parseInt(owner, 10);
  return isProcessAlive(pid) && owner.startsWith(`${getProcessIdentity(pid)}:`);
}

function tryLink(owner: string, lockPath: string): boolean {
  try {
    symlinkSync(owner, lockPath);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function findOwner(lockPath: string): string | null {
  try {
    return readlinkSync(lockPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
