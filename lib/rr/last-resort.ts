/** What a neighbor without long-lived graceful restart is told of a long-lived stale route (RFC 9494 section 4.6). */
import { WELL_KNOWN_COMMUNITIES } from '../bgp/wire/communities.js';
import { readU32, writeU32 } from './octets.js';

const LOCAL_PREF = 5;
const COMMUNITIES = 8;
const EXTENDED_LENGTH = 0x10;

/**
 * Set LOCAL_PREF to 0 and add NO_EXPORT in encoded attributes that have both LOCAL_PREF and COMMUNITIES: a route with
 * LLGR_STALE, as iBGP and confederation neighbors get it. There must be room for 5 octets more.
 * @returns the new end
 */
export function asLastResort(octets: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const extended = (octets[at]! & EXTENDED_LENGTH) !== 0;
    const length = extended ? (octets[at + 2]! << 8) | octets[at + 3]! : octets[at + 2]!;
    const value = at + (extended ? 4 : 3);
    const code = octets[at + 1]!;
    if (code === LOCAL_PREF) writeU32(octets, value, 0);
    if (code === COMMUNITIES) return addNoExport(octets, at, value, value + length, end);
    at = value + length;
  }
  return end;
}

function addNoExport(octets: Uint8Array, at: number, value: number, next: number, end: number): number {
  const noExport = WELL_KNOWN_COMMUNITIES['no-export'];
  for (let i = value; i < next; i += 4) if (readU32(octets, i) === noExport) return end;
  const length = next - value + 4;
  const header = length > 255 ? 4 : 3;
  const newValue = at + header;
  octets.copyWithin(newValue + length, next, end);
  octets.copyWithin(newValue, value, next);
  writeU32(octets, newValue + length - 4, noExport);
  if (header === 4) {
    octets[at] = octets[at]! | EXTENDED_LENGTH;
    octets[at + 2] = length >>> 8;
    octets[at + 3] = length;
  } else octets[at + 2] = length;
  return newValue + length + end - next;
}
