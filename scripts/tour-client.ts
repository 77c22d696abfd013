import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Config } from '../src/platform/config/env.js';
import { TourFailure } from './tour-workshop.js';

const ANSWER_TIMEOUT_MS = 15_000;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** The running Certplane, as its operator and its relying parties reach it. */
export class TourClient {
  readonly url: string;
  /** PEM of the root issuer `iss-local`. */
  readonly caPem: string;
  private readonly trusted: string[];
  private readonly apiKey: string;

  /** @throws TourFailure when the data directory holds no instance */
  constructor(config: Config) {
    const host = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host;
    this.url = `https://${host.includes(':') ? `[${host}]` : host}:${config.httpsPort}`;
    this.caPem = readInstanceFile(join(config.dataDir, 'ca.pem'));
    this.apiKey = config.bootstrapAdminKey ?? readInstanceFile(join(config.dataDir, 'admin.key')).trim();
    this.trusted = [this.caPem];
    if (config.tls !== null) this.trusted.push(...rootCertificates, readInstanceFile(config.tls.certFile));
  }

  /** @throws TourFailure when nothing answers, or the answer has another status */
  async call<T>(method: string, path: string, expected: number, body?: object): Promise<T> {
    const headers = {
      Authorization: `Bearer ${this.apiKey}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    };
    const answer = await this.exchange(method, this.url + path, headers, body);
    if (answer.status === expected) return JSON.parse(answer.body.toString('utf8')) as T;
    throw new TourFailure(`${method} ${path} was answered with ${answer.status}: ${answer.body.toString('utf8')}`);
  }

  /** Fetches what a certificate points to. @throws TourFailure */
  async download(url: string): Promise<Buffer> {
    const { status, body } = await this.exchange('GET', url, {});
    if (status === 200) return body;
    throw new TourFailure(`${url} was answered with ${status}: ${body.toString('utf8')}`);
  }

  private exchange(method: string, url: string, headers: Record<string, string>, body?: object): Promise<Answer> {
    const open = url.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(unreachable(url, error));
      const options = { method, headers, ca: this.trusted, timeout: ANSWER_TIMEOUT_MS };
      const request = open(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('error', fail);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

const HINT =
  'Start Certplane with `npm start`, wait until it says that it is running, and run the tour beside it with the same CERTPLANE_ variables.';

function unreachable(url: string, error: NodeJS.ErrnoException): TourFailure {
  return new TourFailure(`${new URL(url).origin} does not answer (${error.code ?? error.message}). ${HINT}`);
}

function readInstanceFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TourFailure(`${path} can't be read (${(error as NodeJS.ErrnoException).code}). ${HINT}`);
  }
}
