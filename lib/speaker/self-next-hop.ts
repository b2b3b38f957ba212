import type { FamilyName } from '../bgp/wire/families.js';
import {
  formatIpv4,
  isLinkLocal,
  parseAddress,
  parseScopedAddress,
  prefixContains,
  type LocalNetworks,
  type Prefix,
} from '../net/index.js';

/** Our own next hop on a session, and the subnet that it shares with the neighbor. */
export interface SelfNextHop {
  readonly address: Uint8Array;
  readonly subnet: Prefix | undefined;
}

/**
 * The address that we put as next hop for a family: the session's own local address, or for the other family an address
 * of the same interface; IPv6 without one becomes IPv4-mapped, IPv4 without one the router ID.
 * @param family what the next hop must be of; `any`: the session's local address will do (RFC 8950)
 * @param local the session's local address, canonical text
 * @see RFC 4271 5.1.3, RFC 2545 section 3
 */
export function selfNextHop(
  family: FamilyName | 'any',
  local: string,
  routerId: number,
  networks: LocalNetworks,
): SelfNextHop {
  const { octets: own } = parseScopedAddress(local);
  const length = family === 'any' ? own.length : family === 'ipv4-unicast' ? 4 : 16;
  const candidates = (networks.interfaceOf(local)?.addresses ?? []).map(({ address, subnet }) => ({
    octets: parseAddress(address),
    subnet,
  }));
  if (own.length === length) {
    if (isLinkLocal(own)) return { address: withGlobal(own, candidates), subnet: undefined };
    return { address: own, subnet: candidates.find(({ subnet }) => prefixContains(subnet, own))?.subnet };
  }
  const other = candidates.find(({ octets }) => octets.length === length && !isLinkLocal(octets));
  if (other) return { address: other.octets, subnet: other.subnet };
  if (length === 4) return { address: parseAddress(formatIpv4(routerId)), subnet: undefined };
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  mapped.set(own, 12);
  return { address: mapped, subnet: undefined };
}

/** Whether a neighbor is on a subnet of the interface that has our address (RFC 4271 5.1.3): one several hops away is not. */
export function sharesInterface(local: string, neighbor: string, networks: LocalNetworks): boolean {
  const { octets } = parseScopedAddress(neighbor);
  return networks.interfaceOf(local)?.addresses.some(({ subnet }) => prefixContains(subnet, octets)) ?? false;
}

/**
 * RFC 2545 section 3: a global address and the link-local one. Without a global one on the interface the link-local one
 * stands alone, as on links that have no other addresses.
 */
function withGlobal(linkLocal: Uint8Array, candidates: readonly { readonly octets: Uint8Array }[]): Uint8Array {
  const global = candidates.find(({ octets }) => octets.length === 16 && !isLinkLocal(octets));
  if (!global) return linkLocal;
  const both = new Uint8Array(32);
  both.set(global.octets);
  both.set(linkLocal, 16);
  return both;
}
