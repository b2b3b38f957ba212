/** The schema of policies and of the sets that they name. */
import * as z from 'zod';
import { RIB_FAMILIES } from '../bgp/wire/families.js';
import { isAddress, canonicalAddress, parsePrefix, formatPrefix } from '../net/index.js';
import { kindOfText, parseExact, parsePattern, type CommunityKind } from '../policy/communities.js';
import type {
  AsPathCondition,
  CommunityCondition,
  CommunityEdit,
  KernelRouteActions,
  NumberRange,
  PolicyActions,
  PolicyConditions,
  PolicyMatch,
  PolicyStatement,
  PrefixSetEntry,
} from '../policy/definition.js';
import { compileAsPathRegex } from '../policy/policy-sets.js';
import * as v from './config-values.js';

type Shape<T> = { readonly [K in keyof T]-?: z.ZodType<T[K]> };

const u32 = v.integer(0, 0xffffffff);
const names = z.array(v.word);
const asns = z.array(v.asn);

/** Reads a mapping by one schema and anything else by another, so that each says what it expected. */
function mappingOr<T, U>(mapping: z.ZodType<T>, other: z.ZodType<U>): z.ZodType<T | U> {
  return z.unknown().transform((input, cx) => {
    const result = (typeof input === 'object' && input !== null ? mapping : other).safeParse(input);
    if (result.success) return result.data;
    cx.issues.push(...(result.error.issues as unknown as typeof cx.issues));
    return z.NEVER;
  });
}

const RANGE = { ge: u32.optional(), le: u32.optional() } satisfies Shape<NumberRange>;
const numberOrRange = mappingOr(z.strictObject(RANGE) as z.ZodType<NumberRange>, u32);

const KIND_TEXT: Readonly<Record<CommunityKind, string>> = {
  communities: 'a community such as 65000:100 or no-export',
  largeCommunities: 'a large community such as 65000:1:2',
  extendedCommunities: 'an extended community such as rt:65000:100',
};

/** A community, a pattern, or the name of a set (checked with the other names). */
function communityItem(kind: CommunityKind): z.ZodType<string> {
  return v.value(`${KIND_TEXT[kind]}, a pattern with *, or the name of a community set`, (input) => {
    const item = v.text(input);
    if (kindOfText(item) !== undefined) parsePattern(kind, item);
    return item;
  });
}

function community(kind: CommunityKind): z.ZodType<string> {
  return v.value(KIND_TEXT[kind], (input) => {
    parseExact(kind, v.text(input));
    return v.text(input);
  });
}

function communityCondition(kind: CommunityKind): z.ZodType<CommunityCondition> {
  const items = z.array(communityItem(kind)).optional();
  return z.strictObject({
    any: items,
    all: items,
    none: items,
  } satisfies Shape<CommunityCondition>) as z.ZodType<CommunityCondition>;
}

function communityEdit(kind: CommunityKind): z.ZodType<CommunityEdit> {
  const exact = z.array(community(kind)).optional();
  const shape = {
    replace: exact,
    remove: z.array(communityItem(kind)).optional(),
    add: exact,
  } satisfies Shape<CommunityEdit>;
  return z.strictObject(shape) as z.ZodType<CommunityEdit>;
}

const regex = v.value('a regular expression over an AS_PATH such as _65001$', (input) => {
  compileAsPathRegex(v.text(input));
  return v.text(input);
});

const prefixOrAddress = v.value('a prefix or an address', (input) => {
  const text = v.text(input);
  return isAddress(text) ? canonicalAddress(text) : formatPrefix(parsePrefix(text));
});

const AS_PATH = {
  length: numberOrRange.optional(),
  contains: asns.optional(),
  originAs: asns.optional(),
  neighborAs: asns.optional(),
  matches: regex.optional(),
  sets: names.optional(),
} satisfies Shape<AsPathCondition>;

const MATCH = {
  prefixSets: names.optional(),
  family: v.oneOf(RIB_FAMILIES).optional(),
  communities: communityCondition('communities').optional(),
  largeCommunities: communityCondition('largeCommunities').optional(),
  extendedCommunities: communityCondition('extendedCommunities').optional(),
  asPath: z.strictObject(AS_PATH).optional() as z.ZodType<AsPathCondition | undefined>,
  nextHopIn: z.array(prefixOrAddress).optional(),
  origin: z.array(v.oneOf(['igp', 'egp', 'incomplete'])).optional(),
  med: numberOrRange.optional(),
  localPref: numberOrRange.optional(),
  fromNeighbors: z.array(prefixOrAddress).optional(),
  fromPeerGroups: names.optional(),
  routeTypes: z.array(v.oneOf(['local', 'internal', 'external'])).optional(),
} satisfies Record<keyof PolicyMatch, z.ZodType>;

const CONDITIONS = { ...MATCH, not: z.strictObject(MATCH).optional() } satisfies Record<
  keyof PolicyConditions,
  z.ZodType
>;

const numberEdit = mappingOr(
  z.strictObject({ add: u32.optional(), subtract: u32.optional() }),
  v.value('a number, { add: N } or { subtract: N }', (input) => {
    v.check(typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= 0xffffffff);
    return input as number;
  }),
);
const medEdit = mappingOr(
  z.strictObject({ add: u32.optional(), subtract: u32.optional() }),
  v.value("a number, { add: N }, { subtract: N } or 'remove'", (input) => {
    if (input === 'remove') return input;
    v.check(typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= 0xffffffff);
    return input as number;
  }),
);

const nextHop = v.value("an address, 'self', 'peer' or 'unchanged'", (input) => {
  const text = v.text(input);
  if (['self', 'peer', 'unchanged'].includes(text)) return text;
  v.check(isAddress(text));
  return canonicalAddress(text);
});

const PREPEND = { asn: v.asn.optional(), times: v.integer(1, 50).optional() };

const KERNEL_ROUTE = {
  metric: u32.optional(),
  prefSrc: v.hostAddress.optional(),
  mtu: v.integer(68, 0xffff, 'octets').optional(),
  device: v.deviceName.optional(),
  type: v.oneOf(['blackhole', 'unreachable', 'prohibit']).optional(),
} satisfies Record<keyof KernelRouteActions, z.ZodType>;

const ACTIONS = {
  result: v.oneOf(['accept', 'reject']).optional(),
  localPref: numberEdit.optional(),
  med: medEdit.optional(),
  origin: v.oneOf(['igp', 'egp', 'incomplete']).optional(),
  nextHop: nextHop.optional(),
  communities: communityEdit('communities').optional(),
  largeCommunities: communityEdit('largeCommunities').optional(),
  extendedCommunities: communityEdit('extendedCommunities').optional(),
  asPathPrepend: z.strictObject(PREPEND).optional(),
  kernelRoute: z.strictObject(KERNEL_ROUTE).optional(),
} satisfies Record<keyof PolicyActions, z.ZodType>;

const STATEMENT = {
  name: v.line.optional(),
  conditions: z.strictObject(CONDITIONS).optional(),
  actions: z.strictObject(ACTIONS).optional(),
} satisfies Record<keyof PolicyStatement, z.ZodType>;

const PREFIX_ENTRY = {
  prefix: v.prefix,
  ge: v.integer(0, 128).optional(),
  le: v.integer(0, 128).optional(),
} satisfies Shape<PrefixSetEntry>;

const setCommunity = v.value('a community of any kind, or a pattern with *', (input) => {
  const item = v.text(input);
  const kind = kindOfText(item);
  v.check(kind !== undefined);
  parsePattern(kind!, item);
  return item;
});

export const POLICY = z.array(z.strictObject(STATEMENT));
export const PREFIX_SET = z.array(mappingOr(z.strictObject(PREFIX_ENTRY), v.prefix));
export const COMMUNITY_SET = z.array(setCommunity);
export const AS_PATH_SET = z.array(regex);

/** The keys that could stand at a place below `policies` or `prefixSets`. */
export function policyKeysAt(path: readonly (string | number)[]): string[] {
  const [section, , , part, inner] = path;
  if (section === 'prefixSets') return Object.keys(PREFIX_ENTRY);
  if (section !== 'policies') return [];
  if (part === undefined) return Object.keys(STATEMENT);
  const at = part === 'conditions' && inner === 'not' ? path[5] : inner;
  if (at === undefined) return Object.keys(part === 'actions' ? ACTIONS : inner === 'not' ? MATCH : CONDITIONS);
  if (at === 'asPath') return Object.keys(AS_PATH);
  if (at === 'asPathPrepend') return Object.keys(PREPEND);
  if (at === 'kernelRoute') return Object.keys(KERNEL_ROUTE);
  if (String(at).toLowerCase().endsWith('communities')) {
    return part === 'actions' ? ['replace', 'remove', 'add'] : ['any', 'all', 'none'];
  }
  return part === 'actions' ? ['add', 'subtract'] : Object.keys(RANGE);
}

/** Every key of a statement, for the documentation's test. */
export const POLICY_KEYS = {
  statement: Object.keys(STATEMENT),
  conditions: Object.keys(CONDITIONS),
  asPath: Object.keys(AS_PATH),
  actions: Object.keys(ACTIONS),
  kernelRoute: Object.keys(KERNEL_ROUTE),
} as const;
