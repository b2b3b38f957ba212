import type { Random } from '../net/clock.js';

/**
 * A reproducible sequence of numbers in [0, 1): the same seed, the same sequence (a 32-bit Weyl sequence through an integer hash).
 * @param seed any integer; its low 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let hash = state ^ (state >>> 16);
    hash = Math.imul(hash, 0x21f0aaad);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x735a2d97);
    hash ^= hash >>> 15;
    return (hash >>> 0) / 2 ** 32;
  };
}
