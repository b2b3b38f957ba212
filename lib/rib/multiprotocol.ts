/** The multiprotocol attributes of an UPDATE (RFC 4760), where they stand and what stands around them: for the fast path. */

export const MP_REACH = 14;
const MP_UNREACH = 15;

/** What {@link locateMultiprotocol} found: scratch of all sessions, which holds until the next call. */
export const located = { reachStart: 0, reachEnd: 0, unreachStart: 0, unreachEnd: 0, reachHeader: 0, others: 0 };

/** Find MP_REACH_NLRI and MP_UNREACH_NLRI. @returns false when the slow path must look: malformed, duplicate, wrong flags */
export function locateMultiprotocol(bytes: Uint8Array, start: number, end: number): boolean {
  located.reachEnd = 0;
  located.unreachEnd = 0;
  located.others = 0;
  let at = start;
  while (at < end) {
    if (at + 3 > end) return false;
    const flags = bytes[at]!;
    const code = bytes[at + 1]!;
    let length = bytes[at + 2]!;
    let value = at + 3;
    if ((flags & 0x10) !== 0) {
      if (at + 4 > end) return false;
      length = (length << 8) | bytes[at + 3]!;
      value = at + 4;
    }
    const next = value + length;
    if (next > end) return false;
    if (code === MP_REACH) {
      if (located.reachEnd !== 0 || (flags & 0xe0) !== 0x80 || length < 5) return false;
      located.reachHeader = at;
      located.reachStart = value;
      located.reachEnd = next;
    } else if (code === MP_UNREACH) {
      if (located.unreachEnd !== 0 || (flags & 0xe0) !== 0x80 || length < 3) return false;
      located.unreachStart = value;
      located.unreachEnd = next;
    } else located.others++;
    at = next;
  }
  return true;
}

/** Copy all attributes but MP_REACH_NLRI and MP_UNREACH_NLRI of a well-formed block. @returns the offset after them */
export function copyOthers(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  let at = start;
  while (at < end) {
    const code = bytes[at + 1]!;
    const extended = (bytes[at]! & 0x10) !== 0;
    const length = extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
    const next = at + (extended ? 4 : 3) + length;
    if (code === MP_REACH || code === MP_UNREACH) at = next;
    else while (at < next) out[to++] = bytes[at++]!;
  }
  return to;
}
