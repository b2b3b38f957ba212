import { AFI, SAFI } from '../families.js';
import { fromHex, toHex } from '../text.js';
import type { NlriBase, NlriFamily } from './nlri.js';
import { readU32 } from './nlri.js';
import { hasHostBits, prefixOctets } from './prefix.js';

/** A Route Target membership (RFC 4684 section 4): a prefix of 0 or 32 to 96 bits over origin AS and Route Target. */
export interface RouteTargetNlri extends NlriBase {
  readonly originAs: number;
  /** 16 hex digits, zero after the prefix length. */
  readonly routeTarget: string;
  readonly prefixLength: number;
}

const ORIGIN_BITS = 32;
const MAX_BITS = 96;
const OCTETS = MAX_BITS / 8;

export const routeTarget: NlriFamily<RouteTargetNlri> = {
  afi: AFI.ipv4,
  safi: SAFI.routeTarget,
  name: 'route-target',
  rfc: 'RFC 4684 4',
  nextHopLengths: [4, 16, 32],
  next(bytes, at, end) {
    const bits = bytes[at]!;
    if (bits > MAX_BITS || (bits > 0 && bits < ORIGIN_BITS)) return -1;
    const next = at + 1 + prefixOctets(bits);
    return next > end ? -1 : next;
  },
  decode(bytes, at, end, pathId) {
    const bits = bytes[at]!;
    const octets = new Uint8Array(OCTETS);
    octets.set(bytes.subarray(at + 1, end));
    if ((bits & 7) !== 0) octets[bits >> 3]! &= 0xff00 >> (bits & 7);
    return {
      ...(pathId === undefined ? {} : { pathId }),
      originAs: readU32(octets, 0),
      routeTarget: toHex(octets, 4),
      prefixLength: bits,
      ...(hasHostBits(bytes, at + 1, bits) ? { raw: bytes.slice(at, end) } : {}),
    };
  },
  encode(writer, { originAs, routeTarget: target, prefixLength }) {
    writer.u8(prefixLength);
    const octets = new Uint8Array(OCTETS);
    new DataView(octets.buffer).setUint32(0, originAs);
    octets.set((fromHex(target) ?? octets).subarray(0, 8), 4);
    writer.octets(octets.subarray(0, prefixOctets(prefixLength)));
  },
};
