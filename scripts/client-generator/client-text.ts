import type { OpenApiDocument, Parameter, Schema } from './openapi.js';
import { UnknownConstruct } from './openapi.js';
import { readOperations, type Operation } from './operation.js';
import { docComment, memberText, typeText } from './type-text.js';

const GENERATED = [
  '// Generated from docs/openapi.json by `npm run docs`.',
  '/* oxlint-disable max-lines -- as long as the interface is wide */',
].join('\n');

/** The two generated modules of the client, not formatted. */
export interface ClientText {
  /** Every type that stands in a request or an answer. */
  readonly schemas: string;
  /** One method for each operation. */
  readonly operations: string;
}

/** @throws UnknownConstruct for what the generator can't say in TypeScript */
export function generateClient(document: OpenApiDocument): ClientText {
  const types = new Map(
    Object.entries(document.components.schemas).map(([name, schema]) => [name, typeDeclaration(name, schema)]),
  );
  const operations = readOperations(document);
  const methods = operations.map((operation) => methodsText(operation, types));
  return {
    schemas: [
      GENERATED,
      `/** The version of Certplane that this client was made for. */\nexport const API_VERSION = ${JSON.stringify(document.info.version)};`,
      [...types.values()].join('\n'),
    ].join('\n\n'),
    operations: operationsModule(methods.join('\n'), [...types.keys()]),
  };
}

function operationsModule(methods: string, typeNames: readonly string[]): string {
  const isUsed = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(methods.replace(/\/\*\*[^]*?\*\//g, ''));
  return [
    GENERATED,
    "import { eachItem, type Page } from './page.js';",
    "import { segment, type Call, type CallOptions, type FileAnswer, type WriteOptions } from './call.js';",
    `import type { ${typeNames.filter(isUsed).join(', ')} } from './schemas.js';`,
    '',
    '/** Every operation of the REST interface, under its operationId. */',
    'export abstract class Operations {',
    '  protected abstract send<T>(call: Call, options?: WriteOptions): Promise<T>;',
    '  protected abstract stream(call: Call, options?: CallOptions): AsyncGenerator<string, void>;',
    '',
    methods,
    '}',
  ].join('\n');
}

function typeDeclaration(name: string, schema: Schema): string {
  const comment = docComment(schema.description);
  const { properties, required = [], oneOf, anyOf } = schema;
  if (properties === undefined || oneOf !== undefined || anyOf !== undefined) {
    return `${comment}export type ${name} = ${typeText(schema, name)};\n`;
  }
  const members = Object.entries(properties).map(([key, member]) =>
    memberText(key, member, required.includes(key), name),
  );
  return `${comment}export interface ${name} {\n${members.join('\n')}\n}\n`;
}

/** The method of an operation, and for a list that has pages the one that goes through all of them. */
function methodsText(operation: Operation, types: Map<string, string>): string {
  const query = queryType(operation, types);
  const item = pageItemType(operation, types);
  const answer = item === null ? answerType(operation, types) : pageType(operation, item, types);
  const method = methodText(operation, query, answer);
  const hasCursor = operation.queryParameters.some(({ name }) => name === 'cursor');
  return item !== null && hasCursor && query !== null ? `${method}\n${iteratorText(operation, query, item)}` : method;
}

function methodText(operation: Operation, query: string | null, answer: string): string {
  const { id, method, kind, parameters } = {
    ...operation,
    kind: operation.answer.kind,
    parameters: signature(operation, query),
  };
  const options = method === 'GET' ? 'CallOptions' : 'WriteOptions';
  const [act, result] =
    kind === 'lines' ? ['stream', `AsyncGenerator<${answer}, void>`] : ['send', `Promise<${answer}>`];
  return [
    docComment(...describeOperation(operation)).trimEnd(),
    `${id}(${[...parameters, `options?: ${options}`].join(', ')}): ${result} {`,
    `  return this.${act}(${callText(operation, query)}, options);`,
    '}\n',
  ].join('\n');
}

function iteratorText(operation: Operation, query: string, item: string): string {
  const name = `each${itemName(operation)}`;
  const path = operation.pathParameters.map(({ name: parameter }) => camelCase(parameter));
  const call = [...path, '{ ...query, cursor }', 'options'].join(', ');
  const parameters = [...path.map((parameter) => `${parameter}: string`), `query: Omit<${query}, 'cursor'> = {}`];
  return [
    docComment(`All that {@link ${operation.id}} lists, page by page.`).trimEnd(),
    `${name}(${parameters.join(', ')}, options?: CallOptions): AsyncGenerator<${item}, void> {`,
    `  return eachItem((cursor) => this.${operation.id}(${call}));`,
    '}\n',
  ].join('\n');
}

function signature({ pathParameters, queryParameters, body }: Operation, query: string | null): string[] {
  const path = pathParameters.map(({ name }) => `${camelCase(name)}: string`);
  const bodyText = body === null ? [] : [`body${body.required ? '' : '?'}: ${typeText(body.schema, 'body')}`];
  const needed = queryParameters.some(({ required }) => required);
  const queryText = query === null ? [] : [`query: ${query}${needed ? '' : ' = {}'}`];
  return [...path, ...bodyText, ...queryText];
}

function callText(
  { id, method, path, pathParameters, body, answer, anonymous }: Operation,
  query: string | null,
): string {
  const template = path.replace(/\{(\w+)\}/g, (_, name: string) => `\${segment('${name}', ${camelCase(name)})}`);
  const members = [
    `operation: '${id}'`,
    `method: '${method}'`,
    pathParameters.length === 0 ? `path: '${path}'` : `path: \`${template}\``,
    ...(query === null ? [] : ['query: { ...query }']),
    ...(body === null ? [] : ['body', `contentType: '${body.type}'`]),
    `answer: '${answer.kind}'`,
    `statuses: [${answer.statuses.join(', ')}]`,
    ...(anonymous ? ['anonymous: true'] : []),
  ];
  return `{ ${members.join(', ')} }`;
}

function describeOperation({ summary, method, path, codes, pathParameters }: Operation): string[] {
  const described = pathParameters.filter(({ description }) => description !== undefined);
  const parameters = described.map(({ name, description }) => `@param ${camelCase(name)} ${description}`);
  const refusals = codes.length === 0 ? [] : [`@throws ProblemError ${codes.join(', ')}`];
  return [
    /[.?!]$/.test(summary) ? summary : `${summary}.`,
    `\`${method} ${path}\``,
    [...parameters, ...refusals].join('\n'),
  ];
}

function answerType(operation: Operation, types: Map<string, string>): string {
  const { kind, schema } = operation.answer;
  if (kind === 'file') return 'FileAnswer';
  if (kind === 'text' || kind === 'lines') return 'string';
  return nameType(schema, `${pascalCase(operation.id)}Answer`, types);
}

function queryType({ id, queryParameters }: Operation, types: Map<string, string>): string | null {
  if (queryParameters.length === 0) return null;
  const name = `${pascalCase(id)}Query`;
  const member = ({ name: key, required = false, schema, description }: Parameter): string =>
    memberText(key, { ...(description === undefined ? {} : { description }), ...schema }, required, name);
  types.set(name, `export interface ${name} {\n${queryParameters.map(member).join('\n')}\n}\n`);
  return name;
}

/** The type of a schema; an object that stands inline gets this name. */
function nameType(schema: Schema, name: string, types: Map<string, string>): string {
  if (schema.properties === undefined) return typeText(schema, name);
  if (types.has(name)) throw new UnknownConstruct(name, 'a second type of this name');
  types.set(name, typeDeclaration(name, schema));
  return name;
}

/** The type of what a list has pages of, or null where the operation is no such list. */
function pageItemType(operation: Operation, types: Map<string, string>): string | null {
  const { items, next_cursor: cursor } = operation.answer.schema.properties ?? {};
  if (items?.items === undefined || cursor === undefined) return null;
  return nameType(items.items, itemName(operation), types);
}

/** A page, and what else stands beside its items. */
function pageType({ id, answer }: Operation, item: string, types: Map<string, string>): string {
  const { items: _, next_cursor: __, ...more } = answer.schema.properties ?? {};
  if (Object.keys(more).length === 0) return `Page<${item}>`;
  const items: Schema = { type: 'array', items: { $ref: `#/components/schemas/${item}` } };
  const schema = { ...answer.schema, properties: { ...answer.schema.properties, items } };
  return nameType(schema, `${pascalCase(id)}Answer`, types);
}

/** `listAuditEvents` lists objects of the type `AuditEvent`. */
function itemName({ id }: Operation): string {
  return pascalCase(id.replace(/^list/, '')).replace(/ies$/, 'y').replace(/s$/, '');
}

function pascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
