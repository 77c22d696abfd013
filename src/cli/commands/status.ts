import { parseCertificateFields } from '../../pki/certificate-fields.js';
import type { CertIdAlgorithm } from '../../pki/cert-id.js';
import { formatDistinguishedName } from '../../pki/distinguished-name.js';
import { parsePem } from '../../pki/pem.js';
import { readStatusAddresses } from '../../pki/status-addresses.js';
import { CERTIFICATE_REFERENCE, findCertificate, isFile } from '../certificate-reference.js';
import { command, type Context } from '../command.js';
import { refusal, usageFailure } from '../failure.js';
import { fullChainOf } from '../issuing.js';
import { readText } from '../local-files.js';
import { checkCrl } from '../relying-party/crl-check.js';
import { findIssuer, type Candidate, type FoundIssuer } from '../relying-party/issuer-search.js';
import { checkOcsp } from '../relying-party/ocsp-check.js';
import { judge } from '../relying-party/status-check.js';
import { printStatusReport } from '../relying-party/status-report.js';

const PEM_LIMITS = { bytes: 1 << 20, blocks: 32 };

export const status = command({
  name: 'status',
  summary: 'Ask OCSP and the CRL how a certificate stands, as a relying party does',
  details:
    'The addresses are those in the certificate. OCSP is asked with a nonce; an answer or a CRL counts only when its ' +
    'signature, its time and what it is about are right. The issuer is looked for in the file, in --issuer-file, and where ' +
    'the certificate says that it is.\n' +
    'Exit code 0 means good; 1 revoked, expired, unknown or in doubt; 3 that nobody answered.',
  arguments: { certificate: { summary: CERTIFICATE_REFERENCE, file: true } },
  options: {
    'issuer-file': { value: 'FILE', file: true, summary: 'Holds the certificate of the issuer (PEM)' },
    only: { value: 'SOURCE', summary: 'Ask one source alone', choices: ['ocsp', 'crl'] },
    hash: {
      value: 'HASH',
      summary: 'In the question to OCSP. Default: sha256',
      choices: ['sha1', 'sha256', 'sha384', 'sha512'],
    },
    'ocsp-url': { value: 'URL', summary: 'Ask this responder instead' },
    'crl-url': { value: 'URL', summary: 'Fetch this CRL instead' },
  },
  examples: [
    ['A certificate in a file', 'certplane status www.pem'],
    ['In a script', 'certplane status www.pem --json | jq -r .verdict'],
    ['Of another CA', 'certplane status www.pem --issuer-file ca.pem --hash sha1'],
  ],
  run: async (context, { certificate, 'issuer-file': issuerFile, hash = 'sha256', only, ...instead }) => {
    const candidates = await readCandidates(context, certificate, issuerFile);
    const { der } = candidates[0]!;
    const fields = parseCertificateFields(der);
    const issuer = await getIssuer(context, der, candidates);
    const checked = { fields, issuer: issuer.fields };
    const addresses = readStatusAddresses(fields);
    const { trusted } = context;
    const algorithm = hash as CertIdAlgorithm;
    const ocsp = only === 'crl' ? [] : webAddresses(instead['ocsp-url'], addresses.ocsp);
    const crl = only === 'ocsp' ? [] : webAddresses(instead['crl-url'], addresses.crl);
    const now = (): Date => new Date();
    const checks = await Promise.all([
      ...ocsp.map((url) => checkOcsp(checked, { url, trusted, algorithm }, now)),
      ...crl.map((url) => checkCrl(checked, { url, trusted }, now)),
    ]);
    const verdict = judge(checks, fields, now());
    return printStatusReport(context.terminal, { certificate: fields, issuer, checks, verdict });
  },
});

/** The certificate itself first; then all that may be its issuer's. */
async function readCandidates(
  context: Context,
  reference: string,
  issuerFile: string | undefined,
): Promise<readonly Candidate[]> {
  const candidates = isFile(reference)
    ? readCertificates(readText(reference), reference)
    : readCertificates(await fetchChain(context, reference), 'Certplane');
  return issuerFile === undefined ? candidates : [...candidates, ...readCertificates(readText(issuerFile), issuerFile)];
}

async function fetchChain({ client }: Context, reference: string): Promise<string> {
  const { id } = await findCertificate(client, reference);
  return fullChainOf(await client.getCertificate(id));
}

function readCertificates(text: string, source: string): Candidate[] {
  return parsePem(text, 'CERTIFICATE', PEM_LIMITS).map((der) => ({ der, source }));
}

async function getIssuer(
  { trusted }: Context,
  certificate: Buffer,
  candidates: readonly Candidate[],
): Promise<FoundIssuer> {
  const found = await findIssuer(certificate, candidates, trusted);
  if (found !== null) return found;
  const name = formatDistinguishedName(parseCertificateFields(certificate).issuerDer);
  throw refusal(
    'issuer_not_found',
    `The issuer of the certificate, ${name}, is not to be found.`,
    'Name it with --issuer-file.',
  );
}

function webAddresses(given: string | undefined, own: readonly string[]): readonly string[] {
  if (given === undefined) return own;
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return [given];
  throw usageFailure(`${given} is not an address that begins with http:// or https://.`);
}
