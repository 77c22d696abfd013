import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import type { Answer } from '../support/api-client.js';
import { ask } from '../support/api-client.js';
import type { Operation } from '../support/api-contract.js';
import { ApiFuzzer, type FuzzCall, type Known } from '../support/api-fuzzer.js';
import { AppProcess } from '../support/app-process.js';
import { DocumentedApi } from '../support/documented-api.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** To look for more than a test run has time for: `FUZZ_CALLS=100000 FUZZ_SEED=7`. */
const CALLS = Number(process.env['FUZZ_CALLS'] ?? 2000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const AT_ONCE = 8;
/** Nobody is kept waiting longer, on however slow a machine. */
const ANSWER_WITHIN_MS = 60_000;

/** What whoever misses every operation may be told. */
const BESIDE: Readonly<Record<number, readonly string[]>> = {
  400: ['invalid_request', 'invalid_json'],
  404: ['not_found', 'issuer_not_found'],
  405: ['method_not_allowed'],
  413: ['body_too_large'],
  415: ['unsupported_media_type'],
};
const PKI = '/.well-known/pki/';

let openssl: OpensslWorkshop;
let app: TestApp;
let fuzzed: AppProcess;
let port: number;
let apiKey: string;
let api: DocumentedApi;
let fuzzer: ApiFuzzer;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  app = await startTestApp();
  api = await DocumentedApi.of(app);
  apiKey = readFileSync(app.app.adminKeyFile, 'utf8').trim();
  port = await findFreePort();
  fuzzed = new AppProcess({
    CERTPLANE_DATA_DIR: app.dataDir,
    CERTPLANE_DATABASE_URL: app.database.url,
    CERTPLANE_HTTPS_PORT: String(port),
    CERTPLANE_PKI_HTTP_PORT: '0',
    CERTPLANE_RATE_LIMIT_RPS: '0',
    CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '0',
    CERTPLANE_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR: '0',
  });
  fuzzer = new ApiFuzzer(api.contract, await makeKnown(), SEED);
  await fuzzed.ready();
});
afterAll(async () => {
  agent.destroy();
  await fuzzed.stop();
  await app.stop();
  openssl.remove();
});

/** Something to find for whoever calls. The first administrator's key is not among it: without it nobody could go on. */
async function makeKnown(): Promise<Known> {
  const desk = new IssuingDesk(app, openssl);
  await desk.root('fuzz-root');
  await desk.intermediate('fuzz-sub', 'fuzz-root');
  const issued = [await desk.issue(), await desk.issue(), await desk.issue({ issuer: 'fuzz-sub' })];
  await desk.root('fuzz-old');
  const { csr } = await openssl.csr('/CN=fuzz.example.com');
  const imported = await makeCa();
  const fresh = Array.from({ length: 200 }, (_, index) => `fresh-${index}`);
  const keys = [];
  for (const name of ['fuzz-1', 'fuzz-2', 'fuzz-old']) {
    keys.push((await app.api.create<{ id: string }>('/api/v1/api-keys', { name, role: 'viewer' })).id);
  }
  const certificates = issued.map(({ id }) => id);
  const serialNumbers = issued.map(({ serial_number: serialNumber }) => serialNumber);
  const issuers = ['iss-local', 'fuzz-root', 'fuzz-sub'];
  return {
    certificates,
    ids: certificates,
    'api-keys': keys,
    revokeApiKey: keys.slice(2),
    issuers: ['fuzz-root', 'fuzz-sub'],
    retireIssuer: ['fuzz-old'],
    id: fresh,
    name: fresh,
    subject: ['CN=Fuzz', 'CN=Fuzz,O=Example,C=NL'],
    validity: ['1h', '30d', '3650d'],
    certificate_pem: [app.ca, imported.certificatePem],
    private_key_pem: [imported.privateKeyPem],
    issuer_id: [...issuers, 'iss-local', 'iss-local'],
    parent_id: issuers,
    issuer_ids: issuers,
    csr: [csr],
    serial_number: serialNumbers,
    request: serialNumbers,
    key_algorithm: ['ecdsa-p256', 'ed25519', 'rsa-1024', 'P256'],
  };
}

async function makeCa(): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const [key, certificate] = [openssl.path('ca-key.pem'), openssl.path('ca.pem')];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await openssl.ok('req', '-x509', ...newKey, '-subj', '/CN=Imported', '-days', '3650', ...usage, '-out', certificate);
  return { certificatePem: readFileSync(certificate, 'utf8'), privateKeyPem: readFileSync(key, 'utf8') };
}

function send({ method, url, headers, body }: FuzzCall): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { 'content-length': String(body.length) };
    const request = httpsRequest({
      ...{
        host: 'localhost',
        servername: 'localhost',
        port,
        ca: app.ca,
        agent,
        method,
        path: url,
        timeout: ANSWER_WITHIN_MS,
      },
      headers: { authorization: `Bearer ${apiKey}`, ...headers, ...length },
    });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(chunks);
        const { statusCode: status = 0 } = response;
        resolve({ status, headers: response.headers, body: whole, json: <T>() => JSON.parse(whole.toString()) as T });
      });
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    request.once('error', reject);
    request.end(body ?? undefined);
  });
}

/** The operations that a call may have reached: the router minds neither case nor a slash at the end. */
function reached({ method, url }: FuzzCall): Operation[] {
  const [path = ''] = url.split('?');
  const asked = method === 'HEAD' ? 'GET' : method;
  return api.contract.operations.filter((operation) => {
    const pattern = operation.path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+');
    return operation.method === asked && new RegExp(`^${pattern}/?$`, 'i').test(path);
  });
}

function findFaults(call: FuzzCall, answer: Answer): string[] {
  const candidates = reached(call).map((operation) =>
    api.contract.findFaults({ ...operation, method: call.method }, answer),
  );
  const best = candidates.toSorted((one, other) => one.length - other.length)[0];
  if (best?.length === 0 || isBeside(call, answer)) return [];
  return best ?? [`${answer.status} ${answer.body.toString('utf8', 0, 200)}`];
}

/** Whether an answer is one to a call that has missed every operation, or that none has understood. */
function isBeside({ method, url }: FuzzCall, { status, headers, body }: Answer): boolean {
  const isOcsp = url.startsWith(`${PKI}ocsp`);
  if (isOcsp && status === 200 && headers['content-type'] === 'application/ocsp-response') return true;
  const codes = BESIDE[status];
  if (codes === undefined || headers['content-type']?.startsWith('application/problem+json') !== true) return false;
  const code = body.length === 0 ? null : (JSON.parse(body.toString('utf8')) as { code: string }).code;
  return code === null ? method === 'HEAD' : codes.includes(code);
}

function describeCall(index: number, { operation, method, url, headers, body }: FuzzCall): string {
  const sent = body === null ? '' : ` ${body.toString('utf8', 0, 400)}`;
  return `${index} ${operation.operationId}: ${method} ${url.slice(0, 300)} ${JSON.stringify(headers).slice(0, 300)}${sent}`;
}

describe('whatever is sent to the REST interface', () => {
  it(
    'is answered as the document says, never with an internal error, and the process lives',
    async () => {
      const faults: string[] = [];
      const statuses = new Map<number, number>();
      let next = 0;
      const sendSome = async (): Promise<void> => {
        while (next < CALLS && faults.length < 20) {
          const index = next++;
          const call = fuzzer.call(index);
          try {
            const answer = await send(call);
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            const found = findFaults(call, answer);
            if (answer.status === 500) found.push('an internal error');
            if (found.length > 0) faults.push(`${describeCall(index, call)} → ${answer.status}: ${found.join('; ')}`);
          } catch (error) {
            faults.push(`${describeCall(index, call)} → ${String(error)}`);
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
      expect(faults).toEqual([]);
      // The calls are not all turned away at the door.
      for (const status of [200, 201, 400, 404]) expect(statuses.get(status) ?? 0).toBeGreaterThan(CALLS / 500);
      expect(fuzzed.running).toBe(true);
      const ready = await ask(`https://localhost:${port}/ready`, { ca: app.ca });
      expect([ready.status, ready.json()]).toEqual([200, expect.objectContaining({ ready: true })]);
      expect(fuzzed.output).not.toMatch(/unhandled|uncaught/i);
    },
    60_000 + CALLS * 100,
  );
});
