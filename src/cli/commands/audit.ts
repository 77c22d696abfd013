import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AuditCheckpoint, AuditEvent, ListAuditEventsQuery } from '../../../clients/typescript/src/schemas.js';
import { command, EXIT, type Context } from '../command.js';
import { refusal, usageFailure } from '../failure.js';
import { LIST_OPTIONS, printList } from '../list-printing.js';
import { checkWritable } from '../local-files.js';
import type { Column } from '../table.js';
import { counted, parseTime, toSecond } from '../wording.js';

const RANGE = {
  from: { value: 'TIME', summary: 'At this time or later, for example 2026-11-01 or 2026-11-01T12:00:00Z' },
  to: { value: 'TIME', summary: 'Before this time' },
} as const;

const EVENTS: readonly Column<AuditEvent>[] = [
  { title: 'TIME (UTC)', value: ({ occurred_at: time }) => toSecond(time) },
  { title: 'ACTION', value: ({ action }) => action },
  {
    title: 'OUTCOME',
    value: ({ outcome }) => outcome,
    tone: ({ outcome }) => (outcome === 'success' ? 'good' : 'bad'),
  },
  { title: 'ACTOR', value: ({ actor }) => actor, shrinks: true },
  { title: 'SUBJECT', value: ({ subject_type: type, subject_id: id }) => `${type} ${id ?? '-'}`, shrinks: true },
  { title: 'SOURCE', value: ({ source_address: address }) => address ?? '-' },
];

const CHECKPOINTS: readonly Column<AuditCheckpoint>[] = [
  { title: 'SIGNED (UTC)', value: ({ signed_at: time }) => toSecond(time) },
  { title: 'EVENTS', value: ({ tree_size: size }) => String(size) },
  { title: 'ROOT HASH', value: ({ root_hash: hash }) => hash },
  { title: 'KEY', value: ({ key_id: key }) => key },
];

export const listAudit = command({
  name: 'audit list',
  summary: 'List the events of the audit trail, newest first',
  options: {
    action: { value: 'ACTION', summary: 'For example certificate.revoke' },
    actor: { value: 'NAME', summary: 'Done or tried by, for example api-key:deploy' },
    outcome: { value: 'OUTCOME', summary: 'How it ended', choices: ['success', 'refused'] },
    'subject-type': { value: 'TYPE', summary: 'About things of this type, for example issuer' },
    subject: { value: 'ID', summary: 'About this certificate, issuer or key' },
    ...RANGE,
    ...LIST_OPTIONS,
  },
  examples: [
    ['Who revoked what', 'certplane audit list --action certificate.revoke'],
    ['What was refused since November', 'certplane audit list --outcome refused --from 2026-11-01 --all'],
    ['With all details', 'certplane audit list --subject iss-local --json'],
  ],
  run: async (context, input) => {
    const query = {
      action: input.action,
      actor: input.actor,
      outcome: input.outcome,
      subject_type: input['subject-type'],
      subject_id: input.subject,
      from: parseTime('--from', input.from),
      to: parseTime('--to', input.to),
    } as ListAuditEventsQuery;
    await printList(context, input, {
      columns: EVENTS,
      nothing: 'There are no such events.',
      fetch: (page) => context.client.listAuditEvents({ ...query, ...page }),
    });
    return EXIT.ok;
  },
});

export const listCheckpoints = command({
  name: 'audit checkpoints',
  summary: 'List the signed checkpoints of the audit trail, newest first',
  details:
    'A checkpoint that is kept elsewhere proves later that nothing before it was changed or taken away. --json shows the ' +
    'signed notes, and with each page the public keys.',
  options: LIST_OPTIONS,
  examples: [
    ['Keep the newest one', "certplane audit checkpoints --limit 1 --json | jq -r '.items[0].note' > checkpoint.txt"],
    [
      'The public keys',
      "certplane audit checkpoints --limit 1 --json | jq -r '.public_keys[].public_key_pem' > audit.pem",
    ],
  ],
  run: async (context, input) => {
    await printList(context, input, {
      columns: CHECKPOINTS,
      nothing: 'There are no checkpoints yet.',
      fetch: (page) => context.client.listAuditCheckpoints(page),
    });
    return EXIT.ok;
  },
});

export const exportAudit = command({
  name: 'audit export',
  summary: 'Export the sealed audit trail, to be kept and verified elsewhere',
  details:
    'A JSON object a line. `npm run admin -- audit verify --file FILE` verifies it, with the server or without. The export is ' +
    'an event of the audit trail itself.',
  options: {
    out: { value: 'FILE', file: true, summary: 'Where it goes. Needed, unless standard output is no terminal' },
    force: { summary: 'Write over the file of --out' },
    ...RANGE,
  },
  examples: [
    ['All of it', 'certplane audit export --out audit.ndjson'],
    ['A month', 'certplane audit export --from 2026-11-01 --to 2026-12-01 --out november.ndjson'],
  ],
  run: async (context, { out, force, from, to }) => {
    if (out === undefined && context.terminal.isInteractive) throw usageFailure('Name a file with --out.');
    if (out !== undefined) checkWritable(out, force);
    const lines = context.client.exportAuditTrail({ from: parseTime('--from', from), to: parseTime('--to', to) });
    const count = await write(context, lines, out);
    if (out !== undefined) context.terminal.note(`${counted(count, 'line')} in ${out}.`);
    return EXIT.ok;
  },
});

/** Writes the lines as they come. @returns how many; @throws Failure where the last one is missing */
async function write({ terminal }: Context, lines: AsyncIterable<string>, out: string | undefined): Promise<number> {
  let count = 0;
  let last = '';
  async function* counting(): AsyncGenerator<string, void> {
    for await (const line of lines) {
      count += 1;
      last = line;
      yield `${line}\n`;
    }
  }
  if (out === undefined) for await (const line of counting()) await terminal.printAll(line);
  else await pipeline(Readable.from(counting()), createWriteStream(out, { mode: 0o600 }));
  if (last.startsWith('{"type":"end"')) return count;
  throw refusal('export_incomplete', 'The export broke off: its last line is missing.', 'Do it again.');
}
