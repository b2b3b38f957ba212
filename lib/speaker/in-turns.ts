import type { Clock } from '../net/index.js';

/** So much time of a turn of the event loop … */
const TURN_MS = 6;
/** … and for so many at most: what each sets off, in the system too, comes in the same turn. */
const MOST_PER_TURN = 64;

/**
 * Do something with each of many, in several turns of the event loop if it takes long: other work comes in between. The
 * first ones are done before this returns.
 * @returns when all is done; rejects with what `act` throws, and leaves the rest undone then
 */
export function inTurns<T>(clock: Clock, all: readonly T[], act: (one: T) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    const turn = (): void => {
      const deadline = clock.now() + TURN_MS;
      try {
        for (let left = MOST_PER_TURN; next < all.length && left > 0 && clock.now() < deadline; left--)
          act(all[next++]!);
      } catch (error) {
        reject(error as Error);
        return;
      }
      if (next < all.length) clock.soon(turn);
      else resolve();
    };
    turn();
  });
}
