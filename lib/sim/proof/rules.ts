/**
 * The rules of BGP once more, plainly: which of several routes is best (RFC 4271 section 9.1.2.2, RFC 4456 section 9), who is told
 * it, and what it becomes on the way (RFC 4271 section 5, RFC 4456 sections 6 and 8, RFC 1997). Written to be read, and shares
 * nothing with `lib/rib` and `lib/rr`, so that a mistake made there is not made here too.
 */
import { parseAddress, parseIpv4, prefixContains } from '../../net/index.js';
import type { PathSelection } from '../../rib/path-selection.js';
import { judge } from './plain-policy.js';
import { familyOf, type PlainRoute } from './plain-route.js';
import type { PlainSession } from './sessions.js';
import type { PlainRouter } from './snapshot.js';

/** What of a neighbor counts in decisions: how a route came. */
export interface Arrival {
  readonly session: PlainSession | null;
  /** BGP Identifier of the neighbor, or our own. */
  readonly routerId: string;
}

export interface Candidate extends Arrival {
  /** As the import policy left it. */
  readonly route: PlainRoute;
}

/** May it be used at all? */
export function isUsable(router: PlainRouter, { route }: Candidate): boolean {
  if (route.from === null) return true;
  if (route.asPath.includes(router.asn)) return false;
  if (route.originatorId === router.routerId) return false;
  if (route.clusterList.some((id) => router.clusterIds.includes(id))) return false;
  return router.cost(route.nextHop) !== undefined;
}

/** Of usable routes those that are best: one, or several of the same neighbor between which only path identifiers decide. */
export function choose(router: PlainRouter, usable: readonly Candidate[]): readonly Candidate[] {
  let left = usable;
  const least = (value: (candidate: Candidate) => number): void => {
    if (left.length < 2) return;
    const best = Math.min(...left.map(value));
    left = left.filter((candidate) => value(candidate) === best);
  };
  least(({ route }) => -(route.localPref ?? 100));
  least(({ route }) => (route.from === null ? 0 : 1));
  least(({ route }) => route.asPath.length);
  least(({ route }) => ['igp', 'egp', 'incomplete'].indexOf(route.origin));
  // RFC 4271 section 9.1.2.2 c: only routes from the same neighboring AS are compared.
  const rivals = left;
  const isComparable = (a: PlainRoute, b: PlainRoute): boolean =>
    router.alwaysCompareMed || a.asPath[0] === b.asPath[0];
  left = rivals.filter(
    ({ route }) => !rivals.some(({ route: r }) => isComparable(route, r) && (r.med ?? 0) < (route.med ?? 0)),
  );
  least(({ session }) => (session !== null && !session.internal ? 0 : 1));
  least(({ route }) => (route.from === null ? 0 : router.cost(route.nextHop)!));
  least(({ route, routerId }) => parseIpv4(route.originatorId ?? routerId));
  least(({ route }) => route.clusterList.length);
  if (left.length < 2) return left;
  const [first] = left.map(({ session }) => session?.fromAddress ?? '').sort(compareAddresses);
  return left.filter(({ session }) => (session?.fromAddress ?? '') === first);
}

/** IPv4 before IPv6, then as numbers; without an address first. */
function compareAddresses(a: string, b: string): number {
  if (a === '' || b === '') return a.length - b.length;
  const [left, right] = [parseAddress(a), parseAddress(b)];
  if (left.length !== right.length) return left.length - right.length;
  return Buffer.compare(left, right);
}

/**
 * Several paths for one session (RFC 7911): all usable ones, so many of the best, or so many of each neighbor AS (RFC 7964).
 * @returns one selection, or as many as path identifiers, which are the router's own affair, could make
 */
export function selections(
  router: PlainRouter,
  usable: readonly Candidate[],
  selection: PathSelection,
): readonly (readonly Candidate[])[] {
  if (selection === 'all') return [usable];
  const groups = new Map<number | undefined, Candidate[]>();
  for (const candidate of usable) {
    const key = selection.perNeighborAs === true ? candidate.route.asPath[0] : undefined;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  let all: Candidate[][] = [[]];
  for (const group of groups.values()) {
    const ofGroup = bestOf(router, group, selection.best);
    all = all.flatMap((before) => ofGroup.map((these) => [...before, ...these]));
  }
  return distinct(all, usable);
}

/** So many of the best, in each way in which path identifiers could choose. */
function bestOf(router: PlainRouter, usable: readonly Candidate[], most: number): Candidate[][] {
  if (most === 0 || usable.length === 0) return [[]];
  return choose(router, usable).flatMap((best) => {
    const left = usable.filter((each) => each !== best);
    return bestOf(router, left, most - 1).map((others) => [best, ...others]);
  });
}

/** The same paths in another order are the same selection. */
function distinct(all: readonly Candidate[][], usable: readonly Candidate[]): Candidate[][] {
  const known = new Map<string, Candidate[]>();
  for (const each of all) known.set(usable.map((candidate) => Number(each.includes(candidate))).join(''), each);
  return [...known.values()];
}

/**
 * What a router tells a neighbor of a route.
 * @param known  of `sender`
 * @param leaves whether the sender leaves a third party's next hop where it may do so or not
 * @returns undefined: nothing
 */
export function told(
  sender: PlainRouter,
  known: Candidate,
  session: PlainSession,
  leaves: (nextHop: string) => boolean = () => false,
): PlainRoute | undefined {
  const { session: came } = known;
  // Never back to where it came from.
  if (came !== null && came.fromAddress === session.toAddress) return undefined;
  const { communities: before } = known.route;
  if (before.includes('no-advertise')) return undefined;
  const outside = !session.internal;
  if (outside && before.some((each) => each === 'no-export' || each === 'no-export-subconfed')) return undefined;
  const reflected = came?.internal === true && !outside;
  // RFC 4456 section 6: from a client to all, from others to clients only.
  if (reflected && !came.fromIsClient && !session.toIsClient) return undefined;
  if (reflected && came.fromIsClient && session.toIsClient && !sender.clientToClient) return undefined;
  const judged = judge(session.exportPolicy, known.route);
  if (judged === undefined) return undefined;
  const { route } = judged;
  const { prefix, origin, communities } = route;
  const common = { prefix, neighbor: session.fromAddress, from: sender.name, origin, communities };
  const own = session.ownNextHop[familyOf(prefix)];
  if (outside) {
    return {
      ...common,
      nextHop: keepsThirdParty(known, session, leaves) ? route.nextHop : own,
      asPath: [sender.asn, ...route.asPath],
      localPref: null,
      // RFC 4271 section 5.1.4: what one AS told us is not for another.
      med: came === null || judged.setsMed ? route.med : null,
      originatorId: null,
      clusterList: [],
    };
  }
  const isOwn = came === null && route.nextHop === '';
  const self = isOwn || session.nextHopSelf === 'force' || (session.nextHopSelf && !reflected);
  const inside = {
    ...common,
    asPath: route.asPath,
    localPref: route.localPref ?? 100,
    med: route.med,
    nextHop: self ? own : route.nextHop,
    originatorId: route.originatorId,
    clusterList: route.clusterList,
  };
  if (!reflected) return inside;
  // A client stands in a cluster, which may have an ID of its own; from one into another the route passes two.
  const passed = came.fromIsClient ? [came.fromClusterId] : [];
  if (session.toIsClient && session.toClusterId !== passed[0]) passed.unshift(session.toClusterId);
  return {
    ...inside,
    originatorId: route.originatorId ?? known.routerId,
    clusterList: [...passed, ...route.clusterList],
  };
}

/**
 * RFC 4271 section 5.1.3: where the next hop, we and the neighbor share a subnet, the neighbor may go there directly. The one that
 * told the route with its own address is always left, the neighbor's own never. Any other may be left or not: neighbors that are
 * told the same share what was made for them, and none of them may be told its own address.
 */
function keepsThirdParty(known: Candidate, session: PlainSession, leaves: (nextHop: string) => boolean): boolean {
  const { nextHop } = known.route;
  const subnet = session.sharedSubnet[familyOf(known.route.prefix)];
  if (session.nextHopSelf !== false || subnet === undefined || nextHop === '' || nextHop === session.toAddress) {
    return false;
  }
  if (!prefixContains(subnet, parseAddress(nextHop))) return false;
  return known.session?.fromAddress === nextHop || leaves(nextHop);
}
