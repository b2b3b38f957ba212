/**
 * The speaker: the composition root that joins sessions, RIB, reflection and FIB.
 */
import { ReadTurns } from '../bgp/session/read-turns.js';
import type { Diagnostic } from '../bgp/wire/errors.js';
import type { FamilyName } from '../bgp/wire/families.js';
import type { FsmStateName, Negotiated } from '../bgp/session/types.js';
import { realClock, realRandom, SystemNetworks, TcpTransport } from '../io/index.js';
import {
  parseIpv4,
  parsePrefix,
  UsageError,
  type Clock,
  type LocalNetworks,
  type Random,
  type Transport,
} from '../net/index.js';
import type { PrefixLimitNotice } from '../rib/prefix-limit.js';
import { judgeClusterLoops } from '../rib/cluster-loops.js';
import { Rib } from '../rib/rib.js';
import type { SummaryOnly } from '../rr/summary-only.js';
import { networksOf, type ConfigDiff } from './config-diff.js';
import { createDebug } from './debug.js';
import { inTurns, type Turns } from './in-turns.js';
import { LocalRoutes } from './local-routes.js';
import type { Neighbor, NeighborHost } from './neighbor.js';
import { setMultipath } from './kernel-routes.js';
import { NeighborTable } from './neighbor-table.js';
import { NextHopResolver } from './next-hop-resolver.js';
import { Originator } from './originate.js';
import type {
  ConfederationOptions,
  NeighborOptions,
  OriginateOptions,
  SpeakerConfig,
  SpeakerRuntime,
} from './options.js';
import { tellBestPathChanges } from './path-views.js';
import { CEASE, stepsOf } from './reconfigure.js';
import type { ReloadPlan } from './reload-plan.js';
import { firstRoutes, Restart } from './restart.js';
import type { RestartState } from './restart-offer.js';
import { RunningConfig } from './running-config.js';
import { SpeakerFib } from './speaker-fib.js';
import { SpeakerQueries } from './speaker-queries.js';
import type { ReconfigureResult, SpeakerApi } from './speaker-api.js';
import type { Watch } from './watch.js';
import type { WatchOptions } from './watch-events.js';
import { Watches } from './watches.js';
import { WorkLoop } from './work-loop.js';

const debug = createDebug('tsbgp:speaker');

export class Speaker extends SpeakerQueries implements SpeakerApi, NeighborHost {
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
  protected readonly running: RunningConfig;
  protected readonly table: NeighborTable;
  protected readonly originator: Originator;
  protected readonly fib: SpeakerFib | undefined;
  private readonly localRoutes: LocalRoutes;
  protected startedAt = 0;
  private readonly watches: Watches;
  private phase: 'new' | 'running' | 'stopped' = 'new';
  /** A new configuration is being applied. What else changes neighbors has it finished first. */
  private applying: Turns | undefined;

  /**
   * @param config  checked here; see docs/configuration.md
   * @param runtime what it runs on; default: TCP and the system's clock
   * @throws ConfigError for a wrong or impossible configuration
   */
  constructor(config: SpeakerConfig, runtime: SpeakerRuntime = {}) {
    super();
    this.transport = runtime.transport ?? new TcpTransport();
    this.running = new RunningConfig(config, this.transport, () => this.onClusterIds());
    this.clock = runtime.clock ?? realClock;
    this.readTurns = new ReadTurns(this.clock);
    this.random = runtime.random ?? realRandom;
    this.networks = runtime.networks ?? new SystemNetworks();
    this.asn = this.config.asn;
    this.confederation = this.config.confederation;
    this.routerId = parseIpv4(this.config.routerId);
    this.clientToClient = this.config.clientToClientReflection ?? true;
    this.table = new NeighborTable(this, {
      onListed: (address) => this.watches.onNeighbor(address),
      onRetire: () => {
        this.restarts.check();
        this.fib?.onNeighbor();
      },
    });
    const resolver = new NextHopResolver(this.networks);
    this.rib = new Rib({
      identity: {
        asn: this.asn,
        confederation: this.confederation?.identifier,
        routerId: this.routerId,
        isOwnClusterId: (id) => this.running.isOwnClusterId(id),
      },
      alwaysCompareMed: this.config.alwaysCompareMed ?? false,
      resolve: (nextHop) => resolver.resolve(nextHop),
    });
    setMultipath(this.rib, this.config);
    this.loop = new WorkLoop(this.rib, this.clock);
    this.originator = new Originator(this.rib);
    this.fib = this.createFib(runtime, resolver);
    this.localRoutes = new LocalRoutes(this, this.originator, this.config, this.policies, this.fib?.fib);
    this.restarts = new Restart(
      {
        rib: this.rib,
        loop: this.loop,
        clock: this.clock,
        config: () => this.config,
        neighbors: () => this.table.all(),
        onProgress: () => this.fib?.readiness.check(),
      },
      firstRoutes(runtime.initialSync, this.localRoutes.whenLearnt),
    );
    this.watches = new Watches({
      ...{ rib: this.rib, loop: this.loop, clock: this.clock },
      neighborAddresses: () => this.table.all().map(({ address }) => address),
      neighborIfAny: (address) => (this.table.get(address) ? this.neighbor(address) : undefined),
    });
    this.loop.onBestPathChange((rib, changed) => {
      if (this.listenerCount('bestPathChange') === 0) return;
      tellBestPathChanges(rib, changed, (change) => this.emit('bestPathChange', change));
    });
    for (const network of networksOf(this.config)) this.originator.announce(network.prefix, network);
    for (const neighbor of this.config.neighbors ?? []) this.table.create(neighbor);
  }

  private createFib(runtime: SpeakerRuntime, resolver: NextHopResolver): SpeakerFib | undefined {
    if (!this.config.fib) return undefined;
    const { clock, loop, rib, asn, confederation, config, policies } = this;
    const isLocRibComplete = (): boolean => this.isLocRibComplete();
    const neighbors = (): Neighbor[] => this.table.all();
    const host = { clock, loop, rib, asn, confederation, config, policies, isLocRibComplete, neighbors };
    return new SpeakerFib(this.config.fib, runtime, host, this.originator, resolver, (event) => {
      this.emit('fib', event);
      this.watches.onFib(event);
    });
  }

  private onClusterIds(): void {
    for (const family of this.rib.families) judgeClusterLoops(family, (id) => this.running.isOwnClusterId(id));
    this.loop.scheduleIfDirty();
  }

  /** Routes that aggregates stand for. */
  get summaryOnly(): SummaryOnly | undefined {
    return this.localRoutes.summaryOnly;
  }

  // --- LocalRoutesHost ---

  onLocalRoute(prefix: string): void {
    this.fib?.applyLocal(prefix);
  }

  onSummaries(): void {
    for (const neighbor of this.table.all()) neighbor.updateProfiles();
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
      await this.sockets.listen(this.config, (connection) => {
        if (this.isStopping) connection.destroy();
        else this.table.onConnection(connection);
      });
    } catch (error) {
      this.phase = 'stopped';
      throw error;
    }
    if (this.fib) {
      await this.fib.start();
      this.localRoutes.start();
      if (this.isStopping) return;
    }
    this.restarts.begin(this.fib?.fib.heldFamilies());
    this.fib?.readiness.start(this.restarts.deferralMs);
    if (this.fib) this.fib.refreshNextHops();
    else for (const family of this.rib.families) family.refreshNextHops();
    this.loop.schedule();
    for (const neighbor of this.table.all()) neighbor.start();
    this.restarts.check();
    this.fib?.readiness.check();
  }

  /** The application's own routes are all there. */
  get isComplete(): boolean {
    return this.restarts.isComplete;
  }

  /** How far we are with a restart of our own. */
  get restart(): RestartState {
    return this.restarts.state;
  }

  /**
   * End all sessions with Cease/Administrative Shutdown, close all sockets, leave or remove the kernel routes.
   * @param reason told to the neighbors (RFC 9003)
   */
  async stop(reason = ''): Promise<void> {
    if (this.phase !== 'running') return;
    this.applying?.finish();
    this.phase = 'stopped';
    this.localRoutes.stop();
    this.restarts.stop();
    const closed = this.sockets.close();
    // The kernel routes first: sessions that end must not empty the table that is to be kept.
    await this.fib?.stop();
    await this.table.endAll(CEASE.shutdown, reason, this.config.gracefulRestart?.atStop === 'restart');
    await closed;
    await this.loop.idle();
    this.watches.end();
  }

  /** Resolves when all that was received and asked for so far is decided and handed to the transports. */
  async idle(): Promise<void> {
    await this.loop.idle();
    await this.fib?.fib.idle();
  }

  /** `stop` was called, perhaps while `start` still waits for the kernel. */
  get isStopping(): boolean {
    return this.phase === 'stopped';
  }

  isLocRibComplete(): boolean {
    if (this.fib?.isPending === true) return false;
    if (this.restarts.isUnderWay || (this.config.dynamicNeighbors ?? []).length > 0) return false;
    return this.table.all().every((neighbor) => neighbor.adminDown || neighbor.isSynchronized);
  }

  // --- neighbors ---

  /**
   * Add a neighbor at run time; its session starts at once when the speaker runs.
   * @throws UsageError `duplicate_neighbor`, `unknown_peer_group`, `peer_as_missing`, `bad_option`; ConfigError
   */
  addNeighbor(options: NeighborOptions): Neighbor {
    this.applying?.finish();
    return this.launch(this.table.create(this.running.addNeighbor(options)));
  }

  private launch(neighbor: Neighbor): Neighbor {
    if (this.phase === 'running') neighbor.start();
    return neighbor;
  }

  removeNeighbor(address: string): void {
    this.applying?.finish();
    const neighbor = this.table.find(address);
    this.running.removeNeighbor(neighbor.address);
    this.table.retire(neighbor, CEASE.deconfigured);
    this.running.updateSockets();
  }

  enableNeighbor(address: string): void {
    this.applying?.finish();
    const neighbor = this.table.find(address);
    neighbor.adminDown = false;
    this.launch(neighbor);
  }

  disableNeighbor(address: string, reason = ''): void {
    this.applying?.finish();
    this.table.find(address).disable(CEASE.shutdown, reason);
    this.restarts.check();
  }

  resetNeighbor(address: string, reason = ''): void {
    this.table.find(address).peer.reset(CEASE.reset, reason);
  }

  softIn(address: string): void {
    this.table.find(address).softIn();
  }

  softOut(address: string): void {
    this.table.find(address).softOut();
  }

  // --- NeighborHost ---

  onNeighborState(neighbor: Neighbor, from: FsmStateName, to: FsmStateName, reason: string): void {
    this.emit('neighborStateChange', { neighbor: neighbor.address, from, to, reason });
    this.watches.onNeighbor(neighbor.address);
    if (from === 'Established' || to === 'Established') this.fib?.onNeighbor();
    if (to === 'Active') this.table.forgetIfGone(neighbor);
  }

  onRoutesGone(neighbor: Neighbor): void {
    this.watches.onNeighbor(neighbor.address);
    this.table.forgetIfGone(neighbor);
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
    this.fib?.onEndOfRib();
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
    this.loop.scheduleIfDirty();
  }

  withdraw(prefix: string): void {
    this.originator.withdraw(prefix);
    this.loop.scheduleIfDirty();
  }

  /**
   * A snapshot, then every change in order: see docs/events.md for what is promised.
   * @throws UsageError `bad_family`
   */
  watch(options: WatchOptions = {}): Watch {
    return this.watches.add(options);
  }

  confirmFibRemovals(): number {
    return this.someFib().confirmRemovals();
  }

  // --- reconfiguration ---

  planReconfigure(config: SpeakerConfig): ReloadPlan {
    return this.running.plan(config, this.table.all());
  }

  /** @throws ConfigError for a wrong configuration, TransportError when a key cannot be set: nothing is changed then */
  async reconfigure(config: SpeakerConfig): Promise<ReconfigureResult> {
    this.applying?.finish();
    const diff = this.running.change(config);
    if (diff.sectionsChanged.includes('connectionRateLimit')) this.table.setRateLimit(diff.applied.connectionRateLimit);
    const { steps, result } = stepsOf(diff, {
      neighbors: () => this.table.all(),
      find: (address) => this.table.find(address),
      has: (neighbor) => this.table.get(neighbor.address) === neighbor,
      create: (options) => void this.launch(this.table.create(options)),
      retire: (neighbor, subcode) => this.table.retire(neighbor, subcode),
      announce: (network) => this.announce(network.prefix, network),
      // Somebody may have withdrawn it at run time.
      withdraw: (prefix) => {
        if (this.originator.kindOf(parsePrefix(prefix)) === 'network') this.withdraw(prefix);
      },
    });
    steps.push(() => this.applySections(diff));
    const applying = inTurns(this.clock, steps, (step) => step());
    this.applying = applying;
    await applying.done.finally(() => {
      if (this.applying === applying) this.applying = undefined;
    });
    return result();
  }

  private applySections(diff: ConfigDiff): void {
    const multipathChanged = diff.sectionsChanged.includes('multipath');
    if (multipathChanged) setMultipath(this.rib, diff.applied);
    if (multipathChanged) this.watches.onMultipath();
    this.fib?.reconfigure(diff.applied, this.policies, multipathChanged);
    this.localRoutes.configure(diff.applied, this.policies, diff.sectionsChanged);
    // Asked for once, a chain is known to the next configuration too, and stays the same object.
    for (const neighbor of this.table.all()) neighbor.touchPolicies();
  }
}
