import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../platform/config/env.js';
import { StartError } from '../platform/errors/start-error.js';
import { MasterKey } from './master-key.js';

export interface MasterKeySource {
  readonly masterKey: MasterKey;
  /** Set when the key lies unprotected beside the data: a sentence for the operator. */
  readonly warning: string | null;
}

/**
 * The master key of the configuration; else that of the data directory, which is made on the first start.
 * @throws StartError when the file in the data directory is damaged
 */
export function loadMasterKey(config: Config): MasterKeySource {
  if (config.masterKey !== null) return { masterKey: new MasterKey(config.masterKey), warning: null };
  const path = join(config.dataDir, 'master.key');
  const made = !existsSync(path) && createMasterKeyFile(config.dataDir, path);
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (key.length !== 32) throw new StartError(`${path} does not hold a master key (32 bytes in base64)`);
  const whose = made ? 'A master key was made' : 'The master key lies';
  return {
    masterKey: new MasterKey(key),
    warning: `${whose} in ${path}. Whoever reads the data directory has every private key: set CERTPLANE_MASTER_KEY_FILE for real use, and keep a copy elsewhere.`,
  };
}

/** Written aside and linked into place, so that two processes that start together use the same key and neither a torn one. */
function createMasterKeyFile(dataDir: string, path: string): boolean {
  mkdirSync(dataDir, { recursive: true });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
