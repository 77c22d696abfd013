import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError, readConfig } from '../src/platform/config/env.js';
import { TourClient } from './tour-client.js';
import { Terminal } from './tour-terminal.js';
import { TourFailure, Workshop } from './tour-workshop.js';

const ISSUER_ID = 'iss-local';
const HOST_NAME = 'tour.example.com';
const CRL_TIMEOUT_MS = 15_000;
const CRL_POLL_MS = 100;

interface Tour {
  readonly terminal: Terminal;
  readonly workshop: Workshop;
  readonly client: TourClient;
}

interface Certificate {
  readonly id: string;
  readonly serial_number: string;
  readonly status: string;
  readonly not_after: string;
  readonly certificate_pem: string;
}

interface Revocation {
  readonly status: string;
  readonly reason: string;
  readonly revoked_at: string;
}

/** Where the certificate itself says that its status is to be had. */
interface Addresses {
  readonly ocsp: string;
  readonly crl: string;
}

async function take(tour: Tour): Promise<void> {
  const { terminal, client } = tour;
  const { ready, checks } = await client.call<{ ready: boolean; checks: object }>('GET', '/ready', 200);
  must(ready, `Certplane is not ready: ${JSON.stringify(checks)}`);
  terminal.title(`A tour of Certplane at ${client.url}, with its issuer ${ISSUER_ID}`);

  const csr = makeRequest(tour);
  const certificate = await issue(tour, csr);
  const addresses = inspect(tour);
  expectOcsp(tour, addresses, 'good');
  await expectNotOnCrl(tour, addresses);
  const returned = await revoke(tour, certificate);
  expectOcsp(tour, addresses, 'revoked');
  const milliseconds = await awaitCrl(tour, addresses, certificate, returned);
  expectRefused(tour);
  terminal.conclusion(
    'openssl took the certificate for good until it was revoked; OCSP said revoked as soon as the revocation had ' +
      `returned, with and without a nonce, and the CRL within ${milliseconds} ms.`,
  );
}

function makeRequest({ terminal, workshop }: Tour): string {
  terminal.step('Make a key and a certificate request');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'tour.key'];
  const made = workshop.run('req', ...key, '-subj', `/CN=${HOST_NAME}`, '-out', 'tour.csr');
  terminal.command(['openssl', 'req', ...key, '-subj', `/CN=${HOST_NAME}`, '-out', 'tour.csr']);
  must(made.code === 0, `openssl could not make a request: ${made.output}`);
  const checked = workshop.show('req', '-in', 'tour.csr', '-noout', '-verify', '-subject');
  must(checked.code === 0, 'openssl does not accept its own request');
  return workshop.run('req', '-in', 'tour.csr').output;
}

async function issue({ terminal, workshop, client }: Tour, csr: string): Promise<Certificate> {
  terminal.step('Issue a certificate for it');
  terminal.request(`POST ${client.url}/api/v1/certificates {"issuer_id":"${ISSUER_ID}","csr":"...","validity":"30d"}`);
  const body = { issuer_id: ISSUER_ID, csr, validity: '30d' };
  const certificate = await client.call<Certificate>('POST', '/api/v1/certificates', 201, body);
  terminal.output(`201, serial number ${certificate.serial_number}, valid until ${certificate.not_after}`);
  must(certificate.status === 'active', `the new certificate is ${certificate.status}, not active`);
  workshop.file('ca.pem', client.caPem);
  workshop.file('tour.pem', certificate.certificate_pem);
  terminal.ok(`it was issued: ${certificate.id}`);
  return certificate;
}

function inspect({ terminal, workshop }: Tour): Addresses {
  terminal.step('Verify the chain, and read where the certificate says its status is to be had');
  const verified = workshop.show('verify', '-CAfile', 'ca.pem', 'tour.pem');
  must(verified.code === 0, 'the chain does not verify');
  const extensions = 'subjectAltName,authorityInfoAccess,crlDistributionPoints';
  const { code, output } = workshop.show('x509', '-in', 'tour.pem', '-noout', '-ext', extensions);
  must(code === 0, 'openssl could not read the certificate');
  must(output.includes(`DNS:${HOST_NAME}`), `the certificate does not name ${HOST_NAME}`);
  const ocsp = /OCSP - URI:(\S+)/.exec(output)?.[1];
  const crl = /Full Name:\s+URI:(\S+)/.exec(output)?.[1];
  if (ocsp === undefined || crl === undefined)
    throw new TourFailure('The certificate names no OCSP responder or no CRL.');
  terminal.ok('openssl trusts it');
  return { ocsp, crl };
}

/** With a nonce the answer is signed for this request; without one it may come out of the store, and must say the same. */
function expectOcsp({ terminal, workshop }: Tour, { ocsp }: Addresses, expected: 'good' | 'revoked'): void {
  terminal.step(expected === 'good' ? 'Ask OCSP' : 'Ask OCSP again, at once');
  for (const nonce of ['-nonce', '-no_nonce']) {
    const query = ['-CAfile', 'ca.pem', '-issuer', 'ca.pem', '-cert', 'tour.pem', nonce, '-url', ocsp];
    const { code, output } = workshop.show('ocsp', ...query);
    must(code === 0, 'openssl got no OCSP answer that it accepts');
    must(/^Response verify OK$/m.test(output), 'the OCSP answer does not verify');
    must(!/no nonce in response/i.test(output) || nonce === '-no_nonce', 'the OCSP answer lacks the nonce');
    const status = /^tour\.pem: (\w+)$/m.exec(output)?.[1];
    must(status === expected, `OCSP says ${status ?? 'nothing'} where it must say ${expected}`);
  }
  terminal.ok(`${expected}, with a nonce and without`);
}

async function expectNotOnCrl(tour: Tour, { crl }: Addresses): Promise<void> {
  const { terminal, workshop } = tour;
  terminal.step('Check it against the CRL');
  await fetchCrl(tour, crl);
  terminal.request(`GET ${crl} as crl.pem`);
  const verified = workshop.show('verify', '-crl_check', '-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', 'tour.pem');
  must(verified.code === 0, 'the certificate must pass the CRL, and does not');
  terminal.ok('it is not on the CRL');
}

/** @returns the monotonic time at which the call had returned */
async function revoke({ terminal, client }: Tour, { id }: Certificate): Promise<number> {
  terminal.step('Revoke it');
  const path = `/api/v1/certificates/${id}/revoke`;
  terminal.request(`POST ${client.url}${path} {"reason":"keyCompromise"}`);
  const revocation = await client.call<Revocation>('POST', path, 200, { reason: 'keyCompromise' });
  const returned = performance.now();
  terminal.output(`200, ${revocation.status} at ${revocation.revoked_at}, ${revocation.reason}`);
  must(revocation.status === 'revoked' && revocation.reason === 'keyCompromise', 'the answer does not say revoked');
  terminal.ok('the revocation is committed');
  return returned;
}

/** @returns how many milliseconds after the revocation, at the most, the CRL held it */
async function awaitCrl(tour: Tour, { crl }: Addresses, certificate: Certificate, since: number): Promise<number> {
  const { terminal, workshop } = tour;
  terminal.step('Wait for the CRL to hold it');
  for (;;) {
    await fetchCrl(tour, crl);
    const milliseconds = Math.ceil(performance.now() - since);
    const entry = findCrlEntry(workshop.run('crl', '-in', 'crl.pem', '-noout', '-text').output, certificate);
    if (entry !== null) {
      terminal.request(`GET ${crl} as crl.pem`);
      workshop.show('crl', '-in', 'crl.pem', '-noout', '-crlnumber', '-lastupdate', '-nextupdate');
      terminal.output(entry);
      must(/Key Compromise/.test(entry), 'the CRL entry does not hold the reason');
      terminal.ok(`on the CRL within ${milliseconds} ms of the revocation`);
      return milliseconds;
    }
    const waited = performance.now() - since > CRL_TIMEOUT_MS;
    must(!waited, `the CRL did not hold the certificate ${CRL_TIMEOUT_MS / 1000} s after its revocation`);
    await delay(CRL_POLL_MS);
  }
}

function expectRefused({ terminal, workshop }: Tour): void {
  terminal.step('Check it against the CRL again');
  const refused = workshop.show('verify', '-crl_check', '-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', 'tour.pem');
  must(refused.code !== 0, 'openssl must refuse the revoked certificate, and did not');
  must(/certificate revoked/i.test(refused.output), 'openssl refuses the certificate, but not because it is revoked');
  terminal.ok('openssl refuses it, as it must');
}

/** Stores the CRL as PEM: not every openssl takes DER for -CRLfile. */
async function fetchCrl({ workshop, client }: Tour, url: string): Promise<void> {
  workshop.file('crl.der', await client.download(url));
  const { code, output } = workshop.run('crl', '-inform', 'DER', '-in', 'crl.der', '-out', 'crl.pem');
  must(code === 0, `openssl can't read the CRL: ${output}`);
}

/** The lines of `openssl crl -text` about a certificate, or null. */
function findCrlEntry(text: string, { serial_number }: Certificate): string | null {
  const entries = text.split(/^\s*(?=Serial Number: )/m).slice(1);
  const serialOf = (entry: string): string | undefined => /^Serial Number: ([0-9A-F]+)/.exec(entry)?.[1]?.toLowerCase();
  const entry = entries.find((candidate) => serialOf(candidate) === serial_number);
  return entry === undefined ? null : `    ${entry.replace(/^\s*Signature Algorithm[^]*/m, '').trim()}`;
}

function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new TourFailure(`Not as it must be: ${sentence}.`);
}

async function main(): Promise<void> {
  const terminal = new Terminal(process.stdout);
  const client = new TourClient(readConfig(process.env));
  const workshop = new Workshop(terminal);
  try {
    workshop.run('version');
    await take({ terminal, workshop, client });
  } finally {
    workshop.remove();
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof TourFailure || error instanceof ConfigurationError;
  const text = expected ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\nThe tour stopped. ${text}\n`);
  process.exitCode = 1;
});
