import type { Fib } from '../fib/fib.js';
import type { Clock, Timer } from '../net/index.js';
import type { WorkLoop } from './work-loop.js';

/** Routes of an earlier run are swept from the kernel at the latest so long after the start. */
const FIB_READY_MS = 30_000;

export interface FibReadinessHost {
  readonly clock: Clock;
  readonly loop: WorkLoop;
  /** Whether every neighbor that can come has told all it has, and no restart is under way. */
  isLocRibComplete(): boolean;
}

/** When the kernel's routes of an earlier run that nobody wants may go: the Loc-RIB is complete, or time is over. */
export class FibReadiness {
  private isReady = false;
  private timer: Timer | undefined;

  constructor(
    private readonly fib: Fib,
    private readonly host: FibReadinessHost,
  ) {}

  /** The FIB has started. @param deferralMs how long selection is deferred at most */
  start(deferralMs: number): void {
    this.timer = this.host.clock.after(Math.max(FIB_READY_MS, deferralMs), () => this.set());
  }

  check(): void {
    if (!this.isReady && this.host.isLocRibComplete()) void this.host.loop.idle().then(() => this.set());
  }

  /** A pending timer would keep the process alive. */
  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private set(): void {
    // Not before the start, nor after the end.
    if (this.isReady || this.timer === undefined) return;
    this.isReady = true;
    this.fib.ready();
  }
}
