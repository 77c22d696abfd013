import { readFileSync } from 'node:fs';
import { ask, type Answer } from './api-client.js';
import { ApiContract, type OpenApi } from './api-contract.js';
import type { TestApp } from './test-app.js';

export interface DocumentedCall {
  /** Values of the parameters in the path; what is missing is taken from the document's examples. */
  readonly path?: Readonly<Record<string, string>>;
  /** With its question mark. */
  readonly query?: string;
  /** Sent as JSON, or as it is where it is bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: none. Without it the first administrator's. */
  readonly key?: string | null;
  /** Another than the operation's. */
  readonly method?: string;
}

/** Calls operations by their id, and fails when an answer is not what the document promises. */
export class DocumentedApi {
  /** The statuses and codes that were answered, by operation. */
  readonly seen = new Map<string, Set<string | number>>();

  private constructor(
    private readonly app: TestApp,
    private readonly adminKey: string,
    readonly contract: ApiContract,
  ) {}

  static async of(app: TestApp): Promise<DocumentedApi> {
    const answer = await ask(`${app.httpsUrl}/api/v1/openapi.json`, { ca: app.ca });
    const adminKey = readFileSync(app.app.adminKeyFile, 'utf8').trim();
    return new DocumentedApi(app, adminKey, new ApiContract(answer.json<OpenApi>()));
  }

  async call(operationId: string, call: DocumentedCall = {}): Promise<Answer> {
    const operation = this.contract.get(operationId);
    const { key = this.adminKey, body, headers = {}, method = operation.method } = call;
    const isJson = body !== undefined && !Buffer.isBuffer(body);
    const bytes = isJson ? Buffer.from(JSON.stringify(body)) : body;
    const answer = await ask(this.app.httpsUrl + this.pathOf(operationId, call.path) + (call.query ?? ''), {
      ca: this.app.ca,
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(isJson ? { 'content-type': 'application/json' } : {}),
        ...(bytes === undefined ? {} : { 'content-length': String(bytes.length) }),
        ...headers,
      },
      ...(bytes === undefined ? {} : { body: bytes }),
    });
    const faults = this.contract.findFaults({ ...operation, method }, answer);
    if (faults.length > 0) throw new Error(`${operationId} answered ${answer.status}: ${faults.join('; ')}`);
    this.note(operationId, answer);
    return answer;
  }

  private pathOf(operationId: string, values: Readonly<Record<string, string>> = {}): string {
    const { path, parameters = [] } = this.contract.get(operationId);
    return path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const parameter = parameters.find((candidate) => candidate.in === 'path' && candidate.name === name);
      return values[name] ?? String(parameter?.example ?? parameter?.schema.example);
    });
  }

  private note(operationId: string, { status, headers, body }: Answer): void {
    const seen = this.seen.get(operationId) ?? new Set();
    this.seen.set(operationId, seen.add(status));
    const isProblem = headers['content-type']?.startsWith('application/problem+json') ?? false;
    if (isProblem && body.length > 0) seen.add((JSON.parse(body.toString('utf8')) as { code: string }).code);
  }
}
