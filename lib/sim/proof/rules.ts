/**
 * The rules of BGP once more, plainly: which of several routes is best (RFC 4271 section 9.1.2.2, RFC 4456 section 9), who is told
 * it, and what it becomes on the way (RFC 4271 section 5, RFC 4456 sections 6 and 8, RFC 1997). Written to be read, and shares
 * nothing with `lib/rib` and `lib/rr`, so that a mistake made there is not made here too.
 */
import { parseIpv4 } from '../../net/index.js';
import type { PlainRouter, PlainSession } from './snapshot.js';

/** A route as a router has it in its Adj-RIB-In, or as its own. */
export interface PlainRoute {
  readonly prefix: string;
  /** The neighbor that it came from; null: originated here. */
  readonly neighbor: string | null;
  /** That neighbor's name; null: originated here. */
  readonly from: string | null;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
}

/** What of a neighbor counts in decisions: how a route came. */
export interface Arrival {
  readonly session: PlainSession | null;
  /** BGP Identifier of the neighbor, or our own. */
  readonly routerId: string;
}

export interface Candidate extends Arrival {
  readonly route: PlainRoute;
}

/** May it be used at all? */
export function isUsable(router: PlainRouter, { route }: Candidate): boolean {
  if (route.from === null) return true;
  if (route.asPath.includes(router.asn)) return false;
  if (route.originatorId === router.routerId) return false;
  if (route.clusterList.includes(router.clusterId)) return false;
  return router.cost(route.nextHop) !== undefined;
}

/** The best of some routes. */
export function choose(router: PlainRouter, all: readonly Candidate[]): Candidate | undefined {
  let left = all.filter((candidate) => isUsable(router, candidate));
  const least = (value: (candidate: Candidate) => number): void => {
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
  least(({ session }) => (session === null ? 0 : parseIpv4(session.fromAddress)));
  return left[0];
}

/**
 * What a router tells a neighbor of its best route.
 * @param best of `sender`
 * @returns undefined: nothing
 */
export function told(sender: PlainRouter, best: Candidate, session: PlainSession): PlainRoute | undefined {
  const { route, session: came } = best;
  // Never back to where it came from.
  if (route.from === session.to) return undefined;
  if (route.communities.includes('no-advertise')) return undefined;
  const outside = !session.internal;
  if (outside && route.communities.some((each) => each === 'no-export' || each === 'no-export-subconfed')) {
    return undefined;
  }
  const common = { prefix: route.prefix, neighbor: session.fromAddress, from: sender.name, origin: route.origin };
  const { communities } = route;
  if (outside) {
    return {
      ...common,
      communities,
      nextHop: session.fromAddress,
      asPath: [sender.asn, ...route.asPath],
      localPref: null,
      // RFC 4271 section 5.1.4: what one AS told us is not for another.
      med: route.from === null ? route.med : null,
      originatorId: null,
      clusterList: [],
    };
  }
  const own = route.from === null && route.nextHop === '';
  const inside = {
    ...common,
    communities,
    asPath: route.asPath,
    localPref: route.localPref ?? 100,
    med: route.med,
    nextHop: own ? session.fromAddress : route.nextHop,
    originatorId: route.originatorId,
    clusterList: route.clusterList,
  };
  if (came === null || !came.internal) {
    return session.nextHopSelf ? { ...inside, nextHop: session.fromAddress } : inside;
  }
  // RFC 4456 section 6: from a client to all, from others to clients only.
  if (!came.fromIsClient && !session.toIsClient) return undefined;
  if (came.fromIsClient && session.toIsClient && !sender.clientToClient) return undefined;
  return {
    ...inside,
    originatorId: route.originatorId ?? best.routerId,
    clusterList: [sender.clusterId, ...route.clusterList],
  };
}
