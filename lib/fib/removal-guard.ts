import type { Clock, Timer } from '../net/index.js';
import type { FibEvent } from './events.js';

/** A brake on removals: a mistake upstream must not empty the table before anybody has looked. */
export interface RemovalLimit {
  /** Of the routes that the kernel holds when a period begins; above 0, at most 100. */
  readonly percent: number;
  /** Length of a period. */
  readonly seconds: number;
}

/** So few removals are always allowed: a percentage of a handful of routes means nothing. */
const ALWAYS = 10;

/** Decides whether a route may be removed now, and says so when it may not. */
export class RemovalGuard {
  #periodEnd = -Infinity;
  #allowed = 0;
  #timer: Timer | null = null;
  #waiting = 0;
  #confirmed = false;
  #heldFor: string | null = null;

  constructor(
    private readonly o: {
      readonly clock: Clock;
      readonly limit: RemovalLimit | null;
      /** Routes of ours in the kernel. */
      readonly count: () => number;
      readonly emit: (event: FibEvent) => void;
      /** Removals that were refused may be tried again. */
      readonly onFree: () => void;
    },
  ) {}

  /** Why nothing is removed at all at present; null: it is. */
  get heldFor(): string | null {
    return this.#heldFor;
  }

  /** May one more route be removed? Counts it if so. */
  take(): boolean {
    if (this.#confirmed) return true;
    if (this.#heldFor !== null) return false;
    if (!this.o.limit) return true;
    const now = this.o.clock.now();
    if (now >= this.#periodEnd) this.#begin(now, this.o.limit);
    if (this.#allowed-- > 0) return true;
    if (this.#waiting++ === 0) this.#refuse(this.#periodEnd - now);
    return false;
  }

  #begin(now: number, { percent, seconds }: RemovalLimit): void {
    this.#periodEnd = now + seconds * 1000;
    this.#allowed = Math.max(ALWAYS, Math.floor((this.o.count() * percent) / 100));
    this.#waiting = 0;
  }

  #refuse(ms: number): void {
    this.o.emit({ type: 'removalsLimited', retryInMs: ms });
    this.#timer ??= this.o.clock.after(ms, () => {
      this.#timer = null;
      this.o.onFree();
    });
  }

  /** Why a removal has to wait at present; null: it need not. */
  get waitsFor(): string | null {
    if (this.#confirmed) return null;
    if (this.#heldFor !== null) return this.#heldFor;
    const { limit } = this.o;
    if (!limit || this.#waiting === 0 || this.o.clock.now() >= this.#periodEnd) return null;
    return `no more than ${limit.percent} % of the routes may be removed in ${limit.seconds} s`;
  }

  /** Remove nothing until {@link release}. */
  hold(reason: string): void {
    if (this.#heldFor === reason) return;
    this.#heldFor = reason;
    this.o.emit({ type: 'removalsHeld', reason });
  }

  release(): void {
    if (this.#heldFor === null) return;
    this.#heldFor = null;
    this.o.emit({ type: 'removalsReleased' });
    this.o.onFree();
  }

  /** All that waits now may go, whatever the limit says; until {@link settle}. */
  confirm(): void {
    this.#confirmed = true;
    this.o.onFree();
  }

  /** Nothing is left of what was confirmed. */
  settle(): void {
    if (this.#confirmed) this.#waiting = 0;
    this.#confirmed = false;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
