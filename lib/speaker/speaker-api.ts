import type { FamilyName } from '../bgp/wire/families.js';
import type { NeighborOptions, OriginateOptions, SpeakerConfig } from './options.js';
import type { Watch } from './watch.js';
import type { WatchOptions } from './watch-events.js';
import type { ReloadPlan } from './reload-plan.js';
import type { ExplainView, FibRouteView, FibSummaryView, NeighborView, PathView, SummaryView } from './views.js';

export interface RouteFilter {
  /** Only paths learnt from this neighbor (its Adj-RIB-In). */
  readonly receivedFrom?: string;
  /** What was told to this neighbor (its Adj-RIB-Out). */
  readonly advertisedTo?: string;
  /** Only best paths (the Loc-RIB); default true unless `receivedFrom`/`advertisedTo` is given. */
  readonly bestOnly?: boolean;
}

/** What changed between two configurations, and what was done about it. */
export interface ReconfigureResult {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Changed without touching the session. */
  readonly changed: readonly string[];
  /** Session reset because a setting needs it. */
  readonly reset: readonly string[];
  readonly networksAdded: readonly string[];
  readonly networksRemoved: readonly string[];
  /** Settings that need a restart of the process, left as they were. */
  readonly needsRestart: readonly string[];
}

/**
 * The running speaker as the API server, the CLI and library users see it. The class `Speaker` implements it.
 * Prefixes and addresses are text; unknown ones throw UsageError with a stable `code`
 * (`unknown_neighbor`, `bad_prefix`, `bad_address`, `not_originated`, …).
 */
export interface SpeakerApi {
  summary(): SummaryView;
  neighbors(): NeighborView[];
  neighbor(address: string): NeighborView;
  /** Lazily, in table order. */
  routes(family: FamilyName, filter?: RouteFilter): IterableIterator<PathView>;
  /** All paths of exactly this prefix, best first, with the reason of each decision. */
  explain(prefix: string): ExplainView;
  /** Kernel routes that are wanted, or still there although they are not; none without a FIB. */
  fibRoutes(): IterableIterator<FibRouteView>;
  /** @throws UsageError `no_fib`, `bad_prefix`; `not_in_fib`: it is neither wanted nor in the kernel */
  fibRoute(prefix: string): FibRouteView;
  /** @throws UsageError `no_fib` */
  fibSummary(): FibSummaryView;
  /**
   * Remove what waits to be removed now, whatever `fib.removalLimit` and `fib.holdWithout` say.
   * @returns how many routes
   * @throws UsageError `no_fib`
   */
  confirmFibRemovals(): number;
  /** A snapshot, then every change in order: see docs/events.md. */
  watch(options?: WatchOptions): Watch;
  announce(prefix: string, options?: OriginateOptions): void;
  withdraw(prefix: string): void;
  addNeighbor(options: NeighborOptions): unknown;
  /** Ends the session with Cease/Peer De-configured. */
  removeNeighbor(address: string): void;
  enableNeighbor(address: string): void;
  /** Cease/Administrative Shutdown with an RFC 9003 text. */
  disableNeighbor(address: string, reason?: string): void;
  /** Cease/Administrative Reset; the session comes back by itself. */
  resetNeighbor(address: string, reason?: string): void;
  /**
   * What `reconfigure` would do now.
   * @throws ConfigError for a wrong configuration, or one that is possible only after a restart
   */
  planReconfigure(config: SpeakerConfig): ReloadPlan;
  /** Have the neighbor tell all its routes again (ROUTE-REFRESH, RFC 2918). */
  softIn(address: string): void;
  /** Tell the neighbor all its routes again, and the end of those that it is not to have. */
  softOut(address: string): void;
  /** Apply only the difference; sessions not concerned stay up. */
  reconfigure(config: SpeakerConfig): Promise<ReconfigureResult>;
  start(): Promise<void>;
  /** Cease/Administrative Shutdown to all, sockets closed, FIB kept or removed as configured. */
  stop(reason?: string): Promise<void>;
}
