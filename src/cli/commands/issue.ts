import type { Certificate } from '../../../clients/typescript/src/schemas.js';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../pki/signature-algorithm.js';
import { command, EXIT, type Context, type Input } from '../command.js';
import { usageFailure } from '../failure.js';
import { fullChainOf, issueForKey, issueForNewKey, issueForRequest } from '../issuing.js';
import { checkWritable, readText, writeFile } from '../local-files.js';
import { readPrivateKey } from '../local-key.js';
import { toMoment } from '../wording.js';

const OPTIONS = {
  issuer: { value: 'ID', summary: 'Default: iss-local' },
  csr: { value: 'FILE', file: true, summary: 'A certification request that exists (PEM); - is standard input' },
  'new-key': { value: 'FILE', file: true, summary: 'Make a private key here, in a file that only you may read' },
  key: { value: 'FILE', file: true, summary: 'Use a private key that exists (PEM, not encrypted)' },
  'key-algorithm': {
    value: 'ALGORITHM',
    summary: 'Of the new key. Default: ecdsa-p256',
    choices: KEY_ALGORITHMS,
  },
  cn: { value: 'NAME', summary: 'The common name. A host name is also made a DNS name where no other names are given' },
  subject: { value: 'NAME', summary: 'The whole subject instead (RFC 4514), for example "CN=Jane Doe,O=Example"' },
  dns: { value: 'NAME', many: true, summary: 'A DNS name that it is to be for' },
  ip: { value: 'ADDRESS', many: true, summary: 'An IP address' },
  email: { value: 'ADDRESS', many: true, summary: 'An e-mail address' },
  uri: { value: 'URI', many: true, summary: 'A URI, for example spiffe://example.org/web' },
  validity: { value: 'DURATION', summary: 'For example 30d. Default: 90d' },
  out: { value: 'FILE', file: true, summary: 'Where the certificate and those above it go. Default: standard output' },
  force: { summary: 'Write over the file of --out (a private key is never written over)' },
  'idempotency-key': { value: 'TEXT', summary: 'Repeat an earlier call: it gives the same certificate again' },
} as const;

type IssueInput = Input<typeof OPTIONS>;

export const issueCertificate = command({
  name: 'certificates issue',
  summary: 'Issue a certificate, for a CSR or for a key that is made here',
  details:
    'One of --csr, --new-key and --key says what it is for. A private key never leaves this machine.\n' +
    'With --csr, names that are given here stand instead of those in the request.',
  options: OPTIONS,
  examples: [
    [
      'For a new key',
      'certplane certificates issue --cn www.example.com --dns www.example.com --dns example.com --new-key www.key --out www.pem',
    ],
    ['For a request', 'certplane certificates issue --csr www.csr --out www.pem'],
    [
      'Renew: the same key, a new certificate',
      'certplane certificates issue --cn www.example.com --key www.key --out www.pem --force',
    ],
    [
      'Through a pipe',
      'openssl req -new -key www.key -subj /CN=www.example.com | certplane certificates issue --csr - > www.pem',
    ],
  ],
  run: async (context, input) => {
    checkSources(input);
    if (input.out !== undefined) checkWritable(input.out, input.force);
    tell(context, input, await issue(context, input));
    return EXIT.ok;
  },
});

function checkSources(input: IssueInput): void {
  const { csr, 'new-key': newKey, key, cn, subject, 'key-algorithm': algorithm } = input;
  const { 'idempotency-key': idempotencyKey } = input;

  const sources = [csr, newKey, key].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    throw usageFailure('Say what the certificate is for: with --csr, --new-key or --key, and only one of them.');
  }
  if (csr !== undefined && (cn !== undefined || subject !== undefined)) {
    throw usageFailure('The subject stands in the CSR: --cn and --subject go with --new-key and --key.');
  }
  if (cn !== undefined && subject !== undefined) throw usageFailure('--cn and --subject do not go together.');
  // Each signature differs, and so would the call.
  if (csr === undefined && idempotencyKey !== undefined) throw usageFailure('--idempotency-key goes with --csr.');
  if (newKey === undefined && algorithm !== undefined) throw usageFailure('--key-algorithm goes with --new-key.');
}

function issue({ client }: Context, input: IssueInput): Promise<Certificate> {
  const { csr, 'new-key': newKey, key, cn, subject, dns, ip, email, uri, validity } = input;
  const terms = { issuerId: input.issuer ?? 'iss-local', validity, idempotencyKey: input['idempotency-key'] };
  const names = { dns, ip, email, uri };
  const hasNames = Object.values(names).some((list) => list.length > 0);
  if (csr !== undefined) return issueForRequest(client, readText(csr), terms, hasNames ? names : undefined);
  if (cn === undefined && subject === undefined && !hasNames) {
    throw usageFailure('Say who the certificate is for: with --cn, --subject, --dns, --ip, --email or --uri.');
  }
  const requested = { subject, commonName: cn, ...names };
  if (key !== undefined) return issueForKey(client, readPrivateKey(key), requested, terms);
  const algorithm = (input['key-algorithm'] ?? 'ecdsa-p256') as KeyAlgorithm;
  return issueForNewKey(client, { path: newKey!, algorithm }, requested, terms);
}

function tell({ terminal }: Context, { out, force, 'new-key': newKey }: IssueInput, certificate: Certificate): void {
  if (out !== undefined) writeFile(out, fullChainOf(certificate), { force });
  if (terminal.json) {
    terminal.printJson(certificate);
    return;
  }
  if (out === undefined) terminal.printRaw(fullChainOf(certificate));
  const { id, serial_number: serialNumber, not_after: notAfter } = certificate;
  const until = toMoment(notAfter) ?? '';
  terminal.note(`Issued ${id}, serial number ${serialNumber}, until ${until}.`);
  if (newKey !== undefined) terminal.note(`The private key is in ${newKey}.`);
  if (out !== undefined) terminal.note(`The certificate, with those above it, is in ${out}.`);
}
