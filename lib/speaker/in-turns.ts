import type { Clock } from '../net/index.js';

/** So much time of a turn of the event loop … */
const TURN_MS = 4;
/** … and for so many at most: what each sets off, in the system too, comes in the same turn. */
const MOST_PER_TURN = 64;

/** Work that is under way: see {@link inTurns}. */
export interface Turns {
  /** Resolves when all is done; rejects with what was thrown, and the rest is left undone then. */
  readonly done: Promise<void>;
  /** Do the rest now. Harmless when there is none. @throws what is thrown by it */
  finish(): void;
}

/**
 * Do something with each of many, in several turns of the event loop if it takes long: other work comes in between. The
 * first ones are done before this returns.
 */
export function inTurns<T>(clock: Clock, all: readonly T[], act: (one: T) => void): Turns {
  let next = 0;
  let settle: { resolve(): void; reject(error: unknown): void };
  const done = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  const go = (most: number, deadline: number): void => {
    try {
      for (let left = most; next < all.length && left > 0 && clock.now() < deadline; left--) act(all[next++]!);
    } catch (error) {
      next = all.length;
      settle.reject(error);
      throw error;
    }
    if (next >= all.length) settle.resolve();
  };
  const turn = (): void => {
    try {
      go(MOST_PER_TURN, clock.now() + TURN_MS);
    } catch {
      return; // told by `done`
    }
    if (next < all.length) clock.soon(turn);
  };
  turn();
  return { done, finish: () => go(Infinity, Infinity) };
}
