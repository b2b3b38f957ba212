import { availableParallelism } from 'node:os';
import type { Clock } from '../net/clock.js';
import { realClock } from './clock.js';

/** Reads that follow each other within this time are in quick succession; the next one is waited for as long. */
const QUICK_MS = 0.2;
/** So many in a row, and the next one is expected to be quick, too. */
const LEAST_QUICK = 4;

/**
 * Keeps the event loop awake for a moment while octets come in quick succession: falling asleep and being woken take the
 * system longer than it takes to read and answer a few messages. When they come now and then, and at rest, it does nothing.
 */
export class BusyPoll {
  readonly #clock: Pick<Clock, 'now' | 'soon'>;
  #readAt = -Infinity;
  #quick = 0;
  #awake = false;

  constructor(clock: Pick<Clock, 'now' | 'soon'>) {
    this.#clock = clock;
  }

  /** Octets were read just now. */
  onRead(): void {
    const now = this.#clock.now();
    this.#quick = now - this.#readAt < QUICK_MS ? this.#quick + 1 : 0;
    this.#readAt = now;
    if (this.#quick < LEAST_QUICK || this.#awake) return;
    this.#awake = true;
    this.#clock.soon(this.#poll);
  }

  /** A turn of the event loop that has something for the next one does not wait in between. */
  readonly #poll = (): void => {
    this.#awake = this.#clock.now() - this.#readAt < QUICK_MS;
    if (this.#awake) this.#clock.soon(this.#poll);
  };
}

/** Of this thread, for all its sockets. */
export const threadBusyPoll = new BusyPoll(realClock);

/** With a single processor, whoever is waited for needs it. */
export const hasProcessors = availableParallelism() > 1;
