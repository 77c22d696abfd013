import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { findForwardedClient, findXForwardedForClient } from './forwarded.js';
import { createProxyMatcher, unmapIpv4 } from './trusted-proxies.js';

export type ClientAddressResolver = (request: IncomingMessage) => string;

interface Peer {
  readonly address: string;
  readonly trusted: boolean;
}

const GONE: Peer = { address: '', trusted: false };

/**
 * Makes the function that says from which address a request comes, without a port: the socket's peer, unless that is a
 * trusted proxy; only then are X-Forwarded-For and Forwarded read. A header that is malformed, that names no address, or
 * that the other header contradicts (a proxy passes on what it doesn't write itself) leaves the peer. An IPv4-mapped
 * address is IPv4. '' if the socket was gone before its peer was first asked for.
 * @param trustedProxies addresses and CIDRs, as `parseTrustedProxies` gives them
 * @throws RangeError if one of them is neither
 */
export function createClientAddressResolver(trustedProxies: readonly string[]): ClientAddressResolver {
  if (trustedProxies.length === 0) return (request) => unmapIpv4(request.socket.remoteAddress ?? '');
  const isTrusted = createProxyMatcher(trustedProxies);
  const peers = new WeakMap<Socket, Peer>();
  return (request) => {
    const peer = peers.get(request.socket) ?? rememberPeer(peers, request.socket, isTrusted);
    return peer.trusted ? (findForwardedAddress(request, isTrusted) ?? peer.address) : peer.address;
  };
}

function rememberPeer(peers: WeakMap<Socket, Peer>, socket: Socket, isTrusted: (address: string) => boolean): Peer {
  if (socket.remoteAddress === undefined) return GONE;
  const address = unmapIpv4(socket.remoteAddress);
  const zone = address.indexOf('%');
  const peer = { address, trusted: isTrusted(zone === -1 ? address : address.slice(0, zone)) };
  peers.set(socket, peer);
  return peer;
}

function findForwardedAddress(request: IncomingMessage, isTrusted: (address: string) => boolean): string | null {
  const older = request.headers['x-forwarded-for'];
  const newer = request.headers.forwarded;
  // Node joins repeated lines of either header in their order.
  const fromOlder = typeof older === 'string' ? findXForwardedForClient(older, isTrusted) : undefined;
  const fromNewer = typeof newer === 'string' ? findForwardedClient(newer, isTrusted) : undefined;
  if (fromOlder === undefined || fromNewer === undefined) return fromOlder ?? fromNewer ?? null;
  return fromOlder === fromNewer ? fromOlder : null;
}
