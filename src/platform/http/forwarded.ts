import { isIPv4 } from 'node:net';
import { findCanonicalAddress } from './trusted-proxies.js';

/** How far from its end a header is read. What lies before it can't be needed: only trusted proxies write so far. */
const MAX_CHARACTERS = 2048;
const MAX_HOPS = 32;

const PORT = /^:(?:\d{1,5}|_[\w.-]+)$/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const PAIR = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~-]+|"[^"\\]*")[ \t]*)?(?:;|$)/y;

type HopReader = (element: string) => string | null;

/**
 * The client that X-Forwarded-For names, in canonical form. It is read from the right, where the nearest proxy wrote;
 * the first hop that isn't trusted is the client, and what stands left of it is never looked at, for the client may
 * have written it. If every hop is trusted, the farthest one is the client.
 * @returns null if a hop on the way there isn't an address (with or without a port), or too much would have to be read.
 */
export function findXForwardedForClient(header: string, isTrusted: (address: string) => boolean): string | null {
  return findClient(header, (element) => findNodeAddress(element, true), isTrusted);
}

/**
 * The same for Forwarded (RFC 7239): the `for` parameters. `unknown`, an obfuscated identifier, an element without
 * `for` and a quoted pair (`\"`) are no address.
 */
export function findForwardedClient(header: string, isTrusted: (address: string) => boolean): string | null {
  return findClient(header, findForAddress, isTrusted);
}

function findClient(header: string, readHop: HopReader, isTrusted: (address: string) => boolean): string | null {
  const start = Math.max(0, header.length - MAX_CHARACTERS);
  let end = header.length;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const comma = findCommaBefore(header, end, start);
    if (comma === -1 && start > 0) return null;
    const address = readHop(header.slice(comma + 1, end).trim());
    if (address === null || comma === -1 || !isTrusted(address)) return address;
    end = comma;
  }
  return null;
}

/** The last comma outside quotes before `end` and not before `start`; -1 if there is none. */
function findCommaBefore(header: string, end: number, start: number): number {
  let quoted = false;
  for (let i = end - 1; i >= start; i--) {
    const character = header[i];
    if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted) return i;
  }
  return -1;
}

/** The address of the one `for` parameter of an element: `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`. */
function findForAddress(element: string): string | null {
  let node: string | null = null;
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < element.length) {
    const pair = PAIR.exec(element);
    if (!pair) return null;
    if (pair[1]?.toLowerCase() !== 'for') continue;
    if (node !== null) return null;
    node = pair[2]!;
  }
  if (node === null) return null;
  return findNodeAddress(TOKEN.test(node) ? node : node.slice(1, -1), false);
}

/** RFC 7239 section 6: IPv4 or bracketed IPv6, with or without a port. X-Forwarded-For may also leave out the brackets. */
function findNodeAddress(node: string, bareIpv6: boolean): string | null {
  if (node.startsWith('[')) {
    const close = node.indexOf(']');
    const address = node.slice(1, close);
    return address.includes(':') && isPort(node.slice(close + 1)) ? findCanonicalAddress(address) : null;
  }
  const colon = node.indexOf(':');
  if (colon === -1) return isIPv4(node) ? node : null;
  const host = node.slice(0, colon);
  if (isIPv4(host)) return isPort(node.slice(colon)) ? host : null;
  return bareIpv6 ? findCanonicalAddress(node) : null;
}

function isPort(text: string): boolean {
  return text === '' || PORT.test(text);
}
