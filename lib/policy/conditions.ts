/**
 * Conditions, compiled once into closures. What looks at attributes alone reads the draft; what looks at the prefix or at
 * the source of the route is a *test*, answered before (see PolicyProgram): its answer is a bit that the closure reads.
 */
import type { FamilyName } from '../bgp/wire/families.js';
import { parsePrefix, prefixContains } from '../net/index.js';
import type { Source, SourceType } from '../rib/peer-table.js';
import type { CommunityKind } from './communities.js';
import type {
  AsPathCondition,
  CommunityCondition,
  NumberRange,
  PolicyConditions,
  PolicyMatch,
  RouteType,
} from './definition.js';
import { compileAsPathRegex, type PolicySets } from './policy-sets.js';
import type { PrefixMatcher } from './prefix-matcher.js';
import type { RouteDraft } from './route-draft.js';

/** @param bits answers of the tests */
export type Condition = (draft: RouteDraft, bits: Uint8Array) => boolean;

/** What depends on more than the attributes. */
export type Test =
  | { readonly kind: 'prefix'; readonly matcher: PrefixMatcher }
  | { readonly kind: 'source'; readonly matches: (source: Source) => boolean };

/** What conditions are compiled for. */
export interface ConditionContext {
  readonly sets: PolicySets;
  readonly family: FamilyName;
  /** Import: the neighbor, which all routes come from. */
  readonly source?: Source | undefined;
  /** Filled while conditions are compiled. */
  readonly tests: Test[];
}

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;
const ROUTE_TYPES: Readonly<Record<SourceType, RouteType>> = {
  local: 'local',
  ibgp: 'internal',
  // RFC 5065 section 5.3: a route from anywhere in the confederation is internal.
  confed: 'internal',
  ebgp: 'external',
};

const ALWAYS: Condition = () => true;
const NEVER: Condition = () => false;

/** One closure that holds when all conditions do. */
export function compileConditions(conditions: PolicyConditions, cx: ConditionContext): Condition {
  const { not = {}, ...match } = conditions;
  const all = compileMatch(match, cx).filter((condition) => condition !== ALWAYS);
  const none = compileMatch(not, cx).filter((condition) => condition !== NEVER);
  if (all.includes(NEVER) || none.includes(ALWAYS)) return NEVER;
  return (draft, bits) => {
    for (const condition of all) if (!condition(draft, bits)) return false;
    for (const condition of none) if (condition(draft, bits)) return false;
    return true;
  };
}

type Compile = {
  readonly [K in keyof PolicyMatch]-?: (value: NonNullable<PolicyMatch[K]>, cx: ConditionContext) => Condition;
};

const COMPILE: Compile = {
  prefixSets: (names, cx) => {
    const matcher = cx.sets.prefixMatcher(names, cx.family === 'ipv4-unicast' ? 32 : 128);
    return matcher.isEmpty ? NEVER : testOf({ kind: 'prefix', matcher }, cx);
  },
  family: (family, cx) => constant(family === cx.family),
  communities: (condition, cx) => communities('communities', condition, cx),
  largeCommunities: (condition, cx) => communities('largeCommunities', condition, cx),
  extendedCommunities: (condition, cx) => communities('extendedCommunities', condition, cx),
  asPath,
  nextHopIn: (texts) => {
    const prefixes = texts.map(parsePrefix);
    return ({ nextHop }) => {
      const address = nextHop.length === 32 ? nextHop.subarray(0, 16) : nextHop;
      return prefixes.some((prefix) => prefixContains(prefix, address));
    };
  },
  origin: (names) => {
    const values = names.map((name) => ORIGINS.indexOf(name));
    return ({ origin }) => values.includes(origin);
  },
  med: (range) => {
    const holds = inRange(range);
    return ({ med }) => holds(med);
  },
  localPref: (range) => {
    const holds = inRange(range);
    return ({ localPref }) => holds(localPref);
  },
  fromNeighbors: (texts, cx) => {
    const prefixes = texts.map(parsePrefix);
    return sourceTest(({ address }) => prefixes.some((prefix) => prefixContains(prefix, address)), cx);
  },
  fromPeerGroups: (names, cx) =>
    sourceTest(({ peerGroup }) => peerGroup !== undefined && names.includes(peerGroup), cx),
  routeTypes: (types, cx) => sourceTest(({ type }) => types.includes(ROUTE_TYPES[type]), cx),
};

function compileMatch(match: PolicyMatch, cx: ConditionContext): Condition[] {
  return Object.entries(match)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) =>
      (COMPILE[key as keyof PolicyMatch] as (value: unknown, cx: ConditionContext) => Condition)(value, cx),
    );
}

function constant(holds: boolean): Condition {
  return holds ? ALWAYS : NEVER;
}

function testOf(test: Test, cx: ConditionContext): Condition {
  let index =
    test.kind === 'prefix' ? cx.tests.findIndex((t) => t.kind === 'prefix' && t.matcher === test.matcher) : -1;
  if (index < 0) index = cx.tests.push(test) - 1;
  return (_, bits) => bits[index] === 1;
}

function sourceTest(matches: (source: Source) => boolean, cx: ConditionContext): Condition {
  return cx.source ? constant(matches(cx.source)) : testOf({ kind: 'source', matches }, cx);
}

function inRange(range: number | NumberRange): (value: number) => boolean {
  const { ge = 0, le = Infinity } = typeof range === 'number' ? { ge: range, le: range } : range;
  return (value) => value >= ge && value <= le;
}

function communities(kind: CommunityKind, { any, all, none }: CommunityCondition, cx: ConditionContext): Condition {
  const anyOf = any && cx.sets.communityPatterns(kind, any);
  const allOf = cx.sets.communityPatterns(kind, all ?? []).map((pattern) => [pattern]);
  const noneOf = cx.sets.communityPatterns(kind, none ?? []);
  return (draft) =>
    (anyOf === undefined || draft.hasAny(kind, anyOf)) &&
    allOf.every((pattern) => draft.hasAny(kind, pattern)) &&
    !draft.hasAny(kind, noneOf);
}

function asPath(condition: AsPathCondition, cx: ConditionContext): Condition {
  const { length, contains, originAs, neighborAs, matches, sets } = condition;
  const parts: Condition[] = [];
  if (length !== undefined) {
    const holds = inRange(length);
    parts.push((draft) => holds(draft.asPathLength));
  }
  if (contains) parts.push((draft) => draft.pathContains(contains));
  if (originAs) parts.push((draft) => originAs.includes(draft.originAs));
  if (neighborAs) parts.push((draft) => neighborAs.includes(draft.neighborAs));
  const expressions = [
    matches === undefined ? [] : [compileAsPathRegex(matches)],
    cx.sets.asPathExpressions(sets ?? []),
  ];
  for (const [i, list] of expressions.entries()) {
    if (i === 1 ? sets !== undefined : list.length > 0) {
      parts.push((draft) => list.some((expression) => expression.test(draft.asPathText)));
    }
  }
  return (draft, bits) => parts.every((part) => part(draft, bits));
}
