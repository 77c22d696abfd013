import { spawn } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:https';
import { COMMANDS } from '../../src/cli/commands.js';
import { readConfig } from '../../src/platform/config/env.js';
import { cliEnvironment, runCli, type CliResult } from '../support/cli.js';
import { findFreePort } from '../support/free-port.js';
import {
  IssuingDesk,
  type CertificateJson,
  type IssuerJson,
  type Page,
  type RevocationJson,
} from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

let app: TestApp;
let cwd: string;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;

beforeAll(async () => {
  app = await startTestApp();
  cwd = mkdtempSync(join(tmpdir(), 'certplane-cli-'));
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
});
afterAll(async () => {
  await app.stop();
  openssl.remove();
  rmSync(cwd, { recursive: true, force: true });
});

const path = (name: string): string => join(cwd, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');
const write = (name: string, contents: string): void => writeFileSync(path(name), contents);

/** Runs the command line against the app. */
function certplane(args: readonly string[], env: Record<string, string> = {}, stdin = ''): Promise<CliResult> {
  return runCli(args, { cwd, stdin, env: { ...cliEnvironment(app), ...env } });
}

/** The same, and expects that it succeeds. */
async function done(...args: string[]): Promise<CliResult> {
  const result = await certplane(args);
  expect({ code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({ code: 0, stderr: '' });
  return result;
}

interface FailureJson {
  readonly error: {
    readonly code: string;
    readonly detail: string;
    readonly status?: number;
    readonly hint?: string | null;
  };
}

let hosts = 0;
/** Issues a certificate into `<name>.pem`, with its key in `<name>.key`. */
async function issued(...more: string[]): Promise<{ name: string; certificate: CertificateJson }> {
  const name = `host-${++hosts}`;
  const args = ['--cn', `${name}.example.com`, '--new-key', `${name}.key`, '--out', `${name}.pem`, '--json', ...more];
  return { name, certificate: (await done('certificates', 'issue', ...args)).json<CertificateJson>() };
}

describe('certificates', () => {
  it('are issued for a key that is made here, which openssl takes and only its owner may read', async () => {
    const { stdout, stderr } = await done(
      ...['certificates', 'issue', '--cn', 'www.example.com', '--dns', 'www.example.com', '--dns', 'example.com'],
      ...['--ip', '192.0.2.7', '--validity', '30d', '--new-key', 'www.key', '--out', 'www.pem'],
    );
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Issued [0-9a-f-]{36}, serial number [0-9a-f]+, until .* UTC \(in (?:29|30) days\)\.\n/);
    expect(stderr).toContain('The private key is in www.key.');
    expect(statSync(path('www.key')).mode & 0o777).toBe(0o600);
    const certificate = new X509Certificate(read('www.pem'));
    expect(certificate.checkPrivateKey(createPrivateKey(read('www.key')))).toBe(true);
    expect(certificate.subjectAltName).toBe('DNS:www.example.com, DNS:example.com, IP Address:192.0.2.7');
    expect(createPrivateKey(read('www.key')).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    const ca = openssl.file('ca.pem', app.ca);
    expect(await openssl.ok('verify', '-CAfile', ca, path('www.pem'))).toContain('OK');
  });

  it.each(['ecdsa-p384', 'rsa-2048', 'ed25519'])('are issued for new keys of %s', async (algorithm) => {
    const { name, certificate } = await issued('--key-algorithm', algorithm);
    const key = createPrivateKey(read(`${name}.key`));
    expect(new X509Certificate(certificate.certificate_pem).checkPrivateKey(key)).toBe(true);
  });

  it('are renewed with the key that exists', async () => {
    const { name } = await issued();
    const first = new X509Certificate(read(`${name}.pem`));
    const renewal = ['certificates', 'issue', '--subject', `CN=${name}.example.com,O=Example`, '--key', `${name}.key`];
    const refused = await certplane([...renewal, '--out', `${name}.pem`]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`${name}.pem exists already`)]);
    await done(...renewal, '--out', `${name}.pem`, '--force');
    const second = new X509Certificate(read(`${name}.pem`));
    expect(second.serialNumber).not.toBe(first.serialNumber);
    expect(second.publicKey.equals(first.publicKey)).toBe(true);
  });

  it('are issued for a CSR through a pipe, with those above them on standard output', async () => {
    const { csr } = await openssl.csr('/CN=piped.example.com');
    const { code, stdout, stderr } = await certplane(['certificates', 'issue', '--csr', '-'], {}, csr);
    expect(code).toBe(0);
    expect(stdout.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(2);
    expect(new X509Certificate(stdout).subject).toBe('CN=piped.example.com');
    expect(stderr).toMatch(/^Issued /);
  });

  it('are the same again under one idempotency key', async () => {
    const { csr } = await openssl.csr('/CN=once.example.com');
    write('once.csr', csr);
    const once = ['certificates', 'issue', '--csr', 'once.csr', '--idempotency-key', 'cli-once', '--json'];
    const [first, second] = [await done(...once), await done(...once)];
    expect(second.json<CertificateJson>().id).toBe(first.json<CertificateJson>().id);
    const other = await certplane([...once, '--validity', '1d']);
    expect([other.code, JSON.parse(other.stderr)]).toMatchObject([
      1,
      { error: { code: 'idempotency_key_reused', status: 422 } },
    ]);
  });

  it('that are refused leave no key behind, and say why', async () => {
    const { code, stdout, stderr } = await certplane([
      ...['certificates', 'issue', '--issuer', 'nobody', '--cn', 'x.example.com', '--new-key', 'refused.key', '--json'],
    ]);
    expect([code, stdout, existsSync(path('refused.key'))]).toEqual([1, '', false]);
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: 'issuer_not_found',
        status: 404,
        hint: expect.stringContaining('certplane issuers list') as string,
      },
    });
    const local = await certplane(['certificates', 'issue', '--dns', 'not a name', '--new-key', 'refused.key']);
    expect([local.code, existsSync(path('refused.key'))]).toEqual([2, false]);
    expect(local.stderr).toContain('The dns name "not a name" is not accepted');
  });

  it('never write over a private key', async () => {
    const { name } = await issued();
    const before = read(`${name}.key`);
    const again = await certplane([
      'certificates',
      'issue',
      '--cn',
      'a.example.com',
      '--new-key',
      `${name}.key`,
      '--force',
    ]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining(`${name}.key exists already`)]);
    expect(read(`${name}.key`)).toBe(before);
  });

  it.each<[string, string[], RegExp]>([
    ['nothing to issue for', ['--cn', 'a.example.com'], /--csr, --new-key or --key, and only one/],
    ['two things to issue for', ['--csr', 'a', '--key', 'b'], /--csr, --new-key or --key, and only one/],
    ['a subject besides a CSR', ['--csr', 'a', '--cn', 'b'], /subject stands in the CSR/],
    ['nobody to issue for', ['--new-key', 'nobody.key'], /Say who the certificate is for/],
    ['a CSR that is not there', ['--csr', 'nowhere.csr'], /nowhere\.csr can't be read \(ENOENT\)/],
    ['a key that is none', ['--key', 'www.pem', '--cn', 'a'], /www\.pem holds no private key/],
    ['a key that can’t be written', ['--new-key', 'no/such/folder.key', '--cn', 'a'], /can't be written \(ENOENT\)/],
  ])('with %s are a mistake of usage', async (_, args, message) => {
    const { code, stdout, stderr } = await certplane(['certificates', 'issue', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(existsSync(path('nobody.key'))).toBe(false);
  });

  it('are listed as a table, as JSON, and all of them page by page', async () => {
    const issuer = await desk.root('cli-list');
    for (let index = 0; index < 5; index += 1)
      await desk.issue({ issuer: issuer.id, subject: `/CN=list-${index}.example.com` });
    const list = ['certificates', 'list', '--issuer', issuer.id, '--profile', 'leaf'];
    const { stdout, stderr } = await done(...list);
    const [heading, ...lines] = stdout.trimEnd().split('\n');
    expect(heading).toMatch(/^ID +STATUS +NOT AFTER \(UTC\) +ISSUER +SERIAL NUMBER +SUBJECT$/);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^[0-9a-f-]{36} {2}active {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}cli-list {2}[0-9a-f]+ +CN=list-4\.example\.com$/,
    );
    expect(stderr).toBe('');

    const page = await done(...list, '--limit', '2', '--json');
    const { items, next_cursor: cursor } = page.json<Page<CertificateJson>>();
    expect(items.map(({ subject }) => subject)).toEqual(['CN=list-4.example.com', 'CN=list-3.example.com']);
    const next = await done(...list, '--limit', '2', '--cursor', cursor!);
    expect(next.stdout).toContain('CN=list-2.example.com');
    expect(next.stderr).toMatch(/^There are more: repeat this with --cursor \S+, or with --all\.\n$/);

    for (const all of [
      await done(...list, '--all', '--limit', '2', '--json'),
      await done(...list, '--all', '--json'),
    ]) {
      expect(all.json<Page<CertificateJson>>()).toMatchObject({ items: { length: 5 }, next_cursor: null });
    }
    expect((await done(...list, '--all', '--limit', '2')).stdout).toBe(stdout);
    const none = ['certificates', 'list', '--status', 'expired', '--all'];
    expect((await done(...none, '--json')).json()).toEqual({ items: [], next_cursor: null });
    expect(await done(...none)).toMatchObject({ stdout: '', stderr: 'There are no such certificates.\n' });
  });

  it('are found by id, by serial number in any writing, and by file', async () => {
    const { name, certificate } = await issued();
    const spaced = certificate.serial_number.toUpperCase().match(/../g)!.join(':');
    for (const reference of [
      certificate.id,
      certificate.serial_number,
      spaced,
      `0x${certificate.serial_number}`,
      `${name}.pem`,
    ]) {
      const { stdout } = await done('certificates', 'show', reference);
      expect(stdout).toMatch(new RegExp(`^Id +${certificate.id}$`, 'm'));
      expect(stdout).toMatch(/^Status +active$/m);
    }
    expect((await done('certificates', 'show', `${name}.pem`, '--pem')).stdout).toBe(read(`${name}.pem`));
    expect((await done('certificates', 'show', certificate.id, '--json')).json()).toMatchObject({ id: certificate.id });
  });

  it.each([
    ['0a0b0c', 1, 'No certificate has the serial number 0a0b0c.'],
    ['01a1fd37-17f6-7aa3-b024-3f38a34223a5', 1, 'certificate_not_found'],
    ['nowhere.pem', 2, 'neither a file here, nor the id of a certificate, nor a serial number'],
  ])('that are not there are told as such: %s', async (reference, code, message) => {
    const result = await certplane(['certificates', 'show', reference]);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toContain(message);
  });

  it('of another CA are told from those that are issued here', async () => {
    await openssl.ok(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'other.key'],
      ...['-subj', '/CN=Other', '-out', path('other.pem')],
    );
    const result = await certplane(['certificates', 'show', 'other.pem']);
    expect([result.code, result.stderr]).toEqual([
      1,
      'certplane: This Certplane has not issued the certificate in other.pem.\n',
    ]);
  });

  it('are exported in each format, which openssl reads', async () => {
    const { name } = await issued();
    const source = `${name}.pem`;
    write('password.txt', 'correct horse\n');
    expect((await done('certificates', 'export', source)).stdout).toBe(read(source));
    await done('certificates', 'export', source, '--format', 'der', '--out', 'x.der');
    expect(await openssl.ok('x509', '-inform', 'DER', '-in', path('x.der'), '-noout', '-subject')).toContain(name);
    const piped = await done('certificates', 'export', source, '--format', 'pkcs7');
    writeFileSync(path('x.p7c'), piped.bytes);
    expect(await openssl.ok('pkcs7', '-inform', 'DER', '-in', path('x.p7c'), '-print_certs', '-noout')).toContain(name);
    const p12 = [
      'certificates',
      'export',
      source,
      '--format',
      'pkcs12',
      '--out',
      'x.p12',
      '--password-file',
      'password.txt',
    ];
    await done(...p12, '--friendly-name', 'cli');
    const shown = await openssl.ok('pkcs12', '-in', path('x.p12'), '-passin', 'pass:correct horse', '-nokeys');
    expect(shown).toContain('friendlyName: cli');
    expect([(await certplane(p12)).code, (await certplane([...p12, '--force'])).code]).toEqual([2, 0]);
    const bare = await certplane(['certificates', 'export', source, '--format', 'pkcs12', '--out', 'y.p12']);
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining('--password-file')]);
  });

  it('are issued for a whole list, and only what is missing when it is done again', async () => {
    write(
      'hosts.txt',
      '# three hosts\none.example.com www.one.example.com\n\n*.two.example.com\nthree.example.com, -bad-\n',
    );
    const from = ['certificates', 'issue-from', 'hosts.txt', '--out-dir', 'many'];
    const first = await certplane(from);
    expect([first.code, first.stdout]).toEqual([1, '2 certificates issued, 0 kept, 1 failed.\n']);
    expect(first.stderr).toMatch(/^three\.example\.com: The dns name "-bad-" is not accepted/);
    const one = new X509Certificate(read('many/one.example.com.pem'));
    expect(one.subjectAltName).toBe('DNS:one.example.com, DNS:www.one.example.com');
    expect(one.checkPrivateKey(createPrivateKey(read('many/one.example.com.key')))).toBe(true);
    expect(statSync(path('many/_.two.example.com.key')).mode & 0o777).toBe(0o600);
    expect(existsSync(path('many/three.example.com.key'))).toBe(false);

    rmSync(path('many/one.example.com.pem'));
    write('hosts.txt', read('hosts.txt').replace(', -bad-', ''));
    const key = read('many/one.example.com.key');
    const second = (await done(...from, '--json')).json<{ items: { name: string; outcome: string }[] }>();
    expect(second.items.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['one.example.com', 'issued'],
      ['*.two.example.com', 'kept'],
      ['three.example.com', 'issued'],
    ]);
    expect(read('many/one.example.com.key')).toBe(key);
  });

  it.each([
    ['../etc/passwd', /which is no host name/],
    ['a.example.com\na.example.com b.example.com', /two lines that begin with a\.example\.com/],
  ])('are issued for no list with %j', async (list, message) => {
    const { code, stderr } = await certplane(['certificates', 'issue-from', '-', '--out-dir', 'none'], {}, list);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(path('none'))).toBe(false);
  });
});

describe('status and revoke', () => {
  interface StatusJson {
    readonly verdict: string;
    readonly issuer: { readonly source: string };
    readonly checks: {
      readonly source: string;
      readonly outcome: string;
      readonly reason: string | null;
      readonly detail: string;
    }[];
  }

  const statusOf = async (...args: string[]): Promise<[code: number | null, status: StatusJson]> => {
    const result = await certplane(['status', ...args, '--json']);
    return [result.code, result.json<StatusJson>()];
  };

  it('tell of a certificate from its issue to its revocation, by OCSP with a nonce and by CRL', async () => {
    await desk.intermediate('cli-sub', 'iss-local');
    const { name, certificate } = await issued('--issuer', 'cli-sub');
    const [code, status] = await statusOf(`${name}.pem`);
    expect([code, status.verdict, status.checks.map(({ source, outcome }) => [source, outcome])]).toEqual([
      ...[0, 'good'],
      [
        ['ocsp', 'good'],
        ['crl', 'good'],
      ],
    ]);
    expect(status.checks[0]?.detail).toMatch(/^signed by its responder [0-9a-f]+, for this question$/);

    const revoked = (
      await done('revoke', `${name}.pem`, '--reason', 'keyCompromise', '--invalid-since', '2026-01-01', '--json')
    ).json<{
      items: RevocationJson[];
      failed: unknown[];
    }>();
    expect(revoked).toMatchObject({ items: [{ id: certificate.id, reason: 'keyCompromise' }], failed: [] });
    const [after, told] = await statusOf(`${name}.pem`, '--only', 'ocsp');
    expect([after, told.verdict, told.checks[0]?.reason]).toEqual([1, 'revoked', 'keyCompromise']);
    await waitUntil(
      'the CRL holds it',
      async () => (await statusOf(`${name}.pem`, '--only', 'crl'))[1].verdict === 'revoked',
    );
    const { code: shownCode, stdout } = await certplane(['status', `${name}.pem`]);
    expect(shownCode).toBe(1);
    expect(stdout).toMatch(/^OCSP +revoked since .* UTC \(.*\), keyCompromise$/m);
    expect(stdout).toMatch(/^Verdict +revoked/m);
    expect((await done('certificates', 'show', certificate.id)).stdout).toMatch(
      /^Key suspected since +2026-01-01 00:00:00 UTC/m,
    );
  });

  it('find the issuer in the file, where the certificate says, or where it is told', async () => {
    const { certificate } = await issued();
    write('leaf.pem', certificate.certificate_pem);
    write('root.pem', app.ca);
    expect((await statusOf('leaf.pem'))[1].issuer.source).toMatch(
      /^http:\/\/localhost:\d+\/\.well-known\/pki\/ca\/iss-local$/,
    );
    expect((await statusOf('leaf.pem', '--issuer-file', 'root.pem'))[1].issuer.source).toBe('root.pem');
    for (const hash of ['sha1', 'sha384', 'sha512']) expect((await statusOf('leaf.pem', '--hash', hash))[0]).toBe(0);
    expect((await statusOf(certificate.serial_number))[1]).toMatchObject({
      verdict: 'good',
      issuer: { source: 'Certplane' },
    });
  });

  it('ask nobody but the relying parties’ endpoints where the certificate is in a file', async () => {
    const { certificate } = await issued();
    write('offline.pem', certificate.certificate_pem + app.ca);
    const { code, stdout } = await runCli(['status', 'offline.pem'], { cwd, env: {} });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Verdict +good$/m)]);
  });

  it('are in doubt where an answer is that of another issuer, and never good', async () => {
    await desk.root('cli-other');
    const { name } = await issued();
    const base = `http://localhost:${app.config.pkiHttpPort}/.well-known/pki`;
    const [crlCode, crl] = await statusOf(`${name}.pem`, '--only', 'crl', '--crl-url', `${base}/crl/cli-other`);
    expect([crlCode, crl.verdict, crl.checks[0]]).toMatchObject([
      ...[1, 'undetermined'],
      { outcome: 'not_believed', detail: 'The CRL is that of another issuer.' },
    ]);
    const [ocspCode, ocsp] = await statusOf(`${name}.pem`, '--ocsp-url', `${base}/ocsp/cli-other`);
    expect([ocspCode, ocsp.verdict, ocsp.checks[0]?.outcome]).toEqual([1, 'undetermined', 'not_believed']);
  });

  it('are not good by a stale CRL or a replayed OCSP answer', async () => {
    const { name, certificate } = await issued();
    const base = `http://localhost:${app.config.pkiHttpPort}/.well-known/pki`;
    const crl = (await app.pki('/.well-known/pki/crl/iss-local')).body;
    const ca = openssl.file('replay-ca.pem', app.ca);
    const leaf = openssl.file('replay.pem', certificate.certificate_pem);
    await openssl.ok(
      ...['ocsp', '-issuer', ca, '-sha256', '-cert', leaf, '-nonce', '-url', `${base}/ocsp/iss-local`],
      ...['-CAfile', ca, '-respout', 'replay.der'],
    );
    const answer = readFileSync(openssl.path('replay.der'));
    const replayer = createServer((request, response) => {
      request.resume();
      response.end(
        request.method === 'POST' ? answer : Buffer.concat([crl.subarray(0, -1), Buffer.of(crl.at(-1)! ^ 1)]),
      );
    });
    await new Promise<void>((resolve) => replayer.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(replayer.address() as AddressInfo).port}/`;
    const [, status] = await statusOf(`${name}.pem`, '--ocsp-url', url, '--crl-url', url);
    replayer.close();
    expect(status.verdict).toBe('undetermined');
    expect(status.checks.map(({ outcome, detail }) => [outcome, detail])).toEqual([
      ['not_believed', 'The nonce of the OCSP response is that of another question.'],
      ['not_believed', expect.stringMatching(/signature|malformed|not a complete CRL|not a v2 CRL/)],
    ]);
  });

  it('end with 3 where nobody answers, and with a verdict where one does', async () => {
    const { name } = await issued();
    const nowhere = `http://127.0.0.1:${await findFreePort()}/`;
    const [code, status] = await statusOf(`${name}.pem`, '--ocsp-url', nowhere, '--crl-url', nowhere);
    expect([code, status.verdict, status.checks[0]]).toMatchObject([
      3,
      'undetermined',
      { outcome: 'unreachable', detail: 'ECONNREFUSED' },
    ]);
    expect((await statusOf(`${name}.pem`, '--ocsp-url', nowhere))[0]).toBe(0);
    const wrong = await certplane(['status', `${name}.pem`, '--ocsp-url', 'ftp://example.com']);
    expect(wrong.code).toBe(2);
  });

  it('say that a root names nobody to ask', async () => {
    write('root.pem', app.ca);
    const { code, stdout } = await certplane(['status', 'root.pem']);
    expect([code, stdout]).toEqual([1, expect.stringContaining('names neither an OCSP responder nor a CRL')]);
  });

  it('say which certificates of a list could not be revoked, and revoke the others', async () => {
    const certificates = [await issued(), await issued(), await issued()].map(({ certificate }) => certificate);
    const missing = '01a1fd37-17f6-7aa3-b024-3f38a34223a5';
    const list = [certificates[0]!.id, missing, '# a comment', certificates[1]!.serial_number, '0abc'].join('\n');
    const { code, stderr, json } = await certplane(['revoke', certificates[2]!.id, '--from', '-', '--json'], {}, list);
    const { items, failed } = json<{ items: RevocationJson[]; failed: { certificate: string; code: string }[] }>();
    expect([code, stderr]).toEqual([1, '']);
    expect(items.map(({ id }) => id).toSorted()).toEqual(certificates.map(({ id }) => id).toSorted());
    expect(failed.map(({ certificate, code: why }) => `${certificate} ${why}`).toSorted()).toEqual(
      [missing, '0abc'].map((reference) => `${reference} certificate_not_found`).toSorted(),
    );
    const again = await certplane(['revoke', certificates[0]!.id, missing]);
    expect([again.code, again.stdout.split('\n')[1]]).toEqual([1, expect.stringContaining(certificates[0]!.id)]);
    expect(again.stderr).toMatch(new RegExp(`^${missing}: .*\\n1 certificate revoked, 1 not\\.\\n$`));
    expect((await certplane(['revoke'])).code).toBe(2);
  });

  it('take more than one batch', async () => {
    const issuer = await desk.root('cli-batch');
    const { csr } = await openssl.csr('/CN=batch.example.com');
    const ids = await Promise.all(
      Array.from({ length: 101 }, async () => (await desk.issue({ issuer: issuer.id, csr })).id),
    );
    const { code, json } = await certplane(['revoke', '--from', '-', '--json'], {}, ids.join('\n'));
    expect([code, json<{ items: unknown[] }>().items.length]).toEqual([0, 101]);
  });

  it('take a certificate off hold again', async () => {
    const { name } = await issued();
    await done('revoke', `${name}.pem`, '--reason', 'certificateHold');
    expect((await statusOf(`${name}.pem`, '--only', 'ocsp'))[1].checks[0]?.reason).toBe('certificateHold');
    expect((await done('release', `${name}.pem`)).stdout).toMatch(/^Status +active$/m);
    expect((await statusOf(`${name}.pem`, '--only', 'ocsp'))[1].verdict).toBe('good');
    expect((await certplane(['release', `${name}.pem`])).code).toBe(1);
  });
});

describe('issuers', () => {
  it('are made, listed, shown, changed and taken over', async () => {
    const root = (
      await done(
        'issuers',
        'create',
        'cli-root',
        '--subject',
        'CN=CLI Root,O=Example',
        '--key-algorithm',
        'ecdsa-p384',
        '--json',
      )
    ).json<IssuerJson>();
    expect(root).toMatchObject({
      id: 'cli-root',
      name: 'cli-root',
      kind: 'root',
      key_algorithm: 'ecdsa-p384',
      path_length: null,
    });
    const created = await done(
      ...['issuers', 'create', 'cli-tls', '--parent', 'cli-root', '--subject', 'CN=CLI TLS', '--name', 'TLS'],
      ...['--validity', '400d', '--path-length', '0', '--baseline-requirements'],
    );
    expect(created.stdout).toMatch(/^Parent +cli-root$/m);
    expect(created.stdout).toMatch(/^Baseline Requirements +kept$/m);
    expect((await done('issuers', 'list')).stdout).toMatch(
      /^cli-tls +intermediate +active +ecdsa-p256 .* cli-root +CN=CLI TLS$/m,
    );
    for (const [verb, status] of [
      ['disable', 'disabled'],
      ['enable', 'active'],
      ['retire', 'retired'],
    ] as const) {
      expect((await done('issuers', verb, 'cli-tls')).stdout).toMatch(new RegExp(`^Status +${status}$`, 'm'));
    }
    const conflict = await certplane(['issuers', 'enable', 'cli-tls']);
    expect([conflict.code, conflict.stderr]).toEqual([
      1,
      expect.stringMatching(/\(issuer_status_conflict, request \S+\)/),
    ]);

    await openssl.ok(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path('old.key')],
      ...[
        '-subj',
        '/CN=Old CA',
        '-out',
        path('old.pem'),
        '-addext',
        'keyUsage=critical,keyCertSign,cRLSign',
        '-days',
        '30',
      ],
    );
    const imported = await done('issuers', 'import', 'cli-old', '--cert', 'old.pem', '--key', 'old.key', '--json');
    expect(imported.json()).toMatchObject({ kind: 'imported', subject: 'CN=Old CA' });
    expect((await done('issuers', 'show', 'cli-old', '--pem')).stdout).toBe(read('old.pem'));
  });

  it.each<[string[], number, string]>([
    [['issuers', 'create', 'x'], 2, 'needs --subject'],
    [['issuers', 'create', 'x', '--subject', 'CN=x', '--path-length', 'many'], 2, '--path-length must be a number'],
    [['issuers', 'import', 'x', '--cert', 'old.pem'], 2, 'needs --cert and --key'],
    [['issuers', 'create', 'UPPER', '--subject', 'CN=x'], 1, 'must be 1 to 63 of a-z'],
    [['issuers', 'create', 'iss-local', '--subject', 'CN=x'], 1, 'issuer_exists'],
    [['issuers', 'show', 'nobody'], 1, '`certplane issuers list` shows those that there are.'],
  ])('%j is refused', async (args, code, message) => {
    const result = await certplane(args);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toContain(message);
  });
});

describe('keys', () => {
  it('are made for others, who are let in with them, rotated and revoked', async () => {
    const create = ['keys', 'create', 'cli-deploy', '--role', 'operator', '--issuer', 'iss-local', '--profile', 'leaf'];
    await done(...create, '--expires', '90d', '--out', 'deploy.key');
    expect(statSync(path('deploy.key')).mode & 0o777).toBe(0o600);
    const me = ['whoami', '--key-file', 'deploy.key'];
    expect((await done(...me)).stdout).toMatch(/^Actor +api-key:cli-deploy\nRole +operator\nMay +.*certificates:issue/);
    const forbidden = await certplane(['keys', 'list', '--key-file', 'deploy.key']);
    expect([forbidden.code, forbidden.stderr]).toEqual([
      1,
      expect.stringContaining('`certplane whoami` shows what you may do.'),
    ]);

    expect((await certplane(['keys', 'rotate', 'cli-deploy', '--out', 'deploy.key'])).code).toBe(2);
    const rotated = await done('keys', 'rotate', 'cli-deploy', '--overlap', '0s', '--json');
    const { key, id } = rotated.json<{ key: string; id: string }>();
    const old = await certplane(me);
    expect([old.code, old.stderr]).toEqual([1, expect.stringContaining('The API key is from deploy.key.')]);
    expect((await certplane(['whoami', '--json'], { CERTPLANE_API_KEY: key })).json()).toMatchObject({
      issuer_ids: ['iss-local'],
    });

    expect((await done('keys', 'show', 'cli-deploy')).stdout).toMatch(/^Issuers +iss-local\nProfiles +leaf$/m);
    expect((await done('keys', 'revoke', id)).stdout).toMatch(/^Status +revoked$/m);
    expect((await done('keys', 'list', '--status', 'revoked')).stdout).toMatch(/^cli-deploy +operator +revoked /m);
    expect((await done('keys', 'show', 'cli-deploy', '--json')).json()).toMatchObject({ id, status: 'revoked' });
    expect((await certplane(['keys', 'show', 'nobody'])).code).toBe(1);
  });

  it('show their secret once, where no file is named for it', async () => {
    const { stdout, stderr } = await done('keys', 'create', 'cli-shown', '--role', 'metrics');
    const secret = /^Secret +(\S+)$/m.exec(stdout)?.[1];
    expect(secret).toMatch(/^certplane_\S{20,}$/);
    expect(stderr).toBe('The secret is not shown again.\n');
    expect((await done('keys', 'show', 'cli-shown')).stdout).not.toContain(secret);
    expect((await certplane(['keys', 'create', 'cli-none'])).stderr).toContain('A key needs --role: admin, operator');
  });
});

describe('audit', () => {
  it('is listed with filters, and its events hold who did it by which command', async () => {
    const { certificate } = await issued();
    const list = ['audit', 'list', '--subject', certificate.id, '--action', 'certificate.issue'];
    const { items } = (await done(...list, '--json')).json<Page<{ actor: string; subject_id: string }>>();
    expect(items).toMatchObject([{ actor: 'api-key:bootstrap-admin', subject_id: certificate.id }]);
    expect((await done(...list, '--from', '2020-01-01', '--to', '2020-02-01')).stderr).toBe(
      'There are no such events.\n',
    );
    expect((await done(...list)).stdout).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d +certificate\\.issue +success .* certificate ${certificate.id} `,
        'm',
      ),
    );
    const wrong = await certplane(['audit', 'list', '--from', 'yesterday']);
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('--from is "yesterday", which is not a time.'),
    ]);
    expect((await certplane(['audit', 'list', '--action', 'certificate.isue'])).code).toBe(1);
  });

  it('is exported to its last line, and its checkpoints are shown', async () => {
    const { stderr } = await done('audit', 'export', '--out', 'audit.ndjson');
    const lines = read('audit.ndjson')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(stderr).toBe(`${lines.length} lines in audit.ndjson.\n`);
    expect([lines[0]?.type, lines.at(-1)?.type]).toEqual(['export', 'end']);
    expect(lines.filter(({ type }) => type === 'event').length).toBeGreaterThan(10);
    expect((await certplane(['audit', 'export', '--out', 'audit.ndjson'])).code).toBe(2);
    const piped = await done('audit', 'export', '--to', '2020-01-01');
    expect(piped.stdout.trimEnd().split('\n')).toHaveLength(2);
    const page = (await done('audit', 'checkpoints', '--limit', '1', '--json')).json<{
      items: { note: string }[];
      public_keys: unknown[];
    }>();
    expect([page.items[0]?.note, page.public_keys.length]).toEqual([expect.stringContaining('\n'), 1]);
    expect((await done('audit', 'checkpoints', '--limit', '1')).stdout).toMatch(
      /^SIGNED \(UTC\) +EVENTS +ROOT HASH +KEY\n/,
    );
  });
});

describe('the connection', () => {
  const failure = async (
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<[number | null, FailureJson['error']]> => {
    const { code, stdout, stderr } = await certplane([...args, '--json'], env);
    expect(stdout).toBe('');
    return [code, (JSON.parse(stderr) as FailureJson).error];
  };

  it('is that to a Certplane on this machine by default', async () => {
    const env = { CERTPLANE_DATA_DIR: app.dataDir, CERTPLANE_HTTPS_PORT: String(app.config.httpsPort) };
    const { code, stdout } = await runCli(['whoami'], { cwd, env });
    expect([code, stdout]).toEqual([0, expect.stringContaining('api-key:bootstrap-admin')]);
  });

  it('with a wrong key ends with 1, and says where the key is from', async () => {
    write('wrong.key', 'certplane_wrong');
    for (const [args, env, source] of [
      [['--key-file', 'wrong.key'], {}, 'wrong.key'],
      [[], { CERTPLANE_API_KEY: 'certplane_wrong' }, 'CERTPLANE_API_KEY'],
    ] as const) {
      const [code, error] = await failure(['whoami', ...args], env);
      expect([code, error]).toMatchObject([1, { code: 'unauthorized', status: 401 }]);
      expect(error.hint).toContain(`The API key is from ${source}.`);
    }
  });

  it('to nobody ends with 3, and says what to do', async () => {
    const url = `https://localhost:${await findFreePort()}`;
    const { code, stdout, stderr } = await certplane(['issuers', 'list', '--url', url]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toBe(
      `certplane: The connection to ${url} failed (ECONNREFUSED).\n  Is Certplane running? \`npm start\` starts it; --url or CERTPLANE_URL names another address.\n`,
    );
  });

  it.each<[string, () => string[], Record<string, string>, number, RegExp]>([
    ['to one that is not trusted', () => ['--ca', 'other.pem'], {}, 3, /name the CA with --ca or CERTPLANE_CA_FILE/],
    [
      'to the plain listener',
      () => ['--url', `https://localhost:${app.config.pkiHttpPort}`],
      {},
      3,
      /Is this the HTTPS port/,
    ],
    ['to a host that there is not', () => ['--url', 'https://nowhere.invalid'], {}, 3, /Check the address/],
    ['in plain text', () => ['--url', 'http://localhost:8080'], {}, 2, /--url or CERTPLANE_URL names it/],
    ['with an empty key', () => [], { CERTPLANE_API_KEY: ' ' }, 2, /^$/],
    ['with half a client certificate', () => ['--client-cert', 'www.pem'], {}, 2, /^$/],
  ])('%s fails, and says what to do', async (_, args, env, code, hint) => {
    const [ended, error] = await failure(['whoami', ...args()], env);
    expect(ended).toBe(code);
    expect(error.hint ?? '').toMatch(hint);
  });

  it('without any key says where it looked', async () => {
    const { code, stderr } = await runCli(['whoami'], { cwd, env: {} });
    expect(code).toBe(2);
    expect(stderr).toContain(
      'neither CERTPLANE_API_KEY nor CERTPLANE_API_KEY_FILE is set, and there is no data/admin.key',
    );
  });

  it('may be made with a client certificate instead of a key', async () => {
    write('roles.json', JSON.stringify([{ dns: 'robot.example.com', role: 'viewer' }]));
    const second = await startTestApp({
      beside: app,
      env: {
        CERTPLANE_CLIENT_CA_FILE: join(app.dataDir, 'ca.pem'),
        CERTPLANE_CLIENT_ROLES_FILE: path('roles.json'),
      },
    });
    const { CERTPLANE_CA_FILE = '' } = cliEnvironment(app);
    const env = { CERTPLANE_CA_FILE, CERTPLANE_URL: second.httpsUrl, CERTPLANE_DATA_DIR: app.dataDir };
    await done('certificates', 'issue', '--cn', 'robot.example.com', '--new-key', 'robot.key', '--out', 'robot.pem');
    const asRobot = (...args: string[]): Promise<CliResult> =>
      runCli([...args, '--client-cert', 'robot.pem', '--client-key', 'robot.key'], { cwd, env });
    expect((await asRobot('whoami', '--json')).json()).toMatchObject({
      actor: 'client-cert:robot.example.com',
      role: 'viewer',
    });
    expect((await asRobot('keys', 'list')).code).toBe(1);
    await second.stop();
  });

  it('to somebody else is told from Certplane', async () => {
    const { key, cert } = await openssl
      .ok(
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'tls.key'],
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-out',
        path('tls.pem'),
      )
      .then(() => ({ key: readFileSync(openssl.path('tls.key')), cert: read('tls.pem') }));
    const stranger = createTlsServer({ key, cert }, (_, response) => response.end('<html>Welcome</html>'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const url = `https://localhost:${(stranger.address() as AddressInfo).port}`;
    const [code, error] = await failure(['whoami', '--url', url, '--ca', 'tls.pem']);
    stranger.close();
    stranger.closeAllConnections();
    expect([code, error.code]).toEqual([3, 'unexpected_answer']);
  });

  it('has variables that the server does not mind', () => {
    const { CERTPLANE_URL, CERTPLANE_API_KEY_FILE, CERTPLANE_CA_FILE } = cliEnvironment(app);
    expect(() =>
      readConfig({ CERTPLANE_URL, CERTPLANE_API_KEY_FILE, CERTPLANE_CA_FILE, CERTPLANE_API_KEY: 'k' }),
    ).not.toThrow();
  });
});

describe('the program', () => {
  it('says how it is used, for each command, with examples', async () => {
    const { stdout } = await done('--help');
    for (const { name } of COMMANDS) expect(stdout).toContain(`  ${name}`);
    expect(stdout).toMatch(/^Exit codes\n {2}0 /m);
    const help = await done('help', 'certificates', 'issue');
    expect(help.stdout).toContain('Usage: certplane certificates issue [OPTIONS]');
    expect(help.stdout).toMatch(/^Examples\n {2}For a new key\n {4}certplane certificates issue /m);
    expect((await done('certificates', 'issue', '--help')).stdout).toBe(help.stdout);
    expect((await done('--version')).stdout).toBe(
      `certplane ${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}\n`,
    );
  });

  it('tells mistakes on standard error, and ends with 2', async () => {
    for (const args of [[], ['issuers'], ['isuers'], ['issuers', 'list', '--jsn']]) {
      const { code, stdout, stderr } = await certplane(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^certplane: .*\n {2}\S/);
    }
  });

  it('ends quietly when nobody reads on', async () => {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
    const env = { ...Object.fromEntries(own), ...cliEnvironment(app) };
    const child = spawn(
      'bash',
      ['-c', 'set -o pipefail; "$0" dist/src/cli/main.js completion zsh | head -c 10; echo " $?"', process.execPath],
      { env },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    expect(output).toBe('#compdef c 0\n');
  });

  it('shows progress and colours on a terminal, and only there', async () => {
    const own = Object.entries(process.env).filter(([name]) => !/^CERTPLANE_|^(?:FORCE_COLOR|NO_COLOR|CI)$/.test(name));
    const env = { ...Object.fromEntries(own), ...cliEnvironment(app), TERM: 'xterm-256color' };
    const { certificate } = await issued();
    const words = [process.execPath, 'dist/src/cli/main.js', 'revoke', certificate.id];
    const inTerminal =
      process.platform === 'darwin' ? ['-q', '/dev/null', ...words] : ['-qec', words.join(' '), '/dev/null'];
    const child = spawn('script', inTerminal, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    expect(output).toContain('\r\u001b[KRevoked 0 of 1 (0 %)\r\u001b[KRevoked 1 of 1 (100 %)\r\u001b[K');
    expect(output).toContain('\u001b[31mrevoked\u001b[0m');
    const { stdout, stderr } = await done('revoke', certificate.id);
    expect(stdout + stderr).not.toContain('\u001b');
  });
});

describe('completion', () => {
  /** What bash would offer for the last of these words. */
  async function complete(...words: string[]): Promise<string[]> {
    const script = [
      'source completion.bash',
      'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _certplane',
      'printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const child = spawn('bash', ['-c', script, 'bash', ...words], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return output.split('\n').filter((line) => line !== '');
  }

  beforeAll(async () => {
    write('completion.bash', (await done('completion', 'bash')).stdout);
    write('completion-me.txt', '');
  });

  it('is a script that bash reads, and that names every command and option', async () => {
    const child = spawn('bash', ['-n', path('completion.bash')], { stdio: 'inherit' });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    for (const { name, options } of COMMANDS) {
      const words = name.split(' ');
      expect(await complete('certplane', ...words)).toContain(words.at(-1));
      const offered = await complete('certplane', ...words, '--');
      expect(offered).toEqual(
        expect.arrayContaining([...Object.keys(options).map((option) => `--${option}`), '--json', '--help']),
      );
    }
  });

  it.each<[string[], string[]]>([
    [
      ['certplane', ''],
      ['certificates', 'revoke', 'release', 'status', 'issuers', 'audit', 'keys', 'whoami', 'completion'],
    ],
    [['certplane', 'iss'], ['issuers']],
    [['certplane', 'issuers', 'e'], ['enable']],
    [['certplane', '--url', 'https://localhost', 'issuers', 'li'], ['list']],
    [
      ['certplane', 'completion', ''],
      ['bash', 'zsh'],
    ],
    [['certplane', 'revoke', 'x', '--reason', 'key'], ['keyCompromise']],
    [['certplane', 'revoke', 'x', '--reason', '=', 'super'], ['superseded']],
    [
      ['certplane', 'certificates', 'list', '--status', ''],
      ['active', 'revoked', 'expired'],
    ],
    [['certplane', 'status', 'completion-'], ['completion-me.txt']],
    [['certplane', 'whoami', '--key-file', 'completion-'], ['completion-me.txt']],
    [['certplane', 'issuers', 'create', 'x', '--subject', ''], []],
  ])('offers behind %j: %j', async (words, offered) => {
    expect(await complete(...words)).toEqual(offered);
  });

  it('is a script for zsh too', async () => {
    const { stdout } = await done('completion', 'zsh');
    expect(stdout).toMatch(/^#compdef certplane\n/);
    for (const { name } of COMMANDS) expect(stdout).toContain(`'${name}'`);
    expect(stdout).toContain("'--reason:Default: unspecified'");
  });
});
