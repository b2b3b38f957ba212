import type { FamilyName } from '../bgp/wire/families.js';
import type { Rib } from '../rib/rib.js';
import type { Neighbor } from './neighbor.js';
import { advertisedPaths, allPaths, bestPaths, receivedPaths, type WhyFiltered } from './path-views.js';
import type { RouteFilter } from './speaker-api.js';
import type { PathView } from './views.js';

/** The routes of a family that a filter asks for. @param find throws UsageError for a neighbor that there is not */
export function* listRoutes(
  rib: Rib,
  find: (address: string) => Neighbor,
  whyFiltered: WhyFiltered,
  family: FamilyName,
  filter: RouteFilter,
): IterableIterator<PathView> {
  const routes = rib.of(family);
  if (filter.advertisedTo !== undefined) {
    const outbound = find(filter.advertisedTo).outboundOf(family);
    if (outbound) yield* advertisedPaths(outbound.group, outbound.member);
  } else if (filter.receivedFrom !== undefined) {
    const { source } = find(filter.receivedFrom);
    if (source >= 0) yield* receivedPaths(routes, whyFiltered, source);
  } else if (filter.bestOnly === false) yield* allPaths(routes, whyFiltered);
  else yield* bestPaths(routes);
}
