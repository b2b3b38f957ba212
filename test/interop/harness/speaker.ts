import type { NeighborOptions } from '../../../lib/speaker/options.js';
import { eventually } from './eventually.js';
import type { Host, Interface } from './host.js';
import type { RunningProcess } from './processes.js';

export type Family = 'ipv4' | 'ipv6';

export const familyOf = (prefix: string): Family => (prefix.includes(':') ? 'ipv6' : 'ipv4');

/** A route that a speaker originates. */
export interface Announcement {
  readonly prefix: string;
  /** Default: the host's own address of the prefix's family. */
  readonly nextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  /** `64512:100` each. */
  readonly communities?: readonly string[];
}

export interface PeerSettings {
  readonly address: string;
  readonly peerAs: number;
  /** Default: both. */
  readonly families?: readonly Family[];
  readonly reflectorClient?: boolean;
  /** Ask the neighbor to keep our routes over a restart: RFC 4724, and RFC 9494 with `longLivedTime`. Seconds. */
  readonly gracefulRestart?: { readonly restartTime: number; readonly longLivedTime?: number };
  /** Keep the neighbor's routes while it restarts, for long too. BIRD and tsbgp do so without being told. */
  readonly restartHelper?: boolean;
  /** Never connects, only accepts. */
  readonly passive?: boolean;
  /** Default: the host's address on the neighbor's LAN. */
  readonly localAddress?: string;
  /** TCP MD5 key (RFC 2385). */
  readonly password?: string;
  /** GTSM (RFC 5082): how many hops away the neighbor may be. */
  readonly ttlSecurity?: number;
  /** eBGP over up to so many hops. */
  readonly multihop?: number;
  /** More about the neighbor, in the daemon's own language: BIRD's in the protocol, FRR's behind `neighbor ADDRESS`. */
  readonly lines?: readonly string[];
  /** The same for each address family: BIRD's in the channel, FRR's behind `neighbor ADDRESS` in the family. */
  readonly familyLines?: Readonly<Partial<Record<Family, readonly string[]>>>;
  /** More for GoBGP: merged into the neighbor's configuration. */
  readonly gobgp?: object;
  /** More for tsbgp. */
  readonly tsbgp?: Partial<NeighborOptions>;
}

export interface SpeakerSettings {
  readonly asn: number;
  /** Default: the host's IPv4 address. */
  readonly routerId?: string;
  /** Default: the router ID. */
  readonly clusterId?: string;
  readonly neighbors: readonly PeerSettings[];
  /** Announced by each start. */
  readonly announce?: readonly (string | Announcement)[];
  /** Write routes into the kernel. */
  readonly kernel?: boolean;
  /** More about the whole, in the daemon's own language: FRR's in `router bgp`. */
  readonly globalLines?: readonly string[];
  /** More for GoBGP: merged into the global configuration. */
  readonly globalGobgp?: object;
}

/** A path that a daemon learnt from a neighbor, as the daemon itself holds it. */
export interface HeldRoute {
  readonly prefix: string;
  readonly neighbor: string;
  /** The global one, where a link-local one stands beside it. */
  readonly nextHop: string;
  /** `64513 64514`, empty for none. */
  readonly asPath: string;
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly originatorId: string | null;
  readonly clusterList: readonly string[];
  readonly localPref: number | null;
  readonly med: number | null;
  /** Sorted. */
  readonly communities: readonly string[];
  readonly best: boolean;
}

/** One BGP daemon in a host. Each kind of daemon has a class. */
export abstract class SpeakerDriver {
  constructor(
    readonly host: Host,
    readonly settings: SpeakerSettings,
  ) {}

  abstract readonly kind: string;
  /** Resolves when the daemon can be asked; its sessions may still be coming up. After `stop` or `kill` it may be called again. */
  abstract start(): Promise<void>;
  abstract stop(): Promise<void>;
  /** SIGKILL. */
  abstract kill(): Promise<void>;
  /** All paths learnt from neighbors, best or not. */
  abstract routes(family: Family): Promise<HeldRoute[]>;
  abstract announce(route: string | Announcement): Promise<void>;
  abstract withdraw(prefix: string): Promise<void>;
  /** RFC 4271's name of the state, as far as the daemon tells states apart: `Established` is exact. */
  abstract sessionState(neighbor: string): Promise<string>;

  get asn(): number {
    return this.settings.asn;
  }

  get routerId(): string {
    return this.settings.routerId ?? this.host.v4;
  }

  get clusterId(): string {
    return this.settings.clusterId ?? this.routerId;
  }

  /** Filled in with the default next hop. */
  protected announcement(route: string | Announcement): Announcement & { readonly nextHop: string } {
    const given = typeof route === 'string' ? { prefix: route } : route;
    return { nextHop: familyOf(given.prefix) === 'ipv6' ? this.host.v6 : this.host.v4, ...given };
  }

  /** Wait until a daemon that was just started can be asked; a process that has ended says why at once. */
  protected async answers(process: RunningProcess, ask: () => Promise<unknown>): Promise<void> {
    await eventually(ask, {
      what: `${process.name} in ${this.host.name} answers`,
      giveUp: () => (process.running ? undefined : `it has ended\n${process.log}`),
    });
  }

  /** The host's interface on the LAN of this neighbor. */
  protected interfaceTo(neighbor: string): Interface {
    const ip = neighbor.includes(':') ? 'v6' : 'v4';
    const network = (address: string) => address.slice(0, address.lastIndexOf(ip === 'v6' ? ':' : '.'));
    const { interfaces } = this.host;
    return interfaces.find((candidate) => network(candidate[ip]) === network(neighbor)) ?? interfaces[0]!;
  }

  /** The host's address that sessions to this neighbor come from. */
  protected localAddress({ address, localAddress }: PeerSettings): string {
    return localAddress ?? this.interfaceTo(address)[address.includes(':') ? 'v6' : 'v4'];
  }
}

export const families = (peer: PeerSettings): readonly Family[] => peer.families ?? ['ipv4', 'ipv6'];

/** The class of a kind of daemon. */
export type SpeakerKind = new (host: Host, settings: SpeakerSettings) => SpeakerDriver;
