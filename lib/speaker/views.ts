import type { RoleName } from '../bgp/wire/capabilities/role.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { ConntrackSummary } from '../fib/conntrack.js';
import type { FibRoute, FibSummary } from '../fib/settings.js';
import type { LocalRoute } from '../rib/family-rib.js';

/** Plain, JSON-ready views: what `show`, the HTTP API and library users see. Times are Unix milliseconds. */

export type FsmStateName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

/** A NOTIFICATION, or a failure below BGP, that ended a session or an attempt. */
export interface LastErrorView {
  readonly at: number;
  readonly direction: 'sent' | 'received' | 'local';
  /** `Cease/Administrative Shutdown`, `Connection refused` … */
  readonly text: string;
  readonly code?: number;
  readonly subcode?: number;
  /** Hex of the NOTIFICATION's Data field. */
  readonly data?: string;
  /** Shutdown communication (RFC 9003). */
  readonly message?: string;
}

export interface MessageCounters {
  readonly open: number;
  readonly update: number;
  readonly notification: number;
  readonly keepalive: number;
  readonly routeRefresh: number;
}

/** Prefixes of one family (with ADD-PATH: paths), and how many the neighbor may announce. */
export interface PrefixCountView {
  /** In the Adj-RIB-In: also those that the import policy rejects. */
  readonly received: number;
  readonly advertised: number;
  /** Of those received, rejected by the import policy; only where one neighbor is asked for, and has a policy. */
  readonly filtered?: number;
  /** In which directions several paths for a prefix were agreed on (RFC 7911); left out: in none. */
  readonly addPath?: { readonly receive: boolean; readonly send: boolean };
  readonly limit?: {
    readonly maxPrefixes: number;
    readonly warningThresholdPct: number;
    readonly action: 'warn' | 'drop' | 'stop';
    /** Announcements that were not taken (`drop`). */
    readonly dropped: number;
  };
  /** Only while routes of this family are stale, or some of them are. */
  readonly stale?: StaleView;
}

/** Why routes of a neighbor are stale, and until when they stay at most; null: they are being withdrawn. */
export interface StaleView {
  /**
   * `restart`: waiting for the neighbor to come back (RFC 4724). `longLived`: still waiting (RFC 9494). `resync`: it is back, and
   * waiting for its End-of-RIB. `refresh`: waiting for EoRR (RFC 7313). `sweep`: what was not told again is being withdrawn.
   */
  readonly phase: 'restart' | 'longLived' | 'resync' | 'refresh' | 'sweep';
  readonly until: number | null;
}

/** What the neighbor's OPEN said of graceful restart (RFC 4724, RFC 8538, RFC 9494). */
export interface GracefulRestartView {
  /** R bit: it had restarted. */
  readonly restarting: boolean;
  /** N bit. */
  readonly notification: boolean;
  /** Seconds. */
  readonly restartTime: number;
  readonly families: readonly RestartFamilyView[];
}

export interface RestartFamilyView {
  readonly family: FamilyName;
  /** F bit: forwarding state was preserved. */
  readonly forwarding: boolean;
  /** Long-lived stale time in seconds; null: not announced. */
  readonly longLivedTime: number | null;
}

export interface NeighborView {
  readonly address: string;
  readonly peerAs: number | null;
  /** Our AS on this session. */
  readonly localAs: number;
  /** `confed`: in another Member-AS of our confederation. */
  readonly type: 'ibgp' | 'ebgp' | 'confed' | null;
  readonly description: string | null;
  readonly peerGroup: string | null;
  readonly dynamic: boolean;
  readonly routeReflectorClient: boolean;
  readonly routeServerClient: boolean;
  /** What we are to the neighbor, and what it said that it is to us (RFC 9234). */
  readonly role: RoleName | null;
  readonly peerRole: RoleName | null;
  readonly state: FsmStateName;
  readonly adminDown: boolean;
  /** When the state was entered. */
  readonly since: number;
  /** Why the neighbor is not Established, and what happens next (retry at …). */
  readonly reason: string | null;
  readonly routerId: string | null;
  readonly localAddress: string | null;
  /** Segments are signed (TCP MD5, RFC 2385). The password itself is shown nowhere. */
  readonly tcpMd5: boolean;
  /** Hops that GTSM lets through (RFC 5082). */
  readonly ttlSecurity: number | null;
  readonly holdTime: number | null;
  readonly keepaliveInterval: number | null;
  readonly families: readonly FamilyName[];
  /** Capabilities of the peer's OPEN by name. */
  readonly capabilities: readonly string[];
  readonly received: MessageCounters;
  readonly sent: MessageCounters;
  readonly octetsReceived: number;
  readonly octetsSent: number;
  readonly queuedOctets: number;
  readonly prefixes: Readonly<Partial<Record<FamilyName, PrefixCountView>>>;
  /** Null: not Established, or the neighbor did not announce it. */
  readonly gracefulRestart: GracefulRestartView | null;
  /** The policies that its routes go through, as text: `customers, else reject`; null: all pass as they are. */
  readonly importPolicy: string | null;
  /** The policies that routes to it go through. */
  readonly exportPolicy: string | null;
  readonly established: number;
  readonly lastError: LastErrorView | null;
}

/** Where a route that is originated here comes from. */
export type LocalRouteView = LocalRoute;

export interface PathView {
  readonly prefix: string;
  readonly family: FamilyName;
  /** Address of the neighbor it was learnt from; null: originated here. */
  readonly neighbor: string | null;
  /** Of a route that is originated here: where it comes from. */
  readonly originated?: LocalRouteView;
  /**
   * Path Identifier (RFC 7911) with which the neighbor announced it; in the Adj-RIB-Out, with which it is told. Left out where
   * ADD-PATH is not on.
   */
  readonly pathId?: number;
  readonly nextHop: string;
  readonly linkLocalNextHop?: string;
  readonly nextHopResolvable: boolean;
  /** The prefix of our own route through which the next hop is reached; left out: it needs none. */
  readonly nextHopVia?: string;
  readonly best: boolean;
  /** Its share, 1 to 240, among the paths of the prefix that are used at once (`multipath`); left out: it is used alone, or not. */
  readonly multipathWeight?: number;
  /** Kept over a restart of the neighbor, or not refreshed yet. */
  readonly stale: boolean;
  /** AS_PATH as text: `64513 64514 {64515 64516}`. */
  readonly asPath: string;
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly localPref: number | null;
  readonly med: number | null;
  readonly atomicAggregate: boolean;
  readonly aggregator: string | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** Hex, or text where it has a usual name. */
  readonly extendedCommunities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
  /** The AS in ONLY_TO_CUSTOMER (RFC 9234). */
  readonly onlyToCustomer?: number;
  /** The import policy rejects it, and which statement does: it is kept, and not eligible. */
  readonly filtered?: string;
}

/** One step of the decision process that told two paths apart. */
export interface DecisionView {
  readonly path: PathView;
  /** Position after the decision, 0 is best. */
  readonly rank: number;
  /** Name of the step at which it lost; null for the best path. */
  readonly lostAt: string | null;
  readonly rfc: string | null;
  /** `LOCAL_PREF 100 < 200`. */
  readonly detail: string | null;
  /** With `multipath`: why a path that is as good as the best one up to the IGP cost is not used beside it. */
  readonly notMultipath?: string;
}

export interface ExplainView {
  readonly prefix: string;
  readonly best: PathView | null;
  readonly decisions: readonly DecisionView[];
  /** Neighbors that are not told the best path because of their export policy, and which statement rejects it. */
  readonly exportRejected?: readonly { readonly neighbor: string; readonly by: string }[];
}

export interface SummaryView {
  readonly asn: number;
  readonly routerId: string;
  readonly clusterId: string;
  readonly startedAt: number;
  readonly neighbors: { readonly configured: number; readonly established: number };
  readonly families: Readonly<Record<FamilyName, { readonly prefixes: number; readonly paths: number }>>;
  readonly attributeSets: number;
  readonly listening: readonly string[];
  /** Connections closed at once: of strangers, or more than `connectionRateLimit` allows. */
  readonly connectionsRefused: number;
}

/** A kernel route: what is wanted, what became of it and when. */
export type FibRouteView = FibRoute;
/** How the writing of kernel routes stands. */
export interface FibSummaryView extends FibSummary {
  /** Of `fib.conntrack: delete`; null otherwise. */
  readonly conntrack: ConntrackSummary | null;
}
