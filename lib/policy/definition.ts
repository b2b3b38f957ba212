/** Policies as they are configured. Names follow OpenConfig's routing policy model, in camelCase. */
import type { FamilyName } from '../bgp/wire/families.js';

export type PolicyResult = 'accept' | 'reject';

/** Prefixes inside of `prefix` with a length from `ge` to `le`; without both, `prefix` alone. */
export interface PrefixSetEntry {
  readonly prefix: string;
  /** Default: the length of `prefix`. */
  readonly ge?: number;
  /** Default: the longest there is when `ge` is given, else the length of `prefix`. */
  readonly le?: number;
}

export type PrefixSet = readonly (string | PrefixSetEntry)[];

/** Both ends belong to it. */
export interface NumberRange {
  readonly ge?: number;
  readonly le?: number;
}

/** Communities of one kind, patterns with `*`, and names of `communitySets`. */
export interface CommunityCondition {
  /** At least one of these is there. */
  readonly any?: readonly string[];
  /** All of these are there. */
  readonly all?: readonly string[];
  /** None of these is there. */
  readonly none?: readonly string[];
}

export interface AsPathCondition {
  /** Length as the decision process counts it. */
  readonly length?: number | NumberRange;
  /** One of these AS numbers is in the path. */
  readonly contains?: readonly number[];
  /** The last AS, where the route began. */
  readonly originAs?: readonly number[];
  /** The first AS, from which the route came. */
  readonly neighborAs?: readonly number[];
  /** A regular expression over the text of the path; `_` stands for the begin, the end, or what is between two numbers. */
  readonly matches?: string;
  /** Names of `asPathSets`: one of their expressions matches. */
  readonly sets?: readonly string[];
}

export type RouteType = 'local' | 'internal' | 'external';
export type OriginName = 'igp' | 'egp' | 'incomplete';

export interface PolicyMatch {
  /** Names of `prefixSets`: the prefix is in one of them. */
  readonly prefixSets?: readonly string[];
  readonly family?: FamilyName;
  readonly communities?: CommunityCondition;
  readonly largeCommunities?: CommunityCondition;
  readonly extendedCommunities?: CommunityCondition;
  readonly asPath?: AsPathCondition;
  /** Prefixes or addresses: the next hop lies in one of them. */
  readonly nextHopIn?: readonly string[];
  readonly origin?: readonly OriginName[];
  /** A route without MULTI_EXIT_DISC has 0. */
  readonly med?: number | NumberRange;
  /** A route without LOCAL_PREF has 100. */
  readonly localPref?: number | NumberRange;
  /** Addresses or prefixes of the neighbors that the route came from. */
  readonly fromNeighbors?: readonly string[];
  readonly fromPeerGroups?: readonly string[];
  /** `local`: originated here; `internal`: from iBGP or from our confederation; `external`: from eBGP. */
  readonly routeTypes?: readonly RouteType[];
}

/** All of them must hold. */
export interface PolicyConditions extends PolicyMatch {
  /** None of these may hold. */
  readonly not?: PolicyMatch;
}

/** In this order: `replace`, `remove`, `add`. */
export interface CommunityEdit {
  /** All communities of this kind are replaced by these. */
  readonly replace?: readonly string[];
  /** Patterns and names of `communitySets` too. */
  readonly remove?: readonly string[];
  readonly add?: readonly string[];
}

/** A number, or what to add to or to subtract from the one that is there; it stays between 0 and 4294967295. */
export type NumberEdit = number | { readonly add: number } | { readonly subtract: number };

/** What becomes of a route in the kernel: in policies of `fib.exportPolicy` only. */
export interface KernelRouteActions {
  /** Metric of the kernel route; default `fib.metric`. */
  readonly metric?: number;
  /** Source address of packets that this host itself sends over the route; one of its own. For routes of its family. */
  readonly prefSrc?: string;
  /** Octets, 68 to 65535. */
  readonly mtu?: number;
  /** Send packets over this device, whatever way leads to the next hop: a tunnel. The next hop counts as on its link. */
  readonly device?: string;
  /** Drop the packets (`blackhole`), or refuse them with an ICMP message. */
  readonly type?: 'blackhole' | 'unreachable' | 'prohibit';
}

export interface PolicyActions {
  /** Left out: the next statement is looked at, with the attributes as they are now. */
  readonly result?: PolicyResult;
  readonly localPref?: NumberEdit;
  readonly med?: NumberEdit | 'remove';
  readonly origin?: OriginName;
  /** An address (for routes of its own family only), `self`, `peer` (import: the neighbor), `unchanged` (export). */
  readonly nextHop?: string;
  readonly communities?: CommunityEdit;
  readonly largeCommunities?: CommunityEdit;
  readonly extendedCommunities?: CommunityEdit;
  /** `asn`: default the neighbor's on import, ours on export; `times`: default 1. */
  readonly asPathPrepend?: { readonly asn?: number; readonly times?: number };
  readonly kernelRoute?: KernelRouteActions;
}

export interface PolicyStatement {
  /** For `explain`; default: its number. */
  readonly name?: string;
  /** Left out: every route. */
  readonly conditions?: PolicyConditions;
  readonly actions?: PolicyActions;
}

/** The part of a configuration that policies are made of. */
export interface PolicyDefinitions {
  readonly policies?: Readonly<Record<string, readonly PolicyStatement[]>>;
  readonly prefixSets?: Readonly<Record<string, PrefixSet>>;
  /** Each set holds communities of one kind: `65000:1`, `65000:1:2`, or `rt:65000:1`. */
  readonly communitySets?: Readonly<Record<string, readonly string[]>>;
  /** Regular expressions, see {@link AsPathCondition.matches}. */
  readonly asPathSets?: Readonly<Record<string, readonly string[]>>;
}
