/** How this peer stands to us; decides which attribute rules apply (RFC 4271 5.1, RFC 5065). */
export type PeerType = 'ibgp' | 'ebgp' | 'confed';

/** What a session negotiated, as far as reading and writing octets depends on it. Frozen; a value, never a peer. */
export interface WireContext {
  /** AS numbers in AS_PATH and AGGREGATOR have four octets (RFC 6793). */
  readonly asn4: boolean;
  /** Families whose NLRI carry a Path Identifier (RFC 7911), as `afi/safi` (`1/1`); {@link ALL_FAMILIES}: all of them. */
  readonly addPath: ReadonlySet<string>;
  /** Longest message: 4096, or 65535 with RFC 8654. */
  readonly maxMessageLength: number;
  /** IPv4 unicast routes may have IPv6 next hops (RFC 8950). Left out: no. */
  readonly extendedNextHop?: boolean;
  /** Left out: rules that depend on the kind of peer are not applied. */
  readonly peerType?: PeerType;
}

export const MAX_MESSAGE_LENGTH = 4096;
export const MAX_EXTENDED_MESSAGE_LENGTH = 65535;

export const DEFAULT_CONTEXT: WireContext = Object.freeze({
  asn4: true,
  addPath: new Set<string>(),
  maxMessageLength: MAX_MESSAGE_LENGTH,
});

/** In {@link WireContext.addPath}: ADD-PATH is on for every family. */
export const ALL_FAMILIES = 'all';

/** Whether the NLRI of a family carry Path Identifiers. */
export function hasAddPath(cx: WireContext, afi: number, safi: number): boolean {
  return cx.addPath.size > 0 && (cx.addPath.has(`${afi}/${safi}`) || cx.addPath.has(ALL_FAMILIES));
}
