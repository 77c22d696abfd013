import { Buffer } from 'node:buffer';
import { findMixedScriptWord } from './confusable-scripts.js';
import { DerError, DerReader } from './der-reader.js';
import { TAG } from './der-tags.js';
import { oid, sequence, set, tlv } from './der-writer.js';
import { PkiError } from './pki-error.js';

export interface DistinguishedName {
  /** The DER of the Name. */
  readonly der: Buffer;
  /** RFC 4514: the most specific attribute first. */
  readonly text: string;
}

/** The attributes that a subject may be given by. A name built from them goes from the country down to the common name. */
export interface SubjectAttributes {
  readonly country?: string | undefined;
  readonly state?: string | undefined;
  readonly locality?: string | undefined;
  readonly postal_code?: string | undefined;
  readonly street_address?: string | undefined;
  readonly organization?: string | undefined;
  readonly organizational_unit?: string | undefined;
  readonly serial_number?: string | undefined;
  readonly common_name?: string | undefined;
}

interface AttributeType {
  readonly oid: string;
  /** RFC 4514 section 3, or the name that others use where it has none. */
  readonly keyword: string;
  readonly label: string;
  /** The upper bound of X.520 or RFC 4519, in characters. */
  readonly max: number;
  readonly tag: number;
}

interface Attribute {
  readonly type: AttributeType;
  readonly value: string;
}

interface EncodedAttribute {
  readonly oid: string;
  /** The whole element of the value, and its contents. */
  readonly element: Buffer;
  readonly contents: Buffer;
}

const MAX_ATTRIBUTES = 20;
const MAX_TEXT_LENGTH = 8192;
const MAX_UNKNOWN_LENGTH = 256;
const TELETEX_STRING = 0x14;
const BMP_STRING = 0x1e;

const attributeType = (
  dotted: string,
  keyword: string,
  label: string,
  max: number,
  tag: number = TAG.utf8String,
): AttributeType => ({ oid: dotted, keyword, label, max, tag });

const COUNTRY = attributeType('2.5.4.6', 'C', 'country', 2, TAG.printableString);
const STATE = attributeType('2.5.4.8', 'ST', 'state', 128);
const LOCALITY = attributeType('2.5.4.7', 'L', 'locality', 128);
const POSTAL_CODE = attributeType('2.5.4.17', 'postalCode', 'postal code', 40);
const STREET_ADDRESS = attributeType('2.5.4.9', 'STREET', 'street address', 128);
const ORGANIZATION = attributeType('2.5.4.10', 'O', 'organization', 64);
const ORGANIZATIONAL_UNIT = attributeType('2.5.4.11', 'OU', 'organizational unit', 64);
const SERIAL_NUMBER = attributeType('2.5.4.5', 'serialNumber', 'serial number', 64, TAG.printableString);
const COMMON_NAME = attributeType('2.5.4.3', 'CN', 'common name', 64);

const ATTRIBUTE_TYPES: readonly AttributeType[] = [
  COUNTRY,
  STATE,
  LOCALITY,
  POSTAL_CODE,
  STREET_ADDRESS,
  ORGANIZATION,
  ORGANIZATIONAL_UNIT,
  SERIAL_NUMBER,
  COMMON_NAME,
  attributeType('2.5.4.4', 'SN', 'surname', 64),
  attributeType('2.5.4.42', 'GN', 'given name', 64),
  attributeType('2.5.4.12', 'title', 'title', 64),
  attributeType('2.5.4.97', 'organizationIdentifier', 'organization identifier', 256),
  attributeType('0.9.2342.19200300.100.1.1', 'UID', 'user id', 256),
  attributeType('0.9.2342.19200300.100.1.25', 'DC', 'domain component', 63, TAG.ia5String),
  attributeType('1.2.840.113549.1.9.1', 'emailAddress', 'e-mail address', 255, TAG.ia5String),
];

// C0, DEL and C1; what is invisible or turns the direction of the text; line and paragraph separators.
const FORBIDDEN = /[\0-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
const FORBIDDEN_EVERYWHERE = new RegExp(FORBIDDEN, 'g');
const LONE_SURROGATE = /\p{Surrogate}/u;
const PRINTABLE_STRING = /^[A-Za-z0-9 '()+,./:=?-]*$/;
const ASCII = /^[\0-\x7f]*$/;

/** The name of an RFC 4514 string such as `CN=Example Root,O=Example`. @throws PkiError `invalid_name` */
export function distinguishedNameFromText(text: string): DistinguishedName {
  if (text.length > MAX_TEXT_LENGTH) fail(`The distinguished name is longer than ${MAX_TEXT_LENGTH} characters.`);
  if (LONE_SURROGATE.test(text)) fail('The distinguished name is not well-formed Unicode.');
  // RFC 4514 section 2.1: the string begins with the last RDN of the sequence.
  return distinguishedName(parseText(text).toReversed());
}

/** @throws PkiError `invalid_name` */
export function distinguishedNameFromAttributes(attributes: SubjectAttributes): DistinguishedName {
  const given: [AttributeType, string | undefined][] = [
    [COUNTRY, attributes.country],
    [STATE, attributes.state],
    [LOCALITY, attributes.locality],
    [POSTAL_CODE, attributes.postal_code],
    [STREET_ADDRESS, attributes.street_address],
    [ORGANIZATION, attributes.organization],
    [ORGANIZATIONAL_UNIT, attributes.organizational_unit],
    [SERIAL_NUMBER, attributes.serial_number],
    [COMMON_NAME, attributes.common_name],
  ];
  return distinguishedName(given.flatMap(([type, value]) => (value === undefined ? [] : [[{ type, value }]])));
}

/**
 * RFC 4514. An attribute without a keyword, or whose value is not text, is written as `OID=#hex`; what could deceive
 * the eye is written in escapes.
 * @throws PkiError `invalid_name` where the bytes are not the DER of a Name
 */
export function formatDistinguishedName(der: Uint8Array): string {
  return readAttributes(der)
    .toReversed()
    .map((attributes) => attributes.map(formatAttribute).join('+'))
    .join(',');
}

/**
 * Holds a name from outside to the same rules as one that is built here; an empty one passes.
 * @throws PkiError `invalid_name`
 */
export function checkDistinguishedName(der: Uint8Array): void {
  const names = readAttributes(der);
  refuseTooManyAttributes(names);
  for (const attributes of names) {
    refuseRepeatedTypes(attributes.map((attribute) => attribute.oid));
    for (const { oid: dotted, element, contents } of attributes) {
      const label = ATTRIBUTE_TYPES.find((type) => type.oid === dotted)?.label ?? dotted;
      const value = element[0] === TELETEX_STRING ? null : findText(element[0], contents);
      if (value === null)
        fail(`The ${label} must be a well-formed UTF8String, PrintableString, IA5String or BMPString.`);
      else checkValue(dotted, value);
    }
  }
}

/** The most specific common name, or null where there is none that is text. @throws PkiError `invalid_name` */
export function findCommonName(der: Uint8Array): string | null {
  const last = readAttributes(der)
    .flat()
    .findLast((attribute) => attribute.oid === COMMON_NAME.oid);
  return last === undefined ? null : findText(last.element[0], last.contents);
}

function distinguishedName(names: readonly (readonly Attribute[])[]): DistinguishedName {
  if (names.length === 0) fail('The distinguished name is empty.');
  refuseTooManyAttributes(names);
  const rdns = names.map((attributes) => {
    refuseRepeatedTypes(attributes.map(({ type }) => type.oid));
    return set(...attributes.map(encodeAttribute));
  });
  const der = sequence(...rdns);
  return { der, text: formatDistinguishedName(der) };
}

function encodeAttribute({ type, value }: Attribute): Buffer {
  checkValue(type.oid, value);
  if (type.tag === TAG.printableString && !PRINTABLE_STRING.test(value)) {
    fail(`The ${type.label} may only have letters, digits, spaces and '()+,-./:=?.`);
  }
  if (type.tag === TAG.ia5String && !ASCII.test(value)) fail(`The ${type.label} must be ASCII.`);
  // ISO 3166-1 writes the codes in upper case.
  const text = type === COUNTRY ? value.toUpperCase() : value;
  return sequence(oid(type.oid), tlv(type.tag, Buffer.from(text, 'utf8')));
}

function checkValue(dotted: string, value: string): void {
  const type = ATTRIBUTE_TYPES.find((known) => known.oid === dotted);
  const label = type?.label ?? dotted;
  const max = type?.max ?? MAX_UNKNOWN_LENGTH;
  if (value.trim() === '') fail(`The ${label} is empty.`);
  if (LONE_SURROGATE.test(value)) fail(`The ${label} is not well-formed Unicode.`);
  const forbidden = FORBIDDEN.exec(value)?.[0].codePointAt(0);
  if (forbidden !== undefined) {
    const codePoint = forbidden.toString(16).toUpperCase().padStart(4, '0');
    fail(`The ${label} has the control or invisible character U+${codePoint}.`);
  }
  const mixed = findMixedScriptWord(value);
  if (mixed !== null) {
    fail(`The ${label} has the word "${mixed}", whose letters are of several scripts that look alike.`);
  }
  if (type === COUNTRY && !/^[A-Za-z]{2}$/.test(value)) fail('The country must be a code of exactly two letters.');
  const length = Array.from(value).length;
  if (length > max) fail(`The ${label} has ${length} characters; at most ${max} are allowed.`);
}

function refuseTooManyAttributes(names: readonly (readonly unknown[])[]): void {
  const count = names.reduce((sum, attributes) => sum + attributes.length, 0);
  if (count > MAX_ATTRIBUTES)
    fail(`The distinguished name has ${count} attributes; at most ${MAX_ATTRIBUTES} are allowed.`);
}

// X.501 section 9.3: the attributes of one RDN have different types.
function refuseRepeatedTypes(types: readonly string[]): void {
  if (new Set(types).size !== types.length) fail('A relative distinguished name has an attribute type twice.');
}

function readAttributes(der: Uint8Array): EncodedAttribute[][] {
  try {
    const reader = new DerReader(der);
    const name = reader.readSequence();
    reader.expectEnd();
    const rdns: EncodedAttribute[][] = [];
    while (!name.atEnd) rdns.push(readRelativeName(name.readSet()));
    return rdns;
  } catch (error) {
    if (error instanceof DerError) return fail(`The distinguished name is not DER: ${error.message}.`);
    throw error;
  }
}

function readRelativeName(reader: DerReader): EncodedAttribute[] {
  const attributes: EncodedAttribute[] = [];
  do {
    const attribute = reader.readSequence();
    const dotted = attribute.readOid();
    const fork = attribute.fork();
    const element = attribute.readElement();
    attribute.expectEnd();
    attributes.push({ oid: dotted, element, contents: fork.readBytes(element[0] ?? 0) });
  } while (!reader.atEnd);
  return attributes;
}

function findText(tag: number | undefined, contents: Buffer): string | null {
  switch (tag) {
    case TAG.utf8String:
      return findUtf8(contents);
    case TAG.printableString: {
      const text = contents.toString('latin1');
      return PRINTABLE_STRING.test(text) ? text : null;
    }
    case TAG.ia5String: {
      const text = contents.toString('latin1');
      return ASCII.test(text) ? text : null;
    }
    case TELETEX_STRING:
      return contents.toString('latin1');
    case BMP_STRING: {
      if (contents.length % 2 !== 0) return null;
      const text = Buffer.from(contents).swap16().toString('utf16le');
      return LONE_SURROGATE.test(text) ? null : text;
    }
    default:
      return null;
  }
}

function findUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function formatAttribute({ oid: dotted, element, contents }: EncodedAttribute): string {
  const type = ATTRIBUTE_TYPES.find((known) => known.oid === dotted);
  const text = findText(element[0], contents);
  if (type === undefined || text === null) return `${type?.keyword ?? dotted}=#${element.toString('hex')}`;
  return `${type.keyword}=${escapeValue(text)}`;
}

/** RFC 4514 section 2.4. */
function escapeValue(value: string): string {
  return value
    .replace(/^[ #]|["+,;<>\\]| $/g, '\\$&')
    .replace(FORBIDDEN_EVERYWHERE, (unit) => Buffer.from(unit).toString('hex').replace(/../g, '\\$&'));
}

const ATTRIBUTE_START = / *([A-Za-z][A-Za-z0-9-]*|(?:OID\.)?\d+(?:\.\d+)+) *= */iy;
const VALUE_UNIT = /\\([0-9a-fA-F]{2})|\\([ "#+,;<=>\\])|([^\\"+,;<>]+)/y;

function parseText(text: string): Attribute[][] {
  const names: Attribute[][] = [];
  let separator = ',';
  for (let at = 0; separator !== '';) {
    ATTRIBUTE_START.lastIndex = at;
    const start = ATTRIBUTE_START.exec(text);
    if (start === null) return fail(`The distinguished name has no "type=value" at character ${at + 1}.`);
    const { value, end } = parseValue(text, ATTRIBUTE_START.lastIndex);
    const attribute = { type: getAttributeType(start[1] ?? ''), value };
    if (separator === '+') names.at(-1)?.push(attribute);
    else names.push([attribute]);
    separator = text.charAt(end);
    if (!['', ',', '+'].includes(separator)) {
      fail(`The character ${separator} at ${end + 1} of the distinguished name must be written with a backslash.`);
    }
    at = end + 1;
  }
  return names;
}

function parseValue(text: string, start: number): { value: string; end: number } {
  if (text.charAt(start) === '#') fail('A distinguished name with a value in the form #hex is not accepted.');
  const units: Buffer[] = [];
  let end = start;
  let lastIsPlain = false;
  VALUE_UNIT.lastIndex = start;
  for (let unit = VALUE_UNIT.exec(text); unit !== null; unit = VALUE_UNIT.exec(text)) {
    const [, hexPair, special, plain] = unit;
    units.push(hexPair === undefined ? Buffer.from(special ?? plain ?? '') : Buffer.from(hexPair, 'hex'));
    lastIsPlain = plain !== undefined;
    end = VALUE_UNIT.lastIndex;
  }
  // Spaces before a separator belong to nobody unless they are escaped.
  if (lastIsPlain) units.push(Buffer.from(withoutTrailingSpaces(units.pop()?.toString() ?? '')));
  const value = findUtf8(Buffer.concat(units));
  return { value: value ?? fail('A hexadecimal escape in the distinguished name is not UTF-8.'), end };
}

function getAttributeType(name: string): AttributeType {
  const wanted = name.toLowerCase().replace(/^oid\./, '');
  const type = ATTRIBUTE_TYPES.find((known) => known.keyword.toLowerCase() === wanted || known.oid === wanted);
  return type ?? fail(`The attribute type "${name.slice(0, 40)}" is not known.`);
}

function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (text[end - 1] === ' ') end -= 1;
  return text.slice(0, end);
}

function fail(message: string): never {
  throw new PkiError('invalid_name', message);
}
