import { expect } from 'chai';
import fc from 'fast-check';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { parseCommunity } from '../../lib/bgp/wire/communities.js';
import type {
  PolicyActions,
  PolicyConditions,
  PolicyMatch,
  PolicyStatement,
  PrefixSetEntry,
} from '../../lib/policy/definition.js';
import type { PathView } from '../../lib/speaker/views.js';
import { attributes, PolicyRig } from './rig.js';

/** A route as the slow twin sees it: text and lists. */
interface Plain {
  readonly prefix: string;
  asns: number[];
  communities: string[];
  med: number | null;
  localPref: number | null;
  origin: 'igp' | 'egp' | 'incomplete';
}

const bitsOf = (prefix: string): string =>
  prefix
    .split('/')[0]!
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('')
    .slice(0, Number(prefix.split('/')[1]));

function inSet(prefix: string, set: readonly PrefixSetEntry[]): boolean {
  const bits = bitsOf(prefix);
  return set.some(({ prefix: outer, ge, le }) => {
    const own = bitsOf(outer);
    const least = ge ?? own.length;
    const most = le ?? (ge === undefined ? own.length : 32);
    return bits.startsWith(own) && bits.length >= least && bits.length <= most;
  });
}

const fits = (community: string, pattern: string): boolean => {
  const [a, b] = [community.split(':'), pattern.split(':')];
  return b.every((part, i) => part === '*' || part === a[i]);
};

function slowMatch(route: Plain, match: PolicyMatch, sets: Record<string, readonly PrefixSetEntry[]>): boolean[] {
  const answers: boolean[] = [];
  const has = (pattern: string): boolean => route.communities.some((community) => fits(community, pattern));
  if (match.prefixSets) answers.push(match.prefixSets.some((name) => inSet(route.prefix, sets[name]!)));
  if (match.communities) {
    const { any, all = [], none = [] } = match.communities;
    answers.push((any === undefined || any.some(has)) && all.every(has) && !none.some(has));
  }
  if (match.med !== undefined) answers.push((route.med ?? 0) === match.med);
  if (match.origin) answers.push(match.origin.includes(route.origin));
  // A key with several parts is one condition: all of its parts hold.
  if (match.asPath) {
    const { contains, matches } = match.asPath;
    const asn = matches?.replaceAll('_', '');
    answers.push(
      (contains === undefined || contains.some((one) => route.asns.includes(one))) &&
        (asn === undefined || route.asns.map(String).includes(asn)),
    );
  }
  return answers;
}

function slowApply(route: Plain, actions: PolicyActions): void {
  if (typeof actions.localPref === 'number') route.localPref = actions.localPref;
  if (typeof actions.med === 'number') route.med = actions.med;
  else if (typeof actions.med === 'object') route.med = (route.med ?? 0) + (actions.med as { add: number }).add;
  else if (actions.med === 'remove') route.med = null;
  if (actions.origin) route.origin = actions.origin;
  const { replace, remove = [], add = [] } = actions.communities ?? {};
  if (replace) route.communities = [...replace];
  route.communities = route.communities.filter((community) => !remove.some((pattern) => fits(community, pattern)));
  for (const community of add) if (!route.communities.includes(community)) route.communities.push(community);
  const { asn, times = 1 } = actions.asPathPrepend ?? {};
  if (asn !== undefined) route.asns = [...new Array<number>(times).fill(asn), ...route.asns];
}

/** The statements one after the other, over the route itself. */
function slowPolicy(
  input: Plain,
  statements: readonly PolicyStatement[],
  sets: Record<string, readonly PrefixSetEntry[]>,
): Plain | null {
  const route: Plain = { ...input, asns: [...input.asns], communities: [...input.communities] };
  for (const { conditions = {}, actions = {} } of statements) {
    if (slowMatch(route, conditions, sets).includes(false)) continue;
    if (slowMatch(route, conditions.not ?? {}, sets).includes(true)) continue;
    slowApply(route, actions);
    if (actions.result !== undefined) return actions.result === 'accept' ? route : null;
  }
  return null;
}

const plainOf = (view: PathView): Plain => ({
  prefix: view.prefix,
  asns: view.asPath === '' ? [] : view.asPath.split(' ').map(Number),
  communities: [...view.communities],
  med: view.med,
  localPref: view.localPref,
  origin: view.origin,
});

// Few values of each kind, so that things meet.
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const community = fc.constantFrom('1:1', '1:2', '2:1', '2:2');
const pattern = fc.constantFrom('1:1', '2:2', '1:*', '*:2', '*:*');
const communityList = fc.uniqueArray(community, { maxLength: 3 });
const patternList = fc.uniqueArray(pattern, { maxLength: 2 });
const asn = fc.constantFrom(7, 70, 65001);
const prefix = fc
  .tuple(fc.integer({ min: 0, max: 14 }), fc.constantFrom(0, 0x0a000000, 0x0a010000, 0x0a018000, 0xc0000200))
  .map(([length, address]) => {
    const bits = length * 2 + 4;
    const masked = (address & (-1 << (32 - bits))) >>> 0;
    return `${masked >>> 24}.${(masked >>> 16) & 255}.${(masked >>> 8) & 255}.${masked & 255}/${bits}`;
  });
const entry = prefix.chain((text) => {
  const length = Number(text.split('/')[1]);
  const more = fc.integer({ min: length, max: 32 });
  return fc
    .record({ prefix: fc.constant(text), ge: optional(more), le: optional(more) })
    .map((e) => JSON.parse(JSON.stringify(e)) as PrefixSetEntry);
});
const match = fc.record({
  prefixSets: optional(fc.uniqueArray(fc.constantFrom('a', 'b'), { minLength: 1 })),
  communities: optional(
    fc.record({ any: optional(patternList), all: optional(patternList), none: optional(patternList) }),
  ),
  med: optional(fc.constantFrom(0, 5)),
  origin: optional(fc.constant(['igp'] as const)),
  asPath: optional(
    fc.record({
      contains: optional(fc.uniqueArray(asn, { minLength: 1 })),
      matches: optional(asn.map((n) => `_${n}_`)),
    }),
  ),
});
const actions = fc.record({
  result: fc.constantFrom('accept', 'reject', undefined),
  localPref: optional(fc.constantFrom(1, 200)),
  med: optional(fc.oneof(fc.constantFrom(0, 5), fc.constant({ add: 5 }), fc.constant('remove' as const))),
  origin: optional(fc.constantFrom('igp', 'egp')),
  communities: optional(
    fc.record({ replace: optional(communityList), remove: optional(patternList), add: optional(communityList) }),
  ),
  asPathPrepend: optional(fc.record({ asn, times: fc.integer({ min: 1, max: 3 }) })),
});
const without = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const statement = fc
  .record({ conditions: fc.tuple(match, optional(match)), actions })
  .map(({ conditions: [own, not], actions: act }) =>
    without({ conditions: { ...own, ...(not ? { not } : {}) } as PolicyConditions, actions: act as PolicyActions }),
  );
const route = fc.record({
  prefix,
  asns: fc.array(asn, { maxLength: 4 }),
  communities: communityList,
  med: fc.constantFrom(null, 0, 5),
  localPref: fc.constant(null),
  origin: fc.constantFrom('igp', 'egp', 'incomplete'),
}) as fc.Arbitrary<Plain>;

function wire({ asns, communities, med, origin }: Plain): EncodableAttribute[] {
  return attributes(
    'ebgp',
    [
      { code: 1, value: origin.toUpperCase() as 'IGP' },
      ...(med === null ? [] : [{ code: 4, value: med } as const]),
      ...(communities.length === 0 ? [] : [{ code: 8, value: communities.map(parseCommunity) } as const]),
    ],
    asns,
  ).sort((a, b) => a.code - b.code);
}

describe('policies against their slow twin', () => {
  it('each route, in both directions, also when it comes again and when ids were used for others', () => {
    fc.assert(
      fc.property(
        fc.array(statement, { maxLength: 4 }),
        fc.record({ a: fc.array(entry, { maxLength: 4 }), b: fc.array(entry, { maxLength: 3 }) }),
        fc.array(route, { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        (statements, prefixSets, routes, accept) => {
          const rig = new PolicyRig([...statements, ...(accept ? [{ actions: { result: 'accept' as const } }] : [])], {
            definitions: { prefixSets },
          });
          const all = accept ? [...statements, { actions: { result: 'accept' as const } }] : statements;
          const expected = routes.map((one) => slowPolicy(one, all, prefixSets));
          for (let round = 0; round < 2; round++) {
            for (const [i, one] of routes.entries()) {
              for (const direction of ['import', 'export'] as const) {
                const view = rig[direction]({ prefix: one.prefix, attributes: wire(one) });
                expect(view && plainOf(view)).to.deep.equal(expected[i]);
              }
              const family = rig.rib.of('ipv4-unicast');
              if (i % 3 === 2) {
                for (let id = 0; id < family.prefixes.idLimit; id++) family.withdraw(rig.source.source, id);
                rig.decide('ipv4-unicast');
                family.freeUnusedSets();
                family.freeUnusedSets();
              }
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('what a changed policy leaves is what the new one alone would have made', () => {
    fc.assert(
      fc.property(
        fc.array(statement, { maxLength: 3 }),
        fc.array(statement, { maxLength: 3 }),
        fc.record({ a: fc.array(entry, { maxLength: 3 }), b: fc.array(entry, { maxLength: 3 }) }),
        fc.uniqueArray(route, { minLength: 1, maxLength: 8, selector: (one) => one.prefix }),
        (before, after, prefixSets, routes) => {
          const rig = new PolicyRig(before, { definitions: { prefixSets } });
          for (const one of routes) rig.import({ prefix: one.prefix, attributes: wire(one) });
          rig.decide('ipv4-unicast');
          rig.revise(after);
          rig.decide('ipv4-unicast');
          for (const one of routes) {
            const loop = one.asns.includes(64512);
            const expected = loop ? null : slowPolicy(one, after, prefixSets);
            const best = rig.best(one.prefix);
            expect(best === undefined ? null : plainOf(best)).to.deep.equal(expected);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
