import type { SeededRandom } from '../coherence/seeded-random.js';

/** A token that stands in JSON as it is. */
export class RawJson {
  constructor(readonly text: string) {}
}

const NESTED = 200;

/** What breaks those who do not expect it, as text. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\ufeff',
  '\u202egnp.exe',
  '\r\nSet-Cookie: a=b',
  '__proto__',
  'constructor',
  'toString',
  'prototype',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  '-1',
  '0x10',
  '1e309',
  '9'.repeat(400),
  '../../../etc/passwd',
  '..%2f..%2f',
  '%00',
  "' OR 1=1 --",
  '"; DROP TABLE certificates; --',
  '${7*7}{{7*7}}',
  'x'.repeat(10_000),
  'é'.repeat(3000),
  '\u{10ffff}',
  '認証局',
  '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
  '-----BEGIN CERTIFICATE-----\n',
  '999999999d',
  '0s',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '2026-02-30T00:00:00Z',
  '2026-11-21T00:00:00+23:59',
  '00000000-0000-0000-0000-000000000000',
  'CN=a,CN=b+O=c\\,d',
  'CN=',
  '*.*.example.com',
  'a@b@c',
  'http://[::1',
  '999.1.1.1',
];

/** The same as values of JSON. A token of its own may be no number that JavaScript has. */
const HOSTILE_OTHERS: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e21,
  () => 2 ** 31,
  () => 2 ** 53,
  () => new RawJson('-0'),
  () => new RawJson('1e400'),
  () => new RawJson('9'.repeat(300)),
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => JSON.parse('{"__proto__":{"admin":true}}'),
  () => JSON.parse('{"constructor":{"prototype":{"admin":true}}}'),
  () => JSON.parse('{"length":1e9,"toJSON":1,"then":1,"valueOf":null}'),
  () => Array.from({ length: 3000 }, (_, index) => `h${index}.example.com`),
  () => Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`k${index}`, index])),
  () => new RawJson('['.repeat(NESTED) + ']'.repeat(NESTED)),
  () => new RawJson('{"a":'.repeat(NESTED) + '1' + '}'.repeat(NESTED)),
];

export function hostileValue(random: SeededRandom): unknown {
  return random.next() < 0.6 ? random.pick(HOSTILE_TEXTS) : random.pick(HOSTILE_OTHERS)();
}

/** Text with a character changed, cut short, or twice. A changed one in PEM is a changed octet or two in what it holds. */
function alterText(text: string, random: SeededRandom): string {
  const at = Math.floor(random.next() * text.length);
  switch (random.pick(['change', 'change', 'change', 'cut', 'double'])) {
    case 'cut':
      return text.slice(0, at);
    case 'double':
      return text + text;
    default:
      return text.slice(0, at) + random.pick([...'AEIQgw+/09', '\n', '\0', '\u202e']) + text.slice(at + 1);
  }
}

/** A copy of a value with one thing in it that does not belong there, or without one that does. */
export function distort(value: unknown, random: SeededRandom): unknown {
  if (typeof value === 'string' && random.next() < 0.5) return alterText(value, random);
  const deeper = typeof value === 'object' && value !== null && Object.keys(value).length > 0 && random.next() < 0.8;
  if (!deeper || value instanceof RawJson) return hostileValue(random);
  if (Array.isArray(value)) {
    const index = Math.floor(random.next() * value.length);
    return value.map((item: unknown, at) => (at === index ? distort(item, random) : item));
  }
  const members = { ...(value as Record<string, unknown>) };
  const name = random.pick(Object.keys(members));
  switch (random.pick(['change', 'change', 'change', 'remove', 'add', 'wrap'])) {
    case 'remove':
      delete members[name];
      return members;
    case 'add':
      return Object.defineProperty(members, random.pick(HOSTILE_TEXTS), {
        value: hostileValue(random),
        enumerable: true,
      });
    case 'wrap':
      return { ...members, [name]: [members[name]] };
    default:
      return { ...members, [name]: distort(members[name], random) };
  }
}

/** JSON, with the tokens of {@link RawJson} as they are. */
export function writeJson(value: unknown): string {
  const tokens: string[] = [];
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (!(item instanceof RawJson)) return item;
    return `\u0001raw${tokens.push(item.text) - 1}\u0001`;
  });
  return text.replace(/"\\u0001raw(\d+)\\u0001"/g, (_, index: string) => tokens[Number(index)] ?? '');
}
