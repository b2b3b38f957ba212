import { doublingDelay } from '../../net/backoff.js';
import type { Random } from '../../net/clock.js';

/** The jitter of RFC 4271 section 10: a factor from 0.75 to 1.0, so that many sessions do not fire together. */
export function jittered(ms: number, random: Random): number {
  return ms * (0.75 + 0.25 * random());
}

/**
 * How long to wait before the next attempt: `firstMs`, doubled with each failure after the first, up to `maxMs`.
 * @param failures ConnectRetryCounter; 0 (the first attempt) and 1 both give `firstMs`
 */
export function retryDelay(failures: number, firstMs: number, maxMs: number): number {
  return doublingDelay(Math.max(0, failures - 1), firstMs, maxMs);
}
