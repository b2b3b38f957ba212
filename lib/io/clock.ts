import type { Clock, Random } from '../net/clock.js';

/** The longest delay that the system's timers take: about 24.8 days. Longer ones are cut to it. */
const LONGEST_MS = 2 ** 31 - 1;

/** Real time. Its timers keep the process alive, as timers do. */
export const realClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, LONGEST_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};

/** The system's random numbers, good enough for jitter. */
export const realRandom: Random = Math.random;
