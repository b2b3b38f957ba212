import type { Clock } from '../net/index.js';

/** Functions that are told of something, in the order in which they came. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  constructor(private readonly clock: Clock) {}

  /** @returns a function that ends it */
  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of [...this.#all]) callSafely(this.clock, () => listener(value));
  }
}

/** What a listener throws must not leave our accounts half written: it surfaces in a turn of its own. */
export function callSafely(clock: Clock, listener: () => void): void {
  try {
    listener();
  } catch (error) {
    clock.soon(() => {
      throw error;
    });
  }
}
