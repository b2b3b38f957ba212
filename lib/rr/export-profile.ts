import { type Prefix, formatPrefix } from '../net/index.js';
import type { PolicyChain } from '../policy/policy-chain.js';
import type { PathSelection } from '../rib/path-selection.js';
import type { Source } from '../rib/peer-table.js';
import type { TargetType } from './reflection.js';
import type { SummaryOnly } from './summary-only.js';

/**
 * What becomes of private AS numbers in the AS_PATH: `plain` takes them out when there are no others, `removeAll` and
 * `replaceAll` (by our own AS) wherever they are. OpenConfig: PRIVATE_AS_REMOVE_ALL, PRIVATE_AS_REPLACE_ALL.
 */
export type RemovePrivateAs = 'plain' | 'removeAll' | 'replaceAll';

/**
 * All that decides what a neighbor is told and in which form. Neighbors with equal profiles form one update group: they
 * share one Adj-RIB-Out and one encoded stream.
 */
export interface ExportProfile {
  readonly target: TargetType;
  /** What is put in front of the AS_PATH, in wire order; empty towards our own AS. See `AsPathExport` for all that it goes through. */
  readonly prepend: readonly number[];
  readonly removePrivateAs: RemovePrivateAs | null;
  /** Replace the neighbor's AS in the AS_PATH by ours. */
  readonly asOverride: boolean;
  /** The neighbor's AS where one of the two above needs it, else 0: neighbors in other ASes can share the group then. */
  readonly peerAs: number;
  /** A client of this route server: routes from other clients reach it as they are (RFC 7947 section 2.2). */
  readonly routeServerClient: boolean;
  /** The AS that routes without ONLY_TO_CUSTOMER get in one (RFC 9234 section 5); 0: none. */
  readonly onlyToCustomer: number;
  /** Routes with ONLY_TO_CUSTOMER are not told. */
  readonly blockOnlyToCustomer: boolean;
  /** Export policy; null: every route may be told, as it is. */
  readonly policy: { readonly chain: PolicyChain; /** Our AS on the session. */ readonly asn: number } | null;
  /** Four-octet AS numbers were negotiated. */
  readonly asn4: boolean;
  /** Longest message: 4096 or 65535 octets. */
  readonly maxMessageLength: number;
  /** Cluster ID towards this client, host order; 0 when it is none. */
  readonly clusterId: number;
  readonly clientToClient: boolean;
  /** Put our own address as next hop; `force`: in reflected routes too. Always so towards eBGP, but for third-party next hops. */
  readonly nextHopSelf: boolean | 'force';
  /** IPv4 routes: the neighbor takes IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The interface of a neighbor with a link-local address: link-local next hops on it mean something to the neighbor. */
  readonly zone?: string | undefined;
  /** Our address for this family on the session: 4 octets, 16, or 32 with a link-local one. Also next hop of local routes. */
  readonly selfNextHop: Uint8Array;
  /** The neighbor knows long-lived graceful restart: else it is told no route with LLGR_STALE (RFC 9494 section 4.3). */
  readonly longLived?: boolean;
  /** … unless with NO_EXPORT and LOCAL_PREF 0 (RFC 9494 section 4.6). */
  readonly longLivedAsLast?: boolean;
  /** Several paths for a prefix, each with an identifier (RFC 7911); left out: the best one, without. */
  readonly addPath?: PathSelection | undefined;
  /** Where the best path may not be told, the next best one is (RFC 7947 section 2.3). Not with `addPath`. */
  readonly nextBest?: boolean;
  /** Routes that aggregates stand for are not told; left out: there are none. */
  readonly summaryOnly?: SummaryOnly | undefined;
  /** eBGP: the subnet shared with the neighbor; a next hop in it may stay (RFC 4271 5.1.3). */
  readonly sharedSubnet?: Prefix | undefined;
}

/** The part of a profile that leaves attributes as they are, but for what every iBGP session does. */
export const UNEDITED = Object.freeze({
  prepend: Object.freeze([] as number[]),
  removePrivateAs: null,
  asOverride: false,
  peerAs: 0,
  routeServerClient: false,
  onlyToCustomer: 0,
  blockOnlyToCustomer: false,
  policy: null,
} as const satisfies Partial<ExportProfile>);

/** The same fields in the same order, whoever made it: the engine's code for the hot path is made for one shape of object. */
export function inOneShape(profile: ExportProfile): ExportProfile {
  const shaped: Required<ExportProfile> = {
    target: profile.target,
    prepend: profile.prepend,
    removePrivateAs: profile.removePrivateAs,
    asOverride: profile.asOverride,
    peerAs: profile.peerAs,
    routeServerClient: profile.routeServerClient,
    onlyToCustomer: profile.onlyToCustomer,
    blockOnlyToCustomer: profile.blockOnlyToCustomer,
    policy: profile.policy,
    asn4: profile.asn4,
    maxMessageLength: profile.maxMessageLength,
    clusterId: profile.clusterId,
    clientToClient: profile.clientToClient,
    nextHopSelf: profile.nextHopSelf,
    extendedNextHop: profile.extendedNextHop,
    zone: profile.zone,
    selfNextHop: profile.selfNextHop,
    longLived: profile.longLived ?? false,
    longLivedAsLast: profile.longLivedAsLast ?? false,
    addPath: profile.addPath,
    nextBest: profile.nextBest ?? false,
    summaryOnly: profile.summaryOnly,
    sharedSubnet: profile.sharedSubnet,
  };
  return shaped;
}

/** Whether a route goes from one client of the route server to another: AS_PATH, NEXT_HOP and MED are left alone. */
export function isTransparent(profile: ExportProfile, source: Source): boolean {
  return profile.routeServerClient && source.routeServerClient === true;
}

function selectionKey(selection: PathSelection): string {
  return selection === 'all' ? selection : `${selection.best}${selection.perNeighborAs === true ? ' per AS' : ''}`;
}

/** Equal keys: one update group. Lists every field, so that a new one cannot be forgotten: the type demands it. */
export function profileKey(profile: ExportProfile): string {
  const parts: Record<keyof ExportProfile, string> = {
    target: profile.target,
    prepend: profile.prepend.join(','),
    removePrivateAs: profile.removePrivateAs ?? '',
    asOverride: String(profile.asOverride),
    peerAs: String(profile.peerAs),
    routeServerClient: String(profile.routeServerClient),
    onlyToCustomer: String(profile.onlyToCustomer),
    blockOnlyToCustomer: String(profile.blockOnlyToCustomer),
    policy: profile.policy === null ? '' : `${profile.policy.chain.key} ${profile.policy.asn}`,
    asn4: String(profile.asn4),
    maxMessageLength: String(profile.maxMessageLength),
    clusterId: String(profile.clusterId),
    clientToClient: String(profile.clientToClient),
    nextHopSelf: String(profile.nextHopSelf),
    extendedNextHop: String(profile.extendedNextHop),
    zone: profile.zone ?? '',
    selfNextHop: profile.selfNextHop.join('.'),
    longLived: String(profile.longLived ?? false),
    longLivedAsLast: String(profile.longLivedAsLast ?? false),
    addPath: profile.addPath === undefined ? '' : selectionKey(profile.addPath),
    nextBest: String(profile.nextBest ?? false),
    summaryOnly: profile.summaryOnly?.key ?? '',
    sharedSubnet: profile.sharedSubnet ? formatPrefix(profile.sharedSubnet) : '',
  };
  return Object.values(parts).join('|');
}
