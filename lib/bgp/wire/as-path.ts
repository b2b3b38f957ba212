import type { AsPathSegment } from './attributes/as-path.js';
import { AS_CONFED_SEQUENCE, AS_CONFED_SET, AS_SEQUENCE, AS_SET } from './attributes/as-path.js';

/**
 * Path length for the decision process, from the four-octet AS_PATH value `bytes[start..end)`: each AS of a sequence counts
 * one, an AS_SET one in all, confederation segments nothing.
 * @see RFC 4271 section 9.1.2.2 a, RFC 5065 section 5.3
 */
export function asPathLength(bytes: Uint8Array, start = 0, end = bytes.length, width: 2 | 4 = 4): number {
  let length = 0;
  for (let at = start; at + 1 < end; at += 2 + bytes[at + 1]! * width) {
    if (bytes[at] === AS_SEQUENCE) length += bytes[at + 1]!;
    else if (bytes[at] === AS_SET) length++;
  }
  return length;
}

/**
 * The AS that a route was received from, for comparing MULTI_EXIT_DISC: the first AS of the first segment that is not of
 * a confederation, if that is a sequence; else 0 (the route began inside this AS).
 * @see RFC 4271 section 9.1.2.2 c
 */
export function neighborAs(bytes: Uint8Array, start = 0, end = bytes.length): number {
  for (let at = start; at + 5 < end; at += 2 + bytes[at + 1]! * 4) {
    if (bytes[at] === AS_CONFED_SEQUENCE || bytes[at] === AS_CONFED_SET) continue;
    return bytes[at] === AS_SEQUENCE ? readAsn(bytes, at + 2) : 0;
  }
  return 0;
}

/** Which segments of an AS_PATH are looked at: those of the confederation, all others, or both. */
export type SegmentKind = 'confederation' | 'other' | 'all';

/** How often an AS number stands in a four-octet AS_PATH value (RFC 4271 section 9, RFC 5065 section 4: loop detection). */
export function countInAsPath(
  asn: number,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
  kind: SegmentKind = 'all',
): number {
  let count = 0;
  let at = start;
  while (at + 1 < end) {
    const next = Math.min(at + 2 + bytes[at + 1]! * 4, end);
    if (kind === 'all' || (kind === 'confederation') === bytes[at]! >= AS_CONFED_SEQUENCE) {
      for (let i = at + 2; i + 3 < next; i += 4) if (readAsn(bytes, i) === asn) count++;
    }
    at = next;
  }
  return count;
}

function readAsn(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Text form: `64513 64514 {64515 64516} (64512) [64511]` for sequence, set, confederation sequence and set. */
export function formatAsPath(segments: readonly AsPathSegment[]): string {
  return segments
    .map(({ type, asns }) => {
      const list = asns.join(' ');
      switch (type) {
        case 'AS_SEQUENCE':
          return list;
        case 'AS_SET':
          return `{${list}}`;
        case 'AS_CONFED_SEQUENCE':
          return `(${list})`;
        case 'AS_CONFED_SET':
          return `[${list}]`;
      }
    })
    .join(' ');
}
