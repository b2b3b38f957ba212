import type { Attribute, MpReach, RawAttribute, WireContext } from '../bgp/wire/index.js';
import { decodeAttribute, decodeNextHop, MAX_EXTENDED_MESSAGE_LENGTH, parseAttributes } from '../bgp/wire/index.js';

const MP_REACH_NLRI = 14;

/** The short form of MP_REACH_NLRI in a TABLE_DUMP_V2 entry: the next hop alone (RFC 6396 section 4.3.4). */
export interface RibNextHop {
  readonly code: typeof MP_REACH_NLRI;
  readonly name: 'MP_REACH_NLRI';
  readonly flags: number;
  readonly value: Pick<MpReach, 'nextHop' | 'linkLocal' | 'nextHopRaw'>;
}

/** AS numbers of attributes in TABLE_DUMP_V2 have four octets, in TABLE_DUMP two (RFC 6396 sections 4.2 and 4.3.4). */
export const RIB_CONTEXT: WireContext = Object.freeze({
  asn4: true,
  addPath: new Set<string>(),
  maxMessageLength: MAX_EXTENDED_MESSAGE_LENGTH,
});
export const TABLE_DUMP_CONTEXT: WireContext = Object.freeze({ ...RIB_CONTEXT, asn4: false });

/** Lengths of next hops that begin with a Route Distinguisher. */
const VPN_LENGTHS = new Set([12, 24, 48]);

/**
 * The attributes of an archived path, typed. MP_REACH_NLRI may be in its short form; some writers leave the full one.
 * @throws never
 */
export function decodeRibAttributes(block: Uint8Array, cx: WireContext = RIB_CONTEXT): (Attribute | RibNextHop)[] {
  return parseAttributes(block, 0, block.length, cx, { anyFlags: true }).attributes.map((place) =>
    place.code === MP_REACH_NLRI && isShortForm(block, place)
      ? shortForm(block, place)
      : decodeAttribute(block, place, cx),
  );
}

/** A full one begins with an AFI, whose first octet is not the length of the rest. */
function isShortForm(block: Uint8Array, { start, end, sentLength }: RawAttribute): boolean {
  return end - start === sentLength && end > start && block[start] === end - start - 1;
}

function shortForm(block: Uint8Array, { flags, start, end }: RawAttribute): RibNextHop {
  const value = decodeNextHop(block, start + 1, end, VPN_LENGTHS.has(end - start - 1));
  return { code: MP_REACH_NLRI, name: 'MP_REACH_NLRI', flags, value };
}
