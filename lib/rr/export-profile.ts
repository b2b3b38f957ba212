import { type Prefix, formatPrefix } from '../net/index.js';
import type { TargetType } from './reflection.js';

/**
 * All that decides what a neighbor is told and in which form. Neighbors with equal profiles form one update group: they
 * share one Adj-RIB-Out and one encoded stream.
 */
export interface ExportProfile {
  readonly target: TargetType;
  /** The AS that is prepended towards eBGP. */
  readonly localAs: number;
  /** Four-octet AS numbers were negotiated. */
  readonly asn4: boolean;
  /** Longest message: 4096 or 65535 octets. */
  readonly maxMessageLength: number;
  /** Cluster ID towards this client, host order; 0 when it is none. */
  readonly clusterId: number;
  readonly clientToClient: boolean;
  /** Put our own address as next hop. Always so towards eBGP, but for third-party next hops. */
  readonly nextHopSelf: boolean;
  /** Our address for this family on the session: 4 octets, 16, or 32 with a link-local one. Also next hop of local routes. */
  readonly selfNextHop: Uint8Array;
  /** eBGP: the subnet shared with the neighbor; a next hop in it may stay (RFC 4271 5.1.3). */
  readonly sharedSubnet?: Prefix;
}

/** Equal keys: one update group. Lists every field, so that a new one cannot be forgotten: the type demands it. */
export function profileKey(profile: ExportProfile): string {
  const parts: Record<keyof ExportProfile, string> = {
    target: profile.target,
    localAs: String(profile.localAs),
    asn4: String(profile.asn4),
    maxMessageLength: String(profile.maxMessageLength),
    clusterId: String(profile.clusterId),
    clientToClient: String(profile.clientToClient),
    nextHopSelf: String(profile.nextHopSelf),
    selfNextHop: profile.selfNextHop.join('.'),
    sharedSubnet: profile.sharedSubnet ? formatPrefix(profile.sharedSubnet) : '',
  };
  return Object.values(parts).join('|');
}
