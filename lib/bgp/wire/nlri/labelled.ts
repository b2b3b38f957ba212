import type { Prefix } from '../../../net/prefix.js';
import type { NlriBase, NlriFamily } from './nlri.js';
import { LABEL_LENGTH, labelsAreExact, labelStackOctets, readLabels, writeLabels } from './labels.js';
import { hasHostBits, readPrefix, writePrefix } from './prefix.js';
import { formatRd, parseRd, RD_LENGTH } from './route-distinguisher.js';

/** A prefix bound to one or more MPLS labels (RFC 8277). */
export interface LabelledNlri extends NlriBase {
  readonly prefix: Prefix;
  /** 20-bit values, top of stack first; 524288 alone is the withdrawn label. */
  readonly labels: readonly number[];
}

/** A VPN prefix (RFC 4364 section 4.3.4, RFC 4659). */
export interface VpnNlri extends LabelledNlri {
  /** Route Distinguisher as text, see `formatRd`. */
  readonly rd: string;
}

/** Where the labels of an item begin and end, and the length of its prefix in bits. */
interface Layout {
  readonly labelsEnd: number;
  readonly prefixBits: number;
}

/** @param fixedBits bits between labels and prefix (the Route Distinguisher) */
function layout(bytes: Uint8Array, at: number, end: number, fixedBits: number, maxBits: number): Layout | undefined {
  const bits = bytes[at]!;
  if (at + 1 + ((bits + 7) >> 3) > end || bits < LABEL_LENGTH * 8 + fixedBits) return undefined;
  const labelOctets = labelStackOctets(bytes, at + 1, bits - fixedBits);
  const prefixBits = bits - labelOctets * 8 - fixedBits;
  return prefixBits > maxBits ? undefined : { labelsEnd: at + 1 + labelOctets, prefixBits };
}

function next(bytes: Uint8Array, at: number, end: number, fixedBits: number, maxBits: number): number {
  return layout(bytes, at, end, fixedBits, maxBits) === undefined ? -1 : at + 1 + ((bytes[at]! + 7) >> 3);
}

function rawIfInexact(bytes: Uint8Array, at: number, end: number, place: Layout, prefixAt: number): NlriBase {
  const exact = labelsAreExact(bytes, at + 1, place.labelsEnd) && !hasHostBits(bytes, prefixAt, place.prefixBits);
  return exact ? {} : { raw: bytes.slice(at, end) };
}

/** The family of labelled prefixes of an AFI. */
export function labelledFamily(afi: 1 | 2, safi: number, name: string): NlriFamily<LabelledNlri> {
  const size = afi === 1 ? 4 : 16;
  return {
    afi,
    safi,
    name,
    rfc: 'RFC 8277 2',
    nextHopLengths: afi === 1 ? [4, 16, 32] : [16, 32],
    next: (bytes, at, end) => next(bytes, at, end, 0, size * 8),
    decode(bytes, at, end, pathId) {
      const place = layout(bytes, at, end, 0, size * 8)!;
      return {
        ...(pathId === undefined ? {} : { pathId }),
        prefix: readPrefix(bytes, place.labelsEnd, place.prefixBits, size),
        labels: readLabels(bytes, at + 1, place.labelsEnd),
        ...rawIfInexact(bytes, at, end, place, place.labelsEnd),
      };
    },
    encode(writer, { prefix, labels }) {
      writer.u8(labels.length * LABEL_LENGTH * 8 + prefix.length);
      writeLabels(writer, labels);
      writePrefix(writer, prefix);
    },
  };
}

/** The family of VPN prefixes of an AFI. */
export function vpnFamily(afi: 1 | 2, safi: number, name: string): NlriFamily<VpnNlri> {
  const size = afi === 1 ? 4 : 16;
  const rdBits = RD_LENGTH * 8;
  return {
    afi,
    safi,
    name,
    rfc: afi === 1 ? 'RFC 4364 4.3.4' : 'RFC 4659 3.2',
    // RD and address; RFC 8950 for IPv4 with an IPv6 next hop, and RFC 4659 for one with a link-local address after it.
    nextHopLengths: afi === 1 ? [12, 24, 48] : [24, 48],
    nextHopHasRd: true,
    next: (bytes, at, end) => next(bytes, at, end, rdBits, size * 8),
    decode(bytes, at, end, pathId) {
      const place = layout(bytes, at, end, rdBits, size * 8)!;
      const prefixAt = place.labelsEnd + RD_LENGTH;
      return {
        ...(pathId === undefined ? {} : { pathId }),
        prefix: readPrefix(bytes, prefixAt, place.prefixBits, size),
        labels: readLabels(bytes, at + 1, place.labelsEnd),
        rd: formatRd(bytes, place.labelsEnd),
        ...rawIfInexact(bytes, at, end, place, prefixAt),
      };
    },
    encode(writer, { prefix, labels, rd }) {
      writer.u8(labels.length * LABEL_LENGTH * 8 + rdBits + prefix.length);
      writeLabels(writer, labels);
      writer.octets(parseRd(rd));
      writePrefix(writer, prefix);
    },
  };
}
