/** How long to wait after `times` doublings of `firstMs`: `maxMs` at most. */
export function doublingDelay(times: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** times);
}
