/** A network as plain objects: what the oracle starts from. Nothing of it comes from a RIB. */
import { canonicalAddress, formatPrefix, parsePrefix } from '../../net/index.js';
import type { NeighborOptions, OriginateOptions } from '../../speaker/options.js';
import type { Network } from '../network/network.js';
import type { Router } from '../network/router.js';
import { costsOf, type CostTo } from './costs.js';

/** One direction of a session that is up at both ends: what `to` knows of `from`, and the other way round. */
export interface PlainSession {
  readonly from: string;
  readonly to: string;
  /** Address of `from`, as `to` knows it. */
  readonly fromAddress: string;
  readonly internal: boolean;
  /** `to` has `from` as a client. */
  readonly fromIsClient: boolean;
  /** `from` has `to` as a client. */
  readonly toIsClient: boolean;
  /** `from` puts its own address as next hop on routes from outside. */
  readonly nextHopSelf: boolean;
}

export interface PlainRouter {
  readonly name: string;
  readonly asn: number;
  readonly routerId: string;
  readonly clusterId: string;
  readonly clientToClient: boolean;
  readonly alwaysCompareMed: boolean;
  /** By prefix. */
  readonly originated: ReadonlyMap<string, OriginateOptions>;
  readonly cost: CostTo;
}

export interface Snapshot {
  readonly routers: ReadonlyMap<string, PlainRouter>;
  readonly sessions: readonly PlainSession[];
  /** All that is originated somewhere. */
  readonly prefixes: readonly string[];
  /** Settings that the oracle knows nothing of, where they stand. Nothing that it says can be relied on then. */
  readonly unsupported: readonly string[];
}

/** Settings that change what a neighbor tells or is told, and are not among the plain rules. */
const BEYOND: readonly (keyof NeighborOptions)[] = [
  'localAs',
  'allowOwnAs',
  'removePrivateAs',
  'asOverride',
  'enforceFirstAs',
  'role',
  'routeServerClient',
  'clusterId',
  'addPath',
  'prefixLimit',
  'importPolicy',
  'exportPolicy',
  'defaultImportPolicy',
  'defaultExportPolicy',
  'extendedNextHop',
];

const BEYOND_SPEAKER = ['confederation', 'dynamicNeighbors', 'ebgpRequiresPolicy', 'multipath'] as const;

/** What a network is made of now: IPv4 unicast, sessions that are up. */
export function takeSnapshot(net: Network): Snapshot {
  const unsupported: string[] = [];
  const running = [...net.routers.values()].filter(({ isRunning }) => isRunning);
  const routers = new Map(running.map((router) => [router.name, plainRouter(net, router, unsupported)]));
  const sessions: PlainSession[] = [];
  for (const router of running) {
    for (const { address } of router.speaker.config.neighbors ?? []) {
      const session = sessionOf(net, router, address, unsupported);
      if (session !== undefined) sessions.push(session);
    }
  }
  const prefixes = [...new Set([...routers.values()].flatMap(({ originated }) => [...originated.keys()]))].sort();
  return { routers, sessions, prefixes, unsupported: [...new Set(unsupported)] };
}

function plainRouter(net: Network, router: Router, unsupported: string[]): PlainRouter {
  const { config } = router.speaker;
  for (const key of BEYOND_SPEAKER) {
    if ((config as unknown as Record<string, unknown>)[key]) unsupported.push(`${router.name}: ${key}`);
  }
  return {
    name: router.name,
    asn: config.asn,
    routerId: config.routerId,
    clusterId: config.clusterId ?? config.routerId,
    clientToClient: config.clientToClientReflection ?? true,
    alwaysCompareMed: config.alwaysCompareMed ?? false,
    originated: originatedBy(router),
    cost: costsOf(net, router),
  };
}

/** From the configuration, and from what was announced and withdrawn since. */
function originatedBy(router: Router): Map<string, OriginateOptions> {
  const all = new Map<string, OriginateOptions>();
  for (const network of router.speaker.config.networks ?? []) {
    const options = typeof network === 'string' ? { prefix: network } : network;
    const prefix = formatPrefix(parsePrefix(options.prefix));
    if (!prefix.includes(':')) all.set(prefix, options);
  }
  for (const [prefix, options] of router.announced) {
    if (prefix.includes(':')) continue;
    if (options === null) all.delete(prefix);
    else all.set(prefix, options);
  }
  return all;
}

function sessionOf(net: Network, to: Router, address: string, unsupported: string[]): PlainSession | undefined {
  const from = net.ownerOf(canonicalAddress(address));
  if (from?.isRunning !== true || !to.isUp(address)) return undefined;
  const ofTo = to.neighborAt(address)!;
  const back = ofTo.localAddress ?? to.addresses.find((own) => from.isUp(own));
  const ofFrom = back === undefined ? undefined : from.neighborAt(back);
  if (ofFrom === undefined || !from.isUp(ofFrom.address)) return undefined;
  const internal = from.asn === to.asn;
  for (const key of BEYOND) if (ofTo[key]) unsupported.push(`${to.name}: ${key} of ${address}`);
  if (!internal && ofFrom.nextHopSelf !== undefined) unsupported.push(`${from.name}: nextHopSelf of an eBGP neighbor`);
  if (ofFrom.nextHopSelf !== undefined && typeof ofFrom.nextHopSelf !== 'boolean') {
    unsupported.push(`${from.name}: nextHopSelf ${String(ofFrom.nextHopSelf)}`);
  }
  return {
    from: from.name,
    to: to.name,
    fromAddress: address,
    internal,
    fromIsClient: ofTo.routeReflectorClient ?? false,
    toIsClient: ofFrom.routeReflectorClient ?? false,
    nextHopSelf: ofFrom.nextHopSelf === true,
  };
}
