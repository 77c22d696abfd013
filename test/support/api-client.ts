import { request as httpsRequest } from 'node:https';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** PEM of the CA to trust; https only. */
  readonly ca?: string;
}

/** One HTTP exchange on a connection of its own. */
export function ask(url: string, { method = 'GET', headers = {}, body, ca }: Ask = {}): Promise<Answer> {
  const secure = url.startsWith('https:');
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const, ...(secure && ca !== undefined ? { ca } : {}) };
    const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          json: <T>() => JSON.parse(whole.toString('utf8')) as T,
        });
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** The REST interface as an operator uses it. */
export class ApiClient {
  constructor(
    private readonly baseUrl: string,
    private readonly ca: string,
    private readonly apiKey: string,
  ) {}

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return ask(this.baseUrl + path, { ca: this.ca, headers: { authorization: `Bearer ${this.apiKey}`, ...headers } });
  }

  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }

  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('PATCH', path, body, headers);
  }

  /** A request that may have a body of JSON. */
  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    return ask(this.baseUrl + path, {
      method,
      ca: this.ca,
      headers: { authorization: `Bearer ${this.apiKey}`, ...type, ...headers },
      ...json,
    });
  }

  /** POSTs and expects success. */
  async create<T = Record<string, unknown>>(path: string, body?: unknown): Promise<T> {
    const answer = await this.post(path, body);
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.body.toString('utf8')}`);
    return answer.json<T>();
  }

  /** GETs and expects success. */
  async fetch<T = Record<string, unknown>>(path: string): Promise<T> {
    const answer = await this.get(path);
    if (answer.status >= 300) throw new Error(`GET ${path}: ${answer.status} ${answer.body.toString('utf8')}`);
    return answer.json<T>();
  }
}
