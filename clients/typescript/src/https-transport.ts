import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type AgentOptions } from 'node:https';
import { ConnectionError } from './errors.js';
import type { Transport, TransportAnswer, TransportRequest } from './transport.js';

/** What the TLS of the connection is made with. */
export interface TlsOptions {
  /** The CAs to trust (PEM), instead of those that Node.js trusts. */
  readonly ca?: string | readonly string[] | undefined;
  /** A client certificate, with those above it, and its private key (PEM), to be known by instead of an API key. */
  readonly clientCertificate?: { readonly certificate: string; readonly privateKey: string } | undefined;
}

/** Speaks HTTPS through `node:https`, on connections that are kept. */
export class HttpsTransport implements Transport {
  private readonly agent: Agent;

  constructor({ ca, clientCertificate }: TlsOptions = {}) {
    const options: AgentOptions = { keepAlive: true };
    if (ca !== undefined) options.ca = typeof ca === 'string' ? ca : [...ca];
    if (clientCertificate !== undefined) {
      options.cert = clientCertificate.certificate;
      options.key = clientCertificate.privateKey;
    }
    this.agent = new Agent(options);
  }

  send({ method, url, headers, body, timeoutMs, signal }: TransportRequest): Promise<TransportAnswer> {
    const { origin } = new URL(url);
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers, ...length }, agent: this.agent, timeout: timeoutMs };
      const request = httpsRequest(url, signal === null ? options : { ...options, signal }, (response) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: headersOf(response),
          body: readBody(response, origin, signal),
        });
      });
      request.on('timeout', () =>
        request.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
      );
      request.on('error', (error) => reject(failureOf(error, origin, signal)));
      request.end(body ?? undefined);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

async function* readBody(
  response: IncomingMessage,
  origin: string,
  signal: AbortSignal | null,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    throw failureOf(error, origin, signal);
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function failureOf(error: unknown, origin: string, signal: AbortSignal | null): unknown {
  if (signal?.aborted === true) return signal.reason;
  return new ConnectionError(origin, codeOf(error), error);
}

/** Node gives several errors at once when it tried several addresses of a host. */
function codeOf(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  if (typeof code === 'string') return code;
  return errors?.[0] === undefined ? 'unknown' : codeOf(errors[0]);
}
