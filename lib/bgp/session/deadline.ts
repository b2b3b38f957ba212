import type { Clock, Timer } from '../../net/clock.js';

/**
 * A timer whose start can be moved on for the price of a store: it looks when it fires whether it was moved, and waits
 * for the rest then (a hold timer would else be restarted for each message).
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  /** Look a second time after the I/O that is ready was read. */
  readonly #grace: boolean;
  #timer: Timer | undefined;
  #since = 0;
  #ms = 0;

  /**
   * @param grace expire only after what has arrived was read: a process that was stalled must not blame its peers
   */
  constructor(clock: Clock, onExpired: () => void, grace = false) {
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.#grace = grace;
  }

  start(ms: number): void {
    this.stop();
    this.#ms = ms;
    this.#since = this.#clock.now();
    this.#arm(ms);
  }

  /** Again for as long as before. */
  restart(): void {
    this.start(this.#ms);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Count anew from `now`. */
  touch(now: number): void {
    this.#since = now;
  }

  /** Milliseconds until it expires; undefined when it is not running. */
  get left(): number | undefined {
    return this.#timer === undefined ? undefined : Math.max(0, this.#since + this.#ms - this.#clock.now());
  }

  #arm(ms: number): void {
    const timer = this.#clock.after(ms, () => {
      if (this.left! > 0) this.#arm(this.left!);
      else if (!this.#grace) this.#expire();
      else {
        this.#clock.soon(() => {
          if (this.#timer !== timer) return;
          if (this.left! > 0) this.#arm(this.left!);
          else this.#expire();
        });
      }
    });
    this.#timer = timer;
  }

  #expire(): void {
    this.#timer = undefined;
    this.#onExpired();
  }
}
