/** The FIB of a speaker, joined to its RIB: best paths go to the kernel, and what the kernel says of next hops comes back. */
import type { FibEventListener } from '../fib/events.js';
import type { Fib } from '../fib/fib.js';
import type { FibOptions } from '../fib/options.js';
import type { FibRoute } from '../fib/settings.js';
import { createConntrack, createFib } from '../io/create-fib.js';
import { UsageError } from '../net/index.js';
import type { Rib } from '../rib/rib.js';
import type { AsIdentity } from './as-identity.js';
import { FibBridge, type NextHopResolver } from './fib-bridge.js';
import { FibHold } from './fib-hold.js';
import { FibReadiness, type FibReadinessHost } from './fib-readiness.js';
import { MovedHosts } from './moved-hosts.js';
import type { Neighbor } from './neighbor.js';
import type { SpeakerRuntime } from './options.js';
import type { Originator } from './originate.js';

export interface SpeakerFibHost extends FibReadinessHost, AsIdentity {
  readonly rib: Rib;
  neighbors(): Iterable<Neighbor>;
}

export class SpeakerFib {
  readonly fib: Fib;
  readonly readiness: FibReadiness;
  private readonly bridge: FibBridge;
  private readonly hold: FibHold | undefined;
  private readonly moved: MovedHosts | undefined;

  /** @throws UsageError `bad_table`, `bad_protocol`, `bad_fib_type`, `bad_option` */
  constructor(
    options: FibOptions,
    { fibWriter: writer, print, conntrack }: SpeakerRuntime,
    private readonly host: SpeakerFibHost,
    originator: Originator,
    resolver: NextHopResolver,
    onEvent: FibEventListener,
  ) {
    const { clock, loop, rib } = host;
    this.fib = createFib(options, { clock, ...(writer ? { writer } : {}), ...(print ? { print } : {}) });
    resolver.setFib(this.fib);
    this.readiness = new FibReadiness(this.fib, host);
    const { holdWithout } = options;
    if (holdWithout) this.hold = new FibHold(this.fib, holdWithout, host);
    if (options.conntrack === 'delete') {
      const table = conntrack ?? createConntrack(options);
      const moved = new MovedHosts({ fib: this.fib, clock, table, emit: onEvent });
      this.moved = moved;
      loop.onBestPathChange((family, changed) => moved.onBestPathChange(family, changed));
    }
    const bridge = new FibBridge(this.fib, originator);
    this.bridge = bridge;
    loop.onBestPathChange((family, changed) => bridge.apply(family, changed));
    this.fib.onEvent(onEvent);
    this.fib.onResolutionChange(() => {
      for (const family of rib.families) family.refreshNextHops();
      loop.scheduleIfDirty();
    });
  }

  async start(): Promise<void> {
    this.hold?.start();
    await this.fib.start();
  }

  /** Before routes go because sessions end. */
  async stop(): Promise<void> {
    this.readiness.stop();
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
    this.bridge.applyLocal(this.host.rib, prefix);
  }
}
