/** The FIB of a speaker, joined to its RIB: best paths go to the kernel, and what the kernel says of next hops comes back. */
import type { FibEventListener } from '../fib/events.js';
import type { Fib } from '../fib/fib.js';
import type { FibOptions } from '../fib/options.js';
import { createFib } from '../io/create-fib.js';
import type { PolicyBook } from '../policy/policy-chain.js';
import type { Rib } from '../rib/rib.js';
import { FibReadiness, type FibReadinessHost } from './fib-readiness.js';
import { KernelRoutes } from './kernel-routes.js';
import type { NextHopResolver } from './next-hop-resolver.js';
import type { SpeakerConfig, SpeakerRuntime } from './options.js';
import type { Originator } from './originate.js';

export interface SpeakerFibHost extends FibReadinessHost {
  readonly rib: Rib;
  /** What runs now. */
  readonly config: SpeakerConfig;
  readonly policies: PolicyBook;
}

export class SpeakerFib {
  readonly fib: Fib;
  readonly readiness: FibReadiness;
  private readonly routes: KernelRoutes;

  /** @throws UsageError `bad_table`, `bad_protocol`, `bad_fib_type`, `bad_option` */
  constructor(
    options: FibOptions,
    { fibWriter: writer, print }: SpeakerRuntime,
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
    const onSettled = (): void => readiness.check();
    this.routes = new KernelRoutes({ config, policies, fib, rib, loop, clock, originator, resolver, onSettled });
    fib.onEvent(onEvent);
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

  /** No more timers. */
  stop(): void {
    this.readiness.stop();
    this.routes.stop();
  }

  /** A route is originated anew. */
  applyLocal(prefix: string): void {
    this.routes.applyLocal(prefix);
  }
}
