import { randomUUID } from 'node:crypto';
import type { CertplaneClient } from '../../../clients/typescript/src/client.js';
import { ProblemError } from '../../../clients/typescript/src/errors.js';
import type { Revocation, RevokeCertificate } from '../../../clients/typescript/src/schemas.js';
import { REVOCATION_REASONS } from '../../pki/revocation-reason.js';
import { CERTIFICATE_REFERENCE, findCertificate, isCertificateId } from '../certificate-reference.js';
import { command, EXIT, type Context } from '../command.js';
import { reportFailure, usageFailure, Failure } from '../failure.js';
import { readLines } from '../local-files.js';
import type { Column } from '../table.js';
import { counted, parseTime, toMoment } from '../wording.js';

type Revoked = Omit<Revocation, 'visible'>;

/** What could not be revoked, and why. */
interface Refused {
  readonly certificate: string;
  readonly code: string;
  readonly detail: string;
}

interface Outcome {
  readonly items: Revoked[];
  readonly failed: Refused[];
}

/** So that one is told of the progress. */
const BATCH = 100;

const COLUMNS: readonly Column<Revoked>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'SERIAL NUMBER', value: ({ serial_number: serialNumber }) => serialNumber },
  { title: 'STATUS', value: ({ status }) => status, tone: () => 'bad' },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'SINCE', value: ({ revoked_at: revokedAt }) => toMoment(revokedAt) ?? '' },
];

export const revoke = command({
  name: 'revoke',
  summary: 'Revoke certificates; when it returns, OCSP says so everywhere',
  details:
    'One that can’t be revoked does not stop the others. Revoking again changes nothing and gives the first result.',
  arguments: { certificate: { summary: CERTIFICATE_REFERENCE, many: true, optional: true, file: true } },
  options: {
    reason: { value: 'REASON', summary: 'Default: unspecified', choices: REVOCATION_REASONS },
    'invalid-since': { value: 'TIME', summary: 'Since when the key is suspected of being compromised' },
    from: { value: 'FILE', file: true, summary: 'A list of certificates, one a line; - is standard input' },
  },
  examples: [
    ['The certificate in a file', 'certplane revoke www.pem --reason keyCompromise'],
    [
      'All of an issuer',
      "certplane certificates list --issuer example-tls --status active --all --json | jq -r '.items[].id' | certplane revoke --from - --reason cessationOfOperation",
    ],
  ],
  run: async (context, { certificate, reason, 'invalid-since': invalidSince, from }) => {
    const references = [...certificate, ...(from === undefined ? [] : readLines(from))];
    if (references.length === 0) throw usageFailure('Say which certificates: as arguments, or with --from.');
    const body = {
      reason: reason as RevokeCertificate['reason'],
      invalidity_date: parseTime('--invalid-since', invalidSince),
    };
    const outcome = await revokeAll(context, references, body);
    context.terminal.show(outcome, () => tell(context, outcome));
    return outcome.failed.length === 0 ? EXIT.ok : EXIT.refused;
  },
});

async function revokeAll(context: Context, references: readonly string[], body: RevokeCertificate): Promise<Outcome> {
  const outcome: Outcome = { items: [], failed: [] };
  const progress = context.terminal.progress('Revoked', references.length);
  try {
    for (let start = 0; start < references.length; start += BATCH) {
      const batch = references.slice(start, start + BATCH);
      await revokeBatch(context.client, batch, body, outcome);
      progress.advance(batch.length);
    }
  } finally {
    progress.end();
  }
  return outcome;
}

async function revokeBatch(
  client: CertplaneClient,
  references: readonly string[],
  body: RevokeCertificate,
  outcome: Outcome,
): Promise<void> {
  const found = new Map<string, string>();
  for (const reference of references) {
    const find = async (): Promise<string> => (await findCertificate(client, reference)).id;
    const id = isCertificateId(reference) ? reference.toLowerCase() : await attempt(reference, outcome, find);
    if (id !== null) found.set(id, reference);
  }
  const ids = [...found.keys()];
  if (ids.length === 0) return;
  try {
    const { items } = await client.revokeCertificates({ ids, ...body }, { idempotencyKey: randomUUID() });
    outcome.items.push(...items);
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status >= 500) throw error;
    // Refused as a whole for one of them: for which, they tell one by one.
    for (const [id, reference] of found) {
      const revoked = await attempt(reference, outcome, () =>
        client.revokeCertificate(id, body, { idempotencyKey: randomUUID() }),
      );
      if (revoked === null) continue;
      const { visible: _visible, ...item } = revoked;
      outcome.items.push(item);
    }
  }
}

/** What is refused is noted down; all else goes on up. */
async function attempt<T>(reference: string, { failed }: Outcome, act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const isRefusal = error instanceof Failure || (error instanceof ProblemError && error.status < 500);
    if (!isRefusal || (error instanceof ProblemError && [401, 403, 429].includes(error.status))) throw error;
    const { code, message } = reportFailure(error, null);
    failed.push({ certificate: reference, code, detail: message });
    return null;
  }
}

function tell({ terminal }: Context, { items, failed }: Outcome): void {
  if (items.length > 0) terminal.printTable(COLUMNS, items);
  for (const { certificate, detail } of failed) terminal.note(`${certificate}: ${detail}`);
  if (failed.length > 0) terminal.note(`${counted(items.length, 'certificate')} revoked, ${failed.length} not.`);
}
