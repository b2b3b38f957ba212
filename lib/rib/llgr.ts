/** LLGR_STALE in attribute sets (RFC 9494 section 4.1). */
import { AttributeFacts, scanAttributes } from '../bgp/wire/attribute-scan.js';
import { WELL_KNOWN_COMMUNITIES } from '../bgp/wire/communities.js';
import { Writer } from '../net/index.js';
import { ATTR, type AttributeStore } from './attribute-store.js';

const COMMUNITIES = 8;
const OPTIONAL_TRANSITIVE = 0xc0;
const EXTENDED_LENGTH = 0x10;
const MAX_OCTETS = 0xffff;

const scratch = new Writer(4096);
const facts = new AttributeFacts();

/** The set like this one, but with LLGR_STALE; -1 when there is no room for it. It counts no use yet. */
export function longLivedStale(store: AttributeStore, id: number): number {
  const received = store.receivedOf(id);
  if (received !== id) return longLivedStaleImported(store, id, received);
  scratch.reset();
  writeStale(store, id);
  const nextHopLength = store.nextHopLengthOf(id);
  const { bytes, length } = scratch;
  if (length > MAX_OCTETS) return -1;
  const known = store.find(bytes, 0, length, store.formOf(id));
  if (known >= 0) return known;
  if (!scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts)) return -1;
  const added = store.add(bytes, 0, length, store.formOf(id), facts);
  store.flags[added]! |= store.flags[id]! & (ATTR.judgedIbgp | ATTR.judgedEbgp | ATTR.judgedConfed);
  return added;
}

/** The same for what an import policy made of a received set: the received one gets it too. */
function longLivedStaleImported(store: AttributeStore, id: number, received: number): number {
  const stale = longLivedStale(store, received);
  if (stale < 0) return -1;
  scratch.reset();
  writeStale(store, id);
  const nextHopLength = store.nextHopLengthOf(id);
  const { bytes, length } = scratch;
  if (length > MAX_OCTETS) return -1;
  const known = store.findImported(bytes, length, store.formOf(id), stale);
  if (known >= 0) return known;
  if (!scanAttributes(bytes, nextHopLength, length, 'trusted', nextHopLength > 0, facts)) return -1;
  return store.addImported(bytes, length, store.formOf(id), facts, stale);
}

function writeStale(store: AttributeStore, id: number): void {
  const chunk = store.chunkOf(id);
  const begin = store.offsetOf(id);
  const end = begin + store.lengthOf(id);
  let at = begin + store.nextHopLengthOf(id);
  scratch.octets(chunk.subarray(begin, at));
  let pending = true;
  while (at < end) {
    const flags = chunk[at]!;
    const code = chunk[at + 1]!;
    const extended = (flags & EXTENDED_LENGTH) !== 0;
    const length = extended ? (chunk[at + 2]! << 8) | chunk[at + 3]! : chunk[at + 2]!;
    const value = at + (extended ? 4 : 3);
    const next = value + length;
    // Type codes ascend in a canonical set.
    if (pending && code >= COMMUNITIES) {
      pending = false;
      const old = code === COMMUNITIES ? chunk.subarray(value, next) : chunk.subarray(0, 0);
      writeCommunities(code === COMMUNITIES ? flags : OPTIONAL_TRANSITIVE, old);
      if (code === COMMUNITIES) {
        at = next;
        continue;
      }
    }
    scratch.octets(chunk.subarray(at, next));
    at = next;
  }
  if (pending) writeCommunities(OPTIONAL_TRANSITIVE, chunk.subarray(0, 0));
}

function writeCommunities(flags: number, old: Uint8Array): void {
  const length = old.length + 4;
  const extended = length > 255;
  scratch.u8((flags & ~EXTENDED_LENGTH) | (extended ? EXTENDED_LENGTH : 0));
  scratch.u8(COMMUNITIES);
  if (extended) scratch.u16(length);
  else scratch.u8(length);
  scratch.octets(old);
  scratch.u32(WELL_KNOWN_COMMUNITIES['llgr-stale']);
}
