import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { CREATE_API_KEY, type CreateApiKey } from '../access/api-key.schemas.js';
import { ApiKeysService, type ApiKeyWithSecret } from '../access/api-keys.service.js';
import { AuditMetrics } from '../audit/audit.metrics.js';
import { AuditService } from '../audit/audit.service.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { findDurationSeconds } from '../platform/config/duration.js';
import { Transactions } from '../platform/database/transaction.js';
import { systemCaller } from '../platform/http/caller.js';
import { ROLES } from '../platform/http/permission.js';
import { AdminUsageError, type AdminCommand, type AdminOptions } from './admin-command.js';

const OPTIONS = {
  name: { type: 'string' },
  role: { type: 'string' },
  issuer: { type: 'string', multiple: true },
  profile: { type: 'string', multiple: true },
  'expires-in': { type: 'string' },
  file: { type: 'string' },
} as const;

/** Makes an API key on the database itself: for the first key after a loss, and for setting up by script. */
export const KEY_CREATE: AdminCommand = {
  name: 'key create',
  summary: 'Make an API key, with the server running or stopped',
  help: `Options:
  --name NAME          who it is for; only one live key has it
  --role ROLE          ${ROLES.join(', ')}
  --issuer ID          limit it to this issuer; may be repeated
  --profile PROFILE    limit it to this certificate profile; may be repeated
  --expires-in TIME    for example 90d; without it the key is good until it is revoked
  --file FILE          write the key into this new file, readable by its owner alone, instead of printing it

Examples:
  npm run --silent admin -- key create --name rescue --role admin
  npm run admin -- key create --name deploy --role operator --issuer iss-local --expires-in 90d --file deploy.key`,
  options: OPTIONS,
  run: async (options, { withDatabase, print, tell }) => {
    const input = readInput(options);
    const file = options['file'] as string | undefined;
    const descriptor = file === undefined ? null : openNew(file);
    try {
      const { row, key } = await withDatabase((dataSource) => create(dataSource, input));
      if (descriptor === null) print(key);
      else writeSync(descriptor, `${key}\n`);
      tell(
        `The API key ${row.name} has the role ${row.role}. ${file === undefined ? 'It is shown this once.' : `It is in ${file}.`}`,
      );
      return 0;
    } catch (error) {
      if (file !== undefined) rmSync(file, { force: true });
      throw error;
    } finally {
      if (descriptor !== null) closeSync(descriptor);
    }
  },
};

function create(dataSource: DataSource, input: CreateApiKey): Promise<ApiKeyWithSecret> {
  const clock = new Clock();
  const audit = new AuditService(dataSource, clock, new AuditMetrics(new Registry()));
  const apiKeys = new ApiKeysService(dataSource, new Transactions(dataSource), clock, audit);
  return apiKeys.create(input, systemCaller('admin-command'));
}

function readInput(options: AdminOptions): CreateApiKey {
  for (const needed of ['name', 'role']) {
    if (options[needed] === undefined) throw new AdminUsageError(`--${needed} is needed`);
  }
  const parsed = CREATE_API_KEY.safeParse({
    name: options['name'],
    role: options['role'],
    issuer_ids: options['issuer'],
    profiles: options['profile'],
    expires_at: expiryOf(options['expires-in']),
  });
  if (parsed.success) return parsed.data;
  throw new AdminUsageError(
    parsed.error.issues.map(({ path, message }) => `${OPTION_OF[String(path[0])]}: ${message}`).join('\n'),
  );
}

const OPTION_OF: Readonly<Record<string, string>> = {
  name: '--name',
  role: '--role',
  issuer_ids: '--issuer',
  profiles: '--profile',
  expires_at: '--expires-in',
};

function expiryOf(text: AdminOptions[string]): string | undefined {
  if (text === undefined) return undefined;
  const seconds = findDurationSeconds(String(text));
  if (seconds === null || seconds === 0)
    throw new AdminUsageError('--expires-in: must be a duration such as 12h or 90d');
  return addSeconds(new Date(), seconds).toISOString();
}

/** Before the key is made: one that has nowhere to go would be lost. */
function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AdminUsageError(
      code === 'EEXIST' ? `--file: ${file} is there already` : `--file: ${file} can't be written (${code})`,
    );
  }
}
