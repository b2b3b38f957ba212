import type { Clock } from '../net/clock.js';
import { realClock } from './clock.js';

/** So much time of a turn of the event loop. */
const TURN_MS = 3;

/**
 * Connections whose other side is gone, to be let go of one after the other: for each, Node and the system take some 30 µs. When a
 * thousand end at once, as with a switch that fails, the event loop would be told of all of them in one turn.
 */
export class ClosingLine {
  readonly #clock: Pick<Clock, 'now' | 'soon'>;
  #waiting: (() => void)[] = [];

  constructor(clock: Pick<Clock, 'now' | 'soon'>) {
    this.#clock = clock;
  }

  add(close: () => void): void {
    if (this.#waiting.push(close) === 1) this.#clock.soon(() => this.#turn());
  }

  #turn(): void {
    const line = this.#waiting;
    const end = this.#clock.now() + TURN_MS;
    let next = 0;
    do line[next++]!();
    while (next < line.length && this.#clock.now() < end);
    this.#waiting = line.slice(next);
    if (this.#waiting.length > 0) this.#clock.soon(() => this.#turn());
  }
}

/** Of this thread, for all its sockets. */
export const closingLine = new ClosingLine(realClock);
