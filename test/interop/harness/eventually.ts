import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface EventuallyOptions<T> {
  /** What is waited for, as it stands in the error: `three routes at bird`. */
  readonly what: string;
  /** Left out: any value that the probe returns without throwing will do. May throw: an assertion counts as "not yet". */
  readonly until?: (value: T) => unknown;
  /** Says why it will never be right; looked at after each failed look. */
  readonly giveUp?: () => string | undefined;
  readonly limitMs?: number;
  readonly everyMs?: number;
}

/** A look may take at most a third of a processor, however much it costs: the daemons need theirs. */
const rest = (everyMs: number, lookMs: number) => delay(Math.max(everyMs, Math.min(2 * lookMs, 1000)));

/**
 * Look again and again until what is seen is right.
 * `until` may return nothing (it asserts) or a boolean.
 * @returns the value that was right
 * @throws the last assertion error with `what` and the time waited in front, or an Error that shows the last value seen
 */
export async function eventually<T>(probe: () => T | Promise<T>, options: EventuallyOptions<T>): Promise<T> {
  const { what, until, giveUp, limitMs = 30_000, everyMs = 100 } = options;
  const started = performance.now();
  for (;;) {
    let seen: unknown;
    const looked = performance.now();
    try {
      const value = await probe();
      seen = inspect(value, { depth: 6, maxArrayLength: 20, breakLength: 120 });
      if (until === undefined || until(value) !== false) return value;
    } catch (error) {
      seen = error;
    }
    const never = giveUp?.();
    if (never !== undefined) throw new Error(`${what}: ${never}`);
    const now = performance.now();
    if (now - started >= limitMs) throw failure(what, limitMs, seen);
    await rest(everyMs, now - looked);
  }
}

/** `condition` holds all the time for `forMs`; for what must not happen. */
export async function steadily(condition: () => unknown, options: { what: string; forMs: number }): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < options.forMs) {
    const looked = performance.now();
    const is = await condition();
    const now = performance.now();
    if (is === false) throw new Error(`${options.what}: not so after ${ms(now - started)}`);
    await rest(100, now - looked);
  }
}

function failure(what: string, limitMs: number, seen: unknown): Error {
  if (seen instanceof Error) {
    // Keeps the assertion's expected and actual, which mocha shows as a difference.
    seen.message = `${what}: not within ${ms(limitMs)}: ${seen.message}`;
    return seen;
  }
  return new Error(`${what}: not within ${ms(limitMs)}; last seen: ${String(seen)}`);
}

function ms(value: number): string {
  return `${(value / 1000).toFixed(1)} s`;
}
