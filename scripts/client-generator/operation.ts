import {
  UnknownConstruct,
  type Content,
  type OpenApiDocument,
  type OperationObject,
  type Parameter,
  type Schema,
} from './openapi.js';

/** How an answer is read: as JSON, text, the bytes of a file, or line by line. */
export type AnswerKind = 'json' | 'text' | 'file' | 'lines';

/** One operation, as the client sees it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly pathParameters: readonly Parameter[];
  readonly queryParameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly type: string; readonly schema: Schema } | null;
  readonly answer: { readonly kind: AnswerKind; readonly statuses: readonly number[]; readonly schema: Schema };
  readonly codes: readonly string[];
  readonly anonymous: boolean;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const PROBLEM = 'application/problem+json';
/** What the options of a call are there for. */
const HEADERS_OF_OPTIONS = ['idempotency-key', 'if-match', 'if-none-match'];

/** The operations of the document, in its order. @throws UnknownConstruct */
export function readOperations(document: OpenApiDocument): Operation[] {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => readOperation(path, method, operation)),
  );
  const twice = operations.find(({ id }, index) => operations.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new UnknownConstruct(twice.path, `a second operation ${twice.id}`);
  return operations;
}

function readOperation(path: string, method: string, operation: OperationObject): Operation {
  const { operationId: id, summary = '', parameters = [], responses, security } = operation;
  if (id === undefined) throw new UnknownConstruct(`${method} ${path}`, 'an operation without an operationId');
  if (!METHODS.includes(method)) throw new UnknownConstruct(id, `the method ${method}`);
  for (const { name, in: place } of parameters) {
    const known = place === 'path' || place === 'query' || HEADERS_OF_OPTIONS.includes(name.toLowerCase());
    if (!known) throw new UnknownConstruct(id, `the ${place} parameter ${name}`);
  }
  return {
    id,
    method: method.toUpperCase(),
    path,
    summary,
    pathParameters: pathParametersInOrder(path, parameters, id),
    queryParameters: parameters.filter((parameter) => parameter.in === 'query'),
    body: readBody(operation, id),
    answer: readAnswer(responses, id),
    codes: readCodes(responses),
    anonymous: security?.length === 0,
  };
}

function pathParametersInOrder(path: string, parameters: readonly Parameter[], id: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    const parameter = parameters.find((candidate) => candidate.in === 'path' && candidate.name === name);
    if (parameter === undefined) throw new UnknownConstruct(id, `the undeclared path parameter ${name}`);
    return parameter;
  });
}

function readBody({ requestBody }: OperationObject, id: string): Operation['body'] {
  if (requestBody === undefined) return null;
  const [type, media] = first(requestBody.content, ['application/json']) ?? [];
  if (type === undefined || media?.schema === undefined) throw new UnknownConstruct(id, 'a body without a schema');
  return { required: requestBody.required ?? false, type, schema: media.schema };
}

/** A status outside of 200 to 299 counts where it answers with the same JSON and not with a problem. */
function readAnswer(responses: OperationObject['responses'], id: string): Operation['answer'] {
  const answers = Object.entries(responses).flatMap(([status, { content = {} }]) => {
    const [type, media] = first(content, ['application/json']) ?? [];
    const counts = type !== undefined && type !== PROBLEM && (status.startsWith('2') || type === 'application/json');
    return counts ? [{ status: Number(status), type, schema: media?.schema ?? {} }] : [];
  });
  const [answer] = answers;
  if (answer === undefined) throw new UnknownConstruct(id, 'no answer with a body');
  const different = answers.find(({ schema }) => JSON.stringify(schema) !== JSON.stringify(answer.schema));
  if (different !== undefined) throw new UnknownConstruct(id, `another answer with the status ${different.status}`);
  const statuses = answers.map(({ status }) => status);
  return { kind: answerKind(answer.type, answer.schema), statuses, schema: answer.schema };
}

function answerKind(type: string, schema: Schema): AnswerKind {
  if (type === 'application/json') return 'json';
  if (type === 'application/x-ndjson') return 'lines';
  return schema.format === 'binary' ? 'file' : 'text';
}

/** The first of these types that is there, else whichever is first. */
function first(content: Content, types: readonly string[]): [string, Content[string]] | undefined {
  const entries = Object.entries(content);
  return entries.find(([type]) => types.includes(type)) ?? entries[0];
}

/** The error codes that the descriptions of the refusals name. */
function readCodes(responses: OperationObject['responses']): string[] {
  const texts = Object.values(responses).flatMap(({ description = '', content = {} }) =>
    PROBLEM in content ? [description] : [],
  );
  return [
    ...new Set(texts.flatMap((text) => [...text.matchAll(/`([a-z][a-z0-9_]+)`/g)].map(([, code]) => code ?? ''))),
  ];
}
