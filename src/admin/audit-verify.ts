import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { listAuditKeys } from '../audit/audit-keys.js';
import { verifyCheckpoint, type Checkpoint } from '../audit/checkpoint-note.js';
import { TrailFault } from '../audit/trail-fault.js';
import type { VerifiedTrail } from '../audit/trail-verifier.js';
import { verifyDatabase, verifyExport, type Trust } from '../audit/verification.js';
import { parsePem } from '../pki/pem.js';
import { poolOf } from '../platform/database/data-source.js';
import { StartError } from '../platform/errors/start-error.js';
import { AdminUsageError, type AdminCommand, type AdminContext, type AdminOptions } from './admin-command.js';
import { readLines } from './text-lines.js';

const TAMPERED = 1;

/** Says whether the audit trail is as it was sealed, and if not, where it first is not. */
export const AUDIT_VERIFY: AdminCommand = {
  name: 'audit verify',
  summary: 'Verify the audit trail in the database, or an export of it',
  help: `Options:
  --file FILE          an export (GET /api/v1/audit/export) instead of the database; no database is needed then
  --public-key FILE    the keys that may have signed it (PEM); may be repeated. Without it those in the database are
                       believed, which whoever changes the database can change too. --file needs it.
  --checkpoint FILE    a checkpoint (a signed note) that was kept elsewhere: shows that the end was cut off

Exit codes: 0 the trail is as it was sealed, 1 it is not, and the first fault is named.

Examples:
  npm run --silent admin -- audit verify
  npm run --silent admin -- audit verify --public-key audit.pem --checkpoint note.txt
  npm run --silent admin -- audit verify --file audit.ndjson --public-key audit.pem`,
  options: {
    file: { type: 'string' },
    'public-key': { type: 'string', multiple: true },
    checkpoint: { type: 'string' },
  },
  run: async (options, context) => {
    try {
      const verified = await verify(options, context);
      context.print(describe(verified));
      return 0;
    } catch (error) {
      if (!(error instanceof TrailFault)) throw error;
      context.print(`${error.kind}: ${error.message}`);
      return TAMPERED;
    }
  },
};

async function verify(options: AdminOptions, { withDatabase, tell }: AdminContext): Promise<VerifiedTrail> {
  const pinned = ((options['public-key'] ?? []) as string[]).flatMap(readKeys);
  const file = options['file'] as string | undefined;
  const note = options['checkpoint'] as string | undefined;
  if (file !== undefined) {
    if (pinned.length === 0)
      throw new AdminUsageError('--file needs --public-key: an export does not vouch for itself');
    const lines = readLines(file);
    return verifyExport(lines, trust(pinned, note)).catch((error: unknown) => explainFault(file, error));
  }
  return withDatabase(async (dataSource: DataSource) => {
    if (pinned.length > 0) return verifyDatabase(poolOf(dataSource), trust(pinned, note));
    tell('The keys that signed are taken from the database itself: --public-key is safer.');
    const keys = await listAuditKeys(dataSource);
    return verifyDatabase(
      poolOf(dataSource),
      trust(
        keys.map(({ publicKey }) => publicKey),
        note,
      ),
    );
  });
}

function trust(keys: readonly KeyObject[], note: string | undefined): Trust {
  return { keys, kept: note === undefined ? null : readCheckpoint(note, keys) };
}

function readKeys(file: string): KeyObject[] {
  try {
    const keys = parsePem(readText(file), 'PUBLIC KEY').map((der) =>
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
    );
    if (keys.every(({ asymmetricKeyType }) => asymmetricKeyType === 'ed25519')) return keys;
  } catch (error) {
    if (error instanceof AdminUsageError) throw error;
  }
  throw new AdminUsageError(`--public-key: ${file} holds no Ed25519 public keys in PEM`);
}

function readCheckpoint(file: string, keys: readonly KeyObject[]): Checkpoint {
  const note = readText(file);
  try {
    return verifyCheckpoint(note, keys);
  } catch (error) {
    throw new AdminUsageError(`--checkpoint: ${file}: ${(error as Error).message}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AdminUsageError(`${file} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown fault'})`);
  }
}

function explainFault(file: string, error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof TrailFault) throw error;
  throw new StartError(`${file} can't be read: ${code ?? message}.`, error);
}

function describe({ origin, firstPosition, treeSize, rootHash, checkpoints }: VerifiedTrail): string {
  if (origin === null) return 'The trail is empty: nothing was sealed yet.';
  const count = treeSize - firstPosition;
  return [
    `The trail ${origin} is as it was sealed.`,
    `${count} events, positions ${firstPosition} to ${treeSize - 1}, under ${checkpoints} checkpoints.`,
    `Root of the ${treeSize} events: ${rootHash.toString('base64')}`,
  ].join('\n');
}
