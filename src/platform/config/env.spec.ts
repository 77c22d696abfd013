import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, ENVIRONMENT, readConfig } from './env.js';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe('readConfig', () => {
  it('has a default for everything, and no secret among them', () => {
    expect(readConfig({})).toEqual({
      dataDir: './data',
      databaseUrl: null,
      host: '127.0.0.1',
      httpsPort: 8443,
      pkiHttpPort: 8080,
      pkiUrl: 'http://localhost:8080',
      pkiUrlIsDefault: true,
      masterKey: null,
      bootstrapAdminKey: null,
      tls: null,
      maxBodyBytes: 1_048_576,
      httpMaxAge: 3600,
      ocsp: {
        validity: 86_400,
        responderValidity: 2_592_000,
        responderRotationGrace: 604_800,
        nonceMax: 128,
        enabled: true,
        lease: 5,
        memoryMax: 256 * 1024 * 1024,
        presign: 'eager',
        presignHashes: ['sha1', 'sha256'],
        refreshInterval: 3600,
        rateLimitPerMinute: 1000,
        refusal: 'standard',
      },
      crl: { validity: 345_600, generationInterval: 3600, rebuildDelay: 5, deltaInterval: 0, memoryMax: 536_870_912 },
      clientCertificates: null,
      rateLimit: { rps: 50, burst: 100 },
      certExportRateLimit: 50,
      audit: { syslog: null, webhook: null },
      trustedProxies: [],
      workers: 1,
      logLevel: 'info',
    });
  });

  it('describes every variable', () => {
    for (const [name, schema] of Object.entries(ENVIRONMENT.shape)) {
      expect([name, schema.description]).toEqual([name, expect.stringMatching(/\.$/)]);
    }
  });

  it('is frozen, takes an empty variable for an unset one, and leaves those of others alone', () => {
    const config = readConfig({ CERTPLANE_HOST: '', CERTPLANE_MASTER_KEY_FILE: '', PATH: '/bin', OTHER: 'x' });
    expect(Object.isFrozen(config)).toBe(true);
    expect(config).toEqual(readConfig({}));
  });

  it('names a trusted proxy that is none, for it is no secret', () => {
    for (const entry of ['localhost', '10.0.0.0/33', '0.0.0.0/0']) {
      const faults = faultsOf({ CERTPLANE_TRUSTED_PROXIES: `127.0.0.1,${entry}` });
      expect(faults).toEqual([expect.stringMatching(/^CERTPLANE_TRUSTED_PROXIES must /)]);
      expect(faults[0]).toContain(`entry 2, "${entry}"`);
    }
  });

  it.each([
    ['CERTPLANE_HTTPS_PORT', ['0', '65536', '-1', '80x', '1e3', ' 80']],
    ['CERTPLANE_PKI_HTTP_PORT', ['65536', 'off']],
    ['CERTPLANE_DATABASE_URL', ['mysql://h/d', 'localhost', ' postgres://h/d']],
    ['CERTPLANE_PKI_URL', ['ftp://h', 'h', 'http://h/?q', 'http://h/#f', 'http://u:p@h', 'http://h/a b', 'http://h?']],
    ['CERTPLANE_MASTER_KEY', ['', 'x', 'a'.repeat(63), 'a'.repeat(65), '!'.repeat(44)].slice(1)],
    ['CERTPLANE_BOOTSTRAP_ADMIN_KEY', ['short', 'a'.repeat(513), 'with spaces in between', 'ünïcodé-letters-in-it']],
    ['CERTPLANE_MAX_BODY_SIZE', ['1', '15KiB', '65MiB', '1MB', '1GiB', '-1']],
    ['CERTPLANE_OCSP_ENABLED', ['yes', '1', 'TRUE']],
    ['CERTPLANE_OCSP_LEASE', ['0s', '999ms', '61s']],
    ['CERTPLANE_OCSP_MEMORY_MAX', ['1023KiB', '65GiB', '1MB']],
    ['CERTPLANE_OCSP_PRESIGN', ['on', 'Eager']],
    ['CERTPLANE_OCSP_PRESIGN_HASHES', ['md5', 'sha1;sha256', 'sha1,sha3']],
    ['CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL', ['0s', '13h']],
    ['CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN', ['-1', '1.5', '100000001']],
    ['CERTPLANE_OCSP_REFUSAL', ['none']],
    ['CERTPLANE_WORKERS', ['0', '257', 'all']],
    ['CERTPLANE_OCSP_VALIDITY', ['9m', '11d', '1', 'P1D']],
    ['CERTPLANE_CRL_VALIDITY', ['9m', '11d', '1 d']],
    ['CERTPLANE_HTTP_MAX_AGE', ['2d', '-1s']],
    ['CERTPLANE_OCSP_RESPONDER_VALIDITY', ['59m', '366d']],
    ['CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE', ['30s', '181d']],
    ['CERTPLANE_OCSP_NONCE_MAX', ['15', '129', 'x']],
    ['CERTPLANE_CRL_GENERATION_INTERVAL', ['59s', '8d']],
    ['CERTPLANE_CRL_REBUILD_DELAY', ['0s', '61m']],
    ['CERTPLANE_CRL_DELTA_INTERVAL', ['30s', '59s', '8d', 'off']],
    ['CERTPLANE_CRL_MEMORY_MAX', ['1023KiB', '65GiB']],
    [
      'CERTPLANE_AUDIT_SYSLOG_URL',
      [
        'syslog.example',
        'syslog://h',
        'syslog+tls://:6514',
        'syslog+tls://h:0',
        'syslog+tls://h:65536',
        'syslog+tls://u@h',
        'syslog+tls://h/p',
      ],
    ],
    [
      'CERTPLANE_AUDIT_WEBHOOK_URL',
      [
        'hooks.example',
        'http://hooks.example/',
        'https://u:p@h',
        'https://h/#f',
        'ftp://h',
        'http://127.0.0.1.example',
      ],
    ],
    ['CERTPLANE_LOG_LEVEL', ['INFO', 'loud']],
  ])('refuses a wrong %s without saying what it was', (name, values) => {
    for (const value of values) {
      const faults = faultsOf({ [name]: value });
      expect([value, faults]).toEqual([value, [expect.stringMatching(new RegExp(`^${name} must `))]]);
      if (value.length > 8) expect(faults.join()).not.toContain(value);
    }
  });

  it('lists every fault at once: values, names, and what does not fit together', () => {
    const faults = faultsOf({
      CERTPLANE_HTTPS_PORT: 'x',
      CERTPLANE_LOG_LEVEL: 'loud',
      CERTPLANE_NO_SUCH: '1',
      CERTPLANE_TLS_CERT_FILE: 'server.pem',
      CERTPLANE_CRL_GENERATION_INTERVAL: '3d',
    });
    expect(faults.map((fault) => fault.replace(/ .*/, '')).sort()).toEqual([
      'CERTPLANE_CRL_GENERATION_INTERVAL',
      'CERTPLANE_HTTPS_PORT',
      'CERTPLANE_LOG_LEVEL',
      'CERTPLANE_NO_SUCH',
      'CERTPLANE_TLS_CERT_FILE',
    ]);
  });

  it.each([
    [{ CERTPLANE_HTTPS_PORT: '8080' }, 'must differ'],
    [{ CERTPLANE_TLS_KEY_FILE: 'server.key' }, 'must be set together'],
    [{ CERTPLANE_OCSP_RESPONDER_VALIDITY: '13d' }, 'at most half of CERTPLANE_OCSP_RESPONDER_VALIDITY'],
    [{ CERTPLANE_CRL_VALIDITY: '90m' }, 'at most half of CERTPLANE_CRL_VALIDITY'],
  ])('sees what does not fit together: %j', (environment, fault) => {
    expect(faultsOf(environment)).toEqual([expect.stringContaining(fault)]);
  });

  it('does not judge how a wrong value fits to another', () => {
    expect(faultsOf({ CERTPLANE_HTTPS_PORT: 'x', CERTPLANE_PKI_HTTP_PORT: '8443' })).toHaveLength(1);
  });

  it.each([
    ['base64', Buffer.alloc(32, 9).toString('base64')],
    ['base64 without padding', Buffer.alloc(32, 9).toString('base64').replace('=', '')],
    ['base64url', Buffer.alloc(32, 255).toString('base64url')],
    ['hexadecimal', Buffer.alloc(32, 9).toString('hex')],
  ])('reads a master key in %s', (form, text) => {
    expect(readConfig({ CERTPLANE_MASTER_KEY: text }).masterKey).toEqual(
      Buffer.alloc(32, form === 'base64url' ? 255 : 9),
    );
  });

  it('names its own address when no other is given, without a slash at the end', () => {
    expect(readConfig({ CERTPLANE_PKI_HTTP_PORT: '0', CERTPLANE_HTTPS_PORT: '9443' }).pkiUrl).toBe(
      'https://localhost:9443',
    );
    const config = readConfig({ CERTPLANE_PKI_URL: 'https://pki.example.com/ca//' });
    expect(config).toMatchObject({ pkiUrl: 'https://pki.example.com/ca', pkiUrlIsDefault: false });
  });

  describe('with a value in a file', () => {
    let dir: string;
    beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'certplane-env-'))));
    afterEach(() => rmSync(dir, { recursive: true, force: true }));

    function file(contents: string): string {
      const path = join(dir, 'value');
      writeFileSync(path, contents);
      return path;
    }

    it('reads it, without the line end', () => {
      expect(readConfig({ CERTPLANE_DATABASE_URL_FILE: file('postgres://h/d\n') }).databaseUrl).toBe('postgres://h/d');
      const key = Buffer.alloc(32, 9);
      expect(readConfig({ CERTPLANE_MASTER_KEY_FILE: file(`${key.toString('hex')}\r\n`) }).masterKey).toEqual(key);
      const admin = readConfig({ CERTPLANE_BOOTSTRAP_ADMIN_KEY_FILE: file('an-admin-key-of-mine\n') });
      expect(admin.bootstrapAdminKey).toBe('an-admin-key-of-mine');
    });

    it('judges it like any other, and does not show it', () => {
      expect(faultsOf({ CERTPLANE_BOOTSTRAP_ADMIN_KEY_FILE: file('too-short') })).toEqual([
        'CERTPLANE_BOOTSTRAP_ADMIN_KEY must have at least 16 characters',
      ]);
      expect(faultsOf({ CERTPLANE_MASTER_KEY_FILE: file('') })).toHaveLength(1);
    });

    it('says which file variable can not be read, and refuses both', () => {
      expect(faultsOf({ CERTPLANE_DATABASE_URL_FILE: join(dir, 'none') })).toEqual([
        "CERTPLANE_DATABASE_URL_FILE can't be read: ENOENT",
      ]);
      const both = { CERTPLANE_DATABASE_URL: 'postgres://a/b', CERTPLANE_DATABASE_URL_FILE: file('postgres://h/d') };
      expect(faultsOf(both)).toEqual(['CERTPLANE_DATABASE_URL and CERTPLANE_DATABASE_URL_FILE must not both be set']);
    });

    it('knows no file for other variables', () => {
      expect(faultsOf({ CERTPLANE_HOST_FILE: file('x') })).toEqual([
        'CERTPLANE_HOST_FILE is not a variable of Certplane',
      ]);
    });
  });

  it('knows where the audit trail is forwarded', () => {
    const { audit } = readConfig({
      CERTPLANE_AUDIT_SYSLOG_URL: 'syslog+tls://[2001:db8::1]',
      CERTPLANE_AUDIT_WEBHOOK_URL: 'http://localhost:9000/hook?a=b',
      CERTPLANE_AUDIT_WEBHOOK_SECRET: 'a secret of some length',
    });
    expect(audit).toEqual({
      syslog: { host: '2001:db8::1', port: 6514, caFile: null },
      webhook: { url: 'http://localhost:9000/hook?a=b', caFile: null, secret: 'a secret of some length' },
    });
    expect(readConfig({ CERTPLANE_AUDIT_SYSLOG_URL: 'syslog+tls://logs.example:1514/' }).audit.syslog).toMatchObject({
      host: 'logs.example',
      port: 1514,
    });
    const alone = { CERTPLANE_AUDIT_SYSLOG_CA_FILE: 'ca.pem', CERTPLANE_AUDIT_WEBHOOK_SECRET: 'a'.repeat(16) };
    expect(faultsOf(alone)).toEqual([
      'CERTPLANE_AUDIT_SYSLOG_CA_FILE needs CERTPLANE_AUDIT_SYSLOG_URL',
      'CERTPLANE_AUDIT_WEBHOOK_SECRET needs CERTPLANE_AUDIT_WEBHOOK_URL',
    ]);
  });
});
