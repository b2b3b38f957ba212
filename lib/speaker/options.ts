import type { RoleName } from '../bgp/wire/capabilities/role.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { Clock, Endpoint, LocalNetworks, Random, Secret, Transport } from '../net/index.js';
import type { ConntrackTable } from '../fib/conntrack.js';
import type { FibWriter } from '../fib/writer.js';
import type { FibOptions } from '../fib/options.js';
import type { PolicyDefinitions, PolicyResult } from '../policy/definition.js';
import type { RemovePrivateAs } from '../rr/export-profile.js';
import type { MultipathOptions } from '../rib/multipath.js';
import type { ContributorSource } from '../rr/summary-only.js';
import type { PathSelection } from '../rib/path-selection.js';
import type { PrefixLimitAction } from '../rib/prefix-limit.js';

/** How many prefixes of a family a neighbor may announce (RFC 4271 section 6.7; OpenConfig's `prefix-limit`). */
export interface PrefixLimitOptions {
  /** 1 to 4294967295. */
  readonly maxPrefixes: number;
  /** Tell when so many per cent of `maxPrefixes` are there; 1 to 100, default 75. */
  readonly warningThresholdPct?: number | undefined;
  /**
   * `warn`: only tell. `drop`: take no prefix beyond the limit. `stop` (default): end the session with Cease/Maximum Number
   * of Prefixes Reached.
   */
  readonly action?: PrefixLimitAction | undefined;
  /** After `stop`: seconds until the session may come back. Default: not before `enable` or `reset`. */
  readonly restartTime?: number | undefined;
}

/**
 * A TCP MD5 key of 1 to 80 octets. A function is asked at the start, when a neighbor is added and at each `reconfigure`;
 * so a key that it returns anew takes effect then.
 */
export type Password = string | Secret | (() => string | Uint8Array | Secret);
/** Graceful restart with one neighbor (RFC 4724, RFC 8538). Times are in seconds. */
export interface GracefulRestartSettings {
  /** False: no capability, no route is kept. Default: true, helper only. */
  readonly enabled?: boolean;
  /** Keep the routes of a neighbor that restarts, but do not ask it to keep ours. Default: true unless `enabled: true` is given. */
  readonly helperOnly?: boolean;
  /** How long the neighbor is to wait for us to come back, 0 to 4095; default 120. */
  readonly restartTime?: number;
  /** How long stale routes stay at most once the neighbor is back, or refreshes its routes; default 360. */
  readonly staleRoutesTime?: number;
  /** Also when a session ends with a NOTIFICATION (RFC 8538); default true. */
  readonly notification?: boolean;
}

/** Long-lived graceful restart with one neighbor (RFC 9494). */
export interface LongLivedGracefulRestartSettings {
  /** False: no capability. Default: true, helper only. Not without graceful restart. */
  readonly enabled?: boolean;
  /** Keep the routes of others, but do not ask for it. Default: true unless `enabled: true` is given. */
  readonly helperOnly?: boolean;
  /** How long the neighbor is to keep our routes after the restart time, in seconds, 1 to 16777215; default 3600. */
  readonly staleTime?: number;
  /**
   * Tell long-lived stale routes also to this neighbor without the capability, with NO_EXPORT and LOCAL_PREF 0 (RFC 9494
   * section 4.6); iBGP and confederation neighbors only. Default false.
   */
  readonly partialDeployment?: boolean;
}

/** Several paths for a prefix on one session (RFC 7911). */
export interface AddPathOptions {
  /** Take several paths from the neighbor; default false. */
  readonly receive?: boolean | undefined;
  /**
   * Tell the neighbor every usable path, the best ones, or the best ones from each neighbor AS (RFC 7964). Default false: the best
   * path alone.
   */
  readonly send?: PathSelection | false | undefined;
}

/** Family by family; a family that is not named has one path. */
export type AddPathByFamily = Readonly<Partial<Record<FamilyName, AddPathOptions | undefined>>>;

/** Settings of a neighbor that a peer group can hold too. Names follow OpenConfig. Times are in seconds. */
export interface PeerSettings {
  /** The neighbor's AS. Equal to ours: iBGP. */
  readonly peerAs?: number;
  /** Our AS on this session instead of the speaker's (AS migration, RFC 7705). */
  readonly localAs?: number;
  /** Do not put `localAs` in front of the AS_PATHs that the neighbor tells us. */
  readonly localAsNoPrepend?: boolean;
  /** Tell the neighbor paths with `localAs` alone in front, not `localAs` and our AS. */
  readonly localAsReplaceAs?: boolean;
  /** How often an own AS may stand in an AS_PATH from the neighbor before it is a loop; default 0. */
  readonly allowOwnAs?: number;
  /** Take private AS numbers out of AS_PATHs that the neighbor is told. eBGP only. */
  readonly removePrivateAs?: RemovePrivateAs;
  /** Replace the neighbor's AS by ours in AS_PATHs that it is told. eBGP only. */
  readonly asOverride?: boolean;
  /** Refuse routes whose AS_PATH does not begin with the neighbor's AS; default false. eBGP only. */
  readonly enforceFirstAs?: boolean;
  /** What we are to the neighbor (RFC 9234). eBGP only. */
  readonly role?: RoleName;
  /** With `role`: no session with a neighbor that announces none; default false. */
  readonly roleStrict?: boolean;
  /** The neighbor is a client of this route server (RFC 7947). eBGP only. */
  readonly routeServerClient?: boolean;
  /** For people: shown with the neighbor. */
  readonly description?: string;
  /** The neighbor is a client of this reflector (RFC 4456). iBGP only. */
  readonly routeReflectorClient?: boolean;
  /** CLUSTER_LIST entry for routes from this client; default: the speaker's clusterId. */
  readonly clusterId?: string;
  /** Families to offer; default: IPv4 and IPv6 unicast, whatever the family of the transport. */
  readonly families?: readonly FamilyName[];
  /** 0 (never expires) or at least 3; default 90 (RFC 4271 section 10). */
  readonly holdTime?: number;
  /** Default: a third of the negotiated hold time. */
  readonly keepaliveInterval?: number;
  /** First ConnectRetry interval; it grows up to `connectRetryMax`. Default 5. */
  readonly connectRetry?: number;
  /** Default 120. */
  readonly connectRetryMax?: number;
  /** Give up on a peer that takes nothing for so long (RFC 9687); 0: never. Default: twice the hold time, at least 480. */
  readonly sendHoldTime?: number;
  /** Never connect, only accept. */
  readonly passive?: boolean;
  /** Local address to connect from, and the one the neighbor must connect to. */
  readonly localAddress?: string;
  /** Local port to connect from; default: any. */
  readonly localPort?: number;
  /** The neighbor's port; default 179. */
  readonly port?: number;
  /**
   * Put our own address as next hop towards this neighbor, which eBGP does by itself. `true`: not in routes that are reflected (RFC
   * 4456 section 10); `force`: in those too, for a reflector that packets go through.
   */
  readonly nextHopSelf?: boolean | 'force';
  /** Offer messages of up to 65535 octets, and send them to a neighbor that offers the same (RFC 8654). Default true. */
  readonly extendedMessages?: boolean;
  /** IPv4 routes may have IPv6 next hops, in both directions, when the neighbor offers it too (RFC 8950). Default false. */
  readonly extendedNextHop?: boolean;
  /**
   * Where the best path is kept from this neighbor, by its export policy or its communities, tell the next best one that is not:
   * against path hiding (RFC 7947 section 2.3). eBGP only. Default false.
   */
  readonly mitigatePathHiding?: boolean;
  /** Several paths for a prefix, if the neighbor offers it too (RFC 7911); default: one. */
  readonly addPath?: AddPathOptions | AddPathByFamily;
  /**
   * Least time between two rounds of UPDATEs to this neighbor, announcements and withdrawals alike (RFC 4271 section 9.2.1.1).
   * Default 0: changes go out as they come.
   */
  readonly minimumAdvertisementInterval?: number;
  /** By family; default: no limit. */
  readonly prefixLimit?: Readonly<Partial<Record<FamilyName, PrefixLimitOptions | undefined>>>;
  /** Sign all segments with this key, and take only such (TCP MD5, RFC 2385). */
  readonly password?: Password;
  /** Absolute path of a file that holds the password. */
  readonly passwordFile?: string;
  /** The neighbor is at most so many hops away, 1 is directly connected; what comes from further is dropped (GTSM, RFC 5082). */
  readonly ttlSecurity?: number;
  /** An eBGP neighbor may be up to so many hops away; also the TTL of what is sent, where it can be set. Default 1. */
  readonly multihop?: number;
  /** An eBGP neighbor without `multihop` must be in a subnet of an interface; default true. */
  readonly connectedCheck?: boolean;
  /** Code point of what is sent (RFC 2474). Default 48, CS6, on sessions that have another option of the socket. */
  readonly dscp?: number;
  readonly gracefulRestart?: GracefulRestartSettings;
  readonly longLivedGracefulRestart?: LongLivedGracefulRestartSettings;
  /** Names of policies that routes from the neighbor go through, in order. */
  readonly importPolicy?: readonly string[];
  /** Names of policies that routes to the neighbor go through, in order. */
  readonly exportPolicy?: readonly string[];
  /** For routes that no statement of `importPolicy` decides on; with policies the default is reject. */
  readonly defaultImportPolicy?: PolicyResult;
  /** For routes that no statement of `exportPolicy` decides on; with policies the default is reject. */
  readonly defaultExportPolicy?: PolicyResult;
  /** Do not start the session until `enable`. */
  readonly adminDown?: boolean;
}

export interface NeighborOptions extends PeerSettings {
  /** IPv4 or IPv6 address; a link-local one with its zone: `fe80::1%eth0`. */
  readonly address: string;
  readonly peerGroup?: string;
}

/** Accept any neighbor whose address lies in the prefix; of several such prefixes the longest counts. */
export interface DynamicNeighborOptions {
  readonly prefix: string;
  readonly peerGroup: string;
  /** How many sessions at most from this prefix; default 1000. */
  readonly limit?: number;
}

/** A route that this speaker originates. */
export interface OriginateOptions {
  /**
   * Default: the speaker's own address on each session (next hop self). IPv6 for an IPv4 prefix: only neighbors with
   * `extendedNextHop` are told (RFC 8950).
   */
  readonly nextHop?: string;
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  readonly med?: number;
  readonly localPref?: number;
  /** `65000:100` or a well-known name such as `no-export`. */
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** Put a blackhole for it into the kernel (own aggregates). */
  readonly blackhole?: boolean;
}

export interface NetworkOptions extends OriginateOptions {
  readonly prefix: string;
}

/** What routes that are made of others are told with. */
export interface LocalRouteAttributes {
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  readonly med?: number;
  readonly localPref?: number;
  /** `65000:100` or a well-known name such as `no-export`. */
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
}

/** Routes of others in the kernel that become routes of ours. All conditions must hold; one left out always does. */
export interface LearnOptions extends LocalRouteAttributes {
  /** Names or numbers of the protocols that wrote them; `connected` is what the kernel makes of addresses. Never our own. */
  readonly protocols?: readonly (string | number)[];
  /** Name or number of the table that they are in; default: the one of `fib`. */
  readonly table?: string | number;
  /** Names of devices, with `*` for any rest: `cali*`. All next hops must be on one of them. */
  readonly devices?: readonly string[];
  /** Only prefixes inside of one of these, themselves included. */
  readonly within?: readonly string[];
  /** Also the default route; default false. */
  readonly defaultRoute?: boolean;
  /** Names of policies that the routes go through, with the attributes below. */
  readonly importPolicy?: readonly string[];
  /** For routes that no statement of `importPolicy` decides on; with policies the default is reject. */
  readonly defaultImportPolicy?: PolicyResult;
}

/** A route that we originate while there are more specific ones (RFC 4271 section 9.2.2.2). */
export interface AggregateOptions extends LocalRouteAttributes {
  readonly prefix: string;
  /** Neighbors are not told the routes that it is made of; default false. */
  readonly summaryOnly?: boolean;
  /**
   * Put a blackhole for it into the kernel, so that packets for what no more specific route covers do not loop. Default: true with
   * `fib`, but for a default route.
   */
  readonly blackhole?: boolean;
  /**
   * Join the AS_PATHs (in an AS_SET, which RFC 9774 deprecates) and communities of the routes that it is made of. Default false: it
   * has neither, and ATOMIC_AGGREGATE if an AS_PATH is lost by that.
   */
  readonly asSet?: boolean;
  /** Where the routes that it is made of may come from; default anywhere. */
  readonly from?: readonly ContributorSource[];
}

/** We are one AS of a confederation (RFC 5065); the speaker's `asn` is our Member-AS. */
export interface ConfederationOptions {
  /** The AS that all members are together, to those outside. */
  readonly identifier: number;
  /** The other Member-ASes. */
  readonly memberAs?: readonly number[];
}

/** Connections taken by the listeners, per second; four seconds' worth may come at once. 0: no limit. */
export interface ConnectionRateLimit {
  /** From one address; default 5. */
  readonly perAddress?: number | undefined;
  /** From all neighbors; default 1000. */
  readonly total?: number | undefined;
}

/** All that a configuration file can say. */
export interface SpeakerConfig extends PolicyDefinitions {
  readonly asn: number;
  readonly routerId: string;
  readonly clusterId?: string;
  readonly confederation?: ConfederationOptions;
  /** Default: none; the speaker then only connects out. */
  readonly listen?: readonly Endpoint[];
  readonly connectionRateLimit?: ConnectionRateLimit;
  readonly peerGroups?: Readonly<Record<string, PeerSettings>>;
  readonly neighbors?: readonly NeighborOptions[];
  readonly dynamicNeighbors?: readonly DynamicNeighborOptions[];
  readonly networks?: readonly (string | NetworkOptions)[];
  /** Kernel routes of others that we originate; of several rules the first one that accepts a route decides. Needs `fib`. */
  readonly learn?: readonly LearnOptions[];
  readonly aggregates?: readonly AggregateOptions[];
  /** Routes from a client are reflected to the other clients; default true (RFC 4456 section 1). */
  readonly clientToClientReflection?: boolean;
  /** Compare MED also between different neighbor ASes; default false. */
  readonly alwaysCompareMed?: boolean;
  /** Use several equally good paths at once; left out: the best one alone. */
  readonly multipath?: MultipathOptions;
  /** Our own restarts, with all neighbors that are asked to keep our routes (RFC 4724). */
  readonly gracefulRestart?: SpeakerRestartOptions;
  /** eBGP neighbors without an import (export) policy tell us (are told) nothing (RFC 8212); default false. */
  readonly ebgpRequiresPolicy?: boolean;
  /** Left out: no kernel routes, every next hop counts as resolvable. */
  readonly fib?: FibOptions;
  /** Left out: no API. */
  readonly api?: { readonly listen: string };
}

export interface SpeakerRestartOptions {
  /**
   * `shutdown`: at the end neighbors are told (Cease), and drop our routes. `restart`: connections are closed without a word, so
   * that neighbors with graceful restart keep them until we are back. Default `shutdown`.
   */
  readonly atStop?: 'shutdown' | 'restart';
  /** After the start: how long to wait for the End-of-RIB of all neighbors at most before routes are chosen, in seconds; default 240. */
  readonly selectionDeferralTime?: number;
  /**
   * After the start, with `dynamicNeighbors`: the last one is taken to be here when no new one has come for so many seconds; 0: those
   * that are not here yet are not waited for. Default 30.
   */
  readonly dynamicNeighborQuietTime?: number;
}

/** What the speaker runs on. Left out: real TCP, the real clock. */
export interface SpeakerRuntime {
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
  /** The machine's own addresses; default: the system's. */
  readonly networks?: LocalNetworks;
  /** Instead of the writer that `fib.type` names. */
  readonly fibWriter?: FibWriter;
  /** Instead of the program `conntrack`. */
  readonly conntrack?: ConntrackTable;
  /**
   * The application announces routes of its own after the start: all it has at first is there when this settles. End-of-RIB
   * waits for it (RFC 4724 section 4.1), so that neighbors keep what they hold of us until then.
   */
  readonly initialSync?: Promise<unknown>;
  /** Where `fib.type: print` sends its lines; default stdout. */
  readonly print?: (line: string) => void;
}
