import { PkiError } from './pki-error.js';

/** The names that a leaf is for (RFC 5280 section 4.2.1.6), each in its one canonical form. */
export interface SubjectAlternativeNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
}

export const NO_NAMES: SubjectAlternativeNames = { dns: [], ip: [], email: [], uri: [] };

/** The most names that one certificate may have, of all kinds together. */
const MAX_NAMES = 1000;
const MAX_DNS_LENGTH = 253;
const MAX_EMAIL_LENGTH = 254;
const MAX_EMAIL_LOCAL_LENGTH = 64;
const MAX_URI_LENGTH = 2048;

const LDH_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const NUMBER_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;
const DOT_ATOM = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
const URI = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)(#.*)?$/i;
const AUTHORITY = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/;
const URI_TAIL = /^(?:[a-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9a-f]{2})*$/i;
const PRINTABLE_ASCII = /^[\x21-\x7e]*$/;

type Kind = keyof SubjectAlternativeNames;

/**
 * The names in canonical form: DNS names in lower case, addresses as RFC 5952 writes them, duplicates removed, order kept.
 * @throws PkiError `invalid_name`, which names the value and the rule that it breaks
 */
export function validateSubjectAlternativeNames(names: {
  readonly [K in Kind]?: readonly string[] | undefined;
}): SubjectAlternativeNames {
  const { dns = [], ip = [], email = [], uri = [] } = names;
  const count = dns.length + ip.length + email.length + uri.length;
  if (count > MAX_NAMES) {
    throw new PkiError(
      'invalid_name',
      `There are ${count} subject alternative names; at most ${MAX_NAMES} are accepted.`,
    );
  }
  return {
    dns: unique(dns, (name) => normalizeDnsName(name, 'dns')),
    ip: unique(ip, normalizeIpAddress),
    email: unique(email, normalizeEmail),
    uri: unique(uri, normalizeUri),
  };
}

/** The 4 or 16 octets of an IP address as text, or null where it is not one. No zone, no prefix length, no leading zeros. */
export function findIpAddressBytes(text: string): Buffer | null {
  if (text.length > 45) return null;
  return text.includes(':') ? findIpv6Bytes(text) : findIpv4Bytes(text);
}

/** The canonical text of an address of 4 or 16 octets (RFC 5952), or null at any other length. */
export function findIpAddressText(bytes: Uint8Array): string | null {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.length === 16 ? formatIpv6(Buffer.from(bytes)) : null;
}

function unique(values: readonly string[], normalize: (value: string) => string): string[] {
  return [...new Set(values.map(normalize))];
}

function refuse(kind: Kind, value: string, rule: string): never {
  const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  const quoted = JSON.stringify(shown).replace(
    /[^\x20-\x7e…]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  throw new PkiError('invalid_name', `The ${kind} name ${quoted} is not accepted: ${rule}.`);
}

function refuseUnlessPrintable(kind: Kind, value: string): void {
  if (PRINTABLE_ASCII.test(value)) return;
  const hint = /[^\0-\x7f]/.test(value) ? '; write an international domain name in its xn-- form' : '';
  refuse(kind, value, `only printable ASCII without spaces is allowed${hint}`);
}

function normalizeDnsName(value: string, kind: Kind, shown = value): string {
  const bad = (rule: string): never => refuse(kind, shown, rule);
  refuseUnlessPrintable(kind, value);
  if (value === '') bad('a DNS name must not be empty');
  if (value.length > MAX_DNS_LENGTH) bad(`a DNS name has at most ${MAX_DNS_LENGTH} characters`);
  if (value.endsWith('.')) bad('a DNS name must not end with a dot');
  const name = value.toLowerCase();
  const wildcard = name.startsWith('*.');
  const labels = (wildcard ? name.slice(2) : name).split('.');
  if (wildcard && kind !== 'dns') bad('a wildcard is allowed in dns names only');
  if (wildcard && labels.length < 2) bad('a wildcard needs at least two labels behind it');
  for (const label of labels) {
    if (label === '') bad('a DNS label must not be empty');
    if (label.length > 63) bad('a DNS label has at most 63 characters');
    if (label.includes('*')) bad('a wildcard must be the whole leftmost label');
    if (label.includes('_')) bad('an underscore is not allowed in a host name');
    if (!LDH_LABEL.test(label)) bad('a DNS label has only letters, digits and hyphens, and no hyphen at either end');
  }
  if (NUMBER_LABEL.test(labels.at(-1) ?? '')) bad('the last label must not be a number; give IP addresses as ip names');
  return name;
}

function normalizeIpAddress(value: string): string {
  if (value.includes('%')) refuse('ip', value, 'an address with a zone has no meaning elsewhere');
  if (value.includes('/')) refuse('ip', value, 'it must be one address, not a network');
  const bytes = findIpAddressBytes(value);
  const text = bytes === null ? null : findIpAddressText(bytes);
  return text ?? refuse('ip', value, 'it is neither an IPv4 address of four decimal numbers nor an IPv6 address');
}

function normalizeEmail(value: string): string {
  refuseUnlessPrintable('email', value);
  if (value.length > MAX_EMAIL_LENGTH) refuse('email', value, `it has at most ${MAX_EMAIL_LENGTH} characters`);
  const at = value.lastIndexOf('@');
  const local = value.slice(0, Math.max(at, 0));
  if (at < 0) refuse('email', value, 'it must have the form local-part@domain');
  if (local.length > MAX_EMAIL_LOCAL_LENGTH) refuse('email', value, 'its local part has at most 64 characters');
  // RFC 5280 section 4.2.1.6: an addr-spec without comments; quoted local parts are legal and in practice an attack.
  if (!DOT_ATOM.test(local)) refuse('email', value, 'its local part must be a dot-atom without quotes');
  return `${local}@${normalizeDnsName(value.slice(at + 1), 'email', value)}`;
}

function normalizeUri(value: string): string {
  refuseUnlessPrintable('uri', value);
  if (value.length > MAX_URI_LENGTH) refuse('uri', value, `it has at most ${MAX_URI_LENGTH} characters`);
  const match = URI.exec(value);
  if (match === null) return refuse('uri', value, 'it must be absolute, with a scheme and a host: scheme://host/path');
  const [, scheme = '', authority = '', path = '', fragment = ''] = match;
  if (authority.includes('@')) refuse('uri', value, 'it must not have user information');
  const [, host = '', port = ''] = AUTHORITY.exec(authority) ?? [];
  if (host === '') refuse('uri', value, 'it must have a host, with nothing but a port number behind it');
  if (Number(port) > 65535) refuse('uri', value, 'its port is above 65535');
  if (!URI_TAIL.test(path) || !URI_TAIL.test(fragment.slice(1)) || fragment.includes('#', 1)) {
    refuse('uri', value, 'it has a character that must be percent-encoded');
  }
  return `${scheme.toLowerCase()}://${normalizeUriHost(host, value)}${port && `:${port}`}${path}${fragment}`;
}

function normalizeUriHost(host: string, uri: string): string {
  if (host.startsWith('[')) {
    const bytes = findIpv6Bytes(host.slice(1, -1));
    return bytes === null ? refuse('uri', uri, 'its host is not an IPv6 address') : `[${formatIpv6(bytes)}]`;
  }
  return findIpv4Bytes(host)?.join('.') ?? normalizeDnsName(host, 'uri', uri);
}

function findIpv4Bytes(text: string): Buffer | null {
  const parts = text.split('.');
  // A leading zero means octal to some readers and nothing to others.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) return null;
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= 255) ? Buffer.from(numbers) : null;
}

/** RFC 4291 section 2.2: eight groups, one run of zeros as `::`, the last 32 bits in dotted form if so wished. */
function findIpv6Bytes(text: string): Buffer | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = '', tail] = halves;
  const front = findIpv6Groups(head, tail === undefined);
  const back = tail === undefined ? Buffer.alloc(0) : findIpv6Groups(tail, true);
  if (front === null || back === null) return null;
  const missing = 16 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return null;
  return Buffer.concat([front, Buffer.alloc(missing), back]);
}

function findIpv6Groups(text: string, mayEndInIpv4: boolean): Buffer | null {
  if (text === '') return Buffer.alloc(0);
  const groups = text.split(':');
  const parts = groups.map((group, index) => {
    if (/^[0-9a-f]{1,4}$/i.test(group)) return Buffer.from(group.padStart(4, '0'), 'hex');
    return mayEndInIpv4 && index === groups.length - 1 ? findIpv4Bytes(group) : null;
  });
  return parts.every((part) => part !== null) ? Buffer.concat(parts) : null;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Buffer): string {
  // RFC 5952 section 5: IPv4-mapped addresses keep their dotted form.
  if (bytes.subarray(0, 12).toString('hex') === '00000000000000000000ffff')
    return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
