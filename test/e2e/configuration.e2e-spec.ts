import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ApiClient, ask } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import type { CertificateJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp } from '../support/test-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let openssl: OpensslWorkshop;
let home: string;
let database: TestDatabase;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  home = mkdtempSync(join(tmpdir(), 'certplane-configuration-'));
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
  openssl.remove();
  rmSync(home, { recursive: true, force: true });
});

function secretFile(name: string, contents: string): string {
  const path = join(home, name);
  writeFileSync(path, `${contents}\n`, { mode: 0o600 });
  return path;
}

/** The certificate that a TLS listener presents. */
function presentedBy(port: number, ca: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.end();
      if (certificate === undefined) reject(new Error('no certificate'));
      else resolve(certificate);
    });
    socket.once('error', reject);
  });
}

describe('a wrong configuration', () => {
  it('stops the start with one message that lists every fault and no value', async () => {
    const dataDir = join(home, 'never-made');
    const secrets = {
      CERTPLANE_MASTER_KEY: 'swordfish-master',
      CERTPLANE_BOOTSTRAP_ADMIN_KEY: 'swordfish-admin',
      CERTPLANE_DATABASE_URL: 'mysql://somebody:swordfish-database@localhost/certplane',
    };
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_HTTPS_PORT: '70000',
      CERTPLANE_PKI_URL: 'ftp://pki.example.com/?swordfish-query',
      CERTPLANE_OCSP_VALIDITY: '1y',
      CERTPLANE_LOG_LEVEL: 'loud',
      CERTPLANE_HTPS_PORT: 'swordfish-unknown',
      CERTPLANE_TLS_CERT_FILE: 'swordfish.pem',
      ...secrets,
      CERTPLANE_MASTER_KEY_FILE: join(home, 'swordfish-file'),
    });
    expect(await process.exit()).toBe(1);
    const faulty = [
      'CERTPLANE_HTTPS_PORT',
      'CERTPLANE_PKI_URL',
      'CERTPLANE_OCSP_VALIDITY',
      'CERTPLANE_LOG_LEVEL',
      'CERTPLANE_HTPS_PORT is not a variable of Certplane',
      'CERTPLANE_BOOTSTRAP_ADMIN_KEY must have at least 16 characters',
      'CERTPLANE_DATABASE_URL',
      'CERTPLANE_MASTER_KEY and CERTPLANE_MASTER_KEY_FILE must not both be set',
      'CERTPLANE_TLS_CERT_FILE and CERTPLANE_TLS_KEY_FILE must be set together',
    ];
    for (const fault of faulty) expect(process.stderr).toContain(fault);
    expect(process.output).not.toContain('swordfish');
    expect(process.stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('names the TLS files that can not be used', async () => {
    const { csr, keyFile } = await openssl.csr('/CN=localhost');
    expect(csr).toContain('REQUEST');
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: join(home, 'bad-tls'),
      CERTPLANE_DATABASE_URL: database.url,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: '0',
      CERTPLANE_MASTER_KEY: Buffer.alloc(32, 7).toString('hex'),
      CERTPLANE_TLS_CERT_FILE: join(home, 'no-such.pem'),
      CERTPLANE_TLS_KEY_FILE: keyFile,
    });
    expect(await process.exit()).toBe(1);
    expect(process.stderr).toContain("CERTPLANE_TLS_CERT_FILE and CERTPLANE_TLS_KEY_FILE can't be used: ENOENT");
  });
});

describe('secrets from files, own TLS files and no plain listener', () => {
  it('are all taken up', async () => {
    const dataDir = join(home, 'from-files');
    const fresh = await createTestDatabase();
    const adminKey = 'an-admin-key-of-ones-own';
    const { keyFile } = await openssl.csr('/CN=localhost');
    const certFile = openssl.path('own-server.pem');
    await openssl.ok(
      ...['req', '-x509', '-new', '-key', keyFile, '-subj', '/CN=Own server', '-days', '30', '-out', certFile],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    );
    const httpsPort = await findFreePort();
    const process = new AppProcess({
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_DATABASE_URL_FILE: secretFile('database-url', fresh.url),
      CERTPLANE_MASTER_KEY_FILE: secretFile('master-key', Buffer.alloc(32, 7).toString('base64')),
      CERTPLANE_BOOTSTRAP_ADMIN_KEY_FILE: secretFile('admin-key', adminKey),
      CERTPLANE_HTTPS_PORT: String(httpsPort),
      CERTPLANE_PKI_HTTP_PORT: '0',
      CERTPLANE_TLS_CERT_FILE: certFile,
      CERTPLANE_TLS_KEY_FILE: keyFile,
      // An empty variable is an unset one.
      CERTPLANE_PKI_URL: '',
    });
    try {
      await process.ready();
      for (const file of ['admin.key', 'master.key', 'tls'])
        expect([file, existsSync(join(dataDir, file))]).toEqual([file, false]);
      for (const secret of [adminKey, fresh.url, Buffer.alloc(32, 7).toString('base64')]) {
        expect(process.output).not.toContain(secret);
      }
      expect(process.stdout).toContain('CERTPLANE_BOOTSTRAP_ADMIN_KEY');
      const ca = readFileSync(certFile, 'utf8');
      expect((await presentedBy(httpsPort, ca)).subject).toBe('CN=Own server');
      const api = new ApiClient(`https://localhost:${httpsPort}`, ca, adminKey);
      const { csr } = await openssl.csr('/CN=configured.example.com');
      const issued = await api.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'iss-local', csr });
      const { infoAccess } = new X509Certificate(issued.certificate_pem);
      expect(infoAccess).toContain(`OCSP - URI:https://localhost:${httpsPort}/.well-known/pki/ocsp/iss-local`);
      const crl = await ask(`https://localhost:${httpsPort}/.well-known/pki/crl/iss-local`, { ca });
      expect(crl).toMatchObject({ status: 200, headers: { 'content-type': 'application/pkix-crl' } });
    } finally {
      expect(await process.stop()).toBe(0);
      await fresh.drop();
    }
  });
});

describe('a setting', () => {
  it('of CERTPLANE_PKI_URL, of validities, of the most that caches may keep and of body sizes shows', async () => {
    const app = await startTestApp({
      env: {
        CERTPLANE_PKI_URL: 'http://pki.example.com/ca/',
        CERTPLANE_CRL_VALIDITY: '2d',
        CERTPLANE_OCSP_VALIDITY: '6h',
        CERTPLANE_HTTP_MAX_AGE: '90s',
        CERTPLANE_MAX_BODY_SIZE: '16KiB',
        CERTPLANE_BOOTSTRAP_ADMIN_KEY: 'the-key-for-the-first-start',
      },
    });
    try {
      expect(existsSync(join(app.dataDir, 'admin.key'))).toBe(false);
      const { csr } = await openssl.csr('/CN=setting.example.com');
      const issued = await app.api.create<CertificateJson>('/api/v1/certificates', { issuer_id: 'iss-local', csr });
      const text = new X509Certificate(issued.certificate_pem).infoAccess;
      expect(text).toContain('OCSP - URI:http://pki.example.com/ca/.well-known/pki/ocsp/iss-local');
      expect(text).toContain('CA Issuers - URI:http://pki.example.com/ca/.well-known/pki/ca/iss-local');
      const crl = await app.pki('/.well-known/pki/crl/iss-local');
      expect(crl.headers['cache-control']).toMatch(/^max-age=90, /);
      expect(Date.parse(crl.headers.expires!) - Date.parse(crl.headers['last-modified']!)).toBe(2 * 86_400_000);
      const ocsp = await app.pki(`/.well-known/pki/ocsp/iss-local/${issued.serial_number}`);
      expect(ocsp.headers['cache-control']).toMatch(/^max-age=90, /);
      expect(Date.parse(ocsp.headers.expires!) - Date.parse(ocsp.headers['last-modified']!)).toBe(6 * 3_600_000);
      const large = await app.api.post('/api/v1/certificates', { issuer_id: 'iss-local', csr: 'x'.repeat(17_000) });
      expect(large).toMatchObject({ status: 413 });
    } finally {
      await app.stop();
    }
  });

  it('of CERTPLANE_BOOTSTRAP_ADMIN_KEY counts on an empty database only', async () => {
    const first = await startTestApp();
    const second = await startTestApp({
      beside: first,
      env: { CERTPLANE_BOOTSTRAP_ADMIN_KEY: 'a-key-that-comes-too-late' },
    });
    try {
      expect(await second.api.get('/api/v1/issuers')).toMatchObject({ status: 401 });
      expect(await first.api.get('/api/v1/issuers')).toMatchObject({ status: 200 });
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});
