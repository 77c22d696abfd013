import { generateClient } from './client-text.js';
import { UnknownConstruct, type OpenApiDocument, type OperationObject, type Schema } from './openapi.js';
import { typeText } from './type-text.js';

const JSON_TYPE = 'application/json';
const ok = (schema: Schema): OperationObject['responses'] => ({ 200: { content: { [JSON_TYPE]: { schema } } } });

function documentOf(
  path: string,
  method: string,
  operation: OperationObject,
  schemas: Record<string, Schema> = {},
): OpenApiDocument {
  return { info: { version: '1.2.3' }, paths: { [path]: { [method]: operation } }, components: { schemas } };
}

/** Without line breaks and indentation, which the formatter sets. */
const compact = (text: string): string => text.replace(/\s+/g, ' ');

describe('a schema', () => {
  it.each<[Schema, string]>([
    [{ $ref: '#/components/schemas/Issuer' }, 'Issuer'],
    [{ type: 'string' }, 'string'],
    [{ type: 'string', format: 'binary' }, 'Uint8Array'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ type: 'integer' }, 'number'],
    [{ const: 'root', type: 'string' }, '"root"'],
    [{ enum: ['a', null] }, '"a" | null'],
    [{ type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'number' }] } }, 'ReadonlyArray<string | number>'],
    [{ type: 'object', additionalProperties: { type: 'boolean' } }, 'Readonly<Record<string, boolean>>'],
    [{ type: 'object', additionalProperties: false }, 'Record<string, never>'],
    [{ allOf: [{ $ref: '#/components/schemas/A' }, { type: 'string' }] }, '(A) & (string)'],
    [{ description: 'anything' }, 'unknown'],
    [
      { type: 'object', properties: { id: { type: 'string' }, 'x-y': { type: 'null' } }, required: ['id'] },
      '{ readonly id: string; readonly "x-y"?: null | undefined; }',
    ],
  ])('%j is %s', (schema, text) => {
    expect(compact(typeText(schema, 'here'))).toBe(text);
  });

  it.each<Schema>([{ type: 'tuple' }, { $ref: 'other.json#/a' }])('%j is more than the generator knows', (schema) => {
    expect(() => typeText(schema, 'here')).toThrow(UnknownConstruct);
  });
});

describe('an operation', () => {
  it('becomes a method with its path, its body and its options', () => {
    const { operations, schemas } = generateClient(
      documentOf(
        '/things/{thing_id}/turn',
        'post',
        {
          operationId: 'turnThing',
          summary: 'Turn it',
          parameters: [
            { name: 'thing_id', in: 'path', required: true, schema: { type: 'string' }, description: 'Which one.' },
            { name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } },
          ],
          requestBody: { content: { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Turn' } } } },
          responses: {
            ...ok({ $ref: '#/components/schemas/Thing' }),
            404: { description: '`not_found`: there is none', content: { 'application/problem+json': {} } },
          },
        },
        {
          Thing: { type: 'object', properties: { id: { type: 'string', description: 'Its */ id.', default: 'a' } } },
          Turn: { type: 'string' },
        },
      ),
    );
    expect(compact(operations)).toContain(
      'turnThing(thingId: string, body?: Turn, options?: WriteOptions): Promise<Thing> {',
    );
    expect(operations).toContain("path: `/things/${segment('thing_id', thingId)}/turn`");
    expect(operations).toContain('@param thingId Which one.');
    expect(operations).toContain('@throws ProblemError not_found');
    expect(schemas).toContain('export interface Thing {');
    expect(schemas).toContain('/** Its *\\/ id. Default: `"a"`. */');
    expect(schemas).toContain('export type Turn = string;');
    expect(schemas).toContain('API_VERSION = "1.2.3"');
  });

  it('that lists pages gets one that goes through them', () => {
    const item: Schema = { type: 'object', properties: { id: { type: 'string' } } };
    const page: Schema = {
      type: 'object',
      properties: { items: { type: 'array', items: item }, next_cursor: { type: 'string' } },
    };
    const query = { name: 'cursor', in: 'query', schema: { type: 'string' } } as const;
    const { operations, schemas } = generateClient(
      documentOf('/entries', 'get', { operationId: 'listEntries', parameters: [query], responses: ok(page) }),
    );
    expect(compact(operations)).toContain(
      'listEntries(query: ListEntriesQuery = {}, options?: CallOptions): Promise<Page<Entry>> {',
    );
    expect(compact(operations)).toContain(
      "eachEntry(query: Omit<ListEntriesQuery, 'cursor'> = {}, options?: CallOptions): AsyncGenerator<Entry, void> {",
    );
    expect(schemas).toContain('export interface Entry {');
  });

  it('may have more than the items in its pages', () => {
    const item: Schema = { type: 'object', properties: { id: { type: 'string' } } };
    const properties = {
      items: { type: 'array', items: item },
      next_cursor: { type: 'string' },
      total: { type: 'integer' },
    };
    const page: Schema = { type: 'object', properties, required: ['items', 'total'] };
    const { operations, schemas } = generateClient(
      documentOf('/things', 'get', { operationId: 'listThings', responses: ok(page) }),
    );
    expect(compact(operations)).toContain('listThings(options?: CallOptions): Promise<ListThingsAnswer> {');
    expect(compact(schemas)).toContain('export interface ListThingsAnswer { readonly items: ReadonlyArray<Thing>;');
    expect(schemas).toContain('readonly total: number;');
  });

  it.each<[string, string, OperationObject['responses'], boolean]>([
    [
      'a file',
      'Promise<FileAnswer>',
      { 200: { content: { 'application/x-pkcs12': { schema: { type: 'string', format: 'binary' } } } } },
      false,
    ],
    ['text', 'Promise<string>', { 200: { content: { 'text/plain': { schema: { type: 'string' } } } } }, false],
    [
      'lines of JSON',
      'AsyncGenerator<string, void>',
      { 200: { content: { 'application/x-ndjson': { schema: { type: 'string' } } } } },
      false,
    ],
    [
      'an inline object',
      'Promise<GetItAnswer>',
      { ...ok({ type: 'object', properties: {} }), 503: ok({ type: 'object', properties: {} })['200']! },
      true,
    ],
  ])('may answer with %s', (_, type, responses, anonymous) => {
    const operation = { operationId: 'getIt', responses, ...(anonymous ? { security: [] } : {}) };
    const { operations } = generateClient(documentOf('/it', 'get', operation));
    expect(compact(operations)).toContain(`getIt(options?: CallOptions): ${type} {`);
    expect(operations.includes('anonymous: true')).toBe(anonymous);
    expect(operations).toContain(anonymous ? 'statuses: [200, 503]' : 'statuses: [200]');
  });

  it.each<[string, string, string, Partial<OperationObject>]>([
    ['no operationId', '/a', 'get', {}],
    ['a method of its own', '/a', 'trace', { operationId: 'a' }],
    [
      'a parameter in a cookie',
      '/a',
      'get',
      { operationId: 'a', parameters: [{ name: 'c', in: 'cookie', schema: {} }] },
    ],
    [
      'a header that no option is for',
      '/a',
      'get',
      { operationId: 'a', parameters: [{ name: 'X-A', in: 'header', schema: {} }] },
    ],
    ['a path parameter that is not declared', '/a/{b}', 'get', { operationId: 'a' }],
    ['a body without a schema', '/a', 'post', { operationId: 'a', requestBody: { content: {} } }],
    ['no answer', '/a', 'get', { operationId: 'a', responses: {} }],
    [
      'two different answers',
      '/a',
      'get',
      { operationId: 'a', responses: { ...ok({ type: 'string' }), 201: ok({ type: 'null' })['200']! } },
    ],
  ])('with %s is refused', (_, path, method, operation) => {
    expect(() => generateClient(documentOf(path, method, { responses: ok({}), ...operation }))).toThrow(
      UnknownConstruct,
    );
  });
});
