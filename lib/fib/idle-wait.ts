import type { Clock, Timer } from '../net/index.js';

/** Waits until nothing is left to be done. */
export class IdleWait {
  #waiters: (() => void)[] = [];

  /** @param pending how much is left, for telling whether anything moves */
  constructor(
    private readonly clock: Clock,
    private readonly isIdle: () => boolean,
    private readonly pending: () => number,
  ) {}

  /** It may be idle now. */
  settle(): void {
    if (this.#waiters.length > 0 && this.isIdle()) for (const done of this.#waiters.splice(0)) done();
  }

  wait(): Promise<void> {
    if (this.isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Wait as long as something moves within so many milliseconds. */
  async within(ms: number): Promise<void> {
    for (let left = -1; left !== this.pending() && !this.isIdle();) {
      left = this.pending();
      let timer: Timer | undefined;
      const limit = new Promise<void>((resolve) => (timer = this.clock.after(ms, resolve)));
      await Promise.race([this.wait(), limit]);
      timer?.cancel();
    }
  }
}
