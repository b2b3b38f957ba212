/**
 * The fast look at a path attribute block: is it flawless and in canonical form, and what does the decision process need
 * of it? One pass, no objects. Whatever it does not recognise as flawless goes to `parseUpdate`, which knows every rule
 * and says what exactly is wrong.
 *
 * Canonical: type codes strictly ascending, the flags that the type's RFC gives, extended length only over 255 octets,
 * four-octet AS numbers, no MP_REACH_NLRI or MP_UNREACH_NLRI, no AS4_PATH or AS4_AGGREGATOR.
 */
import { isHostAddress } from './attributes/next-hop.js';
import type { PeerType } from './context.js';

/** Well-known communities that the speaker obeys (RFC 1997, RFC 9494), as bits. */
export const COMMUNITY_FLAG = { noExport: 1, noAdvertise: 2, noExportSubconfed: 4, llgrStale: 8, noLlgr: 16 } as const;

const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT_SUBCONFED = 0xffffff03;
const LLGR_STALE = 0xffff0006;
const NO_LLGR = 0xffff0007;

/** What a scan found; reused from scan to scan. Offsets are into the scanned octets. */
export class AttributeFacts {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  origin = 0;
  /** RFC 4271 9.1.2.2 a: an AS_SET counts as one; confederation segments do not count (RFC 5065). */
  asPathLength = 0;
  /** First AS of the AS_PATH: the neighbor AS of RFC 4271 9.1.2.2 c; 0 when the path is empty (our own AS) or begins with a set. */
  neighborAs = 0;
  asPathStart = 0;
  asPathEnd = 0;
  /** Where the four octets of NEXT_HOP are; -1 when there is none. */
  nextHopAt = -1;
  /** -1 when missing. */
  med = -1;
  /** -1 when missing. */
  localPref = -1;
  hasOriginatorId = false;
  originatorId = 0;
  clusterListAt = -1;
  /** Entries of CLUSTER_LIST. */
  clusterCount = 0;
  /** Bits of {@link COMMUNITY_FLAG}. */
  communityFlags = 0;
  /** The AS in ONLY_TO_CUSTOMER (RFC 9234); 0 when missing, or when it is 0. */
  onlyToCustomer = 0;
  hasOnlyToCustomer = false;

  reset(): void {
    this.origin = 0;
    this.asPathLength = 0;
    this.neighborAs = 0;
    this.asPathStart = 0;
    this.asPathEnd = 0;
    this.nextHopAt = -1;
    this.med = -1;
    this.localPref = -1;
    this.hasOriginatorId = false;
    this.originatorId = 0;
    this.clusterListAt = -1;
    this.clusterCount = 0;
    this.communityFlags = 0;
    this.onlyToCustomer = 0;
    this.hasOnlyToCustomer = false;
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/**
 * Walk the segments of a four-octet AS_PATH.
 * @param peerType `trusted`: the path was judged before, AS 0 passes; for confederation segments see RFC 5065 section 5
 * @returns false when it is malformed, empty-segmented, or holds what only the slow path may judge
 */
function scanAsPath(
  bytes: Uint8Array,
  start: number,
  end: number,
  facts: AttributeFacts,
  peerType: PeerType | 'trusted',
): boolean {
  const trusted = peerType === 'trusted';
  if (peerType === 'confed' && (start === end || bytes[start] !== 3)) return false;
  let length = 0;
  let first = true;
  let at = start;
  while (at < end) {
    if (at + 2 > end) return false;
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    at += 2;
    const segmentEnd = at + count * 4;
    if (segmentEnd > end || count === 0) return false;
    if (type === 2) {
      length += count;
      if (first) facts.neighborAs = u32(bytes, at);
      first = false;
    } else if (type === 1) {
      length += 1;
      first = false;
    } else if (peerType === 'ebgp' || (type !== 3 && type !== 4)) return false;
    if (!trusted) {
      for (let i = at; i < segmentEnd; i += 4) {
        if ((bytes[i]! | bytes[i + 1]! | bytes[i + 2]! | bytes[i + 3]!) === 0) return false;
      }
    }
    at = segmentEnd;
  }
  facts.asPathLength = length;
  facts.asPathStart = start;
  facts.asPathEnd = end;
  return true;
}

function scanCommunities(bytes: Uint8Array, start: number, end: number): number {
  let flags = 0;
  for (let at = start; at < end; at += 4) {
    if (bytes[at] !== 0xff || bytes[at + 1] !== 0xff) continue;
    const community = u32(bytes, at);
    if (community === NO_EXPORT) flags |= COMMUNITY_FLAG.noExport;
    else if (community === NO_ADVERTISE) flags |= COMMUNITY_FLAG.noAdvertise;
    else if (community === NO_EXPORT_SUBCONFED) flags |= COMMUNITY_FLAG.noExportSubconfed;
    else if (community === LLGR_STALE) flags |= COMMUNITY_FLAG.llgrStale;
    else if (community === NO_LLGR) flags |= COMMUNITY_FLAG.noLlgr;
  }
  return flags;
}

/**
 * Scan `bytes[start..end)` as a canonical attribute block of a route announcement.
 * @param peerType whose rules hold (LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST belong to iBGP, LOCAL_PREF to a confederation too);
 *   `trusted`: the block is canonical already (it was judged and rewritten), only the facts are wanted
 * @param multiprotocol the next hop is elsewhere: NEXT_HOP must be missing, else it must be there
 * @returns true when the block is canonical and has no flaw; the facts are valid only then
 * @see RFC 4271 section 5, RFC 7606 section 7
 */
export function scanAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  peerType: PeerType | 'trusted',
  multiprotocol: boolean,
  facts: AttributeFacts,
): boolean {
  facts.reset();
  const trusted = peerType === 'trusted';
  let previous = 0;
  let seenOrigin = false;
  let seenAsPath = false;
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
      if (length < 256) return false;
    }
    const next = value + length;
    if (next > end || code <= previous) return false;
    const kind = flags & ~0x10;
    const partialless = flags & ~0x30;
    switch (code) {
      case 1: // ORIGIN
        if (kind !== 0x40 || length !== 1 || bytes[value]! > 2) return false;
        facts.origin = bytes[value]!;
        seenOrigin = true;
        break;
      case 2: // AS_PATH
        if (kind !== 0x40 || !scanAsPath(bytes, value, next, facts, peerType)) return false;
        seenAsPath = true;
        break;
      case 3: // NEXT_HOP
        if (kind !== 0x40 || length !== 4 || (!trusted && !isHostAddress(bytes, value))) return false;
        facts.nextHopAt = value;
        break;
      case 4: // MULTI_EXIT_DISC
        if (kind !== 0x80 || length !== 4) return false;
        facts.med = u32(bytes, value);
        break;
      case 5: // LOCAL_PREF
        if (kind !== 0x40 || length !== 4 || peerType === 'ebgp') return false;
        facts.localPref = u32(bytes, value);
        break;
      case 6: // ATOMIC_AGGREGATE
        if (kind !== 0x40 || length !== 0) return false;
        break;
      case 7: // AGGREGATOR
        if (partialless !== 0xc0 || length !== 8 || (!trusted && u32(bytes, value) === 0)) return false;
        break;
      case 8: // COMMUNITIES
        if (partialless !== 0xc0 || length === 0 || (length & 3) !== 0) return false;
        facts.communityFlags = scanCommunities(bytes, value, next);
        break;
      case 9: // ORIGINATOR_ID
        if (kind !== 0x80 || length !== 4 || peerType === 'ebgp' || peerType === 'confed') return false;
        facts.hasOriginatorId = true;
        facts.originatorId = u32(bytes, value);
        break;
      case 10: // CLUSTER_LIST
        if (kind !== 0x80 || length === 0 || (length & 3) !== 0) return false;
        if (peerType === 'ebgp' || peerType === 'confed') return false;
        facts.clusterListAt = value;
        facts.clusterCount = length >> 2;
        break;
      case 16: // EXTENDED COMMUNITIES
        if (partialless !== 0xc0 || length === 0 || (length & 7) !== 0) return false;
        break;
      case 32: // LARGE_COMMUNITY
        if (partialless !== 0xc0 || length === 0 || length % 12 !== 0) return false;
        break;
      case 35: // ONLY_TO_CUSTOMER
        if (partialless !== 0xc0 || length !== 4) return false;
        facts.hasOnlyToCustomer = true;
        facts.onlyToCustomer = u32(bytes, value);
        break;
      default:
        if (!trusted) return false;
    }
    previous = code;
    at = next;
  }
  if (!seenOrigin || !seenAsPath || facts.nextHopAt >= 0 === multiprotocol) return false;
  return facts.localPref >= 0 || peerType !== 'ibgp';
}
