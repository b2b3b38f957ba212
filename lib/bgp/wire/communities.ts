import { UsageError } from '../../net/errors.js';

/** Well-known communities by name: RFC 1997, 3765, 7611, 7999, 8326, 9494 and the IANA registry. */
export const WELL_KNOWN_COMMUNITIES = {
  'graceful-shutdown': 0xffff0000,
  'accept-own': 0xffff0001,
  'route-filter-translated-v4': 0xffff0002,
  'route-filter-v4': 0xffff0003,
  'route-filter-translated-v6': 0xffff0004,
  'route-filter-v6': 0xffff0005,
  'llgr-stale': 0xffff0006,
  'no-llgr': 0xffff0007,
  'accept-own-nexthop': 0xffff0008,
  'standby-pe': 0xffff0009,
  blackhole: 0xffff029a,
  'no-export': 0xffffff01,
  'no-advertise': 0xffffff02,
  'no-export-subconfed': 0xffffff03,
  'no-peer': 0xffffff04,
} as const;

const NAMES = new Map<number, string>(Object.entries(WELL_KNOWN_COMMUNITIES).map(([name, value]) => [value, name]));

/** A large community: Global Administrator, Local Data Part 1 and 2 (RFC 8092). */
export type LargeCommunity = readonly [number, number, number];

/**
 * Parse a community: `65000:100`, a well-known name (`no-export`), or a plain 32-bit number.
 * @returns unsigned 32-bit number
 * @throws UsageError `bad_community`
 */
export function parseCommunity(text: string): number {
  const wellKnown = (WELL_KNOWN_COMMUNITIES as Record<string, number>)[text.toLowerCase().replaceAll('_', '-')];
  if (wellKnown !== undefined) return wellKnown;
  const pair = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  if (pair) {
    const [high, low] = [Number(pair[1]), Number(pair[2])];
    if (high <= 0xffff && low <= 0xffff) return high * 65536 + low;
  } else if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffffffff) return Number(text);
  throw new UsageError('bad_community', `not a community: '${text}' (expected 65000:100 or a name like no-export)`);
}

/** `65000:100`, or the name of a well-known community. */
export function formatCommunity(value: number): string {
  return NAMES.get(value) ?? formatCommunityNumeric(value);
}

/** `65000:100`, well-known or not. */
export function formatCommunityNumeric(value: number): string {
  return `${value >>> 16}:${value & 0xffff}`;
}

/**
 * Parse a large community, `65000:1:2`.
 * @throws UsageError `bad_community`
 */
export function parseLargeCommunity(text: string): LargeCommunity {
  const parts = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text);
  if (parts) {
    const [, a, b, c] = parts.map(Number) as [number, number, number, number];
    if (a <= 0xffffffff && b <= 0xffffffff && c <= 0xffffffff) return [a, b, c];
  }
  throw new UsageError('bad_community', `not a large community: '${text}' (expected 65000:1:2)`);
}

/** `65000:1:2`: decimal numbers without leading zeros (RFC 8092 section 5). */
export function formatLargeCommunity(value: LargeCommunity): string {
  return `${value[0]}:${value[1]}:${value[2]}`;
}
