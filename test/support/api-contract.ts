import type { Answer } from './api-client.js';
import { findSchemaFaults, type Schema } from './json-schema.js';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface MediaType {
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Referable {
  readonly $ref?: string;
}

export interface Response extends Referable {
  readonly content?: Readonly<Record<string, MediaType>>;
  readonly headers?: Readonly<Record<string, Header>>;
}

interface Header extends Referable {
  readonly required?: boolean;
  readonly schema: Schema;
}

interface OperationObject {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, Response>>;
}

/** One operation of the document, with where it is. */
export interface Operation extends OperationObject {
  readonly method: string;
  readonly path: string;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

const PROBLEM = 'application/problem+json';

/** What the OpenAPI document promises, held against what is answered. */
export class ApiContract {
  readonly operations: readonly Operation[];

  constructor(readonly document: OpenApi) {
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) =>
        Object.assign(operation, { method: method.toUpperCase(), path }),
      ),
    );
  }

  get(operationId: string): Operation {
    const found = this.operations.find((operation) => operation.operationId === operationId);
    if (found === undefined) throw new Error(`There is no operation ${operationId}.`);
    return found;
  }

  /** What stands behind a reference, or the thing itself. */
  resolve<T extends Referable>(thing: T): T {
    if (thing.$ref === undefined) return thing;
    const [, kind = '', name = ''] = /^#\/components\/(\w+)\/(\w+)$/.exec(thing.$ref) ?? [];
    const found = this.document.components[kind]?.[name];
    if (found === undefined) throw new Error(`${thing.$ref} leads nowhere.`);
    return found as T;
  }

  findSchemaFaults(schema: Schema, value: unknown): string[] {
    return findSchemaFaults(schema, value, ($ref) => this.resolve<Schema>({ $ref }));
  }

  /** The codes that an operation may be refused with. */
  codesOf(operation: Operation): string[] {
    return Object.values(operation.responses).flatMap((response) => {
      const { allOf = [] } = this.resolve(response).content?.[PROBLEM]?.schema ?? {};
      return allOf.flatMap(({ properties }) => (properties?.['code']?.enum ?? []) as string[]);
    });
  }

  /** In what an answer is not what the document promises of the operation; nothing when all is well. */
  findFaults(operation: Operation, { status, headers, body }: Answer): string[] {
    const response = operation.responses[status];
    if (response === undefined) return [`the status ${status} is not documented: ${body.toString('utf8', 0, 300)}`];
    const { content, headers: documented = {} } = this.resolve(response);
    return [...this.findHeaderFaults(documented, headers), ...this.findBodyFaults(content, headers, body, operation)];
  }

  private findHeaderFaults(documented: Readonly<Record<string, Header>>, headers: Answer['headers']): string[] {
    return Object.entries(documented).flatMap(([name, reference]) => {
      const { schema, required = false } = this.resolve(reference);
      const value = headers[name.toLowerCase()];
      if (value === undefined) return required ? [`has no ${name}`] : [];
      return this.findSchemaFaults(schema, value).map((fault) => `${name}: ${fault}`);
    });
  }

  private findBodyFaults(
    content: Response['content'],
    headers: Answer['headers'],
    body: Buffer,
    { method }: Operation,
  ): string[] {
    if (content === undefined) return body.length === 0 ? [] : ['has a body that is not documented'];
    const type = headers['content-type']?.split(';')[0] ?? 'nothing';
    const media = content[type];
    if (media === undefined) return [`the content type ${type} is not documented`];
    if (method === 'HEAD') return [];
    if (!/[/+]json$/.test(type)) return [];
    return this.findSchemaFaults(media.schema, JSON.parse(body.toString('utf8')));
  }
}
