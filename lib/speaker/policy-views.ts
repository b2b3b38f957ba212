/** Why policies reject what they reject, for `show`. */
import { parsePrefix } from '../net/index.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import type { Rib } from '../rib/rib.js';
import type { Neighbor } from './neighbor.js';
import { locatePrefix } from './path-views.js';
import type { ExplainView } from './views.js';

/** Which statement of its neighbor's import policy rejects a received attribute set. */
export function whyFiltered(
  neighbors: Iterable<Neighbor>,
  rib: FamilyRib,
  prefix: number,
  received: number,
  source: number,
): string | undefined {
  for (const neighbor of neighbors) {
    if (neighbor.source !== source) continue;
    const decision = neighbor.importPolicy?.of(rib).explain(received, prefix);
    return decision?.accepted === false ? decision.by : undefined;
  }
  return undefined;
}

/** The neighbors whose export policy rejects the best path of a prefix. */
export function exportRejections(
  rib: Rib,
  text: string,
  neighbors: readonly Neighbor[],
): NonNullable<ExplainView['exportRejected']> {
  const { family, id } = locatePrefix(rib, parsePrefix(text));
  const attributes = id < 0 ? NONE : (family.bestAttributes[id] ?? NONE);
  if (attributes === NONE) return [];
  const source = family.bestSource[id]!;
  return neighbors.flatMap((neighbor) => {
    const policy = neighbor.source === source ? undefined : neighbor.outboundOf(family.family)?.group.policy;
    const decision = policy?.explain(attributes, id, source);
    return decision?.accepted === false ? [{ neighbor: neighbor.address, by: decision.by }] : [];
  });
}
