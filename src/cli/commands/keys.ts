import { randomUUID } from 'node:crypto';
import type { CertplaneClient } from '../../../clients/typescript/src/client.js';
import type { ApiKey, ApiKeyWithSecret, CreateApiKey } from '../../../clients/typescript/src/schemas.js';
import { findDurationSeconds } from '../../platform/config/duration.js';
import { command, EXIT } from '../command.js';
import { refusal, usageFailure } from '../failure.js';
import { LIST_OPTIONS, printList } from '../list-printing.js';
import { checkWritable, writeFile } from '../local-files.js';
import type { Column, Tone } from '../table.js';
import type { Field, Terminal } from '../terminal.js';
import { listed, parseTime, toMinute, toMoment } from '../wording.js';

const KEY = { key: { summary: 'Its name or its id' } } as const;
const ROLES = ['admin', 'operator', 'viewer', 'auditor', 'metrics'] as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const OUT = {
  value: 'FILE',
  file: true,
  summary: 'Where the secret goes, for you alone to read. Default: it is printed',
} as const;

const TONES: Readonly<Record<ApiKey['status'], Tone>> = { active: 'good', expired: 'dim', revoked: 'bad' };

const COLUMNS: readonly Column<ApiKey>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'STATUS', value: ({ status }) => status, tone: ({ status }) => TONES[status] },
  { title: 'EXPIRES (UTC)', value: ({ expires_at: expiresAt }) => toMinute(expiresAt) },
  { title: 'LAST USED (UTC)', value: ({ last_used_at: usedAt }) => toMinute(usedAt) },
  { title: 'ISSUERS', value: ({ issuer_ids: ids }) => listed(ids), shrinks: true },
  { title: 'PROFILES', value: ({ profiles }) => listed(profiles) },
  { title: 'ID', value: ({ id }) => id },
];

export const listKeys = command({
  name: 'keys list',
  summary: 'List API keys, newest first',
  options: {
    status: { value: 'STATUS', summary: 'Of this status', choices: ['active', 'expired', 'revoked'] },
    ...LIST_OPTIONS,
  },
  examples: [['Those that are good', 'certplane keys list --status active']],
  run: async (context, input) => {
    const status = input.status as ApiKey['status'] | undefined;
    await printList(context, input, {
      columns: COLUMNS,
      nothing: 'There are no such API keys.',
      fetch: (page) => context.client.listApiKeys({ ...page, status }),
    });
    return EXIT.ok;
  },
});

export const showKey = command({
  name: 'keys show',
  summary: 'Show an API key; its secret is not known to Certplane',
  arguments: KEY,
  examples: [['Who may what, until when', 'certplane keys show deploy']],
  run: async ({ client, terminal }, { key }) => {
    showOne(terminal, await client.getApiKey(await findKeyId(client, key)));
    return EXIT.ok;
  },
});

export const createKey = command({
  name: 'keys create',
  summary: 'Make an API key; its secret is shown this once',
  arguments: { name: { summary: 'Who it is for; the audit trail knows it by this' } },
  options: {
    role: { value: 'ROLE', summary: 'Needed', choices: ROLES },
    issuer: { value: 'ID', many: true, summary: 'Limit it to this issuer' },
    profile: { value: 'PROFILE', many: true, summary: 'Limit it to this profile: leaf, intermediate, ocsp-responder' },
    expires: { value: 'TIME', summary: 'In how long (90d), or when (2027-01-01). Default: never' },
    out: OUT,
  },
  examples: [
    [
      'For a deployment that issues for one issuer',
      'certplane keys create deploy --role operator --issuer example-tls --expires 90d --out deploy.key',
    ],
    ['For Prometheus', 'certplane keys create prometheus --role metrics'],
  ],
  run: async ({ client, terminal }, { name, role, issuer, profile, expires, out }) => {
    if (role === undefined) throw usageFailure(`A key needs --role: ${ROLES.join(', ')}.`);
    if (out !== undefined) checkWritable(out, false);
    const body = {
      name,
      role,
      issuer_ids: issuer.length === 0 ? undefined : issuer,
      profiles: profile.length === 0 ? undefined : profile,
      expires_at: toTime(expires),
    } as CreateApiKey;
    tellSecret(terminal, await client.createApiKey(body, { idempotencyKey: randomUUID() }), out);
    return EXIT.ok;
  },
});

export const rotateKey = command({
  name: 'keys rotate',
  summary: 'Give an API key a new secret; the one until now stays good for a while',
  arguments: KEY,
  options: {
    overlap: { value: 'DURATION', summary: 'How long it stays good; 0s: not at all. Default: 1h' },
    out: OUT,
  },
  examples: [
    ['With a day to bring it to where it is used', 'certplane keys rotate deploy --overlap 1d --out deploy.key'],
  ],
  run: async ({ client, terminal }, { key, overlap, out }) => {
    if (out !== undefined) checkWritable(out, false);
    const id = await findKeyId(client, key);
    tellSecret(terminal, await client.rotateApiKey(id, { overlap }, { idempotencyKey: randomUUID() }), out);
    return EXIT.ok;
  },
});

export const revokeKey = command({
  name: 'keys revoke',
  summary: 'Revoke an API key, at once and for good',
  arguments: KEY,
  examples: [['One that has leaked', 'certplane keys revoke deploy']],
  run: async ({ client, terminal }, { key }) => {
    showOne(terminal, await client.revokeApiKey(await findKeyId(client, key)));
    return EXIT.ok;
  },
});

/** Only one key that is not revoked has a name. */
async function findKeyId(client: CertplaneClient, reference: string): Promise<string> {
  if (UUID.test(reference)) return reference;
  let found: ApiKey | null = null;
  for await (const key of client.eachApiKey({ limit: 500 })) {
    if (key.name !== reference) continue;
    if (key.status !== 'revoked') return key.id;
    found ??= key;
  }
  if (found !== null) return found.id;
  throw refusal(
    'api_key_not_found',
    `There is no API key ${JSON.stringify(reference)}.`,
    '`certplane keys list` shows them.',
  );
}

function tellSecret(terminal: Terminal, { key, ...shown }: ApiKeyWithSecret, out: string | undefined): void {
  if (out !== undefined) writeFile(out, `${key}\n`, { mode: 0o600 });
  const printed = out === undefined ? { ...shown, key } : shown;
  terminal.show(printed, () => {
    terminal.printFields([...fieldsOf(shown), ['Secret', out === undefined ? key : null]]);
    terminal.note(out === undefined ? 'The secret is not shown again.' : `The secret is in ${out}.`);
  });
}

function showOne(terminal: Terminal, key: ApiKey): void {
  terminal.show(key, () => terminal.printFields(fieldsOf(key)));
}

function fieldsOf(key: ApiKey): Field[] {
  return [
    ['Id', key.id],
    ['Name', key.name],
    ['Role', key.role],
    ['Status', key.status, TONES[key.status]],
    ['Issuers', listed(key.issuer_ids)],
    ['Profiles', listed(key.profiles)],
    ['Made', toMoment(key.created_at)],
    ['Expires', toMoment(key.expires_at) ?? 'never'],
    ['Last used', toMoment(key.last_used_at) ?? 'never'],
    ['Old secret good until', toMoment(key.previous_valid_until)],
    ['Revoked', toMoment(key.revoked_at)],
  ];
}

/** In how long, or when. */
function toTime(text: string | undefined): string | undefined {
  const seconds = findDurationSeconds(text ?? '');
  return seconds === null ? parseTime('--expires', text) : new Date(Date.now() + seconds * 1000).toISOString();
}
