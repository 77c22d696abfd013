import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { ServerCertificate } from '../../src/control-plane/server-certificate.js';
import { parsePem } from '../../src/pki/pem.js';
import { ask } from '../support/api-client.js';
import { OcspClient, ocspQuestion } from '../support/ocsp-question.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.stop());

interface Handshake {
  readonly protocol: string | null;
  readonly certificate: X509Certificate;
}

function shakeHands(options: ConnectionOptions): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: app.config.httpsPort, ca: app.ca, ...options }, () => {
      resolve({ protocol: socket.getProtocol(), certificate: socket.getPeerX509Certificate()! });
      socket.end();
    });
    socket.once('error', reject);
  });
}

/** Sends bytes as they are, and hears all that comes until the other side closes. */
function exchange(port: number, bytes: string): { socket: Socket; answer: Promise<string> } {
  const socket = connectTcp(port, '127.0.0.1');
  const answer = new Promise<string>((resolve) => {
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(heard));
  });
  socket.write(bytes);
  return { socket, answer };
}

describe('the HTTPS listener', () => {
  it.each(['localhost', '127.0.0.1'])('is trusted by whoever trusts ca.pem, as %s, over TLS 1.3', async (name) => {
    const options = name === 'localhost' ? { servername: name } : { host: name };
    const { protocol, certificate } = await shakeHands(options);
    expect(protocol).toBe('TLSv1.3');
    expect(certificate.checkIssued(new X509Certificate(app.ca))).toBe(true);
  });

  it('refuses TLS 1.2', async () => {
    await expect(shakeHands({ servername: 'localhost', maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
  });

  it('is not trusted by others', async () => {
    await expect(shakeHands({ servername: 'localhost', ca: [] })).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) as string,
    });
    await expect(shakeHands({ servername: 'example.com' })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('serves the relying parties too', async () => {
    for (const path of ['crl/iss-local', 'ca/iss-local', 'ca/iss-local.pem']) {
      const secure = await ask(`${app.httpsUrl}/.well-known/pki/${path}`, { ca: app.ca });
      expect(secure.status).toBe(200);
      expect(secure.body.equals((await app.pki(`/.well-known/pki/${path}`)).body)).toBe(true);
    }
  });

  it('gets a new certificate when the old one nears its end, and keeps it until then', async () => {
    const file = join(app.dataDir, 'tls', 'server.pem');
    const first = readFileSync(file, 'utf8');
    const server = app.app.nest.get(ServerCertificate);
    app.clock.advance(59 * 86_400);
    const whole = async (): Promise<string> => {
      const { key, cert } = await server.get();
      return key + cert;
    };
    expect(await whole()).toBe(first);
    app.clock.advance(2 * 86_400);
    const renewed = await server.get();
    expect(renewed.key + renewed.cert).not.toBe(first);
    expect(renewed.cert).not.toContain('PRIVATE KEY');
    expect(readFileSync(file, 'utf8')).toBe(renewed.key + renewed.cert);
    const certificate = new X509Certificate(renewed.cert);
    expect(certificate.verify(new X509Certificate(app.ca).publicKey)).toBe(true);
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(app.clock.now().getTime() + 80 * 86_400_000);
    const next = await startTestApp({ beside: app });
    expect(readFileSync(file, 'utf8')).toBe(renewed.key + renewed.cert);
    expect(await whole()).toBe(renewed.key + renewed.cert);
    await next.stop();
    app.clock.advance(-61 * 86_400);
  });

  it('gets a new certificate when the one in the data directory is damaged, or does not fit its key', async () => {
    const server = app.app.nest.get(ServerCertificate);

    const file = join(app.dataDir, 'tls', 'server.pem');
    writeFileSync(file, 'not a certificate');
    const second = await server.get();
    expect(new X509Certificate(second.cert).checkHost('localhost')).toBe('localhost');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const strange = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const wrong of ['not a key\n', strange]) {
      const before = (await server.get()).cert;
      writeFileSync(file, wrong + before);
      const after = await server.get();
      expect(after.cert).not.toBe(before);
      expect(new X509Certificate(after.cert).checkPrivateKey(createPrivateKey(after.key))).toBe(true);
    }
  });
});

describe('the plain listener', () => {
  it.each([
    '/',
    '/health',
    '/ready',
    '/api/v1/issuers',
    '/api/v1/openapi.json',
    '/api/v1/docs',
    '/.well-known/pki',
    '/.well-known/',
    '//.well-known/pki/crl/iss-local',
    '/.well-known/pki/../../api/v1/issuers',
    '/.well-known/pki/../../health',
    '/.well-known/pki/%2e%2e/%2e%2e/health',
    '/.well-known/pki/..%2f..%2fhealth',
    '/.well-known/pki/',
    '/.well-known/pki/api/v1/issuers',
    'http://localhost/health',
    '*',
  ])('has nothing at %s', async (path) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n`;
    const answer = await exchange(app.config.pkiHttpPort, request).answer;
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).toMatch(/application\/problem\+json/);
    expect(answer).toMatch(/"code":"(not_found|issuer_not_found)"/);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])(
    'does not serve the REST interface to %s',
    async (method) => {
      const request = `${method} /api/v1/certificates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
      expect(await exchange(app.config.pkiHttpPort, request).answer).toMatch(/^HTTP\/1\.1 404 /);
    },
  );
});

describe('slow, cut and half-open connections', () => {
  const HEADERS =
    'POST /.well-known/pki/ocsp/iss-local HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\n';

  async function expectQuickAnswers(): Promise<void> {
    const client = new OcspClient(app.pkiUrl);
    const question = ocspQuestion(parsePem(app.ca, 'CERTIFICATE')[0]!, '01');
    const startedAt = performance.now();
    expect(await client.ask(question)).toMatchObject({ status: 'unknown' });
    expect(await app.pki('/.well-known/pki/crl/iss-local')).toMatchObject({ status: 200 });
    expect(await app.api.get('/api/v1/issuers')).toMatchObject({ status: 200 });
    // Sooner than the slow ones are ended.
    expect(performance.now() - startedAt).toBeLessThan(7000);
    client.close();
  }

  it('do not hold up others, on either listener', async () => {
    const ports = [app.config.pkiHttpPort, app.config.httpsPort];
    const beginnings = [
      '',
      'G',
      'GET /.well-known/pki/crl/iss-local HTTP/1.1\r\nHost:',
      `${HEADERS}Content-Length: 90\r\n\r\n0`,
    ];
    const open = ports.flatMap((port) =>
      Array.from({ length: 200 }, (_, index) => exchange(port, beginnings[index % beginnings.length]!)),
    );
    await waitUntil('all are connected', () => open.every(({ socket }) => !socket.connecting));
    await expectQuickAnswers();
    for (const { socket } of open) socket.resetAndDestroy();
    await Promise.all(open.map(({ answer }) => answer));
    await expectQuickAnswers();
  });

  it('that open and close without a byte, or in the middle of a body, are nothing', async () => {
    for (const bytes of [
      '',
      `${HEADERS}Content-Length: 90\r\n\r\n0123`,
      `${HEADERS}Transfer-Encoding: chunked\r\n\r\n5\r\n01`,
    ]) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const { socket, answer } = exchange(app.config.pkiHttpPort, bytes);
          socket.end();
          await answer;
        }),
      );
    }
    await expectQuickAnswers();
  });

  it('that never end their request are ended', async () => {
    const startedAt = performance.now();
    const answers = await Promise.all(
      [`${HEADERS}Content-Length: 90\r\n\r\n0123`, 'GET /.well-known/pki/crl/iss-local HTTP/1.1\r\nHost:'].map(
        (bytes) => exchange(app.config.pkiHttpPort, bytes).answer,
      ),
    );
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(answers[1]).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  it('that send more than a request may have are refused at once', async () => {
    const long = exchange(app.config.pkiHttpPort, `${HEADERS}Content-Length: 100000\r\n\r\n${'x'.repeat(20_000)}`);
    expect(await long.answer).toMatch(/^HTTP\/1\.1 200 OK[^]*application\/ocsp-response/);
    const chunked = exchange(
      app.config.pkiHttpPort,
      `${HEADERS}Transfer-Encoding: chunked\r\n\r\n${`1000\r\n${'x'.repeat(4096)}\r\n`.repeat(5)}`,
    );
    expect(await chunked.answer).toMatch(/^HTTP\/1\.1 200 OK[^]*application\/ocsp-response/);
    await expectQuickAnswers();
  });
});
