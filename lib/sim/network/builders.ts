/**
 * Networks of the usual forms, ready to start. Addresses follow {@link Addressing}: routers in the order in which they are made.
 * Each router at the edge originates `blocks` blocks of 64 addresses: of the edge routers the ith (from 0) has the blocks
 * i * blocks … of 10.128.0.0/9, each a /26, and with `ipv6` those of fd10::/16, each a /122. Its pod `pod-NAME` has the second
 * address of the first block.
 */
import { formatAddress, formatIpv4, parseAddress, parseIpv4, UsageError } from '../../net/index.js';
import { Network } from './network.js';
import type { RouterOptions, TopologyOptions } from './topology.js';

export interface BuilderOptions extends TopologyOptions {
  /** Blocks that each edge router originates; default 1. */
  readonly blocks?: number;
  /** Also IPv6 blocks, as many; default false. */
  readonly ipv6?: boolean;
  /** What all routers have besides: `fib: false`, for example. */
  readonly router?: RouterOptions;
}

/** IPv4 block number `index`: `10.128.0.0/26`, `10.128.0.64/26` … */
export function block(index: number): string {
  if (index >= 1 << 17) throw new UsageError('too_many_blocks', '10.128.0.0/9 has 131072 blocks of 64 addresses');
  return `${formatIpv4(parseIpv4('10.128.0.0') + 64 * index)}/26`;
}

/** IPv6 block number `index`: `fd10::/122`, `fd10::40/122` … */
export function block6(index: number): string {
  const octets = parseAddress('fd10::');
  new DataView(octets.buffer).setUint32(12, 64 * index);
  return `${formatAddress(octets)}/122`;
}

/** Adds routers to a network and deals out blocks. */
class Builder {
  readonly net: Network;
  #edges = 0;

  constructor(private readonly options: BuilderOptions) {
    this.net = new Network(options);
  }

  /** Routers `NAME1` … without routes of their own. */
  core(name: string, count: number, more: RouterOptions = {}): string[] {
    return this.names(name, count, (each) => this.net.router(each, { ...this.options.router, ...more }));
  }

  /** Routers `NAME1` … with blocks and a pod each. */
  edge(name: string, count: number, more: RouterOptions = {}): string[] {
    return this.names(name, count, (each) => this.edgeRouter(each, more));
  }

  edgeRouter(name: string, more: RouterOptions = {}): void {
    const { blocks = 1, ipv6 = false, router } = this.options;
    const first = this.#edges++ * blocks;
    const indices = Array.from({ length: blocks }, (_, i) => first + i);
    const networks = [...indices.map(block), ...(ipv6 ? indices.map(block6) : [])];
    this.net.router(name, { ...router, ...more, config: { ...more.config, ...router?.config }, networks });
    if (blocks > 0) this.net.pod(`pod-${name}`, name, formatIpv4(parseIpv4(block(first).split('/')[0]!) + 1));
  }

  private names(name: string, count: number, make: (name: string) => void): string[] {
    const names = Array.from({ length: count }, (_, i) => `${name}${i + 1}`);
    for (const each of names) make(each);
    return names;
  }

  mesh(names: readonly string[]): void {
    names.forEach((a, i) => names.slice(i + 1).forEach((b) => this.net.peer(a, b)));
  }

  clients(reflectors: readonly string[], names: readonly string[]): void {
    for (const rr of reflectors) for (const name of names) this.net.peer(rr, name, { routeReflectorClient: true });
  }
}

/** iBGP between all of `r1` … on one LAN. */
export function fullMesh(routers: number, options: BuilderOptions = {}): Network {
  const builder = new Builder(options);
  builder.mesh(builder.edge('r', routers));
  return builder.net;
}

/** A reflector `rr1` with clients `c1` … on one LAN. */
export function oneReflector(clients: number, options: BuilderOptions = {}): Network {
  return redundantReflectors(clients, { ...options, reflectors: 1 });
}

export interface ReflectorsOptions extends BuilderOptions {
  /** How many reflectors; default 2. */
  readonly reflectors?: number;
  /** `shared` (default): one cluster ID, 10.0.0.1. `own`: each reflector's router ID, so that it takes what the others reflect. */
  readonly clusterIds?: 'shared' | 'own';
}

/** Reflectors `rr1`, `rr2` … with sessions between each other, and clients `c1` … that are clients of all of them, on one LAN. */
export function redundantReflectors(clients: number, options: ReflectorsOptions = {}): Network {
  const builder = new Builder(options);
  const reflectors = addReflectors(builder, 'rr', options.reflectors ?? 2, options.clusterIds ?? 'shared');
  builder.clients(reflectors, builder.edge('c', clients));
  return builder.net;
}

function addReflectors(builder: Builder, name: string, count: number, ids: 'shared' | 'own'): string[] {
  const reflectors = builder.core(name, count);
  if (ids === 'shared' && count > 1) {
    const clusterId = builder.net.routerOf(reflectors[0]!).config.routerId;
    for (const each of reflectors) {
      const router = builder.net.routerOf(each);
      router.config = { ...router.config, clusterId };
    }
  }
  builder.mesh(reflectors);
  return reflectors;
}

export interface HierarchyOptions extends BuilderOptions {
  /** Reflectors at the top, in a mesh; default 2. */
  readonly top?: number;
  /** Clusters below; default 2. */
  readonly clusters?: number;
  /** Reflectors of each cluster, with one cluster ID; default 2. */
  readonly reflectors?: number;
}

/**
 * Two levels of reflectors on one LAN (RFC 4456 section 7): `top1` … in a mesh, their clients `k1-rr1` … in clusters k1 …, and
 * the clients of those, `k1-c1` ….
 * @param clients of each cluster
 */
export function hierarchy(clients: number, options: HierarchyOptions = {}): Network {
  const builder = new Builder(options);
  const top = addReflectors(builder, 'top', options.top ?? 2, 'own');
  for (let k = 1; k <= (options.clusters ?? 2); k++) {
    const reflectors = addReflectors(builder, `k${k}-rr`, options.reflectors ?? 2, 'shared');
    builder.clients(top, reflectors);
    builder.clients(reflectors, builder.edge(`k${k}-c`, clients));
  }
  return builder.net;
}

export interface LeafSpineOptions extends BuilderOptions {
  /** AS of the spines; leaf n has this plus n. Default 4200000000 (RFC 6996). */
  readonly spineAs?: number;
}

/**
 * A data center of two tiers (RFC 7938): eBGP on links `leaf1–spine1` … between all of `leaf1` … and all of `spine1` …, the
 * spines in one AS, each leaf in its own; packets take all spines (multipath). There is no interior routing protocol.
 */
export function leafSpine(leaves: number, spines: number, options: LeafSpineOptions = {}): Network {
  const { spineAs = 4_200_000_000 } = options;
  const builder = new Builder({ igp: false, ...options });
  const tops = builder.core('spine', spines, { lan: null, asn: spineAs });
  // Over all spines at once; their paths differ in nothing but the neighbor.
  const config = spines > 1 ? { multipath: { ebgp: Math.min(spines, 64) } } : {};
  for (let n = 1; n <= leaves; n++) {
    const leaf = `leaf${n}`;
    builder.edgeRouter(leaf, { lan: null, asn: spineAs + n, config });
    for (const spine of tops) {
      builder.net.link(leaf, spine);
      builder.net.peer(leaf, spine);
    }
  }
  return builder.net;
}

export interface CalicoOptions extends BuilderOptions {
  /** Reflectors with one cluster ID; default 0: all nodes in a full mesh, as Calico does without being told otherwise. */
  readonly reflectors?: number;
}

/** A Kubernetes cluster as Calico makes it: nodes `n1` … on one LAN with blocks of pods, in a mesh or clients of `rr1` …. */
export function calico(nodes: number, options: CalicoOptions = {}): Network {
  const builder = new Builder(options);
  const reflectors = addReflectors(builder, 'rr', options.reflectors ?? 0, 'shared');
  const names = builder.edge('n', nodes);
  if (reflectors.length > 0) builder.clients(reflectors, names);
  else builder.mesh(names);
  return builder.net;
}
