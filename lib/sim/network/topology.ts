import { canonicalAddress, parsePrefix, UsageError } from '../../net/index.js';
import type { NeighborOptions, NetworkOptions, SpeakerConfig } from '../../speaker/options.js';
import { VirtualClock } from '../virtual-clock.js';
import { Addressing } from './addressing.js';
import { commonSegment, Fabric } from './fabric.js';
import { Host, LOOPBACK, Segment } from './host.js';
import { Igp } from './igp.js';
import { Router } from './router.js';
import type { LinkOptions, LinkQuality } from './link-options.js';
import { softLookup } from './soft-lookup.js';
import { Traffic } from './traffic.js';
import { seededRandom } from '../random.js';

export interface TopologyOptions extends LinkQuality {
  /** All that is random comes from it: jitter, cutting of octets, timers; default 1. The same seed: the same run, to the octet. */
  readonly seed?: number;
  /** Join and cut what is sent at random places, as TCP may; default false: each write arrives as one chunk. */
  readonly rechunk?: boolean;
  /** Port of BGP; default 179. */
  readonly port?: number;
  /** Where addresses of hosts come from; default `10.0.0.0/16` and `fd00::/64`. */
  readonly hosts4?: string;
  readonly hosts6?: string;
  /** AS of routers that are given none; default 64512. */
  readonly asn?: number;
  /** Whether an interior routing protocol knows the ways within each AS, once there are links; default true. */
  readonly igp?: boolean;
  /** How long it takes to react, in milliseconds; default 50. */
  readonly igpDelayMs?: number;
}

export interface HostOptions {
  /** Default: the next one of the network's addresses, see {@link Addressing}. */
  readonly address?: string;
  readonly address6?: string;
  /** The LAN that it is plugged into; default `fabric`. Null: none, its addresses are on `lo`, and it needs links. */
  readonly lan?: string | null;
}

export interface RouterOptions extends HostOptions {
  readonly asn?: number;
  /** Routes that it originates; packets to them have arrived when they get there. */
  readonly networks?: readonly (string | NetworkOptions)[];
  /** Any other settings of the speaker. */
  readonly config?: Partial<SpeakerConfig>;
  /** False: the speaker writes no kernel routes, and packets follow its Loc-RIB; costs less. Default true. */
  readonly fib?: boolean;
}

const DEFAULT_LAN = 'fabric';

/** The parts of a network, how they are wired, and which of them are broken. */
export class Topology {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly fabric: Fabric;
  readonly traffic: Traffic;
  readonly hosts = new Map<string, Host>();
  readonly routers = new Map<string, Router>();
  /** Links and LANs, by name. */
  readonly segments = new Map<string, Segment>();
  readonly port: number;
  readonly addressing: Addressing;
  /** Names for single addresses behind a host. */
  protected readonly pods = new Map<string, { readonly host: Host; readonly address: string }>();
  readonly #options: TopologyOptions;
  readonly #igp: Igp | undefined;
  #hasLinks = false;
  #igpPlanned = false;

  constructor(options: TopologyOptions = {}) {
    this.#options = options;
    this.seed = options.seed ?? 1;
    this.port = options.port ?? 179;
    this.addressing = new Addressing(options.hosts4 ?? '10.0.0.0/16', options.hosts6 ?? 'fd00::/64');
    this.traffic = new Traffic(this.clock);
    this.fabric = new Fabric({
      clock: this.clock,
      random: seededRandom(this.seed),
      rechunk: options.rechunk === true ? seededRandom(this.seed ^ 0x5bd1e995) : undefined,
      tap: this.traffic,
      soft: softLookup,
    });
    if (options.igp !== false) this.#igp = new Igp(domainOf);
  }

  // --- building ---

  /** A host without a speaker, for static routes: `net.host('server').kernel.put({ … })`. */
  host(name: string, options: HostOptions = {}): Host {
    const host = this.#newHost(name, (wiring) => new Host(name, wiring));
    this.#place(host, options);
    return host;
  }

  /** A host with a speaker, which begins with {@link Network.start}. */
  router(name: string, options: RouterOptions = {}): Router {
    const router = this.#newHost(name, (wiring) => new Router(name, wiring));
    this.#place(router, options);
    this.routers.set(name, router);
    router.fib = options.fib ?? true;
    const networks = [...(options.config?.networks ?? []), ...(options.networks ?? [])];
    router.config = {
      asn: options.asn ?? this.#options.asn ?? 64512,
      routerId: router.address(4)!,
      listen: ['0.0.0.0', '::'].map((address) => ({ address, port: this.port })),
      ...(router.fib ? { fib: { type: 'memory' as const } } : {}),
      ...options.config,
      networks,
    };
    for (const network of networks) {
      const { prefix, blackhole = false } = typeof network === 'string' ? { prefix: network } : network;
      if (!blackhole) router.attach(prefix);
    }
    return router;
  }

  #newHost<H extends Host>(name: string, make: (wiring: ConstructorParameters<typeof Host>[1]) => H): H {
    if (this.hosts.has(name) || this.pods.has(name))
      throw new UsageError('duplicate_name', `there is a ${name} already`);
    const onKernelChange = (): void => {
      this.traffic.touch();
      this.fabric.recheck();
    };
    const host = make({ clock: this.clock, medium: this.fabric, hosts: this.fabric.transports, onKernelChange });
    this.hosts.set(name, host);
    return host;
  }

  #place(host: Host, options: HostOptions): void {
    const [next4, next6] = this.addressing.nextHost();
    const addresses = [canonicalAddress(options.address ?? next4), canonicalAddress(options.address6 ?? next6)];
    const { lan = DEFAULT_LAN } = options;
    if (lan === null) host.addInterface(LOOPBACK, [`${addresses[0]}/32`, `${addresses[1]}/128`]);
    else this.#join(host, this.segments.get(lan) ?? this.lan(lan), addresses);
    this.#own(host);
  }

  #join(host: Host, segment: Segment, addresses: readonly string[]): void {
    const lengths = [parsePrefix(this.addressing.hosts4).length, parsePrefix(this.addressing.hosts6).length];
    host.plug(
      segment,
      segment.name,
      addresses.map((address, i) => `${address}/${lengths[i]}`),
    );
  }

  #own(host: Host): void {
    for (const address of host.addresses) this.fabric.owners.set(address, host);
  }

  /** A LAN, all hosts on which reach each other directly. */
  lan(name: string, options: LinkQuality = {}): Segment {
    return this.#newSegment(name, options);
  }

  #newSegment(name: string, options: LinkOptions): Segment {
    if (this.segments.has(name)) throw new UsageError('duplicate_name', `there is a ${name} already`);
    const { latencyMs, jitterMs, bandwidth } = this.#options;
    const segment = new Segment(name, {
      ...(latencyMs === undefined ? {} : { latencyMs }),
      ...(jitterMs === undefined ? {} : { jitterMs }),
      ...(bandwidth === undefined ? {} : { bandwidth }),
      ...options,
    });
    this.segments.set(name, segment);
    return segment;
  }

  /**
   * A link between two hosts, named `a–b`, with addresses of its own at both ends (see {@link Addressing}) on interfaces named
   * after the other end.
   */
  link(a: string, b: string, options: LinkOptions = {}): Segment {
    const [left, right] = [this.hostOf(a), this.hostOf(b)];
    const segment = this.#newSegment(`${a}–${b}`, options);
    const [first, second] = this.addressing.nextLink();
    left.plug(segment, `to-${b}`, first);
    right.plug(segment, `to-${a}`, second);
    this.#own(left);
    this.#own(right);
    this.#hasLinks = true;
    this.topologyChanged();
    return segment;
  }

  /** Give an address behind a host a name, for {@link Network.trace}. The host is where packets to it arrive. */
  pod(name: string, on: string, address: string): void {
    if (this.hosts.has(name) || this.pods.has(name))
      throw new UsageError('duplicate_name', `there is a ${name} already`);
    const host = this.hostOf(on);
    const text = canonicalAddress(address);
    host.attach(`${text}/${text.includes(':') ? 128 : 32}`);
    this.pods.set(name, { host, address: text });
  }

  // --- finding ---

  /** @throws UsageError `unknown_host` */
  hostOf(name: string): Host {
    const host = this.hosts.get(name);
    if (host === undefined) throw new UsageError('unknown_host', `there is no host ${name}`);
    return host;
  }

  /** @throws UsageError `unknown_router` */
  routerOf(name: string): Router {
    const router = this.routers.get(name);
    if (router === undefined) throw new UsageError('unknown_router', `there is no router ${name}`);
    return router;
  }

  /** The router that has an address. */
  ownerOf(address: string): Router | undefined {
    const host = this.fabric.owners.get(address);
    return host instanceof Router ? host : undefined;
  }

  /**
   * The addresses between which two routers have their session: eBGP on the link between them if there is one, else from
   * the one to the other's own address.
   */
  sessionAddresses(a: Router, b: Router, family: 4 | 6 = 4): [string, string] {
    const segment = a.asn === b.asn ? undefined : commonSegment(a, b);
    const ends = [a, b].map((router) => {
      const onLink = segment?.portOfHost(router)?.addresses.find((text) => text.includes(':') === (family === 6));
      return onLink ?? router.address(family)!;
    });
    return [ends[0]!, ends[1]!];
  }

  // --- breaking ---

  /**
   * Cut a link: nothing passes, and both ends see it (no carrier). Between two hosts on a LAN: packets between the two vanish, and
   * nobody sees why. What connections send meanwhile waits, as TCP would send it again.
   * @param options `silent`: nobody sees it on a link either
   */
  cut(a: string, b: string, options: { readonly silent?: boolean } = {}): void {
    this.#setCut(a, b, true, options.silent ?? false);
  }

  restore(a: string, b: string): void {
    this.#setCut(a, b, false, false);
  }

  #setCut(a: string, b: string, cut: boolean, silent: boolean): void {
    const [left, right] = [this.hostOf(a), this.hostOf(b)];
    const segment = commonSegment(left, right);
    if (segment === undefined) throw new UsageError('no_link', `${a} and ${b} have no link`);
    const isLan = segment.ports.length !== 2;
    if (!cut || isLan || silent) this.fabric.silence(left, right, cut);
    if (!isLan && !silent) {
      segment.up = !cut;
      left.refreshCarrier();
      right.refreshCarrier();
    }
    this.acted(`${a}–${b} is ${cut ? 'cut' : 'mended'}${silent ? ', and nobody sees it' : ''}`);
    this.topologyChanged();
  }

  /** Unplug a host from everything. Its interfaces go down. */
  isolate(name: string): void {
    this.#setPlugged(name, false);
  }

  rejoin(name: string): void {
    this.#setPlugged(name, true);
  }

  #setPlugged(name: string, up: boolean): void {
    const host = this.hostOf(name);
    for (const port of host.ports) port.up = up;
    host.refreshCarrier();
    this.acted(`${name} is ${up ? 'plugged in' : 'unplugged'}`);
    this.topologyChanged();
  }

  /**
   * The connections that two hosts have with each other carry nothing any more, without a word to either (a firewall that
   * forgot them, for example); new ones work.
   */
  breakConnections(a: string, b: string): void {
    this.fabric.breakConnections(this.hostOf(a), this.hostOf(b));
    this.acted(`connections between ${a} and ${b} are half open`);
  }

  /** Change how a link or LAN is. */
  setLink(name: string, options: LinkOptions): void {
    const segment = this.segments.get(name);
    if (segment === undefined) throw new UsageError('no_link', `there is no link ${name}`);
    Object.assign(segment, options);
    this.acted(`${name} is changed`);
    this.topologyChanged();
  }

  protected acted(text: string): void {
    void text;
    this.traffic.touch();
  }

  /** Wiring changed: ways are looked for anew, and the interior routing protocol hears of it. */
  protected topologyChanged(): void {
    this.fabric.changed();
    if (this.#igp === undefined || !this.#hasLinks || this.#igpPlanned) return;
    this.#igpPlanned = true;
    this.clock.after(this.#options.igpDelayMs ?? 50, () => this.updateIgp());
  }

  protected updateIgp(): void {
    this.#igpPlanned = false;
    this.#igp?.update(this.hosts.values());
  }

  /** Whether the interior routing protocol is still to react. */
  get igpIsBusy(): boolean {
    return this.#igpPlanned;
  }
}

/** One interior routing protocol for each AS, or confederation; hosts without a speaker have none. */
function domainOf(host: Host): number | undefined {
  return host instanceof Router ? (host.config.confederation?.identifier ?? host.config.asn) : undefined;
}

/** Settings of a neighbor that {@link Network.peer} fills in. */
export type PeerOptions = Partial<NeighborOptions>;
