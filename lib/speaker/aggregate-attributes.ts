/** What an aggregate is told with, from the routes that it is made of (RFC 4271 section 9.2.2.2). */
import { AS_SEQUENCE, AS_SET } from '../bgp/wire/attributes/as-path.js';
import type { Attribute } from '../bgp/wire/attributes/index.js';
import { formatCommunity, formatLargeCommunity } from '../bgp/wire/communities.js';
import { Writer } from '../net/index.js';
import { decodeAttributeList } from '../rib/attribute-list.js';
import type { AttributeStore } from '../rib/attribute-store.js';

type AsPath = Extract<Attribute, { code: 2; value: unknown }>['value'];

export interface AggregateAttributes {
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly asPath: Uint8Array;
  readonly atomicAggregate: boolean;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
}

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/**
 * @param sets  attribute sets of the contributors, each once
 * @param asSet whether AS_PATH and communities of the contributors are joined; else the aggregate has neither, and
 *   ATOMIC_AGGREGATE if an AS_PATH was lost by that (RFC 4271 section 5.1.6, RFC 9774)
 * @param ownAs never part of the AS_SET: it would be a loop to ourselves
 */
export function aggregateAttributes(
  store: AttributeStore,
  sets: Iterable<number>,
  asSet: boolean,
  ownAs: number,
): AggregateAttributes {
  let origin = 0;
  let atomicAggregate = false;
  const paths: AsPath[] = [];
  const communities = new Set<string>();
  const largeCommunities = new Set<string>();
  for (const set of sets) {
    origin = Math.max(origin, store.origin[set]!);
    for (const attribute of decodeAttributeList(store.attributesOf(set))) {
      if (attribute.code === 6) atomicAggregate = true;
      if (!('value' in attribute)) continue;
      if (attribute.code === 2) {
        if (asSet) paths.push(attribute.value);
        else if (attribute.value.length > 0) atomicAggregate = true;
      } else if (attribute.code === 8 && asSet)
        for (const one of attribute.value) communities.add(formatCommunity(one));
      else if (attribute.code === 32 && asSet) {
        for (const one of attribute.value) largeCommunities.add(formatLargeCommunity(one));
      }
    }
  }
  return {
    origin: ORIGINS[origin]!,
    asPath: asSet ? joined(paths, ownAs) : new Uint8Array(0),
    atomicAggregate,
    communities: [...communities].sort(),
    largeCommunities: [...largeCommunities].sort(),
  };
}

/** The sequence that all paths begin with, then an AS_SET of all others. */
function joined(paths: readonly AsPath[], ownAs: number): Uint8Array {
  const leads = paths.map(leadOf);
  const first = leads[0] ?? [];
  let common = 0;
  while (common < first.length && first[common] !== ownAs && leads.every((lead) => lead[common] === first[common]))
    common++;
  const sequence = first.slice(0, common);
  const others = new Set(paths.flatMap((path) => path.flatMap(({ asns }) => asns)));
  for (const asn of [ownAs, ...sequence]) others.delete(asn);
  const w = new Writer();
  for (const [type, asns] of [
    [AS_SEQUENCE, sequence],
    [AS_SET, [...others].sort((a, b) => a - b)],
  ] as const) {
    for (let at = 0; at < asns.length; at += 255) {
      const part = asns.slice(at, at + 255);
      w.u8(type);
      w.u8(part.length);
      for (const asn of part) w.u32(asn);
    }
  }
  return w.finish();
}

/** The AS numbers of a path up to its first AS_SET. */
function leadOf(path: AsPath): number[] {
  const end = path.findIndex(({ type }) => type !== 'AS_SEQUENCE');
  return path.slice(0, end < 0 ? path.length : end).flatMap(({ asns }) => asns);
}
