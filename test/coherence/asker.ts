import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { CertId, CertIdAlgorithm } from '../../src/pki/cert-id.js';
import { questionOf, readOcsp, type Question } from '../support/ocsp-question.js';
import { waitUntil } from '../support/wait-until.js';
import type { History, Query } from './history.js';

/** The server itself answers after eight seconds at the latest. */
const QUERY_TIMEOUT_MS = 15_000;
const REST_TIMEOUT_MS = 30_000;
/** What RFC 9654 recommends. */
const NONCE_BYTES = 32;

/** What the certificates of a run are asked with. The first two are signed in advance. */
export const HASHES = ['sha1', 'sha256', 'sha384', 'sha1-absent'] as const satisfies readonly CertIdAlgorithm[];
export type Hash = (typeof HASHES)[number];

export type Method = 'GET' | 'POST';

/** How a certificate is asked for. */
export interface Way {
  readonly hash: Hash;
  /** POST unless it says something else. */
  readonly method?: Method;
  /** With a nonce of its own, so that the answer is signed for this request alone. */
  readonly nonce?: boolean;
}

/** A certificate under test. */
export interface Subject {
  /** Its id; of a serial number that was never issued, anything. */
  readonly id: string;
  readonly certIds: Readonly<Record<Hash, CertId>>;
  /** Without a nonce. */
  readonly questions: Readonly<Record<Hash, Question>>;
}

/** Where one node is asked. */
export interface Target {
  readonly name: string;
  readonly httpsPort: number;
  readonly pkiPort: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** The one client that asks all nodes, and writes down what they say and when. */
export class Asker {
  private readonly ocspAgent = new HttpAgent({ keepAlive: true });
  // Every node has a TLS certificate of its own; who answers is not what is tested here.
  private readonly restAgent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false });

  constructor(
    private readonly history: History,
    private readonly adminKey: string,
    private readonly issuerId: string,
  ) {}

  /**
   * Asks for the status; what the certificate's status is, or why there is none.
   * @param way a hash alone: by POST, without a nonce
   */
  async query(node: Target, subject: Subject, way: Hash | Way): Promise<string> {
    const { hash, method = 'POST', nonce: own = false } = typeof way === 'string' ? { hash: way } : way;
    const nonce = own ? randomBytes(NONCE_BYTES) : null;
    const { body, path } = nonce === null ? subject.questions[hash] : questionOf(subject.certIds[hash], nonce);
    const get = method === 'GET';
    const url = `http://127.0.0.1:${node.pkiPort}/.well-known/pki/ocsp/${this.issuerId}${get ? `/${path}` : ''}`;
    const headers = get ? {} : { 'content-type': 'application/ocsp-request', 'content-length': body.length };
    const options = { method, headers, agent: this.ocspAgent, timeout: QUERY_TIMEOUT_MS };
    const start = performance.now();
    const reading = await exchange(url, options, get ? undefined : body).then(
      read,
      (error: NodeJS.ErrnoException): Reading => ({ answer: error.code ?? error.message, echoedNonce: null }),
    );
    const end = performance.now();
    const call = { node: node.name, certificate: subject.id, start, end };
    const how = `${method} ${hash}${own ? ', nonce' : ''}`;
    this.history.record({ kind: 'query', ...call, ...reading, nonce: nonce?.toString('hex') ?? null, how });
    return reading.answer;
  }

  /** Revokes; the HTTP status, 0 without an answer. */
  async revoke(node: Target, subject: Subject): Promise<number> {
    const start = performance.now();
    const path = `/api/v1/certificates/${subject.id}/revoke`;
    const status = await this.rest(node, 'POST', path, { reason: 'superseded' }).then(
      (answer) => answer.status,
      () => 0,
    );
    const end = performance.now();
    this.history.record({ kind: 'revoke', node: node.name, certificate: subject.id, start, end, status });
    return status;
  }

  /** Reads what the REST interface says of a certificate. A call that fails says nothing, and is repeated. */
  async read(node: Target, subject: Subject): Promise<void> {
    await waitUntil(`${node.name} shows ${subject.id}`, async () => {
      const start = performance.now();
      const answer = await this.rest(node, 'GET', `/api/v1/certificates/${subject.id}`).catch(() => null);
      const end = performance.now();
      if (answer?.status !== 200) return false;
      const { status } = JSON.parse(answer.body.toString('utf8')) as { status: string };
      this.history.record({ kind: 'reading', node: node.name, certificate: subject.id, start, end, status });
      return true;
    });
  }

  /** One call of the REST interface as administrator, not recorded. */
  rest(node: Target, method: Method, path: string, body?: unknown): Promise<HttpAnswer> {
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      authorization: `Bearer ${this.adminKey}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json', 'content-length': json.length }),
    };
    const options = { method, headers, agent: this.restAgent, timeout: REST_TIMEOUT_MS };
    return exchange(`https://localhost:${node.httpsPort}${path}`, options, json);
  }

  close(): void {
    this.ocspAgent.destroy();
    this.restAgent.destroy();
  }
}

type Reading = Pick<Query, 'answer' | 'echoedNonce'>;

function read({ status: httpStatus, body }: HttpAnswer): Reading {
  if (httpStatus !== 200) return { answer: `HTTP ${httpStatus}`, echoedNonce: null };
  const { status, nonce } = readOcsp(body);
  return { answer: status, echoedNonce: nonce?.toString('hex') ?? null };
}

function exchange(url: string, options: RequestOptions, body: Buffer | undefined): Promise<HttpAnswer> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', reject);
    request.end(body);
  });
}
