/** The sessions of a network that are up, as the oracle knows them. */
import { canonicalAddress, maskOctets, parseAddress, prefixContains, type Prefix } from '../../net/index.js';
import type { AddPathByFamily, AddPathOptions, NeighborOptions } from '../../speaker/options.js';
import type { PathSelection } from '../../rib/path-selection.js';
import type { Host } from '../network/host.js';
import type { Network } from '../network/network.js';
import type { Router } from '../network/router.js';
import { policyOf, type PlainPolicy } from './plain-policy.js';
import { FAMILIES, type FamilyOfPrefix } from './plain-route.js';

type ByFamily<T> = Readonly<Record<FamilyOfPrefix, T>>;

/** One direction of a session that is up at both ends: what `to` knows of `from`, and the other way round. */
export interface PlainSession {
  readonly from: string;
  readonly to: string;
  /** Address of `from`, as `to` knows it, and the other way round. */
  readonly fromAddress: string;
  readonly toAddress: string;
  readonly internal: boolean;
  readonly families: readonly FamilyOfPrefix[];
  /** `to` has `from` as a client, and in which cluster. */
  readonly fromIsClient: boolean;
  readonly fromClusterId: string;
  /** `from` has `to` as a client, and in which cluster. */
  readonly toIsClient: boolean;
  readonly toClusterId: string;
  /** `from` puts its own address as next hop on routes from outside, or on all. */
  readonly nextHopSelf: boolean | 'force';
  /** That address. */
  readonly ownNextHop: ByFamily<string>;
  /** Outside of an AS: the subnet of that address, if `to` is on it too. */
  readonly sharedSubnet: ByFamily<Prefix | undefined>;
  /** Several paths are told (RFC 7911), and which; undefined: the best one. */
  readonly paths: ByFamily<PathSelection | undefined>;
  /** Of `from`, and of `to`. */
  readonly exportPolicy: PlainPolicy | undefined;
  readonly importPolicy: PlainPolicy | undefined;
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
  'prefixLimit',
  'mitigatePathHiding',
  'extendedNextHop',
];

/** @param unsupported told of what the oracle does not know */
export function sessionsOf(net: Network, unsupported: (what: string) => void): PlainSession[] {
  const sessions: PlainSession[] = [];
  for (const router of net.routers.values()) {
    if (!router.isRunning) continue;
    for (const { address } of router.speaker.config.neighbors ?? []) {
      const session = sessionOf(net, router, address, unsupported);
      if (session !== undefined) sessions.push(session);
    }
  }
  return sessions;
}

function sessionOf(
  net: Network,
  to: Router,
  address: string,
  unsupported: (what: string) => void,
): PlainSession | undefined {
  const from = net.ownerOf(canonicalAddress(address));
  if (from?.isRunning !== true || !to.isUp(address)) return undefined;
  const ofTo = to.neighborAt(address)!;
  const back = ofTo.localAddress ?? to.addresses.find((own) => from.isUp(own));
  const ofFrom = back === undefined ? undefined : from.neighborAt(back);
  if (ofFrom === undefined || !from.isUp(ofFrom.address)) return undefined;
  for (const key of BEYOND) if (ofTo[key]) unsupported(`${to.name}: ${key} of ${address}`);
  const [configTo, configFrom] = [to.speaker.config, from.speaker.config];
  const internal = from.asn === to.asn;
  return {
    from: from.name,
    to: to.name,
    fromAddress: address,
    toAddress: ofFrom.address,
    internal,
    families: FAMILIES.filter((each) => isOffered(ofTo, each) && isOffered(ofFrom, each)),
    fromIsClient: ofTo.routeReflectorClient ?? false,
    fromClusterId: ofTo.clusterId ?? configTo.clusterId ?? configTo.routerId,
    toIsClient: ofFrom.routeReflectorClient ?? false,
    toClusterId: ofFrom.clusterId ?? configFrom.clusterId ?? configFrom.routerId,
    nextHopSelf: ofFrom.nextHopSelf ?? false,
    ownNextHop: byFamily((family) => ownNextHop(from, address, family)),
    sharedSubnet: byFamily((family) => (internal ? undefined : sharedSubnet(from, address, ofFrom.address, family))),
    paths: byFamily((family) => pathsOf(ofFrom, ofTo, family)),
    exportPolicy: policyOf(configFrom, ofFrom, 'export', (what) => unsupported(`${from.name}: ${what}`)),
    importPolicy: policyOf(configTo, ofTo, 'import', (what) => unsupported(`${to.name}: ${what}`)),
  };
}

function byFamily<T>(value: (family: FamilyOfPrefix) => T): ByFamily<T> {
  return { 'ipv4-unicast': value('ipv4-unicast'), 'ipv6-unicast': value('ipv6-unicast') };
}

function isOffered({ families }: NeighborOptions, family: FamilyOfPrefix): boolean {
  return families?.includes(family) ?? true;
}

function pathsOf(from: NeighborOptions, to: NeighborOptions, family: FamilyOfPrefix): PathSelection | undefined {
  const { send = false } = addPathOf(from, family);
  return addPathOf(to, family).receive === true && send !== false ? send : undefined;
}

function addPathOf({ addPath = {} }: NeighborOptions, family: FamilyOfPrefix): AddPathOptions {
  return 'receive' in addPath || 'send' in addPath ? addPath : ((addPath as AddPathByFamily)[family] ?? {});
}

/** The session's own address, or for the other family one of the same interface. */
function ownNextHop(host: Host, address: string, family: FamilyOfPrefix): string {
  const v6 = family === 'ipv6-unicast';
  if (address.includes(':') === v6) return address;
  const inSame = host.ports.find(({ addresses }) => addresses.includes(address))?.addresses;
  const all = inSame ?? host.loopbacks.map((prefix) => prefix.split('/')[0]!);
  return all.find((each) => each.includes(':') === v6)!;
}

/** For the other family, too, that of an address on the same interface. */
function sharedSubnet(host: Host, own: string, neighbor: string, family: FamilyOfPrefix): Prefix | undefined {
  const port = host.ports.find(({ addresses }) => addresses.includes(own));
  const subnets = (port?.subnets ?? []).map(({ address, length }): Prefix => {
    return { octets: maskOctets(parseAddress(address), length), length };
  });
  if (!subnets.some((subnet) => prefixContains(subnet, parseAddress(neighbor)))) return undefined;
  return subnets.find(({ octets }) => octets.length === (family === 'ipv6-unicast' ? 16 : 4));
}
