import type { Secret } from '../net/secret.js';
import { leastTtl, type SocketOptions } from '../net/socket-options.js';

/** What hosts begin with that were told nothing. */
const DEFAULT_TTL = 64;

/** Whether the packets with which two hosts would make a connection are accepted by both; if not, all is silence. */
export function canConnect(dialer: SocketOptions, listener: SocketOptions, hops: number): boolean {
  return sameKey(dialer.md5Key, listener.md5Key) && arrives(dialer, listener, hops) && arrives(listener, dialer, hops);
}

/** RFC 2385 section 2: a segment that is not signed as expected is dropped, and so is one that is signed unexpectedly. */
function sameKey(a: Secret | undefined, b: Secret | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

function arrives(from: SocketOptions, to: SocketOptions, hops: number): boolean {
  const sent = from.ttlSecurityHops === undefined ? (from.ttl ?? DEFAULT_TTL) : 255;
  // Each hop but the last one takes one away, and a router drops what would be left with none.
  const left = sent - (hops - 1);
  return left >= 1 && left >= (to.ttlSecurityHops === undefined ? 1 : leastTtl(to.ttlSecurityHops));
}
