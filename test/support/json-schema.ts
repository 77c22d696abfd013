/** As much of JSON Schema (draft 2020-12) as the OpenAPI document is written in. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly description?: string;
  readonly default?: unknown;
  readonly example?: unknown;
}

type Rule = (schema: Schema, value: unknown, check: Check, path: string) => string[];
type Check = (schema: Schema, value: unknown, path: string) => string[];

const FORMATS: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
  binary: /^[^]*$/,
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

const ofText =
  (holds: (text: string, schema: Schema) => boolean, what: string): Rule =>
  (schema, value) =>
    typeof value !== 'string' || holds(value, schema) ? [] : [what];
const ofNumber =
  (holds: (number: number, schema: Schema) => boolean, what: string): Rule =>
  (schema, value) =>
    typeof value !== 'number' || holds(value, schema) ? [] : [what];
const ofList =
  (holds: (list: readonly unknown[], schema: Schema) => boolean, what: string): Rule =>
  (schema, value) =>
    !Array.isArray(value) || holds(value, schema) ? [] : [what];
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const nothing: Rule = () => [];

/** What each keyword asks for. One that is not here is an error: nothing goes unchecked. */
const RULES: Readonly<Record<string, Rule>> = {
  type: ({ type = [] }, value) => {
    const types = typeof type === 'string' ? [type] : type;
    return types.some((each) => hasType(value, each)) ? [] : [`is not ${types.join(' or ')}`];
  },
  properties: ({ properties = {} }, value, check, path) =>
    isObject(value)
      ? Object.entries(properties).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? check(schema, value[name], `${path}.${name}`) : [],
        )
      : [],
  required: ({ required = [] }, value) =>
    isObject(value) ? required.filter((name) => !Object.hasOwn(value, name)).map((name) => `has no ${name}`) : [],
  additionalProperties: ({ additionalProperties = true, properties = {} }, value, check, path) => {
    if (!isObject(value) || additionalProperties === true) return [];
    const others = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
    if (additionalProperties === false) return others.map(([name]) => `must not have ${name}`);
    return others.flatMap(([name, member]) => check(additionalProperties, member, `${path}.${name}`));
  },
  propertyNames: ({ propertyNames = {} }, value, check, path) =>
    isObject(value) ? Object.keys(value).flatMap((name) => check(propertyNames, name, `${path}.${name}`)) : [],
  items: ({ items = {} }, value, check, path) =>
    Array.isArray(value) ? value.flatMap((item, index) => check(items, item, `${path}[${index}]`)) : [],
  minItems: ofList(({ length }, { minItems = 0 }) => length >= minItems, 'has too few items'),
  maxItems: ofList(({ length }, { maxItems = Infinity }) => length <= maxItems, 'has too many items'),
  enum: (schema, value) => (schema.enum?.some((each) => same(each, value)) ? [] : ['is none of the enum']),
  const: (schema, value) => (same(schema.const, value) ? [] : ['is not the constant']),
  pattern: ofText((text, { pattern = '' }) => new RegExp(pattern, 'u').test(text), 'does not match its pattern'),
  format: ofText((text, { format = '' }) => formatOf(format).test(text), 'is not of its format'),
  minLength: ofText((text, { minLength = 0 }) => [...text].length >= minLength, 'is too short'),
  maxLength: ofText((text, { maxLength = Infinity }) => [...text].length <= maxLength, 'is too long'),
  minimum: ofNumber((number, { minimum = -Infinity }) => number >= minimum, 'is too small'),
  maximum: ofNumber((number, { maximum = Infinity }) => number <= maximum, 'is too large'),
  allOf: ({ allOf = [] }, value, check, path) => allOf.flatMap((each) => check(each, value, path)),
  anyOf: ({ anyOf = [] }, value, check, path) =>
    anyOf.some((each) => check(each, value, path).length === 0) ? [] : ['fits none of anyOf'],
  oneOf: ({ oneOf = [] }, value, check, path) =>
    oneOf.filter((each) => check(each, value, path).length === 0).length === 1 ? [] : ['fits not one of oneOf'],
  description: nothing,
  default: nothing,
  example: nothing,
};

function ruleOf(keyword: string): Rule {
  const rule = RULES[keyword];
  if (rule === undefined) throw new Error(`Teach the keyword ${keyword} to test/support/json-schema.ts.`);
  return rule;
}

function formatOf(format: string): RegExp {
  const pattern = FORMATS[format];
  if (pattern === undefined) throw new Error(`Teach the format ${format} to test/support/json-schema.ts.`);
  return pattern;
}

/**
 * Whether a value is what a schema says.
 * @param resolve the schema that a `$ref` names
 * @returns each fault with its place; nothing when all is well
 */
export function findSchemaFaults(schema: Schema, value: unknown, resolve: (ref: string) => Schema): string[] {
  const check: Check = (part, item, path) => {
    const { $ref, ...rest } = part;
    const referred = $ref === undefined ? [] : check(resolve($ref), item, path);
    const own = Object.keys(rest).flatMap((keyword) => ruleOf(keyword)(part, item, check, path));
    // What comes from deeper has its place already.
    return [...referred, ...own.map((fault) => (fault.startsWith('$') ? fault : `${path} ${fault}`))];
  };
  return check(schema, value, '$');
}
