/** The FIB of a speaker, joined to its RIB: best paths go to the kernel, and what the kernel says of next hops comes back. */
import type { FibEventListener } from '../fib/events.js';
import type { Fib } from '../fib/fib.js';
import type { FibOptions } from '../fib/options.js';
import { createFib } from '../io/create-fib.js';
import type { Rib } from '../rib/rib.js';
import { FibBridge, type NextHopResolver } from './fib-bridge.js';
import { FibReadiness, type FibReadinessHost } from './fib-readiness.js';
import type { SpeakerRuntime } from './options.js';
import type { Originator } from './originate.js';

export interface SpeakerFibHost extends FibReadinessHost {
  readonly rib: Rib;
}

export class SpeakerFib {
  readonly fib: Fib;
  readonly readiness: FibReadiness;
  private readonly bridge: FibBridge;

  /** @throws UsageError `bad_table`, `bad_protocol`, `bad_fib_type`, `bad_option` */
  constructor(
    options: FibOptions,
    { fibWriter: writer, print }: SpeakerRuntime,
    private readonly host: SpeakerFibHost,
    originator: Originator,
    resolver: NextHopResolver,
    onEvent: FibEventListener,
  ) {
    const { clock, loop, rib } = host;
    this.fib = createFib(options, { clock, ...(writer ? { writer } : {}), ...(print ? { print } : {}) });
    resolver.setFib(this.fib);
    this.readiness = new FibReadiness(this.fib, host);
    const bridge = new FibBridge(this.fib, originator);
    this.bridge = bridge;
    loop.onBestPathChange((family, changed) => bridge.apply(family, changed));
    this.fib.onEvent(onEvent);
    this.fib.onResolutionChange(() => {
      for (const family of rib.families) family.refreshNextHops();
      loop.scheduleIfDirty();
    });
  }

  /** A route is originated anew. */
  applyLocal(prefix: string): void {
    this.bridge.applyLocal(this.host.rib, prefix);
  }
}
