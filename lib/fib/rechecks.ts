import type { Clock } from '../net/index.js';
import type { Learner } from './learner.js';
import { Listeners } from './listeners.js';
import type { Resolver } from './resolver.js';
import type { Sweeps } from './sweeps.js';
import type { TargetPool } from './targets.js';
import type { WriteLoop } from './write-loop.js';

export interface RechecksOptions {
  readonly clock: Clock;
  readonly sweeps: Sweeps;
  readonly targets: TargetPool;
  readonly resolver: Resolver;
  readonly learner: Learner;
  readonly loop: WriteLoop;
  /** Something was finished: the owner may be idle now. */
  readonly onProgress: () => void;
}

/** Looks at next hops and learnt routes again when others' routes have changed. */
export class Rechecks {
  /** Told of next hops whose resolution is another now. */
  readonly listeners: Listeners<string[]>;
  #isScheduled = false;

  constructor(private readonly o: RechecksOptions) {
    this.listeners = new Listeners(o.clock);
  }

  get isScheduled(): boolean {
    return this.#isScheduled;
  }

  /** Several become one. */
  soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.o.clock.soon(() => {
      this.#isScheduled = false;
      this.now();
      this.o.onProgress();
    });
  }

  /** Resolve every next hop again, rewrite the routes it concerns, tell who asked. */
  now(): void {
    const { sweeps, resolver, learner, loop } = this.o;
    const targets = this.o.targets.recheck();
    if (targets.size > 0) {
      sweeps.begin((ref, c, row) => {
        if (!targets.has(c.wanted[row]!)) return;
        c.retryAt[row] = 0;
        loop.enqueue(ref);
      });
    }
    // Where routes refer to nexthop objects, these may be all that has changed.
    loop.schedule();
    const changed = [...new Set(resolver.recheck().map(({ nextHop }) => nextHop))];
    if (changed.length > 0) this.listeners.tell(changed);
    for (const call of learner.update()) call();
  }
}
