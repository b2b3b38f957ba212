import { formatAddress, parseAddress } from '../../../net/address.js';
import type { Reader } from '../../../net/reader.js';
import type { Writer } from '../../../net/writer.js';
import { hasAddPath } from '../context.js';
import type { WireContext } from '../context.js';
import type { ErrorAction } from '../errors.js';
import type { Nlri } from '../nlri/index.js';
import { decodeNlri, decodesExactly, encodeNlri, findMalformed, judgeItems, nlriFamily } from '../nlri/index.js';
import { findMalformedPrefix } from '../nlri/prefix.js';
import { toHex } from '../text.js';
import { attribute, OPTIONAL } from './attribute.js';

export const MP_REACH_NLRI = 14;

/** Where the parts of an MP_REACH_NLRI value are. */
export interface MpReachLocation {
  readonly afi: number;
  readonly safi: number;
  readonly nextHopStart: number;
  readonly nextHopEnd: number;
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

/** Typed MP_REACH_NLRI. */
export interface MpReach {
  readonly afi: number;
  readonly safi: number;
  /** The next hop; a VPN next hop without its all-zero RD. */
  readonly nextHop?: string;
  /** Second (link-local) address (RFC 2545 section 3). */
  readonly linkLocal?: string;
  /** In place of `nextHop` when it is not one or two addresses. */
  readonly nextHopRaw?: Uint8Array;
  readonly nlri: readonly Nlri[];
}

const ADDRESS_LENGTHS = new Set([4, 16, 32]);
const VPN_ADDRESS_LENGTHS = new Set([12, 24, 48]);

/**
 * Find the parts of an MP_REACH_NLRI value.
 * @returns their places, or what is wrong. The next hop's length decides where the NLRI begin, so a wrong one leaves
 *   nothing to rely on (RFC 7606 section 7.11).
 */
export function locateMpReach(bytes: Uint8Array, start: number, end: number): MpReachLocation | string {
  if (end - start < 5) return `MP_REACH_NLRI of ${end - start} octets`;
  const afi = (bytes[start]! << 8) | bytes[start + 1]!;
  const safi = bytes[start + 2]!;
  const nextHopLength = bytes[start + 3]!;
  const nextHopStart = start + 4;
  const nextHopEnd = nextHopStart + nextHopLength;
  if (nextHopEnd + 1 > end) return `next hop of ${nextHopLength} octets runs past MP_REACH_NLRI`;
  const allowed = nlriFamily(afi, safi).nextHopLengths;
  if (allowed !== undefined && !allowed.includes(nextHopLength)) {
    return `next hop of ${nextHopLength} octets for AFI ${afi}, SAFI ${safi}`;
  }
  return { afi, safi, nextHopStart, nextHopEnd, nlriStart: nextHopEnd + 1, nlriEnd: end };
}

/** The next hop `bytes[start..end)` as one or two addresses, or as octets when it is neither. */
export function decodeNextHop(
  bytes: Uint8Array,
  start: number,
  end: number,
  hasRd: boolean,
): Pick<MpReach, 'nextHop' | 'linkLocal' | 'nextHopRaw'> {
  const octets = bytes.subarray(start, end);
  const addresses = hasRd ? withoutZeroRds(octets) : ADDRESS_LENGTHS.has(octets.length) ? octets : undefined;
  if (addresses === undefined) return { nextHopRaw: octets.slice() };
  if (addresses.length < 32) return { nextHop: formatAddress(addresses) };
  return { nextHop: formatAddress(addresses.subarray(0, 16)), linkLocal: formatAddress(addresses.subarray(16)) };
}

/** RFC 4364 section 4.3.4, RFC 4659 section 3.2.1: each address of a VPN next hop has a Route Distinguisher of zero. */
function withoutZeroRds(octets: Uint8Array): Uint8Array | undefined {
  if (!VPN_ADDRESS_LENGTHS.has(octets.length)) return undefined;
  const count = octets.length === 48 ? 2 : 1;
  const size = octets.length / count;
  const addresses = new Uint8Array(octets.length - 8 * count);
  for (let i = 0; i < count; i++) {
    if (octets.subarray(i * size, i * size + 8).some((octet) => octet !== 0)) return undefined;
    addresses.set(octets.subarray(i * size + 8, (i + 1) * size), i * (size - 8));
  }
  return addresses;
}

/** The octets of a next hop, without its length. */
export function encodeNextHop(hop: Pick<MpReach, 'nextHop' | 'linkLocal' | 'nextHopRaw'>, hasRd: boolean): Uint8Array {
  if (hop.nextHopRaw !== undefined) return hop.nextHopRaw;
  if (hop.nextHop === undefined) return new Uint8Array(0);
  const addresses = [hop.nextHop, ...(hop.linkLocal === undefined ? [] : [hop.linkLocal])].map(parseAddress);
  const rd = hasRd ? 8 : 0;
  const octets = new Uint8Array(addresses.reduce((sum, address) => sum + rd + address.length, 0));
  let at = 0;
  for (const address of addresses) {
    octets.set(address, at + rd);
    at += rd + address.length;
  }
  return octets;
}

function decode(r: Reader, cx: WireContext): MpReach | undefined {
  const place = locateMpReach(r.bytes, r.offset, r.end);
  // A non-zero Reserved octet (the SNPA count of RFC 2858) has no place in the typed form.
  if (typeof place === 'string' || r.bytes[place.nextHopEnd] !== 0) return undefined;
  const { afi, safi, nextHopStart, nextHopEnd, nlriStart, nlriEnd } = place;
  const family = nlriFamily(afi, safi);
  const addPath = hasAddPath(cx, afi, safi);
  const nlri = decodeNlri(family, r.bytes, nlriStart, nlriEnd, addPath);
  if (family.rawIsBody === true && !decodesExactly(family, nlri, r.bytes, nlriStart, nlriEnd, addPath))
    return undefined;
  return { afi, safi, ...decodeNextHop(r.bytes, nextHopStart, nextHopEnd, family.nextHopHasRd === true), nlri };
}

function encode(w: Writer, value: MpReach, cx: WireContext): void {
  const family = nlriFamily(value.afi, value.safi);
  w.u16(value.afi);
  w.u8(value.safi);
  const nextHop = encodeNextHop(value, family.nextHopHasRd === true);
  w.u8(nextHop.length);
  w.octets(nextHop);
  w.u8(0);
  encodeNlri(family, w, value.nlri, hasAddPath(cx, value.afi, value.safi));
}

export const mpReachNlri = attribute({
  code: MP_REACH_NLRI,
  name: 'MP_REACH_NLRI',
  flags: OPTIONAL,
  onError: 'session-reset',
  onFlagsError: 'treat-as-withdraw',
  rfc: 'RFC 4760 3, 7, RFC 7606 5.3, 7.11',
  decode,
  encode,
});

/** What is wrong with the NLRI of an MP attribute, and what it costs. */
export function judgeMpNlri(
  bytes: Uint8Array,
  place: Pick<MpReachLocation, 'afi' | 'safi' | 'nlriStart' | 'nlriEnd'>,
  cx: WireContext,
): { readonly action: ErrorAction; readonly reason: string } | undefined {
  const { afi, safi, nlriStart, nlriEnd } = place;
  const family = nlriFamily(afi, safi);
  const addPath = hasAddPath(cx, afi, safi);
  const { prefixBits } = family;
  const at =
    prefixBits === undefined
      ? findMalformed(family, bytes, nlriStart, nlriEnd, addPath)
      : findMalformedPrefix(bytes, nlriStart, nlriEnd, prefixBits, addPath);
  if (at >= 0) {
    const reason = `${family.name}: NLRI ${toHex(bytes, at, Math.min(nlriEnd, at + 8))} cannot be read`;
    return { action: family.onError ?? 'session-reset', reason };
  }
  const reason = judgeItems(family, bytes, nlriStart, nlriEnd, addPath);
  return reason === undefined ? undefined : { action: 'treat-as-withdraw', reason };
}
