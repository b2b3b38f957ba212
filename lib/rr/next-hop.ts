/** Next hops towards iBGP neighbors and those in our confederation, as pure functions. */
import type { Source } from '../rib/peer-table.js';
import type { ExportProfile } from './export-profile.js';
import { isReflected } from './reflection.js';

/**
 * RFC 2545 section 3: the link-local address of a next hop is told only on its own link. It stays when it is all there is
 * (`::` in front of it).
 */
export function withoutLinkLocal(nextHop: Uint8Array): Uint8Array {
  if (nextHop.length !== 32) return nextHop;
  const global = nextHop.subarray(0, 16);
  return global.some((octet) => octet !== 0) ? global : nextHop;
}

/**
 * Whether such a neighbor is told our own next hop instead of the route's. Reflected routes keep theirs (RFC 4456
 * section 10) unless it is forced on them; a link-local next hop from outside means nothing to a neighbor that is not on that link.
 */
export function tellsOwnNextHop(nextHop: Uint8Array, source: Source, profile: ExportProfile): boolean {
  if (profile.nextHopSelf === 'force') return true;
  if (isReflected(source, profile.target)) return false;
  return profile.nextHopSelf || (source.device !== profile.zone && isOnlyLinkLocal(nextHop));
}

/** Asked for each prefix: makes nothing. */
function isOnlyLinkLocal(nextHop: Uint8Array): boolean {
  if (nextHop.length === 4) return false;
  let at = 0;
  while (at < nextHop.length - 16 && nextHop[at] === 0) at++;
  const start = at === 16 ? 16 : 0;
  return nextHop[start] === 0xfe && (nextHop[start + 1]! & 0xc0) === 0x80;
}
