/**
 * Next hops that routes of our own lead to are looked up anew when those routes change: soon, but never so often that it
 * takes more than a small part of the time; and ever later while each look-up changes routes again.
 */
import type { Clock, Timer } from '../net/index.js';
import type { Rib } from '../rib/rib.js';
import type { FibBridge } from './fib-bridge.js';
import type { NextHopResolver } from './next-hop-resolver.js';
import type { WorkLoop } from './work-loop.js';

/** Between two look-ups at least so many times the duration of the last one … */
const REST_FACTOR = 20;
/** … and after some that each changed something, from this on, doubled each time … */
const CALM_DOWN_MS = 10;
const PATIENCE = 4;
/** … and at most. */
const MAX_REST_MS = 2000;
/** When nothing was looked up for so long, it begins anew. */
const CALM_MS = 1000;

export interface RecursionOptions {
  readonly clock: Clock;
  readonly rib: Rib;
  readonly loop: WorkLoop;
  readonly resolver: NextHopResolver;
  readonly bridge: FibBridge;
  /** Called when nothing is due any more. */
  readonly onSettled: () => void;
}

export class Recursion {
  private due = false;
  private timer: Timer | undefined;
  private notBefore = 0;
  private restless = 0;

  constructor(private readonly o: RecursionOptions) {}

  /** Whether best paths changed and next hops were not looked up since. */
  get isPending(): boolean {
    return this.due;
  }

  /** Routes of ours changed. */
  onChange(): void {
    if (!this.due && this.o.resolver.dependsOnOwnRoutes) this.plan();
  }

  private plan(): void {
    this.due = true;
    const wait = this.notBefore - this.o.clock.now();
    if (wait < 1) this.enqueue();
    else this.timer = this.o.clock.after(wait, () => this.enqueue());
  }

  private enqueue(): void {
    this.timer = undefined;
    // As a job of the loop: after all that is decided in this slice, and before anybody thinks that nothing is left to do.
    const step = (): boolean => {
      if (this.due) this.refresh();
      return true;
    };
    this.o.loop.addJob({ step });
  }

  /** Look up all next hops now: others' routes changed, or our own. */
  refresh(): void {
    const { clock, rib, loop, resolver, bridge, onSettled } = this.o;
    const begin = clock.now();
    this.due = false;
    resolver.beginRefresh();
    // Next hops that depend on each other's routes can change in step for ever. One at a time they come to rest.
    const inTurn = this.restless > PATIENCE;
    let changed = false;
    for (const family of rib.families) {
      if (family.refreshNextHops(inTurn ? 1 : Infinity)) changed = true;
      if (inTurn && changed) break;
    }
    if (resolver.hasMoved) loop.addJob(bridge.reapplyJob());
    const isCalm = begin - this.notBefore > CALM_MS;
    this.restless = changed || resolver.hasMoved ? (isCalm ? 1 : this.restless + 1) : 0;
    const end = clock.now();
    const unrest = this.restless > PATIENCE ? CALM_DOWN_MS * 2 ** Math.min(10, this.restless - PATIENCE) : 0;
    this.notBefore = end + Math.min(MAX_REST_MS, Math.max((end - begin) * REST_FACTOR, unrest));
    loop.scheduleIfDirty();
    if (inTurn && changed) this.plan();
    if (!this.due) onSettled();
  }

  stop(): void {
    this.timer?.cancel();
    this.due = false;
  }
}
