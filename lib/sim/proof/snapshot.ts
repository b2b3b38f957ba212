/** A network as plain objects: what the oracle starts from. Nothing of it comes from a RIB. */
import { formatPrefix, parsePrefix } from '../../net/index.js';
import type { OriginateOptions } from '../../speaker/options.js';
import type { Network } from '../network/network.js';
import type { Router } from '../network/router.js';
import { costsOf, type CostTo } from './costs.js';
import { sessionsOf, type PlainSession } from './sessions.js';

export interface PlainRouter {
  readonly name: string;
  readonly asn: number;
  readonly routerId: string;
  /** All its cluster IDs: its own, and those that it has for single clients. */
  readonly clusterIds: readonly string[];
  readonly clientToClient: boolean;
  readonly alwaysCompareMed: boolean;
  /** It uses several paths at once. */
  readonly multipath: boolean;
  /** By prefix. */
  readonly originated: ReadonlyMap<string, OriginateOptions>;
  readonly cost: CostTo;
}

export interface Snapshot {
  readonly routers: ReadonlyMap<string, PlainRouter>;
  readonly sessions: readonly PlainSession[];
  /** All that is originated somewhere, IPv4 and IPv6. */
  readonly prefixes: readonly string[];
  /** Settings that the oracle knows nothing of, where they stand. Nothing that it says can be relied on then. */
  readonly unsupported: readonly string[];
}

const BEYOND_SPEAKER = ['confederation', 'dynamicNeighbors', 'learn', 'aggregates'] as const;

/** What a network is made of now: sessions that are up, what is originated, what it costs to get somewhere. */
export function takeSnapshot(net: Network): Snapshot {
  const unsupported = new Set<string>();
  const note = (what: string): void => void unsupported.add(what);
  const running = [...net.routers.values()].filter(({ isRunning }) => isRunning);
  const routers = new Map(running.map((router) => [router.name, plainRouter(net, router, note)]));
  const prefixes = [...new Set([...routers.values()].flatMap(({ originated }) => [...originated.keys()]))].sort();
  return { routers, sessions: sessionsOf(net, note), prefixes, unsupported: [...unsupported] };
}

function plainRouter(net: Network, router: Router, unsupported: (what: string) => void): PlainRouter {
  const { config } = router.speaker;
  for (const key of BEYOND_SPEAKER) {
    const value: unknown = config[key];
    if (Array.isArray(value) ? value.length > 0 : value) unsupported(`${router.name}: ${key}`);
  }
  const perClient = (config.neighbors ?? []).flatMap(({ address }) => router.neighborAt(address)?.clusterId ?? []);
  return {
    name: router.name,
    asn: config.asn,
    routerId: config.routerId,
    clusterIds: [config.clusterId ?? config.routerId, ...perClient],
    clientToClient: config.clientToClientReflection ?? true,
    alwaysCompareMed: config.alwaysCompareMed ?? false,
    multipath: config.multipath !== undefined,
    originated: originatedBy(router),
    cost: costsOf(net, router),
  };
}

/** From the configuration, and from what was announced and withdrawn since. */
function originatedBy(router: Router): Map<string, OriginateOptions> {
  const all = new Map<string, OriginateOptions>();
  for (const network of router.speaker.config.networks ?? []) {
    const options = typeof network === 'string' ? { prefix: network } : network;
    all.set(formatPrefix(parsePrefix(options.prefix)), options);
  }
  for (const [prefix, options] of router.announced) {
    if (options === null) all.delete(prefix);
    else all.set(prefix, options);
  }
  return all;
}
