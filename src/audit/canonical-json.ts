/** What JSON can hold. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The one way to write a JSON value (RFC 8785): members in the order of their names' UTF-16 code units, no white space.
 * @throws TypeError for what is no I-JSON: no JSON at all, numbers that are not finite, half a surrogate pair
 */
export function canonicalJson(value: unknown): string {
  return write(value as Json);
}

function write(value: Json): string {
  if (typeof value === 'string') return writeString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || !isPlain(value)) throw new TypeError(`this ${typeof value} is no JSON`);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${writeString(name)}:${write(member)}`).join(',')}}`;
}

function writeString(text: string): string {
  // RFC 8785 section 3.2.2.2: it has no UTF-8.
  if (LONE_SURROGATE.test(text)) throw new TypeError('a string with half a surrogate pair is no JSON');
  return JSON.stringify(text);
}

/** A Date or a Map would be written as if it held nothing. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
