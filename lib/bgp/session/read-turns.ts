import type { Clock } from '../../net/clock.js';

/** So much time of a turn of the event loop is for reading; then writing, timers and the tables come first. */
const TURN_MS = 6;
/** Less than this needs no new turn to be forgotten. */
const LITTLE_MS = 1;

/**
 * Shares the time for reading between the connections of a speaker. The system hands over up to two megabytes of one
 * connection before it looks at the next one, and of each in the same turn of the event loop: a flood, or many neighbors with
 * a full table, would hold up keepalives and what others are to be told. So a turn has a budget; who comes when it is
 * used up waits in line.
 */
export class ReadTurns {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #spentMs = 0;
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether there is time left in this turn. */
  get hasTime(): boolean {
    return this.#spentMs < TURN_MS;
  }

  /** Whether somebody who does not stand in line may read now. */
  get isOpen(): boolean {
    return this.hasTime && this.#waiting.length === 0;
  }

  /** Do this when it is its turn. */
  wait(run: () => void): void {
    this.#waiting.push(run);
    this.#schedule();
  }

  /** Read, and count the time. */
  read(run: () => void): void {
    const began = this.#clock.now();
    run();
    this.#spentMs += this.#clock.now() - began;
    if (this.#spentMs >= LITTLE_MS) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => this.#begin());
  }

  #begin(): void {
    this.#scheduled = false;
    // What was read earlier in this turn counts. While somebody stands in line nobody else reads, so that the line has
    // the next turn for itself.
    while (this.hasTime && this.#waiting.length > 0) this.#waiting.shift()!();
    this.#spentMs = 0;
    if (this.#waiting.length > 0) this.#schedule();
  }
}
