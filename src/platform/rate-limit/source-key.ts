const COLON = 0x3a;
const DOT = 0x2e;
const GROUPS = 8;

/** Marks an IPv4 address: the prefix ffff:ffff::/32 is multicast, so that no sender has it. */
const IPV4 = 0xffffffff;

/** By character code; -1 for what isn't one. */
const HEX_DIGITS = Int8Array.from({ length: 0x80 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? -1 : digit;
});

/** Reused by every call: the parser allocates nothing. */
const groups = new Uint16Array(GROUPS);

/**
 * Writes the two words that identify the source at an address: an IPv4 address (an IPv4-mapped IPv6 address is one too),
 * or the /64 of an IPv6 address, for one host commands all of that. Every spelling of a source gives the same key; a zone
 * (`%eth0`) is ignored.
 * @returns false, with the key undefined, if the text is no address.
 */
export function readSourceKey(address: string, key: Uint32Array): boolean {
  const colon = address.indexOf(':');
  if (colon === -1) {
    const ipv4 = readIpv4(address, 0, address.length);
    key[0] = IPV4;
    key[1] = ipv4;
    return ipv4 !== -1;
  }
  if (!readIpv6(address, address.length) && !readZonedIpv6(address)) return false;
  if (isIpv4Mapped()) {
    key[0] = IPV4;
    key[1] = (groups[6]! << 16) | groups[7]!;
  } else {
    key[0] = (groups[0]! << 16) | groups[1]!;
    key[1] = (groups[2]! << 16) | groups[3]!;
  }
  return true;
}

function readZonedIpv6(text: string): boolean {
  const zone = text.indexOf('%');
  return zone !== -1 && zone < text.length - 1 && readIpv6(text, zone);
}

/** ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) */
function isIpv4Mapped(): boolean {
  return (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0 && groups[5] === 0xffff;
}

/** The 32 bits of a dotted quad; -1 if it isn't one. */
function readIpv4(text: string, start: number, end: number): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet === -1 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
    } else {
      const digit = code - 0x30;
      // A leading zero is refused: some read it as octal.
      if (digit < 0 || digit > 9 || octet === 0) return -1;
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet !== -1 ? value * 256 + octet : -1;
}

/** Fills `groups` from the first `end` characters (RFC 4291 section 2.2). */
function readIpv6(text: string, end: number): boolean {
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.charCodeAt(0) === COLON) {
    if (end < 2 || text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  while (at < end) {
    if (count === GROUPS) return false;
    const start = at;
    let value = 0;
    let code = 0;
    for (; at < end; at++) {
      code = text.charCodeAt(at);
      const digit = code < 0x80 ? HEX_DIGITS[code]! : -1;
      if (digit === -1) break;
      value = (value << 4) | digit;
    }
    if (at < end && code === DOT) return readIpv4Tail(text, start, end, count, gap);
    if (at === start || at - start > 4) return false;
    groups[count++] = value;
    if (at === end) break;
    if (code !== COLON || ++at === end) return false;
    if (text.charCodeAt(at) === COLON) {
      if (gap !== -1) return false;
      gap = count;
      at++;
    }
  }
  return widen(count, gap);
}

function readIpv4Tail(text: string, start: number, end: number, count: number, gap: number): boolean {
  const ipv4 = readIpv4(text, start, end);
  if (ipv4 === -1 || count > GROUPS - 2) return false;
  groups[count] = ipv4 >>> 16;
  groups[count + 1] = ipv4;
  return widen(count + 2, gap);
}

/** Puts the zeros of `::` in their place. */
function widen(count: number, gap: number): boolean {
  if (gap === -1) return count === GROUPS;
  if (count === GROUPS) return false;
  const shift = GROUPS - count;
  for (let i = GROUPS - 1; i >= gap; i--) groups[i] = i - shift >= gap ? groups[i - shift]! : 0;
  return true;
}
