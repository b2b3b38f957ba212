/** The largest weight of a hop that a kernel takes. */
export const MAX_WEIGHT = 256;

/** Whole weights from 1 to 256 in proportion to shares, which may sum up to anything. */
export function wholeWeights(shares: readonly number[]): number[] {
  const most = Math.max(...shares);
  // The smallest factor that makes all of them whole, if there is one.
  for (let factor = 1; factor * most <= MAX_WEIGHT; factor++) {
    const whole = shares.map((share) => share * factor);
    if (whole.every((share) => share >= 0.5 && Math.abs(share - Math.round(share)) < 1e-6))
      return whole.map(Math.round);
  }
  return shares.map((share) => Math.max(1, Math.round((share / most) * MAX_WEIGHT)));
}
