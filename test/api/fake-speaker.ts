import { UsageError } from '../../lib/net/index.js';
import type { FamilyName } from '../../lib/bgp/wire/families.js';
import type { NeighborOptions, OriginateOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { ReloadPlan } from '../../lib/speaker/reload-plan.js';
import type { ReconfigureResult, RouteFilter, SpeakerApi } from '../../lib/speaker/speaker-api.js';
import type {
  ExplainView,
  FibRouteView,
  FibSummaryView,
  NeighborView,
  PathView,
  SummaryView,
} from '../../lib/speaker/views.js';

export const T0 = Date.UTC(2026, 0, 2, 3, 4, 5);

const counters = { open: 1, update: 2, notification: 0, keepalive: 3, routeRefresh: 0 };

export function neighborView(address: string, more: Partial<NeighborView> = {}): NeighborView {
  return {
    address,
    peerAs: 64512,
    localAs: 64512,
    type: 'ibgp',
    description: null,
    peerGroup: null,
    dynamic: false,
    routeReflectorClient: false,
    routeServerClient: false,
    role: null,
    peerRole: null,
    state: 'Established',
    adminDown: false,
    since: T0,
    reason: null,
    routerId: address.includes(':') ? '10.0.0.9' : address,
    tcpMd5: false,
    ttlSecurity: null,
    localAddress: '10.0.0.1',
    holdTime: 90,
    keepaliveInterval: 30,
    families: ['ipv4-unicast', 'ipv6-unicast'],
    capabilities: ['multiprotocol', 'route-refresh'],
    received: counters,
    sent: counters,
    octetsReceived: 1234,
    octetsSent: 4321,
    queuedOctets: 0,
    prefixes: { 'ipv4-unicast': { received: 2, advertised: 3 } },
    gracefulRestart: null,
    importPolicy: null,
    exportPolicy: null,
    established: 1,
    lastError: null,
    ...more,
  };
}

export function pathView(prefix: string, more: Partial<PathView> = {}): PathView {
  return {
    prefix,
    family: prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast',
    neighbor: '10.0.0.2',
    nextHop: prefix.includes(':') ? '2001:db8::2' : '10.0.0.2',
    nextHopResolvable: true,
    best: true,
    stale: false,
    asPath: '',
    origin: 'igp',
    localPref: 100,
    med: null,
    atomicAggregate: false,
    aggregator: null,
    communities: [],
    largeCommunities: [],
    extendedCommunities: [],
    originatorId: null,
    clusterList: [],
    ...more,
  };
}

const LEDGER = { failures: 0, retryAt: null, wantedAt: T0, writtenAt: T0 + 1000, acknowledgedAt: T0 + 2000 };

/** A speaker that holds what it is given, and remembers what it was told. */
export class FakeSpeaker implements SpeakerApi {
  readonly calls: unknown[][] = [];
  peers: NeighborView[] = [
    neighborView('10.0.0.2', { description: 'rack 1', routeReflectorClient: true, peerGroup: 'clients' }),
    neighborView('2001:db8::2', {
      state: 'Active',
      reason: 'Connection refused; next attempt in 5 s',
      routerId: null,
      localAddress: null,
      prefixes: {},
      established: 0,
      lastError: {
        at: T0,
        direction: 'received',
        text: 'Cease/Administrative Shutdown',
        code: 6,
        subcode: 2,
        message: 'maintenance',
      },
    }),
  ];
  paths: PathView[] = [
    pathView('10.1.0.0/16', { communities: ['64512:100', 'no-export'], asPath: '64513 64514' }),
    pathView('10.1.0.0/16', { best: false, neighbor: '10.0.0.3', nextHop: '10.0.0.3' }),
    pathView('10.2.0.0/24', { neighbor: null, nextHop: '10.0.0.1', localPref: null, originatorId: null }),
    pathView('2001:db8:1::/48'),
  ];
  fib: FibRouteView[] = [
    { ...LEDGER, prefix: '10.1.0.0/16', target: 'via 10.0.0.2 dev eth0', state: 'installed', error: null },
    { ...LEDGER, prefix: '10.9.0.0/16', target: 'via 10.0.0.7', state: 'unresolved', error: 'no route to 10.0.0.7' },
  ];
  /** What of `fibSummary` is not as it should be. */
  fibTrouble: Partial<FibSummaryView> = {};

  /** What `planReconfigure` answers, over an empty plan. */
  plan: Partial<ReloadPlan> = {};

  summary(): SummaryView {
    return {
      asn: 64512,
      routerId: '10.0.0.1',
      clusterId: '10.0.0.1',
      startedAt: T0,
      neighbors: { configured: 2, established: 1 },
      families: { 'ipv4-unicast': { prefixes: 2, paths: 3 }, 'ipv6-unicast': { prefixes: 1, paths: 1 } },
      attributeSets: 3,
      listening: ['10.0.0.1 port 179'],
      connectionsRefused: 0,
    };
  }
  neighbors(): NeighborView[] {
    return this.peers;
  }
  neighbor(address: string): NeighborView {
    const found = this.peers.find((peer) => peer.address === address);
    if (found === undefined) throw new UsageError('unknown_neighbor', `there is no neighbor ${address}`);
    return found;
  }
  *routes(family: FamilyName, filter: RouteFilter = {}): IterableIterator<PathView> {
    this.calls.push(['routes', family, filter]);
    if (filter.receivedFrom !== undefined) this.neighbor(filter.receivedFrom);
    const bestOnly = filter.bestOnly ?? (filter.receivedFrom === undefined && filter.advertisedTo === undefined);
    for (const path of this.paths) {
      if (path.family !== family || (bestOnly && !path.best)) continue;
      if (filter.receivedFrom !== undefined && path.neighbor !== filter.receivedFrom) continue;
      yield path;
    }
  }
  explain(prefix: string): ExplainView {
    const paths = this.paths.filter((path) => path.prefix === prefix);
    return {
      prefix,
      best: paths.find((path) => path.best) ?? null,
      decisions: paths.map((path, rank) => ({
        path,
        rank,
        lostAt: rank === 0 ? null : 'shorter AS_PATH',
        rfc: rank === 0 ? null : 'RFC 4271 9.1.2.2 a',
        detail: rank === 0 ? null : 'AS_PATH length 3 > 2',
      })),
    };
  }
  *fibRoutes(): IterableIterator<FibRouteView> {
    yield* this.fib;
  }
  fibRoute(prefix: string): FibRouteView {
    const found = this.fib.find((route) => route.prefix === prefix);
    if (!found) throw new UsageError('not_in_fib', `${prefix} is neither wanted nor in the kernel`);
    return found;
  }
  fibSummary(): FibSummaryView {
    const counts = { wanted: 2, kernel: 1, failed: 0, queued: 0, removing: 0, stale: 0, conntrack: null };
    return { writer: 'fake', state: 'running', ...counts, removalsHeld: null, lastError: null, ...this.fibTrouble };
  }
  confirmFibRemovals(): number {
    this.calls.push(['confirmFibRemovals']);
    return this.fibSummary().removing;
  }
  watch(): never {
    throw new Error('a fake speaker cannot be watched');
  }
  announce(prefix: string, options?: OriginateOptions): void {
    this.calls.push(['announce', prefix, options]);
  }
  withdraw(prefix: string): void {
    if (prefix === '10.99.0.0/16') throw new UsageError('not_originated', `${prefix} is not originated here`);
    this.calls.push(['withdraw', prefix]);
  }
  addNeighbor(options: NeighborOptions): void {
    this.calls.push(['addNeighbor', options]);
  }
  removeNeighbor(address: string): void {
    this.calls.push(['removeNeighbor', address]);
  }
  enableNeighbor(address: string): void {
    this.neighbor(address);
    this.calls.push(['enableNeighbor', address]);
  }
  disableNeighbor(address: string, reason?: string): void {
    this.neighbor(address);
    this.calls.push(['disableNeighbor', address, reason]);
  }
  softIn(address: string): void {
    this.calls.push(['softIn', address]);
  }
  softOut(address: string): void {
    this.calls.push(['softOut', address]);
  }
  resetNeighbor(address: string, reason?: string): void {
    this.neighbor(address);
    this.calls.push(['resetNeighbor', address, reason]);
  }
  planReconfigure(config: SpeakerConfig): ReloadPlan {
    this.calls.push(['planReconfigure', config]);
    const none = { added: [], removed: [], changed: [] };
    const plan = { neighbors: none, dynamicNeighbors: none, networks: none };
    return { ...plan, sections: [], needsRestart: [], sessionsEnding: [], ...this.plan };
  }
  reconfigure(config: SpeakerConfig): Promise<ReconfigureResult> {
    this.calls.push(['reconfigure', config]);
    const none: string[] = [];
    return Promise.resolve({
      added: none,
      removed: none,
      changed: none,
      reset: none,
      networksAdded: none,
      networksRemoved: none,
      needsRestart: none,
    });
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
}
