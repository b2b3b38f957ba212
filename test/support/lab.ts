import { Peer, type PeerOptions, type SessionHandler } from '../../lib/bgp/session/index.js';
import type { Negotiated } from '../../lib/bgp/session/types.js';
import {
  DEFAULT_CONTEXT,
  encodeRouteRefresh,
  type EncodableAttribute,
  type WireContext,
} from '../../lib/bgp/wire/index.js';
import {
  NO_LOCAL_NETWORKS,
  parseAddress,
  parseIpv4,
  parsePrefix,
  parseScopedAddress,
  type LocalNetworks,
} from '../../lib/net/index.js';
import {
  MemoryNetwork,
  seededRandom,
  VirtualClock,
  type MemoryNetworkOptions,
  type MemoryTransport,
} from '../../lib/sim/index.js';
import { Speaker } from '../../lib/speaker/speaker.js';
import type { NeighborOptions, SpeakerConfig, SpeakerRuntime } from '../../lib/speaker/options.js';
import { announcement, TableView, toHex, withdrawal } from './wire.js';

const BOTH = [
  { afi: 1, safi: 1 },
  { afi: 2, safi: 1 },
];

/** A neighbor played by the test: a real session, a table of what it is told, and its own announcements. */
export class Probe implements SessionHandler {
  readonly peer: Peer;
  view = new TableView(DEFAULT_CONTEXT);
  negotiated: Negotiated | undefined;
  /** Why sessions ended. */
  readonly downs: string[] = [];
  /** ROUTE-REFRESH messages of all sessions: `1/1 request`. */
  readonly refreshes: string[] = [];
  /** Bodies of all UPDATEs of this session, hex. */
  updates: string[] = [];
  /** Called with each UPDATE's octets before they are applied. */
  onMessage: ((body: Uint8Array) => void) | undefined;

  constructor(
    readonly lab: Lab,
    readonly address: string,
    options: Partial<PeerOptions> & Pick<PeerOptions, 'remote' | 'localAs' | 'peerAs'>,
  ) {
    this.peer = new Peer(
      { families: BOTH, connectRetry: 1, ...options, routerId: options.routerId ?? parseIpv4(address) },
      { transport: lab.host(address), clock: lab.clock, random: seededRandom(lab.probes.length) },
      this,
    );
  }

  get isUp(): boolean {
    return this.negotiated !== undefined;
  }

  get context(): WireContext {
    return { ...this.negotiated!.receive, peerType: this.negotiated!.peerType };
  }

  // SessionHandler
  onStateChange(): void {
    // `downs` says enough.
  }
  onEstablished(negotiated: Negotiated): void {
    this.negotiated = negotiated;
    this.view = new TableView(this.context);
    this.updates = [];
  }
  onUpdate(bytes: Uint8Array, start: number, end: number): undefined {
    const body = bytes.slice(start, end);
    this.onMessage?.(body);
    this.updates.push(toHex(body));
    this.view.apply(body);
  }
  onReadDone(): void {
    // Applied at once.
  }
  onRouteRefresh(afi: number, safi: number, subtype: number): void {
    this.refreshes.push(`${afi}/${safi} ${['request', 'begin', 'end'][subtype]}`);
    this.view.log.push(`${['request', 'begin', 'end'][subtype]} ${afi}/${safi}`);
  }
  onDrain(): void {
    // Probes send little.
  }
  onDown(reason: string): void {
    this.negotiated = undefined;
    this.downs.push(reason);
  }

  /** Send whole messages. */
  send(...messages: Uint8Array[]): this {
    for (const message of messages) this.peer.send(message);
    return this;
  }

  /** Announce with just these attributes, NEXT_HOP or MP_REACH_NLRI added; the next hop is our own address. */
  announceWith(attributes: readonly EncodableAttribute[], ...prefixes: string[]): this {
    const nextHop = prefixes[0]!.includes(':') ? `2001:db8::${this.address.split('.').at(-1)}` : this.address;
    return this.send(announcement({ prefixes, nextHop, attributes }, this.negotiated!.send));
  }

  /** Announce plainly: ORIGIN, AS_PATH with our own AS towards eBGP, LOCAL_PREF towards iBGP. */
  announce(...prefixes: string[]): this {
    return this.announceWith(this.attributes(), ...prefixes);
  }

  attributes(more: readonly EncodableAttribute[] = []): EncodableAttribute[] {
    const external = this.negotiated!.peerType === 'ebgp';
    const own: EncodableAttribute[] = [
      { code: 1, value: 'IGP' },
      { code: 2, value: external ? [{ type: 'AS_SEQUENCE', asns: [this.peer.options.localAs] }] : [] },
      ...(external ? [] : [{ code: 5, value: 100 } as const]),
    ];
    const codes = new Set(more.map(({ code }) => code));
    return [...own.filter(({ code }) => !codes.has(code)), ...more];
  }

  withdraw(...prefixes: string[]): this {
    return this.send(withdrawal(prefixes, this.negotiated?.send));
  }

  refresh(afi: number, safi = 1, subtype = 0): this {
    return this.send(encodeRouteRefresh({ afi, safi, subtype }));
  }

  /** Prefixes held, sorted. */
  get prefixes(): string[] {
    return [...this.view.routes.keys()].sort();
  }
}

export interface LabSpeakerOptions extends Partial<SpeakerConfig> {
  readonly routerId: string;
}

/** Speakers and probes on one network in memory, in virtual time. */
export class Lab {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly speakers: Speaker[] = [];
  readonly probes: Probe[] = [];
  private readonly hosts = new Map<string, MemoryTransport>();
  private readonly dials = new Map<string, number>();

  constructor(options: Partial<MemoryNetworkOptions> = {}) {
    this.network = new MemoryNetwork({ clock: this.clock, scribble: true, ...options });
  }

  /** A speaker at the address that is its router ID, AS 64512 unless told otherwise; it runs. */
  async speaker(options: LabSpeakerOptions, runtime: SpeakerRuntime = {}): Promise<Speaker> {
    const address = options.routerId;
    const speaker = this.make(
      { asn: 64512, listen: [{ address, port: 179 }], ...options },
      {
        transport: runtime.transport ?? this.host(address),
        clock: this.clock,
        random: seededRandom(1000 + this.speakers.length),
        networks: NO_LOCAL_NETWORKS,
        ...runtime,
      },
    );
    this.speakers.push(speaker);
    await this.during(speaker.start());
    return speaker;
  }

  protected make(config: SpeakerConfig, runtime: SpeakerRuntime): Speaker {
    return new Speaker(config, runtime);
  }

  /** Connections of the host with this address. */
  connectionsOf(address: string): number {
    return this.hosts.get(address)?.connectionCount ?? 0;
  }

  host(address: string): MemoryTransport {
    const known = this.hosts.get(address);
    if (known) return known;
    const host = this.network.host(address);
    this.hosts.set(address, host);
    const connect = host.connect.bind(host);
    host.connect = (options, handler) => {
      this.dials.set(options.remote.address, this.dialsTo(options.remote.address) + 1);
      return connect(options, handler);
    };
    return host;
  }

  /** How often somebody has tried to connect to an address. */
  dialsTo(address: string): number {
    return this.dials.get(address) ?? 0;
  }

  /** A probe that connects to a speaker; it must be a neighbor there. */
  probe(to: string, address: string, options: Partial<PeerOptions> = {}): Probe {
    const probe = new Probe(this, address, {
      remote: { address: to, port: 179 },
      localAs: 64512,
      peerAs: 64512,
      ...options,
    });
    this.probes.push(probe);
    return probe;
  }

  /** Start probes and wait until all are Established and told everything. */
  async up(...probes: Probe[]): Promise<void> {
    for (const probe of probes) probe.peer.start();
    await this.clock.runUntilAsync(() => probes.every(({ isUp }) => isUp), 60_000);
    await this.settle();
  }

  /** Long enough for all to hear all, shorter than any timer. */
  async settle(): Promise<void> {
    await this.clock.runAsync(500);
  }

  /** Let time pass until a promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = promise.finally(() => (settled = true));
    done.catch(() => undefined);
    await this.clock.runUntilAsync(() => settled, 60_000);
    return done;
  }
}

/** A reflector's client that connects by itself. */
export function clientOf(address: string, more: Partial<NeighborOptions> = {}): NeighborOptions {
  return { address, peerAs: 64512, passive: true, routeReflectorClient: true, ...more };
}

/** A machine with one interface. */
export function oneInterface(...addresses: readonly (readonly [address: string, subnet: string])[]): LocalNetworks {
  const list = addresses.map(([address, subnet]) => ({ address, subnet: parsePrefix(subnet) }));
  return {
    interfaceOf: (address) => {
      const wanted = parseScopedAddress(address).octets.join();
      const found = list.some((one) => parseAddress(one.address).join() === wanted);
      return found ? { name: 'eth0', addresses: list } : undefined;
    },
  };
}
