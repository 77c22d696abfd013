import { UnknownConstruct, type Schema } from './openapi.js';

const REFERENCE = /^#\/components\/schemas\/(\w+)$/;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The TypeScript type of a schema. @param place what an error names */
export function typeText(schema: Schema, place: string): string {
  if (schema.$ref !== undefined) return referenceText(schema.$ref, place);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return unionText(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return unionText(choices.map((choice, index) => typeText(choice, `${place}[${index}]`)));
  if (schema.allOf !== undefined) {
    return schema.allOf.map((part, index) => `(${typeText(part, `${place}[${index}]`)})`).join(' & ');
  }
  if (schema.type === undefined) return 'unknown';
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  return unionText(types.map((type) => simpleTypeText(type, schema, place)));
}

/** A doc comment with these paragraphs, or nothing where there are none. */
export function docComment(...paragraphs: readonly (string | undefined)[]): string {
  const lines = paragraphs.filter((text) => text !== undefined && text !== '').join('\n\n');
  if (lines === '') return '';
  // What would end the comment.
  const safe = lines.replaceAll('*/', '*\\/').split('\n');
  if (safe.length === 1) return `/** ${safe[0]} */\n`;
  return `/**\n${safe.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`;
}

/** A schema's description, and its default where it has one. */
export function describeSchema({ description, default: fallback }: Schema): string {
  const shown = fallback === undefined ? '' : `Default: \`${JSON.stringify(fallback)}\`.`;
  return [description ?? '', shown].filter((text) => text !== '').join(' ');
}

/** One member of an object type, with its doc comment. */
export function memberText(name: string, schema: Schema, required: boolean, place: string): string {
  const key = IDENTIFIER.test(name) ? name : JSON.stringify(name);
  const type = typeText(schema, `${place}.${name}`);
  const comment = docComment(describeSchema(schema));
  return `${comment}readonly ${key}${required ? '' : '?'}: ${type}${required ? '' : ' | undefined'};`;
}

function referenceText(reference: string, place: string): string {
  const name = REFERENCE.exec(reference)?.[1];
  if (name === undefined) throw new UnknownConstruct(place, `the reference ${reference}`);
  return name;
}

function unionText(types: readonly string[]): string {
  return [...new Set(types)].join(' | ');
}

function simpleTypeText(type: string, schema: Schema, place: string): string {
  switch (type) {
    case 'string':
      return schema.format === 'binary' ? 'Uint8Array' : 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
    case 'null':
      return type;
    case 'array':
      return `ReadonlyArray<${schema.items === undefined ? 'unknown' : typeText(schema.items, `${place}[]`)}>`;
    case 'object':
      return objectText(schema, place);
    default:
      throw new UnknownConstruct(place, `the type ${type}`);
  }
}

function objectText({ properties, required = [], additionalProperties }: Schema, place: string): string {
  if (properties === undefined) {
    if (additionalProperties === false) return 'Record<string, never>';
    const values = typeof additionalProperties === 'object' ? typeText(additionalProperties, `${place}.*`) : 'unknown';
    return `Readonly<Record<string, ${values}>>`;
  }
  const members = Object.entries(properties).map(([name, schema]) =>
    memberText(name, schema, required.includes(name), place),
  );
  return `{\n${members.join('\n')}\n}`;
}
