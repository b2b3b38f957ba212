import * as z from 'zod';
import { ROLE_NAMES } from '../bgp/wire/capabilities/role.js';
import { RIB_FAMILIES } from '../bgp/wire/families.js';
import type { FibOptions, HoldWithoutOptions } from '../fib/options.js';
import type { RemovalLimit } from '../fib/removal-guard.js';
import type { Endpoint } from '../net/index.js';
import { AS_PATH_SET, COMMUNITY_SET, POLICY, PREFIX_SET } from './config-policy-schema.js';
import type { MultipathOptions } from '../rib/multipath.js';
import type { BestPaths } from '../rib/path-selection.js';
import * as v from './config-values.js';
import { CONTRIBUTOR_SOURCES } from '../rr/summary-only.js';
import type {
  AddPathByFamily,
  AddPathOptions,
  AggregateOptions,
  ConfederationOptions,
  ConnectionRateLimit,
  DynamicNeighborOptions,
  GracefulRestartSettings,
  LearnOptions,
  LocalRouteAttributes,
  LongLivedGracefulRestartSettings,
  NeighborOptions,
  NetworkOptions,
  PeerSettings,
  PrefixLimitOptions,
  SpeakerConfig,
  SpeakerRestartOptions,
} from './options.js';

/** One schema per option: leaving one out, or giving it another type, does not compile. */
type Shape<T> = { readonly [K in keyof T]-?: z.ZodType<T[K]> };

const port = v.integer(1, 0xffff);
const u32 = v.integer(0, 0xffffffff);

const PREFIX_LIMIT = z.strictObject({
  maxPrefixes: v.integer(1, 0xffffffff),
  warningThresholdPct: v.integer(1, 100, 'per cent').optional(),
  action: v.oneOf(['warn', 'drop', 'stop']).optional(),
  restartTime: v.seconds.optional(),
} satisfies Shape<PrefixLimitOptions>);
/** A setting that is a mapping. A key that is left out is not there, rather than undefined. */
function mapping<T extends object>(shape: Shape<T>): z.ZodType<T> {
  const strip = (given: object): T =>
    Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined)) as T;
  return z.strictObject(shape as z.ZodRawShape).transform(strip);
}

export const GRACEFUL_RESTART = {
  enabled: v.flag.optional(),
  helperOnly: v.flag.optional(),
  restartTime: v.integer(0, 4095, 'seconds').optional(),
  staleRoutesTime: v.integer(1, 0xffff, 'seconds').optional(),
  notification: v.flag.optional(),
} satisfies Shape<GracefulRestartSettings>;

export const LONG_LIVED = {
  enabled: v.flag.optional(),
  helperOnly: v.flag.optional(),
  staleTime: v.integer(1, 0xffffff, 'seconds').optional(),
  partialDeployment: v.flag.optional(),
} satisfies Shape<LongLivedGracefulRestartSettings>;

const BEST_PATHS = z.strictObject({
  best: v.integer(1, 0xffff, 'paths'),
  perNeighborAs: v.flag.optional(),
} satisfies Shape<BestPaths>);

/** The schemas that may stand for one of several forms. */
export const FORMS = new WeakMap<z.ZodType, readonly z.ZodType[]>();

/** One schema or another, as the input looks. */
function either<A, B>(isFirst: (input: unknown) => boolean, first: z.ZodType<A>, second: z.ZodType<B>) {
  const schema = z.unknown().transform((input, cx): A | B => {
    const result = (isFirst(input) ? first : second).safeParse(input);
    if (result.success) return result.data;
    cx.issues.push(...(result.error.issues as unknown as typeof cx.issues));
    return z.NEVER;
  });
  FORMS.set(schema, [first, second]);
  return schema;
}

/** A word, or a mapping. */
const SENT_PATHS = either((input) => typeof input === 'object' && input !== null, BEST_PATHS, v.allOrFalse);

const ADD_PATH_OPTIONS = z.strictObject({
  receive: v.flag.optional(),
  send: SENT_PATHS.optional(),
} satisfies Shape<AddPathOptions>);

const ADD_PATH_BY_FAMILY = z.strictObject({
  'ipv4-unicast': ADD_PATH_OPTIONS.optional(),
  'ipv6-unicast': ADD_PATH_OPTIONS.optional(),
} satisfies Shape<AddPathByFamily>);

/** For all families, or family by family. */
const ADD_PATH = either(
  (input) => typeof input === 'object' && input !== null && Object.keys(input).some((key) => key.includes('-')),
  ADD_PATH_BY_FAMILY,
  ADD_PATH_OPTIONS,
);

export const PEER_SETTINGS = {
  peerAs: v.asn.optional(),
  localAs: v.asn.optional(),
  localAsNoPrepend: v.flag.optional(),
  localAsReplaceAs: v.flag.optional(),
  allowOwnAs: v.integer(0, 255).optional(),
  removePrivateAs: v.oneOf(['plain', 'removeAll', 'replaceAll']).optional(),
  asOverride: v.flag.optional(),
  enforceFirstAs: v.flag.optional(),
  role: v.oneOf(ROLE_NAMES).optional(),
  roleStrict: v.flag.optional(),
  routeServerClient: v.flag.optional(),
  description: v.line.optional(),
  routeReflectorClient: v.flag.optional(),
  clusterId: v.clusterId.optional(),
  families: z.array(v.oneOf(RIB_FAMILIES)).optional(),
  holdTime: v.holdTime.optional(),
  keepaliveInterval: v.integer(1, 21845, 'seconds').optional(),
  connectRetry: v.seconds.optional(),
  connectRetryMax: v.seconds.optional(),
  sendHoldTime: v.integer(0, 0xffff, 'seconds').optional(),
  passive: v.flag.optional(),
  localAddress: v.scopedHostAddress.optional(),
  localPort: port.optional(),
  port: port.optional(),
  nextHopSelf: v.flagOrForce.optional(),
  extendedMessages: v.flag.optional(),
  extendedNextHop: v.flag.optional(),
  mitigatePathHiding: v.flag.optional(),
  addPath: ADD_PATH.optional(),
  minimumAdvertisementInterval: v.secondsOrAtOnce.optional(),
  prefixLimit: z
    .strictObject({ 'ipv4-unicast': PREFIX_LIMIT.optional(), 'ipv6-unicast': PREFIX_LIMIT.optional() })
    .optional(),
  password: v.password.optional(),
  passwordFile: v.absolutePath.optional(),
  ttlSecurity: v.integer(1, 254, 'hops').optional(),
  multihop: v.integer(1, 255, 'hops').optional(),
  connectedCheck: v.flag.optional(),
  dscp: v.integer(0, 63).optional(),
  gracefulRestart: mapping<GracefulRestartSettings>(GRACEFUL_RESTART).optional(),
  longLivedGracefulRestart: mapping<LongLivedGracefulRestartSettings>(LONG_LIVED).optional(),
  importPolicy: z.array(v.word).optional(),
  exportPolicy: z.array(v.word).optional(),
  defaultImportPolicy: v.oneOf(['accept', 'reject']).optional(),
  defaultExportPolicy: v.oneOf(['accept', 'reject']).optional(),
  adminDown: v.flag.optional(),
} satisfies Shape<PeerSettings>;

/** A word, or a list of addresses. */
const HOLD_NEIGHBORS = z.unknown().transform((input, cx) => {
  const result = (Array.isArray(input) ? z.array(v.scopedHostAddress) : v.reflectorsOrAll).safeParse(input);
  if (result.success) return result.data;
  cx.issues.push(...(result.error.issues as unknown as typeof cx.issues));
  return z.NEVER;
});

export const HOLD_WITHOUT = {
  neighbors: HOLD_NEIGHBORS,
  timeLimit: v.secondsOrForEver.optional(),
} satisfies Shape<HoldWithoutOptions>;

export const REMOVAL_LIMIT = {
  percent: v.integer(1, 100, 'per cent'),
  seconds: v.integer(1, 86_400, 'seconds'),
} satisfies Shape<RemovalLimit>;

/** The keys of settings that are mappings. */
export const MAPPINGS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  gracefulRestart: GRACEFUL_RESTART,
  longLivedGracefulRestart: LONG_LIVED,
  removalLimit: REMOVAL_LIMIT,
  holdWithout: HOLD_WITHOUT,
};

export const NEIGHBOR = {
  address: v.scopedHostAddress,
  peerGroup: v.word.optional(),
  ...PEER_SETTINGS,
} satisfies Shape<NeighborOptions>;

export const DYNAMIC_NEIGHBOR = {
  prefix: v.prefix,
  peerGroup: v.word,
  limit: v.integer(1, 1_000_000).optional(),
} satisfies Shape<DynamicNeighborOptions>;

export const NETWORK = {
  prefix: v.prefix,
  nextHop: v.hostAddress.optional(),
  origin: v.oneOf(['igp', 'egp', 'incomplete']).optional(),
  med: u32.optional(),
  localPref: u32.optional(),
  communities: z.array(v.community).optional(),
  largeCommunities: z.array(v.largeCommunity).optional(),
  blackhole: v.flag.optional(),
} satisfies Shape<NetworkOptions>;

const LOCAL_ROUTE = {
  origin: NETWORK.origin,
  med: NETWORK.med,
  localPref: NETWORK.localPref,
  communities: NETWORK.communities,
  largeCommunities: NETWORK.largeCommunities,
} satisfies Shape<LocalRouteAttributes>;

export const LEARN = {
  protocols: z.array(v.anyProtocolName).optional(),
  table: v.tableName.optional(),
  devices: z.array(v.devicePattern).optional(),
  within: z.array(v.prefix).optional(),
  defaultRoute: v.flag.optional(),
  importPolicy: z.array(v.word).optional(),
  defaultImportPolicy: v.oneOf(['accept', 'reject']).optional(),
  ...LOCAL_ROUTE,
} satisfies Shape<LearnOptions>;

export const AGGREGATE = {
  prefix: v.prefix,
  summaryOnly: v.flag.optional(),
  blackhole: v.flag.optional(),
  asSet: v.flag.optional(),
  from: z.array(v.oneOf(CONTRIBUTOR_SOURCES)).optional(),
  ...LOCAL_ROUTE,
} satisfies Shape<AggregateOptions>;

export const LISTEN = {
  address: v.listenAddress,
  /** 0: the system chooses. */
  port: v.integer(0, 0xffff).default(179),
} satisfies Shape<Endpoint>;

export const CONFEDERATION = {
  identifier: v.asn,
  memberAs: z.array(v.asn).optional(),
} satisfies Shape<ConfederationOptions>;

export const CONNECTION_RATE_LIMIT = {
  perAddress: v.integer(0, 1_000_000, 'per second').optional(),
  total: v.integer(0, 1_000_000, 'per second').optional(),
} satisfies Shape<ConnectionRateLimit>;

export const MULTIPATH = {
  ebgp: v.integer(1, 64, 'paths').optional(),
  ibgp: v.integer(1, 64, 'paths').optional(),
  asPathRelax: v.flag.optional(),
  linkBandwidth: v.oneOf(['allOrNone', 'skipMissing', 'ignore']).optional(),
} satisfies Shape<MultipathOptions>;

export const FIB = {
  type: v.oneOf(['ip-route', 'netlink', 'memory', 'print']),
  table: v.tableName.optional(),
  protocol: v.protocolName.optional(),
  metric: u32.optional(),
  atStart: v.oneOf(['sweep', 'flush', 'adopt']).optional(),
  atStop: v.oneOf(['keep', 'remove']).optional(),
  reconcileInterval: v.secondsOrNever.optional(),
  resolveViaDefault: v.flag.optional(),
  resolveViaBgp: v.flag.optional(),
  nexthopObjects: v.flag.optional(),
  exportPolicy: z.array(v.word).optional(),
  defaultExportPolicy: v.oneOf(['accept', 'reject']).optional(),
  vrf: v.deviceName.optional(),
  removalLimit: mapping<RemovalLimit>(REMOVAL_LIMIT).optional(),
  holdWithout: mapping<HoldWithoutOptions>(HOLD_WITHOUT).optional(),
  conntrack: v.oneOf(['keep', 'delete']).optional(),
  netns: v.netnsName.optional(),
} satisfies Shape<FibOptions>;

export const API_DEFAULT_LISTEN = '127.0.0.1:8179';

export const API = { listen: v.hostPort.default(API_DEFAULT_LISTEN) } satisfies Shape<
  NonNullable<SpeakerConfig['api']>
>;

export const SPEAKER_RESTART = {
  atStop: v.oneOf(['shutdown', 'restart']).optional(),
  selectionDeferralTime: v.integer(1, 0xffff, 'seconds').optional(),
  dynamicNeighborQuietTime: v.integer(0, 0xffff, 'seconds').optional(),
} satisfies Shape<SpeakerRestartOptions>;

/** How a top-level key holds its values: itself, in a list, or by name. */
export interface Section {
  readonly holds: 'value' | 'list' | 'byName';
  readonly required?: true;
  readonly schema: z.ZodType;
  /** The keys of each entry, for entries that are mappings. */
  readonly shape?: Readonly<Record<string, z.ZodType>>;
}

function section(holds: Section['holds'], shape: Readonly<Record<string, z.ZodType>>): Section {
  return { holds, shape, schema: z.strictObject(shape) };
}

/** A list entry that is a prefix alone, or a mapping. */
const NETWORK_ENTRY = z.unknown().transform((input, cx) => {
  const result = (typeof input === 'object' && input !== null ? z.strictObject(NETWORK) : v.prefix).safeParse(input);
  if (result.success) return result.data;
  cx.issues.push(...(result.error.issues as unknown as typeof cx.issues));
  return z.NEVER;
});

/** All top-level keys. */
export const SECTIONS: { readonly [K in keyof Required<SpeakerConfig>]: Section } = {
  asn: { holds: 'value', required: true, schema: v.asn },
  routerId: { holds: 'value', required: true, schema: v.routerId },
  clusterId: { holds: 'value', schema: v.clusterId },
  confederation: section('value', CONFEDERATION),
  listen: section('list', LISTEN),
  connectionRateLimit: section('value', CONNECTION_RATE_LIMIT),
  peerGroups: section('byName', PEER_SETTINGS),
  neighbors: section('list', NEIGHBOR),
  dynamicNeighbors: section('list', DYNAMIC_NEIGHBOR),
  networks: { holds: 'list', shape: NETWORK, schema: NETWORK_ENTRY },
  learn: section('list', LEARN),
  aggregates: section('list', AGGREGATE),
  clientToClientReflection: { holds: 'value', schema: v.flag },
  alwaysCompareMed: { holds: 'value', schema: v.flag },
  multipath: section('value', MULTIPATH),
  gracefulRestart: section('value', SPEAKER_RESTART),
  ebgpRequiresPolicy: { holds: 'value', schema: v.flag },
  policies: { holds: 'byName', schema: POLICY },
  prefixSets: { holds: 'byName', schema: PREFIX_SET },
  communitySets: { holds: 'byName', schema: COMMUNITY_SET },
  asPathSets: { holds: 'byName', schema: AS_PATH_SET },
  fib: section('value', FIB),
  api: section('value', API),
};

/** Every key that a configuration can have, as `neighbors[].holdTime` and `peerGroups.*.holdTime`. */
export function configKeys(): string[] {
  const mark = { value: '', list: '[]', byName: '.*' } as const;
  return Object.entries(SECTIONS).flatMap(([name, { holds, shape }]) => [
    name,
    ...Object.keys(shape ?? {})
      .flatMap((key) => [key, ...Object.keys(MAPPINGS[key] ?? {}).map((inner) => `${key}.${inner}`)])
      .map((key) => `${name}${mark[holds]}.${key}`),
  ]);
}
