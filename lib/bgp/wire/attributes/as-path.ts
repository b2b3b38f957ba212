import { AS_TRANS } from '../../../net/asn.js';
import type { Reader } from '../../../net/reader.js';
import type { Writer } from '../../../net/writer.js';
import type { WireContext } from '../context.js';
import { attribute, WELL_KNOWN } from './attribute.js';

/** Path segment types by their wire value (RFC 4271 section 4.3, RFC 5065 section 3). */
export const SEGMENT_TYPES = {
  1: 'AS_SET',
  2: 'AS_SEQUENCE',
  3: 'AS_CONFED_SEQUENCE',
  4: 'AS_CONFED_SET',
} as const;
export type AsPathSegmentType = (typeof SEGMENT_TYPES)[keyof typeof SEGMENT_TYPES];

export const AS_SET = 1;
export const AS_SEQUENCE = 2;
export const AS_CONFED_SEQUENCE = 3;
export const AS_CONFED_SET = 4;

const SEGMENT_CODE: Record<AsPathSegmentType, number> = {
  AS_SET,
  AS_SEQUENCE,
  AS_CONFED_SEQUENCE,
  AS_CONFED_SET,
};

/** One path segment, as on the wire: up to 255 AS numbers. */
export interface AsPathSegment {
  readonly type: AsPathSegmentType;
  readonly asns: readonly number[];
}

/**
 * Check the segments of an AS_PATH whose AS numbers have `width` octets: known type, at least one AS, no AS 0
 * (RFC 7607), nothing left over (RFC 7606 section 7.2).
 */
export function checkSegments(bytes: Uint8Array, start: number, end: number, width: 2 | 4): string | undefined {
  let at = start;
  while (at < end) {
    if (end - at < 2) return 'one octet left after the last path segment';
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    if (type < AS_SET || type > AS_CONFED_SET) return `path segment type ${type}`;
    if (count === 0) return 'empty path segment';
    const next = at + 2 + count * width;
    if (next > end) return `path segment of ${count} AS numbers runs past the attribute`;
    for (let i = at + 2; i < next; i += width) {
      if (bytes[i] === 0 && bytes[i + 1] === 0 && (width === 2 || (bytes[i + 2] === 0 && bytes[i + 3] === 0))) {
        return 'AS 0 in the path';
      }
    }
    at = next;
  }
  return undefined;
}

/** Confederation segments have no place in a path from an external neighbor; a confederation peer's path begins with one. */
function checkConfederation(bytes: Uint8Array, start: number, end: number, cx: WireContext): string | undefined {
  if (cx.peerType === 'confed') {
    // RFC 5065 section 5: the neighboring Member-AS has put itself in front.
    return bytes[start] === AS_CONFED_SEQUENCE && start < end
      ? undefined
      : 'first segment is not an AS_CONFED_SEQUENCE';
  }
  if (cx.peerType !== 'ebgp') return undefined;
  const width = cx.asn4 ? 4 : 2;
  for (let at = start; at < end; at += 2 + bytes[at + 1]! * width) {
    if (bytes[at]! >= AS_CONFED_SEQUENCE) return 'confederation segment from outside the confederation';
  }
  return undefined;
}

export function decodeSegments(r: Reader, width: 2 | 4): AsPathSegment[] {
  const segments: AsPathSegment[] = [];
  while (r.remaining > 0) {
    const type = SEGMENT_TYPES[r.u8() as keyof typeof SEGMENT_TYPES];
    const count = r.u8();
    const asns = new Array<number>(count);
    for (let i = 0; i < count; i++) asns[i] = width === 4 ? r.u32() : r.u16();
    segments.push({ type, asns });
  }
  return segments;
}

/** With two octets, AS_TRANS stands for AS numbers that need four (RFC 6793 section 4.2.2). */
export function encodeSegments(w: Writer, segments: readonly AsPathSegment[], width: 2 | 4): void {
  for (const { type, asns } of segments) {
    if (asns.length > 255) throw new RangeError(`a path segment has at most 255 AS numbers, not ${asns.length}`);
    w.u8(SEGMENT_CODE[type]);
    w.u8(asns.length);
    for (const asn of asns) {
      if (width === 4) w.u32(asn);
      else w.u16(asn > 0xffff ? AS_TRANS : asn);
    }
  }
}

export const asPath = attribute({
  code: 2,
  name: 'AS_PATH',
  flags: WELL_KNOWN,
  onError: 'treat-as-withdraw',
  subcode: 11,
  rfc: 'RFC 4271 5.1.2, RFC 6793 4.2, RFC 7606 7.2, RFC 7607',
  check: (bytes, start, end, cx) =>
    checkSegments(bytes, start, end, cx.asn4 ? 4 : 2) ?? checkConfederation(bytes, start, end, cx),
  decode: (r, cx) => decodeSegments(r, cx.asn4 ? 4 : 2),
  encode: (w, segments: readonly AsPathSegment[], cx) => encodeSegments(w, segments, cx.asn4 ? 4 : 2),
});
