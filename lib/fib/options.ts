import type { RemovalLimit } from './removal-guard.js';

/** No route is removed while all of these neighbors are gone, until one of them is back and has told all its routes. */
export interface HoldWithoutOptions {
  /** `reflectors`: neighbors in our own AS that are no clients of ours; `all`; or the addresses of some. */
  readonly neighbors: 'reflectors' | 'all' | readonly string[];
  /** At most so long, in seconds; 0: as long as it takes. Default 3600. */
  readonly timeLimit?: number | undefined;
}

/** How routes are written to the kernel. */
export interface FibOptions {
  /**
   * `ip-route`: through `ip -batch`; `netlink`: by rtnetlink itself, with the optional package koffi; `memory`: kept, for tests; `print`: the `ip route`
   * lines on stdout.
   */
  readonly type: 'ip-route' | 'netlink' | 'memory' | 'print';
  /** Table name or number; default `main`. */
  readonly table?: string | number;
  /** Protocol name or number that marks our routes; default `bgp` (186). Routes of any other protocol are never touched. */
  readonly protocol?: string | number;
  /** Default 32. A route is ours if its protocol, table and metric are. */
  readonly metric?: number;
  /** Name of the VRF device whose table it is, instead of `table`. Next hops are looked up there alone. */
  readonly vrf?: string;
  /**
   * Our routes of an earlier run that nobody wants: `sweep` (default): removed once the Loc-RIB is complete; `flush`:
   * removed at once; `adopt`: kept.
   */
  readonly atStart?: 'sweep' | 'flush' | 'adopt';
  /** What happens to our routes at stop: `keep` (default) or `remove`. */
  readonly atStop?: 'keep' | 'remove';
  /** Read and compare the kernel's tables at least so often, in seconds; 0: only on a reason. Default 60. */
  readonly reconcileInterval?: number;
  /** Whether a next hop may be reached by a default route; default true. */
  readonly resolveViaDefault?: boolean;
  /** Whether a next hop may be reached by a route of ours, learnt by BGP or originated here; default true. */
  readonly resolveViaBgp?: boolean;
  /**
   * Have kernel routes refer to nexthop objects (ip-nexthop(8)), so that the failure or move of a next hop is one change for all its
   * routes; with `ip-route` and `netlink`. Default false.
   */
  readonly nexthopObjects?: boolean;
  /** Names of policies that best paths go through on their way to the kernel, in order. */
  readonly exportPolicy?: readonly string[];
  /** For routes that no statement of `exportPolicy` decides on; with policies the default is reject. */
  readonly defaultExportPolicy?: 'accept' | 'reject';
  /** Remove no more than so many per cent of the kernel's routes in so many seconds, unless it is confirmed. Default: no limit. */
  readonly removalLimit?: RemovalLimit;
  readonly holdWithout?: HoldWithoutOptions;
  /**
   * `delete`: connection tracking entries of an address whose host route moves to another host are deleted, through the program
   * `conntrack`. Default `keep`.
   */
  readonly conntrack?: 'keep' | 'delete';
  /** Name of the network namespace to write to (`ip -n`), with `ip-route` and `netlink`; default: our own. */
  readonly netns?: string;
}
