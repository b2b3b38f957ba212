/** Policies as the oracle knows them: the simple ones, read statement by statement. */
import { formatPrefix, parseAddress, parsePrefix, prefixContains } from '../../net/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../speaker/options.js';
import type { PlainRoute } from './plain-route.js';

type Named<T> = NonNullable<T>[keyof NonNullable<T>];
type Statement = Named<SpeakerConfig['policies']>[number];
type PrefixSetItem = Named<SpeakerConfig['prefixSets']>[number];

export interface PlainPolicy {
  readonly statements: readonly Statement[];
  /** Of the configuration that it stands in. */
  readonly prefixSets: NonNullable<SpeakerConfig['prefixSets']>;
  /** What no statement decides on. */
  readonly fallback: 'accept' | 'reject';
}

/** What a policy made of a route. */
export interface Judged {
  readonly route: PlainRoute;
  /** It set MULTI_EXIT_DISC. */
  readonly setsMed: boolean;
}

/** Conditions and actions that {@link judge} knows. */
const CONDITIONS = new Set(['prefixSets', 'family', 'communities']);
const ACTIONS = new Set(['result', 'localPref', 'med', 'origin', 'communities']);

/**
 * The policy of a neighbor in one direction; undefined: it has none.
 * @param unsupported told of what the oracle does not know
 */
export function policyOf(
  config: SpeakerConfig,
  neighbor: NeighborOptions,
  direction: 'import' | 'export',
  unsupported: (what: string) => void,
): PlainPolicy | undefined {
  const [key, defaultKey] =
    direction === 'import'
      ? (['importPolicy', 'defaultImportPolicy'] as const)
      : (['exportPolicy', 'defaultExportPolicy'] as const);
  const names = neighbor[key];
  const external = (neighbor.peerAs ?? 0) !== config.asn;
  const needed = config.ebgpRequiresPolicy === true && external;
  const fallback = neighbor[defaultKey] ?? (needed || names !== undefined ? 'reject' : 'accept');
  if (names === undefined && fallback === 'accept') return undefined;
  const statements = (names ?? []).flatMap((name) => config.policies?.[name] ?? []);
  for (const { conditions = {}, actions = {} } of statements) {
    const { communities = {} } = conditions;
    const strange = [
      ...Object.keys(conditions).filter((each) => !CONDITIONS.has(each)),
      ...Object.keys(communities).filter((each) => each !== 'any'),
      ...(communities.any ?? []).filter((each) => each.includes('*') || config.communitySets?.[each] !== undefined),
      ...Object.keys(actions).filter((each) => !ACTIONS.has(each)),
      ...(typeof actions.localPref === 'object' ? ['localPref that is added to'] : []),
      ...(actions.med !== undefined && typeof actions.med !== 'number' ? ['med that is no number'] : []),
      ...Object.keys(actions.communities ?? {}).filter((each) => each !== 'add'),
    ];
    for (const what of strange) unsupported(`${key} with ${what}`);
  }
  return { statements, prefixSets: config.prefixSets ?? {}, fallback };
}

/** What a policy makes of a route; undefined: it is rejected. */
export function judge(policy: PlainPolicy | undefined, before: PlainRoute): Judged | undefined {
  let route = before;
  let setsMed = false;
  for (const statement of policy?.statements ?? []) {
    if (!matches(policy!, statement, route)) continue;
    const { result, localPref, med, origin, communities } = statement.actions ?? {};
    if (localPref !== undefined) route = { ...route, localPref: localPref as number };
    if (origin !== undefined) route = { ...route, origin };
    if (med !== undefined) {
      route = { ...route, med: med as number };
      setsMed = true;
    }
    if (communities?.add !== undefined) {
      route = { ...route, communities: [...new Set([...route.communities, ...communities.add])] };
    }
    if (result === 'reject') return undefined;
    if (result === 'accept') return { route, setsMed };
  }
  return policy?.fallback === 'reject' ? undefined : { route, setsMed };
}

function matches(policy: PlainPolicy, { conditions = {} }: Statement, route: PlainRoute): boolean {
  const { prefixSets, family, communities } = conditions;
  if (family !== undefined && (family === 'ipv6-unicast') !== route.prefix.includes(':')) return false;
  const entries = prefixSets?.flatMap((name) => policy.prefixSets[name] ?? []);
  if (entries !== undefined && !entries.some((entry) => holds(entry, route.prefix))) return false;
  return communities?.any?.some((each) => route.communities.includes(each)) ?? true;
}

function holds(entry: PrefixSetItem, prefix: string): boolean {
  if (typeof entry === 'string') return formatPrefix(parsePrefix(entry)) === prefix;
  const outer = parsePrefix(entry.prefix);
  const [address, length] = prefix.split('/');
  const { ge = outer.length, le = entry.ge === undefined ? outer.length : 128 } = entry;
  return Number(length) >= ge && Number(length) <= le && prefixContains(outer, parseAddress(address!));
}
