import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../../../clients/typescript/src/schemas.js';
import { ConnectionError } from '../../../clients/typescript/src/errors.js';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../pki/signature-algorithm.js';
import { command, EXIT, type Context } from '../command.js';
import { reportFailure, usageFailure } from '../failure.js';
import { fullChainOf, issueForKey, issueForNewKey, type IssuingTerms } from '../issuing.js';
import { readLines, writeFile } from '../local-files.js';
import { readPrivateKey } from '../local-key.js';
import { counted } from '../wording.js';

/** One line of the list. */
interface Host {
  /** The first of them, of which the files have their names. */
  readonly name: string;
  readonly names: readonly string[];
}

interface Outcome {
  readonly name: string;
  readonly outcome: 'issued' | 'kept' | 'failed';
  readonly id?: string;
  readonly detail?: string;
}

interface Task extends IssuingTerms {
  readonly folder: string;
  readonly algorithm: KeyAlgorithm;
}

export const issueFromList = command({
  name: 'certificates issue-from',
  summary: 'Issue a certificate, with a new key, for each line of a list of hosts',
  details:
    'Each line holds the DNS names of one certificate, separated by spaces or commas. NAME.key and NAME.pem are written to ' +
    'the folder, after the first name. What is there already is kept: after an interruption, do the same again.',
  arguments: {
    list: { summary: 'A file with the names; - is standard input. Lines that begin with # do not count', file: true },
  },
  options: {
    'out-dir': { value: 'FOLDER', file: true, summary: 'Where keys and certificates go. Needed' },
    issuer: { value: 'ID', summary: 'Default: iss-local' },
    'key-algorithm': { value: 'ALGORITHM', summary: 'Default: ecdsa-p256', choices: KEY_ALGORITHMS },
    validity: { value: 'DURATION', summary: 'For example 30d. Default: 90d' },
  },
  examples: [
    ['For all hosts of a list', 'certplane certificates issue-from hosts.txt --out-dir certificates --validity 30d'],
  ],
  run: async (context, { list, 'out-dir': folder, issuer = 'iss-local', validity, 'key-algorithm': algorithm }) => {
    if (folder === undefined) throw usageFailure('Say where keys and certificates are to go: with --out-dir.');
    const hosts = readHosts(list);
    mkdirSync(folder, { recursive: true });
    const task = { folder, issuerId: issuer, validity, algorithm: (algorithm ?? 'ecdsa-p256') as KeyAlgorithm };
    const outcomes = await issueAll(context, hosts, task);
    return tell(context, outcomes);
  },
});

function readHosts(path: string): Host[] {
  const hosts = readLines(path).map((line): Host => {
    const names = line.split(/[\s,]+/).filter((name) => name !== '');
    return { name: names[0] ?? '', names };
  });
  // The names of files.
  const wrong = hosts.find(({ name }) => !/^(?:\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{0,240}$/.test(name));
  if (wrong !== undefined) throw usageFailure(`${path} holds ${JSON.stringify(wrong.name)}, which is no host name.`);
  const twice = hosts.find(({ name }, index) => hosts.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw usageFailure(`${path} holds two lines that begin with ${twice.name}.`);
  return hosts;
}

async function issueAll({ client, terminal }: Context, hosts: readonly Host[], task: Task): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const progress = terminal.progress('Issued', hosts.length);
  try {
    for (const host of hosts) {
      outcomes.push(await issueOne(client, host, task));
      progress.advance();
    }
  } finally {
    progress.end();
  }
  return outcomes;
}

/** One host that is refused does not stop the others; a Certplane that is gone does. */
async function issueOne(client: Context['client'], { name, names }: Host, task: Task): Promise<Outcome> {
  const file = join(task.folder, name.replace('*', '_'));
  if (existsSync(`${file}.pem`)) return { name, outcome: 'kept' };
  // A common name has at most 64 characters.
  const requested = { dns: names, ...(name.length > 64 ? {} : { commonName: name }) };
  const key = { path: `${file}.key`, algorithm: task.algorithm };
  try {
    const certificate: Certificate = existsSync(key.path)
      ? await issueForKey(client, readPrivateKey(key.path), requested, task)
      : await issueForNewKey(client, key, requested, task);
    writeFile(`${file}.pem`, fullChainOf(certificate));
    return { name, outcome: 'issued', id: certificate.id };
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    return { name, outcome: 'failed', detail: reportFailure(error, null).message };
  }
}

function tell({ terminal }: Context, outcomes: readonly Outcome[]): typeof EXIT.ok | typeof EXIT.refused {
  const count = (wanted: Outcome['outcome']): number => outcomes.filter(({ outcome }) => outcome === wanted).length;
  terminal.show({ items: outcomes }, () => {
    for (const { name, detail } of outcomes) if (detail !== undefined) terminal.note(`${name}: ${detail}`);
    terminal.print(
      `${counted(count('issued'), 'certificate')} issued, ${count('kept')} kept, ${count('failed')} failed.`,
    );
  });
  return count('failed') === 0 ? EXIT.ok : EXIT.refused;
}
