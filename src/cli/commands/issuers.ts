import { randomUUID } from 'node:crypto';
import type { CertplaneClient } from '../../../clients/typescript/src/client.js';
import type { CreateIssuer, Issuer } from '../../../clients/typescript/src/schemas.js';
import { KEY_ALGORITHMS } from '../../pki/signature-algorithm.js';
import { command, EXIT, type Command } from '../command.js';
import { usageFailure } from '../failure.js';
import { LIST_OPTIONS, printList } from '../list-printing.js';
import { readText } from '../local-files.js';
import type { Column, Tone } from '../table.js';
import type { Terminal } from '../terminal.js';
import { toMinute, toMoment } from '../wording.js';

const ISSUER = { id: { summary: 'The id of the issuer, for example iss-local' } } as const;
const toneOf = ({ status }: Issuer): Tone => (status === 'active' ? 'good' : 'dim');

const COLUMNS: readonly Column<Issuer>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'STATUS', value: ({ status }) => status, tone: toneOf },
  { title: 'KEY', value: ({ key_algorithm: algorithm }) => algorithm },
  { title: 'NOT AFTER (UTC)', value: ({ not_after: notAfter }) => toMinute(notAfter) },
  { title: 'PARENT', value: ({ parent_id: parent }) => parent ?? '-' },
  { title: 'SUBJECT', value: ({ subject }) => subject, shrinks: true },
];

export const listIssuers = command({
  name: 'issuers list',
  summary: 'List issuers',
  options: LIST_OPTIONS,
  examples: [
    ['As a table', 'certplane issuers list'],
    ['Their ids alone', "certplane issuers list --all --json | jq -r '.items[].id'"],
  ],
  run: async (context, input) => {
    await printList(context, input, {
      columns: COLUMNS,
      nothing: 'There are no issuers.',
      fetch: (page) => context.client.listIssuers(page),
    });
    return EXIT.ok;
  },
});

export const showIssuer = command({
  name: 'issuers show',
  summary: 'Show an issuer',
  arguments: ISSUER,
  options: { pem: { summary: 'Print its certificate and those above it as PEM, and nothing else' } },
  examples: [
    ['What it is, and where its OCSP and CRL are', 'certplane issuers show iss-local'],
    ['The CA certificate, to be installed where it is trusted', 'certplane issuers show iss-local --pem > ca.pem'],
  ],
  run: async ({ client, terminal }, { id, pem }) => {
    const issuer = await client.getIssuer(id);
    if (pem) terminal.printRaw(issuer.certificate_pem + issuer.chain_pem);
    else showOne(terminal, issuer);
    return EXIT.ok;
  },
});

export const createIssuer = command({
  name: 'issuers create',
  summary: 'Create a root, or with --parent an intermediate',
  details:
    'The id stands in the addresses of its CRL and OCSP responder, for ever. Its key is made and kept by Certplane.',
  arguments: { id: { summary: 'a-z, 0-9 and -, 63 characters at the most' } },
  options: {
    subject: { value: 'NAME', summary: 'RFC 4514, for example "CN=Example Root,O=Example". Needed' },
    parent: { value: 'ID', summary: 'The issuer above it' },
    name: { value: 'TEXT', summary: 'What people call it. Default: the id' },
    'key-algorithm': { value: 'ALGORITHM', summary: 'Default: ecdsa-p256', choices: KEY_ALGORITHMS },
    validity: { value: 'DURATION', summary: 'Default: 3650d for a root, 1825d for an intermediate' },
    'path-length': { value: 'N', summary: 'How many CAs there may be below it. Default: no limit for a root, 0 else' },
    'baseline-requirements': { summary: 'Keep to the CA/B Baseline Requirements' },
  },
  examples: [
    ['A root', 'certplane issuers create example-root --subject "CN=Example Root,O=Example"'],
    [
      'An intermediate below it',
      'certplane issuers create example-tls --parent example-root --subject "CN=Example TLS,O=Example" --validity 1825d',
    ],
  ],
  run: async ({ client, terminal }, input) => {
    if (input.subject === undefined) throw usageFailure('A new issuer needs --subject.');
    const common = {
      id: input.id,
      name: input.name ?? input.id,
      subject: input.subject,
      key_algorithm: input['key-algorithm'],
      validity: input.validity,
      path_length: parsePathLength(input['path-length']),
      baseline_requirements: input['baseline-requirements'],
    };
    const body: CreateIssuer =
      input.parent === undefined
        ? { ...common, kind: 'root' }
        : { ...common, kind: 'intermediate', parent_id: input.parent };
    showOne(terminal, await client.createIssuer(body, { idempotencyKey: randomUUID() }));
    return EXIT.ok;
  },
});

export const importIssuer = command({
  name: 'issuers import',
  summary: 'Take over a CA that exists, with its key',
  arguments: { id: { summary: 'a-z, 0-9 and -, 63 characters at the most' } },
  options: {
    cert: { value: 'FILE', file: true, summary: 'Its certificate (PEM). Needed' },
    key: { value: 'FILE', file: true, summary: 'Its private key (PEM, not encrypted). Needed' },
    chain: { value: 'FILE', file: true, summary: 'The certificates above it (PEM), in any order' },
    name: { value: 'TEXT', summary: 'What people call it. Default: the id' },
  },
  examples: [
    ['A CA that was made with openssl', 'certplane issuers import old-ca --cert ca.pem --key ca.key'],
    ['An intermediate', 'certplane issuers import old-tls --cert tls.pem --key tls.key --chain root.pem'],
  ],
  run: async ({ client, terminal }, { id, cert, key, chain, name }) => {
    if (cert === undefined || key === undefined) throw usageFailure('An import needs --cert and --key.');
    const body: CreateIssuer = {
      id,
      name: name ?? id,
      kind: 'imported',
      certificate_pem: readText(cert),
      private_key_pem: readText(key),
      chain_pem: chain === undefined ? undefined : readText(chain),
    };
    showOne(terminal, await client.createIssuer(body, { idempotencyKey: randomUUID() }));
    return EXIT.ok;
  },
});

export const disableIssuer = change('disable', 'Stop issuing until enabled again; CRL and OCSP go on');
export const enableIssuer = change('enable', 'Issue again after disable');
export const retireIssuer = change('retire', 'Stop issuing for good; CRL and OCSP go on');

type Change = 'disable' | 'enable' | 'retire';

function change(verb: Change, summary: string): Command {
  const act: Readonly<Record<Change, (client: CertplaneClient, id: string) => Promise<Issuer>>> = {
    disable: (client, id) => client.disableIssuer(id),
    enable: (client, id) => client.enableIssuer(id),
    retire: (client, id) => client.retireIssuer(id),
  };
  return command({
    name: `issuers ${verb}`,
    summary,
    arguments: ISSUER,
    examples: [[summary, `certplane issuers ${verb} example-tls`]],
    run: async ({ client, terminal }, { id }) => {
      showOne(terminal, await act[verb](client, id));
      return EXIT.ok;
    },
  });
}

function showOne(terminal: Terminal, issuer: Issuer): void {
  terminal.show(issuer, () =>
    terminal.printFields([
      ['Id', issuer.id],
      ['Name', issuer.name],
      ['Kind', issuer.kind],
      ['Status', issuer.status, toneOf(issuer)],
      ['Subject', issuer.subject],
      ['Parent', issuer.parent_id],
      ['Key', issuer.key_algorithm],
      ['Path length', issuer.path_length === null ? null : String(issuer.path_length)],
      ['Baseline Requirements', issuer.baseline_requirements ? 'kept' : null],
      ['Not before', toMoment(issuer.not_before)],
      ['Not after', toMoment(issuer.not_after)],
      ['OCSP', issuer.ocsp_url],
      ['CRL', issuer.crl_url],
      ['CA certificate', issuer.ca_issuers_url],
    ]),
  );
}

function parsePathLength(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,2}$/.test(text)) throw usageFailure('--path-length must be a number from 0 to 10.');
  return Number(text);
}
