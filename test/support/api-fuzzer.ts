import { gzipSync } from 'node:zlib';
import { SeededRandom } from '../coherence/seeded-random.js';
import type { ApiContract, Operation, Parameter } from './api-contract.js';
import { distort, HOSTILE_TEXTS, writeJson } from './hostile-values.js';
import type { Schema } from './json-schema.js';

export interface FuzzCall {
  readonly operation: Operation;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | null;
}

/**
 * What is there, by the name of the member or parameter that it may stand in; for an id in a path by the operation, or by the
 * segment before it.
 */
export type Known = Readonly<Record<string, readonly string[]>>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
const SEGMENTS = ['', '.', '%2e%2e', '%', '%zz', '%ff', '%2F', '%00', ';', 'nobody', 'a'.repeat(3000), '%ED%A0%80'];
const QUERIES = ['&', '=', '%', 'x=%zz', '__proto__=1', 'constructor[prototype]=1', 'limit[]=1', 'limit=1&limit=2'];
const TYPES = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'application/json;;;',
  'application/merge-patch+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/ocsp-request',
  'x',
  '',
];
const HEADERS: readonly (readonly [string, string])[] = [
  ['idempotency-key', 'the-same-for-all'],
  ['idempotency-key', 'a b'],
  ['idempotency-key', ''],
  ['idempotency-key', 'x'.repeat(300)],
  ['idempotency-key', '\u00e9\u00ff'],
  ['x-request-id', 'the-same-for-all'],
  ['x-request-id', '../../x'],
  ['if-match', '"x"'],
  ['if-none-match', '*, W/"x", ,"'],
  ['if-modified-since', 'yesterday'],
  ['accept', 'application/xml;q=x'],
  ['accept-encoding', 'br;q=0, *;q=x'],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'deflate, x'],
  ['range', 'bytes=9-1'],
  ['host', '[::1'],
  ['forwarded', 'for="[x'],
  ['x-forwarded-for', '\u00ff, 1.2.3.4, %'],
  ['x-http-method-override', 'DELETE'],
  ['cookie', '__proto__=1; a'],
  ['upgrade', 'h2c'],
  ['prefer', 'x'.repeat(20_000)],
];

/** Makes calls of every operation of the document, right ones and broken ones: the same seed makes the same calls. */
export class ApiFuzzer {
  private readonly operations: readonly Operation[];

  constructor(
    private readonly contract: ApiContract,
    private readonly known: Known,
    private readonly seed: number,
  ) {
    this.operations = contract.operations.flatMap((operation) => Array<Operation>(weightOf(operation)).fill(operation));
  }

  call(index: number): FuzzCall {
    const random = new SeededRandom(this.seed * 1_000_003 + index);
    const operation = this.operations[index % this.operations.length]!;
    const method = random.next() < 0.92 ? operation.method : random.pick(METHODS);
    const url = this.pathOf(operation, random) + this.queryOf(operation, random);
    const headers: Record<string, string> = {};
    const body = this.bodyOf(operation, method, random, headers);
    for (let count = random.next() < 0.25 ? 2 : 0; count > 0; count--) {
      const [name, value] = random.pick(HEADERS);
      headers[name] = value;
    }
    if (method === 'POST' && random.next() < 0.3) headers['idempotency-key'] ??= `fuzz-${index}`;
    return { operation, method, url, headers, body };
  }

  private pathOf(operation: Operation, random: SeededRandom): string {
    const { path, parameters = [] } = operation;
    return path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const parameter = parameters.find((candidate) => candidate.in === 'path' && candidate.name === name)!;
      const dice = random.next();
      if (dice < 0.1) return random.pick(SEGMENTS);
      return encode(dice < 0.25 ? random.pick(HOSTILE_TEXTS) : this.textOf(parameter, operation, random));
    });
  }

  private queryOf(operation: Operation, random: SeededRandom): string {
    const parts = (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'query' && random.next() < 0.4)
      .map((parameter) => {
        const value = random.next() < 0.3 ? random.pick(HOSTILE_TEXTS) : this.textOf(parameter, operation, random);
        return `${parameter.name}=${encode(value)}`;
      });
    if (random.next() < 0.08) parts.push(random.pick(QUERIES));
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }

  private bodyOf(
    { requestBody }: Operation,
    method: string,
    random: SeededRandom,
    headers: Record<string, string>,
  ): Buffer | null {
    const types = Object.entries(requestBody?.content ?? {});
    if (types.length === 0 && (method === 'GET' || random.next() < 0.7)) return null;
    const [type, media] = types.length === 0 ? ['application/json', { schema: {} }] : random.pick(types);
    headers['content-type'] = random.next() < 0.05 ? random.pick(TYPES) : type;
    if (!type.endsWith('json')) return randomBytes(random);
    const right = this.sample(media.schema, '', random);
    const value = random.next() < 0.5 ? right : distort(right, random);
    const bytes = Buffer.from(writeJson(value));
    return random.next() < 0.1 ? this.breakBytes(bytes, random, headers) : bytes;
  }

  private breakBytes(bytes: Buffer, random: SeededRandom, headers: Record<string, string>): Buffer {
    const at = Math.floor(random.next() * bytes.length);
    const depth = 20_000;
    switch (Math.floor(random.next() * 8)) {
      case 0:
        return bytes.subarray(0, at);
      case 1:
        return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff, 0xc0, 0x80]), bytes.subarray(at)]);
      case 2:
        return Buffer.concat([bytes, bytes]);
      case 3:
        return Buffer.concat([Buffer.from('\ufeff'), bytes]);
      case 4:
        headers['content-encoding'] = 'gzip';
        return random.next() < 0.5 ? gzipSync(bytes) : gzipSync(bytes).subarray(0, 12);
      case 5:
        return Buffer.from('['.repeat(depth) + ']'.repeat(depth));
      case 6:
        return Buffer.from('{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
      default:
        return Buffer.alloc(2_000_000, 0x20);
    }
  }

  private textOf({ name, schema, example }: Parameter, { operationId, path }: Operation, random: SeededRandom): string {
    const ofPath = this.known[operationId] === undefined ? lastWord(path) : operationId;
    const word = name === 'id' ? ofPath : name;
    const value = this.sample(example === undefined ? schema : { ...schema, example }, word, random);
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** A value that is mostly what a schema says. */
  private sample(schema: Schema, name: string, random: SeededRandom): unknown {
    const known = this.known[name];
    if (known !== undefined && random.next() < 0.8) return random.pick(known);
    const { $ref, enum: values, example, oneOf, anyOf, properties, items } = schema;
    if ($ref !== undefined) return this.sample(this.contract.resolve<Schema>(schema), name, random);
    if (values !== undefined) return random.pick(values);
    if (example !== undefined && random.next() < (properties === undefined && oneOf === undefined ? 0.4 : 0.1)) {
      return structuredClone(example);
    }
    const choices = oneOf ?? anyOf;
    if (choices !== undefined) return this.sample(random.pick(choices), name, random);
    if (properties !== undefined) return this.sampleObject(schema, random);
    if (items !== undefined) {
      return Array.from({ length: Math.floor(random.next() * 4) }, () => this.sample(items, name, random));
    }
    return sampleScalar(schema, random);
  }

  private sampleObject({ properties = {}, required = [] }: Schema, random: SeededRandom): Record<string, unknown> {
    const members = Object.entries(properties)
      .filter(([name]) => required.includes(name) || random.next() < 0.5)
      .map(([name, schema]): [string, unknown] => [name, this.sample(schema, name, random)]);
    return Object.fromEntries(members);
  }
}

function sampleScalar({ type, format, minimum = 0, maximum = 100, example }: Schema, random: SeededRandom): unknown {
  const [first] = typeof type === 'string' ? [type] : (type ?? []);
  if (first === 'boolean') return random.next() < 0.5;
  if (first === 'integer' || first === 'number') return random.pick([minimum, maximum, minimum + 1, 0, -1]);
  if (format === 'date-time')
    return random.pick(['2026-11-21T00:00:00Z', '1950-01-01T00:00:00Z', '9999-12-31T23:59:59Z']);
  return example ?? random.pick(['a', 'example', 'www.example.com', '1h', '01', random.pick(HOSTILE_TEXTS)]);
}

/** Where more may be wrong, more is tried. */
function weightOf({ requestBody, parameters = [] }: Operation): number {
  if (requestBody?.content['application/json'] !== undefined) return 8;
  return parameters.some((parameter) => parameter.in !== 'header') ? 2 : 1;
}

/** The word of a path that says what an id in it is of. */
function lastWord(path: string): string {
  return /(\w[\w-]*)\/\{id\}/.exec(path)?.[1] ?? '';
}

function randomBytes(random: SeededRandom): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random.next() * 200) }, () => Math.floor(random.next() * 256)));
}

/** Percent-encoded; half a surrogate pair is encoded as it is. */
function encode(text: string): string {
  return [...text]
    .map((character) =>
      /^[\ud800-\udfff]$/.test(character)
        ? [...Buffer.from(character, 'utf16le')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
        : encodeURIComponent(character),
    )
    .join('');
}
