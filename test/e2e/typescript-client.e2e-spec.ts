import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CertplaneClient } from '../../clients/typescript/src/client.js';
import { ConnectionError, ProblemError } from '../../clients/typescript/src/errors.js';
import type { Certificate } from '../../clients/typescript/src/schemas.js';
import { findFreePort } from '../support/free-port.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const run = promisify(execFile);
const PACKAGE = 'clients/typescript';
const COMPILER = join(process.cwd(), 'node_modules/typescript-native/bin/tsc');

let app: TestApp;
let openssl: OpensslWorkshop;
beforeAll(async () => {
  app = await startTestApp();
  openssl = new OpensslWorkshop();
});
afterAll(async () => {
  await app.stop();
  openssl.remove();
});

describe('the client against the real server', () => {
  it('issues, finds, exports and revokes', async () => {
    const { csr } = await openssl.csr('/CN=client.example.com');
    const body = { issuer_id: 'iss-local', csr, validity: '1d', subject_alternative_names: { dns: ['a.example.com'] } };
    const certificate = await app.client.issueCertificate(body);
    expect(certificate.subject_alternative_names.dns).toEqual(['a.example.com']);
    const { items } = await app.client.listCertificates({ serial_number: certificate.serial_number });
    expect(items.map(({ id }) => id)).toEqual([certificate.id]);
    const { full_pem: pem } = await app.client.exportCertificatePem(certificate.id);
    expect(pem).toBe(`${certificate.certificate_pem}${certificate.chain_pem}`);
    const file = await app.client.exportCertificateDer(certificate.id);
    expect(file).toMatchObject({
      contentType: 'application/pkix-cert',
      filename: expect.stringMatching(/\.cer$/) as string,
    });
    const revocation = await app.client.revokeCertificate(certificate.id, { reason: 'superseded' });
    expect(revocation).toMatchObject({ status: 'revoked', reason: 'superseded', visible: { ocsp: true } });
    expect(await app.client.getMetrics()).toContain('# TYPE certplane_');
    expect(await app.client.ready()).toMatchObject({ ready: true });
    const crl = await app.client.getCrl('iss-local');
    expect(crl.bytes[0]).toBe(0x30);
  });

  it('gives the first answer to whoever repeats a call under its key', async () => {
    const { csr } = await openssl.csr('/CN=client-once.example.com');
    const heads: (string | undefined)[] = [];
    const issue = (): Promise<Certificate> =>
      app.client.issueCertificate(
        { issuer_id: 'iss-local', csr },
        { idempotencyKey: 'client-once', onAnswer: ({ headers }) => heads.push(headers['idempotency-replayed']) },
      );
    const [first, second] = [await issue(), await issue()];
    expect(second).toEqual(first);
    expect(heads).toEqual([undefined, 'true']);
  });

  it('goes through all pages of a list', async () => {
    const ids: string[] = [];
    for await (const { id } of app.client.eachAuditEvent({ limit: 3 })) ids.push(id);
    const { items } = await app.client.listAuditEvents({ limit: 1000 });
    expect(ids.length).toBeGreaterThan(3);
    expect(items.map(({ id }) => id)).toEqual(ids);
  });

  it('hands the audit trail out line by line', async () => {
    const types: unknown[] = [];
    for await (const line of app.client.exportAuditTrail()) types.push((JSON.parse(line) as { type: unknown }).type);
    expect([types[0], types.at(-1)]).toEqual(['export', 'end']);
  });

  it('rejects with the problem that the server tells', async () => {
    const call = app.client.issueCertificate({ issuer_id: 'nobody', csr: 'none', validity: 'soon' });
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      code: 'invalid_request',
      status: 400,
      errors: [{ field: 'validity', message: expect.stringContaining('duration') as string }],
      requestId: expect.stringMatching(/\S{8,}/) as string,
    });
    await expect(app.client.getIssuer('nobody')).rejects.toMatchObject({ code: 'issuer_not_found', status: 404 });
    const stranger = new CertplaneClient({ url: app.httpsUrl, ca: app.ca, apiKey: 'wrong' });
    await expect(stranger.whoami()).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
    stranger.close();
  });

  it('trusts no CA that it was not told of', async () => {
    const client = new CertplaneClient({ url: app.httpsUrl, apiKey: 'never sent' });
    const error: unknown = await client.whoami().catch((reason: unknown) => reason);
    client.close();
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as ConnectionError).code).toMatch(/SELF_SIGNED|UNABLE_TO/);
  });

  it('says where nobody answers', async () => {
    const client = new CertplaneClient({ url: `https://localhost:${await findFreePort()}`, apiKey: 'x', retries: 0 });
    await expect(client.whoami()).rejects.toMatchObject({ name: 'ConnectionError', code: 'ECONNREFUSED' });
  });
});

describe('a server that accepts and says nothing', () => {
  let mute: Server;
  let client: CertplaneClient;
  beforeAll(async () => {
    mute = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    client = new CertplaneClient({ url, apiKey: 'x', retries: 0 });
  });
  afterAll(() => {
    client.close();
    mute.close();
  });

  it('is given up after the time that the call allows', async () => {
    await expect(client.whoami({ timeoutMs: 50 })).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'ETIMEDOUT',
    });
  });

  it('is given up when the caller does', async () => {
    const controller = new AbortController();
    const call = client.whoami({ signal: controller.signal });
    controller.abort(new Error('nobody waits any more'));
    await expect(call).rejects.toThrow('nobody waits any more');
  });
});

describe('the package', () => {
  let dir: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'certplane-client-'));
    const own = join(dir, 'node_modules/certplane-client');
    mkdirSync(own, { recursive: true });
    cpSync(join(PACKAGE, 'package.json'), join(own, 'package.json'));
    await run(process.execPath, [COMPILER, '-p', join(PACKAGE, 'tsconfig.json'), '--outDir', join(own, 'dist')]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('has the version of Certplane, and no dependencies', () => {
    const read = (path: string): Record<string, unknown> =>
      JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const { version, dependencies } = read(join(PACKAGE, 'package.json'));
    expect(version).toBe(read('package.json')['version']);
    expect(dependencies).toBeUndefined();
  });

  it('works by itself, imported and required', async () => {
    const use = `
      const { CertplaneClient, API_VERSION } = CLIENT;
      const [url, apiKey, ca] = process.argv.slice(2);
      const client = new CertplaneClient({ url, apiKey, ca });
      client.listIssuers().then(({ items }) => {
        console.log(API_VERSION, items.map(({ id }) => id).join());
        client.close();
      });`;
    writeFileSync(join(dir, 'use.mjs'), use.replace('CLIENT', "await import('certplane-client')"));
    writeFileSync(join(dir, 'use.cjs'), use.replace('CLIENT', "require('certplane-client')"));
    const key = readFileSync(app.app.adminKeyFile, 'utf8').trim();
    for (const script of ['use.mjs', 'use.cjs']) {
      const { stdout } = await run(process.execPath, [join(dir, script), app.httpsUrl, key, app.ca]);
      expect(stdout).toBe(
        `${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version} iss-local\n`,
      );
    }
  });

  it('has types that tell right from wrong, without those of Node.js', async () => {
    const options = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noEmit',
      '--types',
      '',
      '--module',
      'NodeNext',
      '--target',
      'es2022',
      '--lib',
      'es2022,dom,dom.asynciterable',
    ];
    const check = (name: string, lines: readonly string[]): Promise<unknown> => {
      const head =
        "import { CertplaneClient, ProblemError, type Certificate, type IssueCertificate } from 'certplane-client';\nconst client = new CertplaneClient({ url: 'https://x', apiKey: 'k' });\n";
      writeFileSync(join(dir, name), `${head}${lines.join('\n')}\nexport {};\n`);
      return run(process.execPath, [COMPILER, ...options, join(dir, name)], { cwd: dir });
    };
    await check('right.mts', [
      'const body: IssueCertificate = { issuer_id: "iss-local", csr: "…", validity: undefined };',
      'const certificate: Certificate = await client.issueCertificate(body, { idempotencyKey: "k" });',
      'const status: "active" | "revoked" | "expired" = certificate.status;',
      'for await (const { not_after } of client.eachCertificate({ status })) not_after.slice(0, 10);',
      'try { await client.revokeCertificate(certificate.id); } catch (error) { if (error instanceof ProblemError && error.code === "hold_not_allowed") throw error; }',
    ]);
    for (const [name, line, complaint] of [
      ['a.mts', 'await client.issueCertificate({ issuer_id: "iss-local" });', "Property 'csr' is missing"],
      ['b.mts', 'await client.listCertificates({ statsu: "active" });', "'statsu' does not exist"],
      ['c.mts', 'await client.revokeCertificate("id", { reason: "because" });', 'is not assignable'],
      ['d.mts', 'await client.whoami({ idempotencyKey: "k" });', "'idempotencyKey' does not exist"],
    ] as const) {
      await expect(check(name, [line])).rejects.toMatchObject({ stdout: expect.stringContaining(complaint) as string });
    }
  });
});
