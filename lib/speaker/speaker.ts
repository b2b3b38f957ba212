/**
 * The speaker: the composition root that joins sessions, RIB, reflection and FIB.
 */
import { EventEmitter } from 'node:events';
import { ReadTurns } from '../bgp/session/read-turns.js';
import type { Diagnostic } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { FsmStateName, Negotiated } from '../bgp/session/types.js';
import type { Fib } from '../fib/fib.js';
import { createFib } from '../io/create-fib.js';
import { realClock, realRandom, SystemNetworks, TcpTransport } from '../io/index.js';
import {
  canonicalScopedAddress,
  parseIpv4,
  UsageError,
  type Clock,
  type Connection,
  type LocalNetworks,
  type Random,
  type Transport,
} from '../net/index.js';
import type { PrefixLimitNotice } from '../rib/prefix-limit.js';
import { PolicyBook } from '../policy/policy-chain.js';
import { Rib } from '../rib/rib.js';
import { ConnectionGate } from './connection-gate.js';
import { checkConfig } from './config.js';
import { diffConfig, networksOf } from './config-diff.js';
import { createDebug } from './debug.js';
import { rangeFor } from './dynamic-range.js';
import type { SpeakerEvents } from './events.js';
import { FibBridge, NextHopResolver } from './fib-bridge.js';
import { FibReadiness } from './fib-readiness.js';
import { Neighbor, type NeighborHost } from './neighbor.js';
import { neighborView } from './neighbor-view.js';
import { Originator } from './originate.js';
import type {
  ConfederationOptions,
  DynamicNeighborOptions,
  NeighborOptions,
  OriginateOptions,
  SpeakerConfig,
  SpeakerRuntime,
} from './options.js';
import {
  advertisedPaths,
  allPaths,
  bestPaths,
  explainPrefix,
  receivedPaths,
  tellBestPathChanges,
  type WhyFiltered,
} from './path-views.js';
import { exportRejections, whyFiltered } from './policy-views.js';
import { applyDiff, CEASE } from './reconfigure.js';
import { reloadPlan, type ReloadPlan } from './reload-plan.js';
import { Restart } from './restart.js';
import type { RestartState } from './restart-offer.js';
import { Secrets } from './secrets.js';
import { configuredSettings, effectiveSettings } from './settings.js';
import { Sockets } from './sockets.js';
import { summaryView } from './summary-view.js';
import type { ReconfigureResult, RouteFilter, SpeakerApi } from './speaker-api.js';
import type { ExplainView, FibRouteView, NeighborView, PathView, SummaryView } from './views.js';
import type { Watch } from './watch.js';
import type { WatchOptions } from './watch-events.js';
import { Watches } from './watches.js';
import { WorkLoop } from './work-loop.js';

const debug = createDebug('tsbgp:speaker');

export class Speaker extends EventEmitter<SpeakerEvents> implements SpeakerApi, NeighborHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  readonly readTurns: ReadTurns;
  readonly random: Random;
  readonly transport: Transport;
  readonly networks: LocalNetworks;
  readonly asn: number;
  readonly confederation: ConfederationOptions | undefined;
  readonly routerId: number;
  readonly clientToClient: boolean;
  private readonly restarts: Restart;
  config: SpeakerConfig;
  policies: PolicyBook;
  private readonly neighborsByAddress = new Map<string, Neighbor>();
  private readonly originator: Originator;
  private readonly fib: Fib | undefined;
  private bridge: FibBridge | undefined;
  private readonly gate: ConnectionGate;
  private connectionsRefused = 0;
  private fibReadiness: FibReadiness | undefined;
  readonly sockets: Sockets;
  private startedAt = 0;
  private readonly watches: Watches;
  private phase: 'new' | 'running' | 'stopped' = 'new';

  /**
   * @param config  checked here; see docs/configuration.md
   * @param runtime what it runs on; default: TCP and the system's clock
   * @throws ConfigError for a wrong or impossible configuration
   */
  constructor(config: SpeakerConfig, runtime: SpeakerRuntime = {}) {
    super();
    this.transport = runtime.transport ?? new TcpTransport();
    this.sockets = new Sockets(this.transport);
    this.config = this.sockets.check(config);
    this.policies = new PolicyBook(this.config);
    this.clock = runtime.clock ?? realClock;
    this.readTurns = new ReadTurns(this.clock);
    this.random = runtime.random ?? realRandom;
    this.networks = runtime.networks ?? new SystemNetworks();
    this.asn = this.config.asn;
    this.confederation = this.config.confederation;
    this.routerId = parseIpv4(this.config.routerId);
    this.clientToClient = this.config.clientToClientReflection ?? true;
    this.gate = new ConnectionGate(this.clock, this.config.connectionRateLimit);
    const resolver = new NextHopResolver(this.networks);
    this.rib = new Rib({
      identity: {
        asn: this.asn,
        confederation: this.confederation?.identifier,
        routerId: this.routerId,
        isOwnClusterId: (id) => this.isOwnClusterId(id),
      },
      alwaysCompareMed: this.config.alwaysCompareMed ?? false,
      resolve: (nextHop) => resolver.resolve(nextHop),
    });
    this.loop = new WorkLoop(this.rib, this.clock);
    this.restarts = new Restart(
      {
        rib: this.rib,
        loop: this.loop,
        clock: this.clock,
        config: () => this.config,
        neighbors: () => this.neighborsByAddress.values(),
        onProgress: () => this.fibReadiness?.check(),
      },
      runtime.initialSync,
    );
    this.originator = new Originator(this.rib);
    this.watches = new Watches({
      ...{ rib: this.rib, loop: this.loop, clock: this.clock },
      neighborAddresses: () => [...this.neighborsByAddress.keys()],
      neighborIfAny: (address) => (this.neighborsByAddress.has(address) ? this.neighbor(address) : undefined),
    });
    this.fib = this.createFib(runtime, resolver);
    this.loop.onBestPathChange((rib, changed) => {
      if (this.listenerCount('bestPathChange') === 0) return;
      tellBestPathChanges(rib, changed, (change) => this.emit('bestPathChange', change));
    });
    for (const network of networksOf(this.config)) this.originator.announce(network.prefix, network);
    for (const neighbor of this.config.neighbors ?? []) this.createNeighbor(neighbor);
  }

  private createFib(runtime: SpeakerRuntime, resolver: NextHopResolver): Fib | undefined {
    if (!this.config.fib) return undefined;
    const { fibWriter: writer, print } = runtime;
    const fib = createFib(this.config.fib, {
      clock: this.clock,
      ...(writer ? { writer } : {}),
      ...(print ? { print } : {}),
    });
    resolver.setFib(fib);
    this.fibReadiness = new FibReadiness(fib, this);
    const bridge = new FibBridge(fib, this.originator);
    this.bridge = bridge;
    this.loop.onBestPathChange((rib, changed) => bridge.apply(rib, changed));
    fib.onEvent((event) => {
      this.emit('fib', event);
      this.watches.onFib(event);
    });
    fib.onResolutionChange(() => {
      for (const family of this.rib.families) family.refreshNextHops();
      this.loop.scheduleIfDirty();
    });
    return fib;
  }

  private isOwnClusterId(id: number): boolean {
    if (id === parseIpv4(this.config.clusterId ?? this.config.routerId)) return true;
    const isIts = ({ settings }: Neighbor): boolean =>
      settings.routeReflectorClient && parseIpv4(settings.clusterId) === id;
    return [...this.neighborsByAddress.values()].some(isIts);
  }

  // --- lifetime ---

  /**
   * Listen, connect to the neighbors, begin to write the FIB.
   * @throws UsageError `already_started`; TransportError when an address cannot be bound (nothing runs then)
   */
  async start(): Promise<void> {
    if (this.phase !== 'new') throw new UsageError('already_started', 'a Speaker starts once');
    this.phase = 'running';
    this.startedAt = this.clock.wallTime();
    try {
      await this.sockets.listen(this.config, (connection) => this.onConnection(connection));
    } catch (error) {
      this.phase = 'stopped';
      throw error;
    }
    if (this.fib) {
      await this.fib.start();
      if (this.stopping) return;
    }
    this.restarts.begin(this.fib?.heldFamilies());
    this.fibReadiness?.start(this.restarts.deferralMs);
    for (const family of this.rib.families) family.refreshNextHops();
    this.loop.schedule();
    for (const neighbor of this.neighborsByAddress.values()) neighbor.start();
    this.restarts.check();
    this.fibReadiness?.check();
  }

  /** The application's own routes are all there. */
  get isComplete(): boolean {
    return this.restarts.isComplete;
  }

  /** How far we are with a restart of our own. */
  get restart(): RestartState {
    return this.restarts.state;
  }

  /** The addresses and ports on which the speaker listens (port 0 resolved). */
  get listening(): readonly { readonly address: string; readonly port: number }[] {
    return this.sockets.listening;
  }

  /**
   * End all sessions with Cease/Administrative Shutdown, close all sockets, leave or remove the kernel routes.
   * @param reason told to the neighbors (RFC 9003)
   */
  async stop(reason = ''): Promise<void> {
    if (this.phase !== 'running') return;
    this.phase = 'stopped';
    this.fibReadiness?.stop();
    this.restarts.stop();
    const closed = this.sockets.close();
    // The kernel routes first: sessions that end must not empty the table that is to be kept.
    await this.fib?.stop();
    await Promise.all([...this.neighborsByAddress.values()].map((neighbor) => this.stopNeighbor(neighbor, reason)));
    await closed;
    await this.loop.idle();
    this.watches.end();
  }

  private stopNeighbor(neighbor: Neighbor, reason: string): Promise<void> {
    const isRestart = this.config.gracefulRestart?.atStop === 'restart';
    return isRestart ? neighbor.leave(CEASE.shutdown, reason) : neighbor.end(CEASE.shutdown, reason);
  }

  /** Resolves when all that was received and asked for so far is decided and handed to the transports. */
  async idle(): Promise<void> {
    await this.loop.idle();
    await this.fib?.idle();
  }

  /** `stop` was called, perhaps while `start` still waits for the kernel. */
  private get stopping(): boolean {
    return this.phase === 'stopped';
  }

  isLocRibComplete(): boolean {
    if (this.restarts.isUnderWay || (this.config.dynamicNeighbors ?? []).length > 0) return false;
    return [...this.neighborsByAddress.values()].every((neighbor) => neighbor.adminDown || neighbor.isSynchronized);
  }

  // --- neighbors ---

  private createNeighbor(options: NeighborOptions): Neighbor {
    const address = canonicalScopedAddress(options.address);
    if (this.neighborsByAddress.has(address)) {
      throw new UsageError('duplicate_neighbor', `there is a neighbor ${address} already`, 'address');
    }
    const settings = effectiveSettings(this.config, options);
    const neighbor = new Neighbor(this, address, settings, options.peerGroup ?? null, null);
    this.neighborsByAddress.set(address, neighbor);
    this.watches.onNeighbor(address);
    return neighbor;
  }

  private find(address: string): Neighbor {
    const neighbor = this.neighborsByAddress.get(canonicalScopedAddress(address));
    if (!neighbor) throw new UsageError('unknown_neighbor', `there is no neighbor ${address}`);
    return neighbor;
  }

  private onConnection(connection: Connection): void {
    const { address } = connection.remote;
    let neighbor = this.neighborsByAddress.get(address);
    const entry = neighbor ? undefined : this.rangeFor(address);
    // Strangers first: they must not use up what neighbors are allowed.
    if ((!neighbor && !entry) || !this.gate.admits(address)) {
      debug('connection from %s: %s', address, neighbor || entry ? 'too many of them' : 'no such neighbor');
      this.connectionsRefused++;
      connection.destroy();
      return;
    }
    if (!neighbor && entry) {
      const settings = effectiveSettings(this.config, entry);
      neighbor = new Neighbor(this, address, settings, entry.peerGroup, entry.prefix);
      this.neighborsByAddress.set(address, neighbor);
      this.watches.onNeighbor(address);
      neighbor.start();
    }
    neighbor?.accept(connection);
  }

  private rangeFor(address: string): DynamicNeighborOptions | undefined {
    const neighbors = [...this.neighborsByAddress.values()];
    return rangeFor(
      this.config.dynamicNeighbors ?? [],
      address,
      (prefix) => neighbors.filter(({ dynamic }) => dynamic === prefix).length,
    );
  }

  /**
   * Add a neighbor at run time; its session starts at once when the speaker runs.
   * @throws UsageError `duplicate_neighbor`, `unknown_peer_group`, `peer_as_missing`, `bad_option`; ConfigError
   */
  addNeighbor(options: NeighborOptions): Neighbor {
    const neighbors = [...(this.config.neighbors ?? []), options];
    const config = this.sockets.check({ ...this.config, neighbors });
    this.sockets.update(config);
    this.config = config;
    const neighbor = this.createNeighbor(config.neighbors!.at(-1)!);
    if (this.phase === 'running') neighbor.start();
    return neighbor;
  }

  removeNeighbor(address: string): void {
    const neighbor = this.find(address);
    const neighbors = (this.config.neighbors ?? []).filter(
      (n) => canonicalScopedAddress(n.address) !== neighbor.address,
    );
    this.config = { ...this.config, neighbors };
    this.retire(neighbor, CEASE.deconfigured);
    this.sockets.update(this.config);
  }

  private retire(neighbor: Neighbor, subcode: number): void {
    this.neighborsByAddress.delete(neighbor.address);
    this.restarts.check();
    void neighbor.end(subcode);
    this.watches.onNeighbor(neighbor.address);
  }

  enableNeighbor(address: string): void {
    const neighbor = this.find(address);
    neighbor.adminDown = false;
    neighbor.peer.start();
  }

  disableNeighbor(address: string, reason = ''): void {
    this.find(address).disable(CEASE.shutdown, reason);
    this.restarts.check();
  }

  resetNeighbor(address: string, reason = ''): void {
    this.find(address).peer.reset(CEASE.reset, reason);
  }

  softIn(address: string): void {
    this.find(address).softIn();
  }

  softOut(address: string): void {
    this.find(address).softOut();
  }

  // --- NeighborHost ---

  onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void {
    this.emit('neighborStateChange', { neighbor: neighbor.address, from, to, reason });
    this.watches.onNeighbor(neighbor.address);
    if (to === 'Active') this.forgetIfGone(neighbor);
  }

  onRoutesGone(neighbor: Neighbor): void {
    this.watches.onNeighbor(neighbor.address);
    this.forgetIfGone(neighbor);
  }

  /**
   * A dynamic neighbor exists only while it is connected, or held back, or has routes that are kept: Active says that it may
   * come, but is not here.
   */
  private forgetIfGone(neighbor: Neighbor): void {
    if (neighbor.dynamic === null) return;
    this.clock.after(0, () => {
      if (neighbor.peer.state !== 'Active' || neighbor.keepsRoutes) return;
      if (this.neighborsByAddress.get(neighbor.address) === neighbor) this.retire(neighbor, CEASE.deconfigured);
    });
  }

  holdsConfirmation(neighbor: Neighbor, negotiated: Negotiated): boolean {
    return this.restarts.holdsConfirmation(neighbor, negotiated);
  }

  onEstablished(neighbor: Neighbor): void {
    this.restarts.onEstablished(neighbor);
  }

  onEndOfRib(neighbor: Neighbor, family: FamilyName): void {
    this.emit('endOfRib', { neighbor: neighbor.address, family });
    this.restarts.check();
    this.fibReadiness?.check();
  }

  onDiagnostic(neighbor: Neighbor, diagnostic: Diagnostic): void {
    debug('%s: %s: %s', neighbor.address, diagnostic.action, diagnostic.reason);
    this.emit('updateError', { neighbor: neighbor.address, diagnostic });
  }

  onPrefixLimit(neighbor: Neighbor, notice: PrefixLimitNotice): void {
    this.emit('prefixLimit', { neighbor: neighbor.address, ...notice });
  }

  // --- routes ---

  announce(prefix: string, options: OriginateOptions = {}): void {
    if (options.blackhole && !this.fib) {
      throw new UsageError('no_fib', 'a blackhole needs a fib: this speaker writes no kernel routes', 'blackhole');
    }
    this.originator.announce(prefix, options);
    this.bridge?.applyLocal(this.rib, prefix);
    this.loop.scheduleIfDirty();
  }

  withdraw(prefix: string): void {
    this.originator.withdraw(prefix);
    this.loop.scheduleIfDirty();
  }

  *routes(family: FamilyName, filter: RouteFilter = {}): IterableIterator<PathView> {
    const rib = this.rib.of(family);
    if (filter.advertisedTo !== undefined) {
      const outbound = this.find(filter.advertisedTo).outboundOf(family);
      if (outbound) yield* advertisedPaths(outbound.group, outbound.member);
    } else if (filter.receivedFrom !== undefined) {
      const { source } = this.find(filter.receivedFrom);
      if (source >= 0) yield* receivedPaths(rib, this.whyFiltered, source);
    } else if (filter.bestOnly === false) yield* allPaths(rib, this.whyFiltered);
    else yield* bestPaths(rib);
  }

  explain(prefix: string): ExplainView {
    const neighbors = [...this.neighborsByAddress.values()];
    return {
      ...explainPrefix(this.rib, prefix, this.whyFiltered),
      exportRejected: exportRejections(this.rib, prefix, neighbors),
    };
  }

  /**
   * A snapshot, then every change in order: see docs/events.md for what is promised.
   * @throws UsageError `bad_family`
   */
  watch(options: WatchOptions = {}): Watch {
    return this.watches.add(options);
  }

  private readonly whyFiltered: WhyFiltered = (...path) => whyFiltered(this.neighborsByAddress.values(), ...path);

  *fibRoutes(): IterableIterator<FibRouteView> {
    if (this.fib) yield* this.fib.routes();
  }

  // --- views ---

  neighbors(): NeighborView[] {
    return [...this.neighborsByAddress.values()].map((neighbor) => neighborView(neighbor));
  }

  neighbor(address: string): NeighborView {
    return neighborView(this.find(address), true);
  }

  summary(): SummaryView {
    return summaryView(this.config, this.rib, [...this.neighborsByAddress.values()], {
      listening: this.listening,
      connectionsRefused: this.connectionsRefused,
      startedAt: this.startedAt,
    });
  }

  // --- reconfiguration ---

  planReconfigure(config: SpeakerConfig): ReloadPlan {
    const before = this.config;
    const diff = diffConfig(before, checkConfig(config), this.sockets.passwordChanged(new Secrets()));
    return reloadPlan(diff, [...this.neighborsByAddress.values()], (id) => configuredSettings(before, id));
  }

  /** @throws ConfigError for a wrong configuration, TransportError when a key cannot be set: nothing is changed then */
  async reconfigure(config: SpeakerConfig): Promise<ReconfigureResult> {
    const secrets = new Secrets();
    const diff = diffConfig(this.config, this.sockets.check(config, secrets), this.sockets.passwordChanged(secrets));
    this.sockets.update(diff.applied, secrets);
    this.config = diff.applied;
    if (diff.sectionsChanged.includes('connectionRateLimit')) this.gate.setLimit(diff.applied.connectionRateLimit);
    this.policies = new PolicyBook(diff.applied, this.policies);
    const result = applyDiff(diff, {
      neighbors: () => [...this.neighborsByAddress.values()],
      find: (address) => this.find(address),
      create: (options) => this.createNeighbor(options).start(),
      retire: (neighbor, subcode) => this.retire(neighbor, subcode),
      announce: (network) => this.announce(network.prefix, network),
      withdraw: (prefix) => this.withdraw(prefix),
    });
    // Asked for once, a chain is known to the next configuration too, and stays the same object.
    for (const neighbor of this.neighborsByAddress.values()) neighbor.touchPolicies();
    return result;
  }
}
