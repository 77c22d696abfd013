import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { createApp } from '../../src/app.js';
import { AccessRefusals } from '../../src/access/access-refusals.js';
import { readConfig } from '../../src/platform/config/env.js';
import { IssuingDesk, problemCode, type CertificateJson, type IssuerJson, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

interface Identity {
  /** PEM: the certificate, and what is sent with it. */
  readonly cert: string;
  readonly key: string;
}

interface Told {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  json<T = Record<string, unknown>>(): T;
}

const WHOAMI = '/api/v1/whoami';
const ROLES = [
  { subject: 'CN=deploy,O=Example', role: 'operator', issuer_ids: ['client-root'] },
  { dns: 'Prometheus.Example.com', role: 'metrics' },
  { dns: 'viewer.example.com', role: 'viewer' },
  { email: 'ops@EXAMPLE.com', role: 'admin' },
  { uri: 'spiffe://example.com/audit', role: 'auditor' },
];

/** Without client certificates; what they are for is made here. */
let plain: TestApp;
let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
let crlFile: string;
let root: IssuerJson;

/** An X.509 CA of somebody else, by openssl. */
class ForeignCa {
  private serial = 0;

  private constructor(readonly name: string) {}

  static async create(name: string, parent?: ForeignCa): Promise<ForeignCa> {
    const ca = new ForeignCa(name);
    mkdirSync(openssl.path(name));
    openssl.file(`${name}/index.txt`, '');
    openssl.file(`${name}/crlnumber`, '01\n');
    openssl.file(
      `${name}/ca.cnf`,
      [
        ...['[ca]', 'default_ca=d', '[d]', `database=${openssl.path(`${name}/index.txt`)}`],
        ...[`crlnumber=${openssl.path(`${name}/crlnumber`)}`, 'default_md=sha256', 'default_crl_days=1'],
        ...['crl_extensions=crl', '[crl]', 'authorityKeyIdentifier=keyid'],
        ...[
          '[idp]',
          'authorityKeyIdentifier=keyid',
          'issuingDistributionPoint=critical,@p',
          '[p]',
          'onlyuser=TRUE',
          '[delta]',
          'authorityKeyIdentifier=keyid',
          '2.5.29.27=critical,DER:02:01:01',
          '',
        ],
      ].join('\n'),
    );
    const extensions = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';
    const cert = await (parent ?? ca).sign(`/CN=${name}`, extensions, { ca: parent === undefined, name });
    openssl.file(`${name}/ca.pem`, cert.cert);
    openssl.file(`${name}/ca.key`, cert.key);
    return ca;
  }

  get pem(): string {
    return readFileSync(openssl.path(`${this.name}/ca.pem`), 'utf8');
  }

  /** A certificate with these extensions, and its new key. */
  async sign(
    subject: string,
    extensions: string,
    self: { ca: boolean; name: string } | null = null,
  ): Promise<Identity> {
    const id = `${this.name}-${self?.name ?? ''}-${++this.serial}`;
    const { csr, keyFile } = await openssl.csr(subject);
    const request = openssl.file(`${id}.csr`, csr);
    const extfile = openssl.file(`${id}.ext`, `${extensions}\nsubjectKeyIdentifier=hash\n`);
    const by =
      self?.ca === true
        ? ['-signkey', keyFile]
        : ['-CA', openssl.path(`${this.name}/ca.pem`), '-CAkey', openssl.path(`${this.name}/ca.key`)];
    const serial = ['-set_serial', String(1000 + this.serial)];
    const cert = await openssl.ok('x509', '-req', '-in', request, '-days', '30', '-extfile', extfile, ...serial, ...by);
    return { cert, key: readFileSync(keyFile, 'utf8') };
  }

  client(dns: string, usage = 'extendedKeyUsage=clientAuth'): Promise<Identity> {
    return this.sign('/CN=client', `subjectAltName=DNS:${dns}\n${usage}`);
  }

  async revoke({ cert }: Identity): Promise<void> {
    const file = openssl.file(`${this.name}/revoke.pem`, cert);
    await openssl.ok('ca', ...this.files(), '-revoke', file);
  }

  crl(...more: string[]): Promise<string> {
    return openssl.ok('ca', ...this.files(), '-gencrl', ...more);
  }

  private files(): string[] {
    const [config, cert, key] = ['ca.cnf', 'ca.pem', 'ca.key'].map((file) => openssl.path(`${this.name}/${file}`));
    return ['-config', config!, '-cert', cert!, '-keyfile', key!];
  }
}

function publish(...crls: string[]): void {
  writeFileSync(`${crlFile}.new`, crls.join(''));
  renameSync(`${crlFile}.new`, crlFile);
}

/** A client certificate of an issuer here, with those above it up to the root. */
async function issueClient(
  issuer: string,
  names: Record<string, string[]>,
  subject = '/O=Example/CN=client',
): Promise<Identity & { certificate: CertificateJson }> {
  const { csr, keyFile } = await openssl.csr(subject);
  const certificate = await desk.issue({ issuer, csr, names, validity: '1d' });
  return {
    certificate,
    cert: certificate.certificate_pem + certificate.chain_pem,
    key: readFileSync(keyFile, 'utf8'),
  };
}

function call(
  identity: Identity | null,
  path = WHOAMI,
  { key, method = 'GET', agent, at = app }: { key?: string; method?: string; agent?: Agent; at?: TestApp } = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      at.httpsUrl + path,
      {
        method,
        ca: app.ca,
        agent: agent ?? false,
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        ...identity,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            json: <T>() => JSON.parse(text) as T,
          });
        });
      },
    );
    request.once('error', reject);
    request.end();
  });
}

/** Why a certificate was not accepted. */
async function refusalOf(identity: Identity, at = app): Promise<string> {
  const answer = await call(identity, WHOAMI, { at });
  expect(problemCode(answer)).toEqual([401, 'unauthorized']);
  return String(answer.json()['detail']);
}

let foreign: ForeignCa;
let foreignSub: ForeignCa;

beforeAll(async () => {
  plain = await startTestApp();
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(plain, openssl);
  root = await desk.root('client-root', { path_length: 2 });
  await desk.intermediate('client-sub', 'client-root');
  foreign = await ForeignCa.create('foreign');
  foreignSub = await ForeignCa.create('foreign-sub', foreign);
  crlFile = openssl.path('crls.pem');
  app = await startTestApp({
    beside: plain,
    env: {
      CERTPLANE_CLIENT_CA_FILE: openssl.file('client-cas.pem', root.certificate_pem + foreign.pem),
      CERTPLANE_CLIENT_ROLES_FILE: openssl.file('roles.json', JSON.stringify(ROLES)),
      CERTPLANE_CLIENT_CRL_FILE: crlFile,
    },
  });
});
afterAll(async () => {
  await app.stop();
  await plain.stop();
  openssl.remove();
});

describe('a client certificate of an issuer here', () => {
  it('has the role of the first entry that names it, with its limits, and is the actor of what it does', async () => {
    const deploy = await issueClient('client-root', { dns: ['viewer.example.com'] }, '/O=Example/CN=deploy');
    const whoami = (await call(deploy)).json();
    expect(whoami).toMatchObject({
      actor: 'client-cert:CN=deploy,O=Example',
      role: 'operator',
      issuer_ids: ['client-root'],
      profiles: null,
      expires_at: null,
    });
    const victim = await desk.issue({ issuer: 'client-root' });
    const other = await desk.issue();
    const revoke = (id: string) => call(deploy, `/api/v1/certificates/${id}/revoke`, { method: 'POST' });
    expect((await revoke(victim.id)).status).toBe(200);
    expect(problemCode(await revoke(other.id))).toEqual([404, 'certificate_not_found']);
    const { items } = await app.api.fetch<Page<{ actor: string; action: string }>>(
      `/api/v1/audit?subject_id=${victim.id}&limit=1`,
    );
    expect(items).toEqual([
      expect.objectContaining({ actor: 'client-cert:CN=deploy,O=Example', action: 'certificate.revoke' }),
    ]);
  });

  it.each([
    [{ dns: ['prometheus.example.com'] }, 'metrics', 'client-cert:prometheus.example.com'],
    [{ email: ['ops@example.com'] }, 'admin', 'client-cert:ops@example.com'],
    [{ uri: ['spiffe://example.com/audit'] }, 'auditor', 'client-cert:spiffe://example.com/audit'],
    [{ dns: ['a.example.com', 'viewer.example.com'] }, 'viewer', 'client-cert:viewer.example.com'],
  ])('is mapped by %j to %s', async (names, role, actor) => {
    const identity = await issueClient('client-sub', names);
    const answer = await call(identity);
    if (role === 'metrics') {
      expect(problemCode(answer)).toEqual([403, 'forbidden']);
      expect((await call(identity, '/api/v1/metrics/prometheus')).status).toBe(200);
    } else {
      expect(answer.json()).toMatchObject({ role, actor });
    }
  });

  it('that no entry names is nobody’s', async () => {
    for (const names of [
      { dns: ['x.example.com'] },
      { uri: ['spiffe://example.com/AUDIT'] },
      { email: ['Ops@example.com'] },
    ]) {
      expect(await refusalOf(await issueClient('client-root', names))).toMatch(/gives it no role/);
    }
    const wildcard = await issueClient('client-root', { dns: ['*.example.com'] });
    expect(await refusalOf(wildcard)).toMatch(/gives it no role/);
  });

  it('is refused as soon as it is revoked, on a connection that is open as well', async () => {
    const identity = await issueClient('client-sub', { dns: ['viewer.example.com'] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    agent.on('free', (socket: TLSSocket) => sockets.add(socket));
    try {
      expect((await call(identity, WHOAMI, { agent })).status).toBe(200);
      await desk.revoke(identity.certificate);
      expect(problemCode(await call(identity, WHOAMI, { agent }))).toEqual([401, 'unauthorized']);
      expect(sockets.size).toBe(1);
    } finally {
      agent.destroy();
    }
    expect(await refusalOf(identity)).toMatch(/revoked at the issuer client-sub/);
  });

  it('is refused once an intermediate above it is revoked', async () => {
    await desk.intermediate('client-gone', 'client-root');
    const identity = await issueClient('client-gone', { dns: ['viewer.example.com'] });
    expect((await call(identity)).status).toBe(200);
    const { items } = await plain.api.fetch<Page<CertificateJson>>(
      '/api/v1/certificates?profile=intermediate&issuer_id=client-root',
    );
    const gone = items.find(({ subject }) => subject === 'CN=client-gone');
    await desk.revoke(gone!);
    expect(await refusalOf(identity)).toMatch(/revoked at the issuer client-root/);
  });

  it('is refused after its end', async () => {
    const identity = await issueClient('client-root', { dns: ['viewer.example.com'] });
    const end = Date.parse(identity.certificate.not_after);
    expect((await call(identity)).status).toBe(200);
    const seconds = Math.ceil((end - app.clock.now().getTime()) / 1000) + 1;
    app.clock.advance(seconds);
    try {
      expect(await refusalOf(identity)).toMatch(/not valid at this time/);
    } finally {
      app.clock.advance(-seconds);
    }
  });

  it('that is not in the inventory is refused', async () => {
    const imported = await ForeignCa.create('imported');
    const before = await imported.client('viewer.example.com');
    await desk.createIssuer({
      id: 'imported',
      name: 'imported',
      kind: 'imported',
      certificate_pem: imported.pem,
      private_key_pem: readFileSync(openssl.path('imported/ca.key'), 'utf8'),
    });
    publish(await imported.crl());
    const trusting = await startTestApp({
      beside: plain,
      env: {
        CERTPLANE_CLIENT_CA_FILE: openssl.file('imported-ca.pem', imported.pem),
        CERTPLANE_CLIENT_ROLES_FILE: openssl.path('roles.json'),
        CERTPLANE_CLIENT_CRL_FILE: crlFile,
      },
    });
    try {
      expect(await refusalOf(before, trusting)).toMatch(/not in the inventory at the issuer imported/);
      const issued = await issueClient('imported', { dns: ['viewer.example.com'] });
      expect((await call(issued, WHOAMI, { at: trusting })).status).toBe(200);
    } finally {
      await trusting.stop();
    }
  });

  it('may hang on an intermediate that is trusted by itself, until that one is revoked', async () => {
    const middle = await desk.intermediate('client-middle', 'client-root', { path_length: 1 });
    const low = await desk.intermediate('client-low', 'client-middle', { validity: '365d' });
    const trusting = await startTestApp({
      beside: plain,
      env: {
        CERTPLANE_CLIENT_CA_FILE: openssl.file('middle.pem', middle.certificate_pem),
        CERTPLANE_CLIENT_ROLES_FILE: openssl.path('roles.json'),
      },
    });
    try {
      const issued = await issueClient('client-low', { dns: ['viewer.example.com'] });
      const identity = { ...issued, cert: issued.certificate.certificate_pem + low.certificate_pem };
      expect((await call(identity, WHOAMI, { at: trusting })).status).toBe(200);
      const above = await issueClient('client-root', { dns: ['viewer.example.com'] });
      expect(await refusalOf(above, trusting)).toMatch(/no CA of CERTPLANE_CLIENT_CA_FILE/);
      const { items } = await plain.api.fetch<Page<CertificateJson>>('/api/v1/certificates?issuer_id=client-root');
      await desk.revoke(items.find(({ subject }) => subject === 'CN=client-middle')!);
      expect(await refusalOf(identity, trusting)).toMatch(/revoked at the issuer client-root/);
    } finally {
      await trusting.stop();
    }
  });
});

describe('a client certificate of somebody else’s CA', () => {
  it('is accepted while a CRL of that CA holds and does not name it', async () => {
    const good = await foreign.client('viewer.example.com');
    const bad = await foreign.client('viewer.example.com');
    rmSync(crlFile, { force: true });
    expect(await refusalOf(good)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    publish(await foreign.crl());
    expect([(await call(good)).status, (await call(bad)).status]).toEqual([200, 200]);
    await foreign.revoke(bad);
    publish(await foreign.crl());
    expect((await call(good)).status).toBe(200);
    expect(await refusalOf(bad)).toMatch(/is revoked/);
    app.clock.advance(2 * 86_400);
    expect(await refusalOf(good)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    app.clock.advance(-2 * 86_400);
    writeFileSync(crlFile, 'nonsense');
    expect(await refusalOf(good)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    const pem = openssl.file('crl.pem', await foreign.crl());
    await openssl.ok('crl', '-in', pem, '-outform', 'DER', '-out', `${crlFile}.der`);
    renameSync(`${crlFile}.der`, crlFile);
    expect((await call(good)).status).toBe(200);
  });

  it('is refused on a CRL that somebody else signed, or that is not about all certificates', async () => {
    const identity = await foreign.client('viewer.example.com');
    const impostor = await ForeignCa.create('impostor');
    // The same name, another key.
    const { cert, key } = await impostor.sign('/CN=foreign', 'basicConstraints=critical,CA:TRUE', {
      ca: true,
      name: 'twin',
    });
    openssl.file('impostor/ca.pem', cert);
    openssl.file('impostor/ca.key', key);
    publish(await impostor.crl());
    expect(await refusalOf(identity)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    publish(await foreign.crl('-crlexts', 'idp'));
    expect(await refusalOf(identity)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    publish(await foreign.crl('-crlexts', 'delta'));
    expect(await refusalOf(identity)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    publish(await impostor.crl(), await foreign.crl());
    expect((await call(identity)).status).toBe(200);
  });

  it('needs a CRL of every CA on the way', async () => {
    const leaf = await foreignSub.client('viewer.example.com');
    const identity = { ...leaf, cert: leaf.cert + foreignSub.pem };
    publish(await foreignSub.crl());
    expect(await refusalOf(identity)).toMatch(/CERTPLANE_CLIENT_CRL_FILE has no CRL/);
    publish(await foreignSub.crl(), await foreign.crl());
    expect((await call(identity)).status).toBe(200);
    await foreign.revoke({ cert: foreignSub.pem, key: '' });
    publish(await foreignSub.crl(), await foreign.crl());
    expect(await refusalOf(identity)).toMatch(/is revoked/);
  });

  it('is refused when it is not for clients, or says nothing of what it is for', async () => {
    publish(await foreign.crl());
    for (const usage of ['', 'extendedKeyUsage=anyExtendedKeyUsage']) {
      expect(await refusalOf(await foreign.client('viewer.example.com', usage))).toMatch(/clientAuth|TLS/);
    }
    expect(await refusalOf(await foreign.client('viewer.example.com', 'extendedKeyUsage=serverAuth'))).toMatch(/TLS/);
  });

  it('is refused when that CA is not among those that are trusted', async () => {
    const stranger = await ForeignCa.create('stranger');
    const identity = await stranger.client('viewer.example.com');
    publish(await stranger.crl());
    expect(await refusalOf(identity)).toMatch(/TLS does not trust it/);
    const leaf = await foreign.client('viewer.example.com');
    // A leaf is no CA, whatever it signs.
    openssl.file('stranger/ca.pem', leaf.cert);
    openssl.file('stranger/ca.key', leaf.key);
    const below = await stranger.client('viewer.example.com');
    expect(await refusalOf({ ...below, cert: below.cert + leaf.cert })).toMatch(/TLS does not trust it/);
  });
});

describe('the listener that asks for client certificates', () => {
  it('demands none: an API key will do, and what is public is open, whatever certificate is presented', async () => {
    const stranger = await ForeignCa.create('nobody');
    const unknown = await stranger.client('viewer.example.com');
    const key = readFileSync(app.app.adminKeyFile, 'utf8').trim();
    for (const identity of [null, unknown]) {
      expect((await call(identity, '/health')).status).toBe(200);
      expect((await call(identity, '/.well-known/pki/ca/iss-local.pem')).status).toBe(200);
      expect((await call(identity, WHOAMI, { key })).json()).toMatchObject({ actor: 'api-key:bootstrap-admin' });
    }
    expect(problemCode(await call(null))).toEqual([401, 'unauthorized']);
  });

  it('lets the API key count where both are sent, a wrong one as well', async () => {
    const identity = await issueClient('client-root', { dns: ['viewer.example.com'] });
    const key = readFileSync(app.app.adminKeyFile, 'utf8').trim();
    expect((await call(identity, WHOAMI, { key })).json()).toMatchObject({ role: 'admin' });
    expect(problemCode(await call(identity, WHOAMI, { key: 'certplane_wrong' }))).toEqual([401, 'unauthorized']);
    expect((await call(identity)).json()).toMatchObject({ role: 'viewer' });
  });

  it('is the only one: without it a certificate means nothing', async () => {
    const identity = await issueClient('client-root', { email: ['ops@example.com'] });
    expect(await refusalOf(identity, plain)).toMatch(/API key/);
  });

  it('resumes no session, so that the whole chain is known on each connection', async () => {
    const identity = await issueClient('client-sub', { dns: ['viewer.example.com'] });
    const sessions: Buffer[] = [];
    const exchange = (session?: Buffer) =>
      new Promise<boolean>((resolve, reject) => {
        const socket = connect({
          port: app.config.httpsPort,
          host: 'localhost',
          ca: app.ca,
          ...identity,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (one: Buffer) => sessions.push(one));
        socket.once('error', reject);
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        socket.once('end', () => {
          expect(text).toMatch(/^HTTP\/1\.1 200 /);
          resolve(socket.isSessionReused());
        });
        socket.write(`GET ${WHOAMI} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      });
    expect(await exchange()).toBe(false);
    for (const session of [...sessions]) expect(await exchange(session)).toBe(false);
  });

  it('leaves an event of a certificate that it refused', async () => {
    const identity = await issueClient('client-root', { dns: ['unknown.example.com'] });
    await refusalOf(identity);
    await app.app.nest.get(AccessRefusals).flush();
    const { items } = await app.api.fetch<Page<Record<string, unknown>>>('/api/v1/audit?action=access.refuse');
    expect(items[0]).toMatchObject({
      actor: 'anonymous',
      source_address: '127.0.0.1',
      details: { code: 'unauthorized', method: 'GET', route: WHOAMI },
    });
  });
});

describe('a start with client certificates', () => {
  const start = (files: { cas: string; roles: string }) =>
    createApp(
      readConfig({
        CERTPLANE_DATA_DIR: app.dataDir,
        CERTPLANE_DATABASE_URL: app.database.url,
        CERTPLANE_LOG_LEVEL: 'silent',
        CERTPLANE_CLIENT_CA_FILE: openssl.file('start-cas.pem', files.cas),
        CERTPLANE_CLIENT_ROLES_FILE: openssl.file('start-roles.json', files.roles),
      }),
      { schedules: false },
    );

  it('tells all faults of their files at once', async () => {
    const roles = [
      { role: 'viewer' },
      { dns: 'a', email: 'b', role: 'viewer' },
      { dns: 'a.example.com', role: 'king' },
      { dns: 'a.example.com', role: 'viewer', scope: 'all' },
      { dns: 'a.example.com', role: 'operator', issuer_ids: ['NOT AN ID'] },
    ];
    const starting = start({ cas: 'no certificate', roles: JSON.stringify(roles) });
    const fault = await starting.then(() => '', String);
    expect(fault).toMatch(/CERTPLANE_CLIENT_CA_FILE: There is no PEM block/);
    for (const part of [
      /entry 1: must have exactly one of/,
      /entry 2: must have exactly one of/,
      /entry 3, role: /,
      /entry 4: .*scope/,
      /entry 5, issuer_ids, 0: must be/,
    ]) {
      expect(fault).toMatch(part);
    }
  });

  it.each([
    ['{', /it is not JSON/],
    ['{}', /expected array/],
    ['[{"subject":"no name","role":"viewer"}]', /entry 1: subject: /],
    ['[{"dns":"a","role":"viewer"},{"dns":"A","role":"admin"}]', /dns "a" stands there twice/],
    ['[{"dns":"a","role":"auditor","profiles":["leaf"]}]', /entry 1: the role auditor can't be limited/],
  ])('does not take the roles %s', async (roles, fault) => {
    await expect(start({ cas: root.certificate_pem, roles })).rejects.toThrow(fault);
  });

  it('asks for the way up to the root of an intermediate that is not of an issuer here', async () => {
    const roles = '[]';
    await expect(start({ cas: foreignSub.pem, roles })).rejects.toThrow(/CN=foreign-sub is an intermediate/);
    const leaf = await foreign.client('a');
    await expect(start({ cas: leaf.cert, roles })).rejects.toThrow(/CN=client is not a CA certificate/);
  });

  it('needs both files, and no CRLs without them', () => {
    for (const name of ['CA', 'ROLES']) {
      expect(() => readConfig({ [`CERTPLANE_CLIENT_${name}_FILE`]: 'x' })).toThrow(/must be set together/);
    }
    expect(() => readConfig({ CERTPLANE_CLIENT_CRL_FILE: 'x' })).toThrow(/needs CERTPLANE_CLIENT_CA_FILE/);
  });
});
