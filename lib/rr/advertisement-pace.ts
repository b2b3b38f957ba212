import type { Clock, Timer } from '../net/index.js';

/**
 * MinRouteAdvertisementIntervalTimer of one neighbor and family (RFC 4271 section 9.2.1.1): between the end of one round of
 * telling and the beginning of the next an interval passes, for announcements and withdrawals alike.
 */
export class AdvertisementPace {
  private notBefore = -Infinity;
  private timer: Timer | undefined;

  /** @param intervalMs asked after each round: with jitter it is another one each time (RFC 4271 section 10) */
  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: () => number,
  ) {}

  /** Something is to be told: `tell` is called now, or when the interval is over; once, however often this is called. */
  request(tell: () => void): void {
    if (this.timer !== undefined) return;
    const wait = this.notBefore - this.clock.now();
    if (wait <= 0) return tell();
    this.timer = this.clock.after(wait, () => {
      this.timer = undefined;
      tell();
    });
  }

  /** All that was to be told is handed over. */
  roundOver(): void {
    this.notBefore = this.clock.now() + this.intervalMs();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
