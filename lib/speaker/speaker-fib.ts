/** The FIB of a speaker, joined to its RIB: best paths go to the kernel, and what the kernel says of next hops comes back. */
import type { FibEventListener } from '../fib/events.js';
import type { Fib } from '../fib/fib.js';
import type { FibOptions } from '../fib/options.js';
import type { FibRoute } from '../fib/settings.js';
import { createConntrack, createFib } from '../io/create-fib.js';
import { UsageError } from '../net/index.js';
import type { PolicyBook } from '../policy/policy-chain.js';
import type { Rib } from '../rib/rib.js';
import type { AsIdentity } from './as-identity.js';
import { createDebug } from './debug.js';
import { FibHold } from './fib-hold.js';
import { FibReadiness, type FibReadinessHost } from './fib-readiness.js';
import { KernelRoutes } from './kernel-routes.js';
import { MovedHosts } from './moved-hosts.js';
import type { Neighbor } from './neighbor.js';
import type { NextHopResolver } from './next-hop-resolver.js';
import type { SpeakerConfig, SpeakerRuntime } from './options.js';
import type { Originator } from './originate.js';
import type { FibSummaryView } from './views.js';

const debug = createDebug('tsbgp:fib');

export interface SpeakerFibHost extends FibReadinessHost, AsIdentity {
  readonly rib: Rib;
  /** What runs now. */
  readonly config: SpeakerConfig;
  readonly policies: PolicyBook;
  neighbors(): Iterable<Neighbor>;
}

export class SpeakerFib {
  readonly fib: Fib;
  readonly readiness: FibReadiness;
  private readonly routes: KernelRoutes;
  private readonly hold: FibHold | undefined;
  private readonly moved: MovedHosts | undefined;

  /** @throws UsageError `bad_table`, `bad_protocol`, `bad_fib_type`, `bad_option` */
  constructor(
    options: FibOptions,
    { fibWriter: writer, print, conntrack }: SpeakerRuntime,
    host: SpeakerFibHost,
    originator: Originator,
    resolver: NextHopResolver,
    onEvent: FibEventListener,
  ) {
    const { clock, loop, rib, config, policies } = host;
    this.fib = createFib(options, { clock, ...(writer ? { writer } : {}), ...(print ? { print } : {}) });
    const { fib } = this;
    const readiness = new FibReadiness(fib, host);
    this.readiness = readiness;
    const { holdWithout } = options;
    if (holdWithout) this.hold = new FibHold(fib, holdWithout, host);
    if (options.conntrack === 'delete') {
      const table = conntrack ?? createConntrack(options);
      const moved = new MovedHosts({ fib, clock, table, emit: onEvent });
      this.moved = moved;
      loop.onBestPathChange((family, changed) => moved.onBestPathChange(family, changed));
    }
    const onSettled = (): void => readiness.check();
    this.routes = new KernelRoutes({ config, policies, fib, rib, loop, clock, originator, resolver, onSettled });
    fib.onEvent((event) => {
      if (event.type === 'reconciled') {
        const { reason, own, foreign, different, durationMs } = event;
        debug('read the kernel: %s; %d own, %d foreign, %d differ, %d ms', reason, own, foreign, different, durationMs);
      }
      onEvent(event);
    });
  }

  /** Whether next hops are still to be looked up in our own routes. */
  get isPending(): boolean {
    return this.routes.isPending;
  }

  /** Look up all next hops, also those that nobody told to have changed. */
  refreshNextHops(): void {
    this.routes.refresh();
  }

  /** Another configuration holds. */
  reconfigure(config: SpeakerConfig, policies: PolicyBook, multipathChanged: boolean): void {
    this.routes.reconfigure(config, policies, multipathChanged);
  }

  async start(): Promise<void> {
    this.hold?.start();
    await this.fib.start();
  }

  /** Before routes go because sessions end. */
  async stop(): Promise<void> {
    this.readiness.stop();
    this.routes.stop();
    this.hold?.stop();
    this.moved?.stop();
    await this.fib.stop();
  }

  /** A neighbor told its End-of-RIB. */
  onEndOfRib(): void {
    this.readiness.check();
    this.hold?.check();
  }

  /** A session came up or ended, or a neighbor is gone for good. */
  onNeighbor(): void {
    this.hold?.check();
  }

  summary(): FibSummaryView {
    return { ...this.fib.summary(), conntrack: this.moved?.summary() ?? null };
  }

  /** @throws UsageError `bad_prefix`, `not_in_fib` */
  route(prefix: string): FibRoute {
    const route = this.fib.route(prefix);
    if (!route) throw new UsageError('not_in_fib', `${prefix} is neither wanted nor in the kernel`, 'prefix');
    return route;
  }

  /** @returns how many routes wait to be removed */
  confirmRemovals(): number {
    const { removing } = this.fib.summary();
    this.fib.confirmRemovals();
    return removing;
  }

  /** A route is originated anew, or for another reason. */
  applyLocal(prefix: string): void {
    this.routes.applyLocal(prefix);
  }
}
