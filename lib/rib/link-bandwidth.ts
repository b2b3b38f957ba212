/** Link Bandwidth extended community (draft-ietf-idr-link-bandwidth), and weights of paths by it. */
import { attributeValue } from './attribute-value.js';
import type { AttributeStore } from './attribute-store.js';

const EXTENDED_COMMUNITIES = 16;
/** Two-octet AS specific; the bit that says whether it is transitive does not count here. */
const TRANSITIVE_BIT = 0x40;
const LINK_BANDWIDTH = 0x04;

const float = new DataView(new ArrayBuffer(4));

/** Octets per second that a set's first Link Bandwidth community tells; 0: it has none, or one that tells nothing. */
export function linkBandwidthOf(store: AttributeStore, id: number): number {
  const [start, end] = attributeValue(store, id, EXTENDED_COMMUNITIES);
  return bandwidthIn(store.chunkOf(id), start, end);
}

function bandwidthIn(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at + 8 <= end; at += 8) {
    if ((bytes[at]! & ~TRANSITIVE_BIT) !== 0 || bytes[at + 1] !== LINK_BANDWIDTH) continue;
    for (let i = 0; i < 4; i++) float.setUint8(i, bytes[at + 4 + i]!);
    const value = float.getFloat32(0);
    return Number.isFinite(value) && value > 0 ? value : 0;
  }
  return 0;
}

/** Weights are parts of this before they are brought to lowest terms: it has many divisors, and a kernel takes 256. */
const SCALE = 240;

/** Small integers, 1 to 240, in proportion to these positive numbers: 1 and 2 for 10 and 20 Gbit/s. */
export function weightsFor(values: readonly number[]): number[] {
  const most = Math.max(...values);
  const weights = values.map((value) => Math.max(1, Math.round((value / most) * SCALE)));
  const divisor = weights.reduce(greatestCommonDivisor);
  return weights.map((weight) => weight / divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
