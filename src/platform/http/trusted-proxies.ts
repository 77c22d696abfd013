import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

const MAX_ENTRIES = 1000;
const IPV4_MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/;

interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
}

/** An IPv4 address for its IPv4-mapped IPv6 form as sockets write it (RFC 4291 section 2.5.5.2); else the same text. */
export function unmapIpv4(address: string): string {
  return address.startsWith('::ffff:') ? address.replace(IPV4_MAPPED, '') : address;
}

/** The one spelling of an address, IPv4 if it is IPv4-mapped; null for anything else, a zone (`%eth0`) included. */
export function findCanonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return null;
  return unmapIpv4(new SocketAddress({ address: text, family: 'ipv6' }).address);
}

/**
 * Reads a list of addresses and CIDRs, divided by commas or white space; an empty text is an empty list.
 * @returns the entries as they were written, or a fault that names the first bad one and says what it must be.
 */
export function parseTrustedProxies(text: string): { proxies: readonly string[] } | { fault: string } {
  const proxies = text.split(/[\s,]+/).filter((entry) => entry !== '');
  if (proxies.length > MAX_ENTRIES) return { fault: `must have at most ${MAX_ENTRIES} entries` };
  const bad = proxies.findIndex((entry) => findNetwork(entry) === null);
  return bad === -1 ? { proxies } : { fault: describeBadEntry(proxies[bad]!, bad + 1) };
}

/**
 * A test for addresses in canonical form. A prefix of one family never covers addresses of the other.
 * @throws RangeError that names the first entry that is neither an address nor a CIDR.
 */
export function createProxyMatcher(proxies: readonly string[]): (address: string) => boolean {
  const trusted = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [index, entry] of proxies.entries()) {
    const network = findNetwork(entry);
    if (!network) throw new RangeError(`The trusted proxies ${describeBadEntry(entry, index + 1)}`);
    trusted[network.family].addSubnet(network.address, network.prefix, network.family);
  }
  return (address) => {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    return trusted[family].check(address, family);
  };
}

function describeBadEntry(entry: string, position: number): string {
  const shown = entry.length > 60 ? `${entry.slice(0, 60)}…` : entry;
  return `must be addresses or CIDRs of at least /1: entry ${position}, ${JSON.stringify(shown)}, is not`;
}

/** A prefix of 0 is refused: it would let everybody write their own address. */
function findNetwork(entry: string): Network | null {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry);
  const written = match?.[1] ?? '';
  const address = findCanonicalAddress(written);
  if (address === null) return null;
  const writtenBits = isIPv4(written) ? 32 : 128;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = Number(match?.[2] ?? writtenBits) - (writtenBits - bits);
  return prefix >= 1 && prefix <= bits ? { address, family, prefix } : null;
}
