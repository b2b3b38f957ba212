/** Paths of the RIB as plain values for `show`, the API and library users. */
import { formatAsPath } from '../bgp/wire/as-path.js';
import type { Attribute } from '../bgp/wire/attributes/index.js';
import { toHex } from '../bgp/wire/text.js';
import { formatCommunity, formatLargeCommunity } from '../bgp/wire/communities.js';
import { DEFAULT_CONTEXT } from '../bgp/wire/context.js';
import { formatAddress, formatPrefix, parsePrefix, type Prefix } from '../net/index.js';
import { decodeAttributeList } from '../rib/attribute-list.js';
import { IdStack } from '../rib/columns.js';
import { ATTR } from '../rib/attribute-store.js';
import { DECISION_STEPS, selectBest } from '../rib/decision.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { LOCAL_SOURCE } from '../rib/peer-table.js';
import type { Rib } from '../rib/rib.js';
import type { GroupMember } from '../rr/group-member.js';
import type { UpdateGroup } from '../rr/update-group.js';
import type { BestPathChange } from './events.js';
import type { DecisionView, ExplainView, PathView } from './views.js';

/** Which statement of a source's import policy rejects a received attribute set. */
export type WhyFiltered = (rib: FamilyRib, prefix: number, received: number, source: number) => string | undefined;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A path without its attributes. */
function emptyView(rib: FamilyRib, prefix: number, attributes: number, source: number): Mutable<PathView> {
  const { store, nextHops, peers } = rib;
  const nextHop = store.nextHop[attributes]!;
  const originated = source === LOCAL_SOURCE ? rib.describeLocal?.(prefix) : undefined;
  return {
    prefix: formatPrefix(rib.prefixes.prefixOf(prefix)),
    family: rib.family,
    ...(originated === undefined ? {} : { originated }),
    neighbor: peers.addressText(source),
    nextHop: nextHops.textOf(nextHop),
    nextHopResolvable: nextHops.isUsable(nextHop, source === LOCAL_SOURCE),
    best: rib.bestAttributes[prefix] === attributes && rib.bestSource[prefix] === source,
    ...(nextHops.via[nextHop] === undefined ? {} : { nextHopVia: nextHops.via[nextHop] }),
    stale: rib.refreshes.has(source) && rib.isStale(rib.rowOf(source, prefix)),
    asPath: '',
    origin: 'incomplete',
    localPref: null,
    med: null,
    atomicAggregate: false,
    aggregator: null,
    communities: [],
    largeCommunities: [],
    extendedCommunities: [],
    originatorId: null,
    clusterList: [],
  };
}

/**
 * A readable path, as it was learnt.
 * @param attributes id of the attribute set
 * @param source number of the source
 */
export function pathView(rib: FamilyRib, prefix: number, attributes: number, source: number): PathView {
  return filledView(rib, attributes, emptyView(rib, prefix, attributes, source));
}

/** Like `pathView`, of a row: it may be one of several paths of its source. */
export function rowView(rib: FamilyRib, row: number, shown = rib.paths.attributes[row]!): PathView {
  const { paths, peers } = rib;
  const prefix = paths.prefix[row]!;
  const attributes = shown;
  const source = paths.source[row]!;
  const view = emptyView(rib, prefix, attributes, source);
  if (peers.get(source).addPath?.includes(rib.family)) {
    describeRow(rib, view, prefix, row, paths.pathIdOf(row));
  }
  const weight = sharesOf(rib, prefix)?.get(row);
  if (weight !== undefined) view.multipathWeight = weight;
  return filledView(rib, attributes, view);
}

/** What is known of one of several paths of a source. */
function describeRow(rib: FamilyRib, view: Mutable<PathView>, prefix: number, row: number, pathId: number): void {
  view.pathId = pathId;
  view.best = rib.bestRowOf(prefix) === row;
  view.stale = rib.isStale(row);
}

/** The best path of a prefix, which must have one. */
export function bestView(rib: FamilyRib, prefix: number): PathView {
  const row = rib.bestRowOf(prefix);
  // It was withdrawn a moment ago, and nothing is decided yet.
  if (row < 0) return pathView(rib, prefix, rib.bestAttributes[prefix]!, rib.bestSource[prefix]!);
  return rowView(rib, row);
}

/** The paths that are used beside the best one. */
export function besideViews(rib: FamilyRib, prefix: number): PathView[] {
  const [, ...beside] = sharesOf(rib, prefix)?.keys() ?? [];
  return beside.map((row) => rowView(rib, row));
}

/** The rows of the paths that are used at once, the best one first, each with its share; undefined: at most one is used. */
function sharesOf(rib: FamilyRib, prefix: number, why?: Map<number, string>): Map<number, number> | undefined {
  const { multipath, paths } = rib;
  const head = rib.headOf(prefix);
  if (multipath === undefined || head < 0 || paths.next[head]! < 0) return undefined;
  const rows = new IdStack();
  multipath.select(rib, head, rows, why);
  const shares = new Map<number, number>();
  for (const [i, weight] of multipath.weights(rib, rows).entries()) {
    if (weight > 0) shares.set(rows.at(i), weight);
    else why?.set(rows.at(i), 'it has no link bandwidth, and multipath.linkBandwidth is skipMissing');
  }
  return shares.size > 1 ? shares : undefined;
}

function filledView(rib: FamilyRib, attributes: number, view: Mutable<PathView>): PathView {
  const linkLocal = rib.nextHops.linkLocalTextOf(rib.store.nextHop[attributes]!);
  if (linkLocal !== undefined) view.linkLocalNextHop = linkLocal;
  for (const attribute of decodeAttributeList(rib.store.attributesOf(attributes))) fill(view, attribute);
  return view;
}

/** The Adj-RIB-Out of a neighbor: routes in the form in which it was told them, in table order. */
export function* advertisedPaths(group: UpdateGroup, member: GroupMember): IterableIterator<PathView> {
  const { rib, profile } = group;
  const cx = { ...DEFAULT_CONTEXT, asn4: profile.asn4 };
  for (let prefix = 0; prefix < group.outAttributes.length; prefix++) {
    for (const { attributes, source, pathId } of group.advertisedOf(member, prefix)) {
      const told = group.exportedOf(attributes, source);
      const view = emptyView(rib, prefix, attributes, source);
      // What is told without an identifier is the best path, whatever an export policy made of it.
      view.best = true;
      if (pathId !== undefined) describeRow(rib, view, prefix, pathId - 1, pathId);
      view.nextHop = formatAddress(told.nextHop.subarray(0, told.nextHop.length === 4 ? 4 : 16));
      if (told.nextHop.length === 32) view.linkLocalNextHop = formatAddress(told.nextHop.subarray(16));
      for (const attribute of decodeAttributeList(told.attributes, cx)) fill(view, attribute);
      yield view;
    }
  }
}

function fill(view: Mutable<PathView>, attribute: Attribute): void {
  if (!('value' in attribute)) return;
  switch (attribute.code) {
    case 1:
      view.origin = attribute.value.toLowerCase() as PathView['origin'];
      break;
    case 2:
      view.asPath = formatAsPath(attribute.value);
      break;
    case 4:
      view.med = attribute.value;
      break;
    case 5:
      view.localPref = attribute.value;
      break;
    case 6:
      view.atomicAggregate = true;
      break;
    case 7:
      view.aggregator = `${attribute.value.as} ${attribute.value.ip}`;
      break;
    case 8:
      view.communities = attribute.value.map(formatCommunity);
      break;
    case 9:
      view.originatorId = attribute.value;
      break;
    case 10:
      view.clusterList = attribute.value;
      break;
    case 16:
      view.extendedCommunities = attribute.value.map((octets) => toHex(octets));
      break;
    case 35:
      view.onlyToCustomer = attribute.value;
      break;
    case 32:
      view.largeCommunities = attribute.value.map(formatLargeCommunity);
      break;
  }
}

/** Tell of each prefix whose best path changed, in the order of the list. */
export function tellBestPathChanges(rib: FamilyRib, changed: IdStack, tell: (change: BestPathChange) => void): void {
  for (let i = 0; i < changed.length; i++) {
    const prefix = changed.at(i);
    const attributes = rib.bestAttributes[prefix]!;
    tell({
      prefix: formatPrefix(rib.prefixes.prefixOf(prefix)),
      family: rib.family,
      best: attributes === NONE ? null : bestView(rib, prefix),
    });
  }
}

/** Best paths of a family, in table order. */
export function* bestPaths(rib: FamilyRib): IterableIterator<PathView> {
  for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
    const attributes = rib.bestAttributes[prefix] ?? NONE;
    if (attributes !== NONE) yield bestView(rib, prefix);
  }
}

/** All paths of a family, as the decision process sees them. */
export function* allPaths(rib: FamilyRib, why: WhyFiltered): IterableIterator<PathView> {
  yield* pathsOf(rib, why, undefined);
}

/** The Adj-RIB-In of a source: its paths as they were received. */
export function* receivedPaths(rib: FamilyRib, why: WhyFiltered, source: number): IterableIterator<PathView> {
  yield* pathsOf(rib, why, source);
}

function* pathsOf(rib: FamilyRib, why: WhyFiltered, source: number | undefined): IterableIterator<PathView> {
  const { paths, store } = rib;
  for (let prefix = 0; prefix < rib.prefixes.idLimit; prefix++) {
    if (!rib.prefixes.isUsed(prefix)) continue;
    for (let row = rib.headOf(prefix); row >= 0; row = paths.next[row]!) {
      const from = paths.source[row]!;
      if (source !== undefined && from !== source) continue;
      const seen = paths.attributes[row]!;
      const shown = source === undefined ? seen : store.receivedOf(seen);
      const view = rowView(rib, row, shown);
      // Of one of several paths of its source the row says whether it is the best one.
      const best = view.pathId !== undefined ? { best: view.best } : {};
      yield { ...view, ...filteredView(rib, prefix, seen, from, why), ...best };
    }
  }
}

/** What a view says besides of a path that may have been filtered, or changed on import. */
function filteredView(
  rib: FamilyRib,
  prefix: number,
  attributes: number,
  source: number,
  why: WhyFiltered,
): Pick<PathView, 'best' | 'filtered'> {
  const best = rib.bestAttributes[prefix] === attributes && rib.bestSource[prefix] === source;
  if ((rib.store.flags[attributes]! & ATTR.filtered) === 0) return { best };
  return { best, filtered: why(rib, prefix, rib.store.receivedOf(attributes), source) ?? 'the import policy' };
}

/** The RIB of a prefix's family, and its id there (-1: not in the table). */
export function locatePrefix(rib: Rib, prefix: Prefix): { family: FamilyRib; id: number } {
  const family = rib.of(prefix.octets.length === 4 ? 'ipv4-unicast' : 'ipv6-unicast');
  return { family, id: family.prefixes.find(prefix.length, prefix.octets, 0) };
}

/**
 * All paths of a prefix, best first, and at which step of the decision process each lost.
 * @throws UsageError `bad_prefix`
 */
export function explainPrefix(rib: Rib, text: string, why: WhyFiltered = () => undefined): ExplainView {
  const prefix = parsePrefix(text);
  const { family, id } = locatePrefix(rib, prefix);
  const decisions: DecisionView[] = [];
  if (id >= 0) {
    const lostAt = new Map<number, number>();
    const best = selectBest(family, family.headOf(id), lostAt);
    const rows: number[] = [];
    for (let row = family.headOf(id); row >= 0; row = family.paths.next[row]!) rows.push(row);
    const stepOf = (row: number): number => (row === best ? DECISION_STEPS.length : lostAt.get(row)!);
    const notUsed = new Map<number, string>();
    sharesOf(family, id, notUsed);
    rows.sort((a, b) => stepOf(b) - stepOf(a));
    for (const [rank, row] of rows.entries()) {
      const [attributes, source] = [family.paths.attributes[row]!, family.paths.source[row]!];
      const filtered = filteredView(family, id, attributes, source, why);
      const path = { ...rowView(family, row), ...filtered };
      const step = row === best ? undefined : DECISION_STEPS[lostAt.get(row)!]!;
      const against = best >= 0 && step ? ` (best: ${step.show(family, best)})` : '';
      decisions.push({
        path: { ...path, best: row === best },
        rank,
        lostAt: step?.name ?? null,
        rfc: step?.rfc ?? null,
        detail: step ? step.show(family, row) + (by(step.name, filtered.filtered) ?? against) : null,
        ...(notUsed.has(row) ? { notMultipath: notUsed.get(row)! } : {}),
      });
    }
  }
  const best = decisions.find(({ path }) => path.best)?.path ?? null;
  return { prefix: formatPrefix(prefix), best, decisions };
}

/** Who rejected a path, where it was lost at that step. */
function by(step: string, filtered: string | undefined): string | undefined {
  return step === 'import policy' && filtered !== undefined ? ` by ${filtered}` : undefined;
}
