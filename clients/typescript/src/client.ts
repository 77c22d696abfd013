import { readAnswer, readLines } from './answer.js';
import type { Call, CallOptions, WriteOptions } from './call.js';
import { HttpsTransport, type TlsOptions } from './https-transport.js';
import { Operations } from './operations.js';
import { pause, pauseBeforeRetry } from './retry.js';
import { API_VERSION } from './schemas.js';
import type { Transport, TransportAnswer } from './transport.js';

export interface CertplaneClientOptions extends TlsOptions {
  /** Where Certplane is, for example `https://localhost:8443`. */
  readonly url: string;
  /** Not needed with a client certificate. */
  readonly apiKey?: string | undefined;
  /** How long the other side may be silent, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a call that may be repeated is tried again. Default: 2. */
  readonly retries?: number | undefined;
  /** Stands instead of the one on `node:https`; `ca` and `clientCertificate` are then its own affair. */
  readonly transport?: Transport | undefined;
}

/**
 * The REST interface of Certplane. Each method rejects with ProblemError when the call is refused, with ConnectionError when
 * nobody answers, and with UnexpectedAnswerError when somebody else does.
 */
export class CertplaneClient extends Operations {
  private readonly baseUrl: string;
  private readonly transport: Transport;
  private readonly options: CertplaneClientOptions;

  /** @throws TypeError where the URL is not one of https, or holds credentials, a query or a fragment */
  constructor(options: CertplaneClientOptions) {
    super();
    this.baseUrl = checkUrl(options.url);
    this.transport = options.transport ?? new HttpsTransport(options);
    this.options = options;
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.transport.close?.();
  }

  protected override async send<T>(call: Call, options: WriteOptions = {}): Promise<T> {
    const retries = mayBeRepeated(call, options) ? (this.options.retries ?? 2) : 0;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await readAnswer(call, await this.exchange(call, options))) as T;
      } catch (error) {
        const milliseconds = attempt < retries ? pauseBeforeRetry(error, attempt) : null;
        if (milliseconds === null) throw error;
        await pause(milliseconds, options.signal);
      }
    }
  }

  protected override async *stream(call: Call, options: CallOptions = {}): AsyncGenerator<string, void> {
    yield* readLines(call, await this.exchange(call, options));
  }

  private async exchange(call: Call, options: WriteOptions): Promise<TransportAnswer> {
    options.signal?.throwIfAborted();
    const answer = await this.transport.send({
      method: call.method,
      url: this.baseUrl + call.path + queryText(call.query),
      headers: this.headersOf(call, options),
      body: bodyOf(call),
      timeoutMs: options.timeoutMs ?? this.options.timeoutMs ?? 60_000,
      signal: options.signal ?? null,
    });
    options.onAnswer?.({ status: answer.status, headers: answer.headers });
    return answer;
  }

  private headersOf(call: Call, { idempotencyKey, ifMatch, headers }: WriteOptions): Record<string, string> {
    const { apiKey } = this.options;
    return {
      'user-agent': `certplane-client/${API_VERSION}`,
      accept: 'application/json, application/problem+json, */*',
      ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      ...(apiKey === undefined || call.anonymous === true ? {} : { authorization: `Bearer ${apiKey}` }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      ...headers,
    };
  }
}

/** What changes nothing, or does so once however often it is said. */
function mayBeRepeated({ method, anonymous }: Call, { idempotencyKey }: WriteOptions): boolean {
  return method === 'GET' || anonymous === true || idempotencyKey !== undefined;
}

function bodyOf({ body }: Call): string | Uint8Array | null {
  if (body === undefined) return null;
  return body instanceof Uint8Array ? body : JSON.stringify(body);
}

function queryText(query: Call['query'] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.append(name, String(value));
  const text = given.toString();
  return text === '' ? '' : `?${text}`;
}

function checkUrl(text: string): string {
  if (!URL.canParse(text)) throw new TypeError(`${JSON.stringify(text)} is not a URL`);
  const url = new URL(text);
  // An API key that has once gone over a plain connection is no secret any more.
  if (url.protocol !== 'https:') throw new TypeError('the URL must begin with https://');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError('the URL must have no credentials, no query and no fragment');
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}
