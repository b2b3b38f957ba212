/** The last good table stays in the kernel while all neighbors that matter for it are gone (`fib.holdWithout`). */
import type { Fib } from '../fib/fib.js';
import type { HoldWithoutOptions } from '../fib/options.js';
import type { Clock, Timer } from '../net/index.js';
import { isReflector, type AsIdentity } from './as-identity.js';
import type { Neighbor } from './neighbor.js';

/** A neighbor that is back and tells no End-of-RIB is taken to have told all after so long. */
const QUIET_MS = 30_000;
const DEFAULT_TIME_LIMIT_S = 3600;

export interface FibHoldHost extends AsIdentity {
  readonly clock: Clock;
  /** Resolves when what was received so far is decided and handed to the FIB. */
  readonly loop: { idle(): Promise<void> };
  neighbors(): Iterable<Neighbor>;
}

export class FibHold {
  private readonly establishedAt = new Map<Neighbor, number>();
  private isHeld = false;
  /** Held as long as may be, and nobody has come since. */
  private isOver = false;
  private isStopped = true;
  private limit: Timer | undefined;
  private recheck: Timer | undefined;

  constructor(
    private readonly fib: Fib,
    private readonly options: HoldWithoutOptions,
    private readonly host: FibHoldHost,
  ) {}

  /** Nobody is there yet: what an earlier run left in the kernel stays. */
  start(): void {
    this.isStopped = false;
    this.check();
  }

  stop(): void {
    this.isStopped = true;
    this.limit?.cancel();
    this.recheck?.cancel();
  }

  /** A neighbor came, told its End-of-RIB, or went. */
  check(): void {
    if (this.isStopped) return;
    const now = this.host.clock.now();
    let isAnyHere = false;
    let wait = Infinity;
    for (const neighbor of this.host.neighbors()) {
      if (!this.matters(neighbor)) continue;
      if (neighbor.peer.state !== 'Established') {
        this.establishedAt.delete(neighbor);
        continue;
      }
      isAnyHere = true;
      const since = this.establishedAt.get(neighbor) ?? now;
      this.establishedAt.set(neighbor, since);
      wait = Math.min(wait, neighbor.isSynchronized ? 0 : since + QUIET_MS - now);
    }
    if (isAnyHere) this.isOver = false;
    else if (!this.isHeld && !this.isOver) this.hold();
    this.recheck?.cancel();
    if (!this.isHeld || wait === Infinity) return;
    if (wait > 0) this.recheck = this.host.clock.after(wait, () => this.check());
    // All that it told is in the FIB before anything is removed.
    else void this.host.loop.idle().then(() => this.release());
  }

  private matters(neighbor: Neighbor): boolean {
    const { neighbors } = this.options;
    if (neighbors === 'all') return true;
    if (neighbors !== 'reflectors') return neighbors.includes(neighbor.address);
    return isReflector(this.host, neighbor.settings);
  }

  private hold(): void {
    const { neighbors, timeLimit = DEFAULT_TIME_LIMIT_S } = this.options;
    this.isHeld = true;
    const who =
      neighbors === 'reflectors'
        ? 'no reflector'
        : neighbors === 'all'
          ? 'no neighbor'
          : `none of ${neighbors.join(', ')}`;
    this.fib.holdRemovals(`${who} is Established and has told all its routes`);
    if (timeLimit === 0) return;
    this.limit = this.host.clock.after(timeLimit * 1000, () => {
      this.isOver = true;
      this.release();
    });
  }

  private release(): void {
    if (!this.isHeld || this.isStopped) return;
    // Gone again while its routes were being decided on.
    if (!this.isOver && this.establishedAt.size === 0) return;
    this.isHeld = false;
    this.limit?.cancel();
    this.recheck?.cancel();
    this.fib.releaseRemovals();
  }
}
