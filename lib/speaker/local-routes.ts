/** Routes of our own, whatever they are made of: configured networks, routes of the kernel, aggregates. */
import type { Fib } from '../fib/fib.js';
import { parsePrefix, type Clock, type Timer } from '../net/index.js';
import type { PolicyBook } from '../policy/policy-chain.js';
import type { Rib } from '../rib/rib.js';
import type { SummaryOnly } from '../rr/summary-only.js';
import { Aggregation } from './aggregation.js';
import { KernelLearning } from './kernel-learning.js';
import type { SpeakerConfig } from './options.js';
import type { Originator } from './originate.js';
import { locatePrefix } from './path-views.js';
import type { WorkLoop } from './work-loop.js';

/** Routes of the kernel are waited for so long before neighbors are told that all is told. */
const LEARN_PATIENCE_MS = 30_000;

export interface LocalRoutesHost {
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly clock: Clock;
  readonly asn: number;
  readonly routerId: number;
  /** The blackhole of a route that is originated anew may have come or gone. */
  onLocalRoute(prefix: string): void;
  onSummaries(): void;
}

export class LocalRoutes {
  /** Routes that aggregates stand for. */
  summaryOnly: SummaryOnly | undefined;
  /** Settles when the kernel's routes were learnt for the first time, or cannot be; undefined: there is nothing to learn. */
  readonly whenLearnt: Promise<void> | undefined;
  private readonly aggregation: Aggregation;
  private readonly learning: KernelLearning | undefined;
  private learnt: () => void = () => undefined;
  private limit: Timer | undefined;

  constructor(
    private readonly host: LocalRoutesHost,
    originator: Originator,
    config: SpeakerConfig,
    policies: PolicyBook,
    fib: Fib | undefined,
  ) {
    const { rib, loop, asn, routerId } = host;
    const ownAs = config.confederation?.identifier ?? asn;
    this.aggregation = new Aggregation({
      ...{ rib, loop, originator, routerId },
      asn: ownAs,
      hasFib: fib !== undefined,
      onSummaries: (summaries) => {
        this.summaryOnly = summaries;
        host.onSummaries();
      },
    });
    originator.onChange = (text) => {
      const { family, id } = locatePrefix(rib, parsePrefix(text));
      this.aggregation.recheck(family, id);
      host.onLocalRoute(text);
    };
    loop.onBestPathChange((family, changed) => this.aggregation.onBestPathChange(family, changed));
    if (fib) this.learning = new KernelLearning(fib, originator, rib, ownAs, () => this.onLearnt());
    if ((config.learn ?? []).length > 0) this.whenLearnt = new Promise((resolve) => (this.learnt = resolve));
    this.configure(config, policies, ['learn', 'aggregates']);
  }

  /**
   * Learn and aggregate as this configuration says; its networks are another matter.
   * @param changed top-level keys that are others than before
   */
  configure(config: SpeakerConfig, policies: PolicyBook, changed: readonly (keyof SpeakerConfig)[]): void {
    if (changed.includes('learn')) this.learning?.configure(config.learn ?? [], policies);
    if (changed.includes('aggregates')) this.aggregation.configure(config.aggregates ?? []);
    this.host.loop.scheduleIfDirty();
  }

  private onLearnt(): void {
    this.learnt();
    this.host.loop.scheduleIfDirty();
  }

  /** The kernel has been asked. */
  start(): void {
    if (this.learning?.isComplete === false) this.limit = this.host.clock.after(LEARN_PATIENCE_MS, () => this.learnt());
  }

  stop(): void {
    this.limit?.cancel();
  }
}
