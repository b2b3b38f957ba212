import { parsePrefix, parseScopedAddress, prefixContains } from '../net/index.js';
import type { DynamicNeighborOptions } from './options.js';

const DEFAULT_LIMIT = 1000;

/**
 * The range that a neighbor comes from: the longest prefix counts.
 * @param countOf how many neighbors there are from a prefix now
 * @returns undefined when there is no such range, or it has as many neighbors as it may have
 */
export function rangeFor(
  ranges: readonly DynamicNeighborOptions[],
  address: string,
  countOf: (prefix: string) => number,
): DynamicNeighborOptions | undefined {
  const { octets } = parseScopedAddress(address);
  let [range, longest]: [DynamicNeighborOptions | undefined, number] = [undefined, -1];
  for (const candidate of ranges) {
    const prefix = parsePrefix(candidate.prefix);
    if (prefix.length > longest && prefixContains(prefix, octets)) [range, longest] = [candidate, prefix.length];
  }
  if (range === undefined) return undefined;
  return countOf(range.prefix) < (range.limit ?? DEFAULT_LIMIT) ? range : undefined;
}
