import type { AfiSafi } from '../families.js';
import { SAFI } from '../families.js';
import { flowSpecText, judgeFlowSpec } from './flow-spec-text.js';
import type { NlriBase, NlriFamily } from './nlri.js';
import { formatRd, RD_LENGTH } from './route-distinguisher.js';

/** A Flow Specification (RFC 8955, RFC 8956): its octets, which are its key, and a readable form. */
export interface FlowSpecNlri extends NlriBase {
  /** Without the length in front; for VPN families with the Route Distinguisher. */
  readonly raw: Uint8Array;
  /** `dst 192.0.2.0/24; proto =6`; informative. Left out when the components cannot be read. */
  readonly text?: string;
}

/** Lengths from here on take two octets, the first of them 0xf? (RFC 8955 section 4.1). */
const WIDE_LENGTH = 0xf0;

function lengthOctets(bytes: Uint8Array, at: number): 1 | 2 {
  return bytes[at]! >= WIDE_LENGTH ? 2 : 1;
}

/** The family of Flow Specifications of an AFI. */
export function flowSpecFamily(afi: 1 | 2, safi: 133 | 134, name: string): NlriFamily<FlowSpecNlri> {
  const skip = safi === SAFI.flowSpecVpn ? RD_LENGTH : 0;
  return {
    afi,
    safi,
    name,
    rfc: afi === 1 ? 'RFC 8955 4' : 'RFC 8956 3',
    rawIsBody: true,
    next(bytes, at, end) {
      const octets = lengthOctets(bytes, at);
      if (at + octets > end) return -1;
      const length = octets === 1 ? bytes[at]! : ((bytes[at]! & 0xf) << 8) | bytes[at + 1]!;
      const next = at + octets + length;
      return next > end ? -1 : next;
    },
    judge(bytes, at, end) {
      const start = at + lengthOctets(bytes, at) + skip;
      return start > end ? 'flow specification without a Route Distinguisher' : judgeFlowSpec(bytes, start, end, afi);
    },
    decode(bytes, at, end, pathId) {
      const start = at + lengthOctets(bytes, at);
      const readable = start + skip <= end && judgeFlowSpec(bytes, start + skip, end, afi) === undefined;
      const rd = readable && skip > 0 ? `rd ${formatRd(bytes, start)}; ` : '';
      return {
        ...(pathId === undefined ? {} : { pathId }),
        raw: bytes.slice(start, end),
        ...(readable ? { text: rd + flowSpecText(bytes, start + skip, end, afi) } : {}),
      };
    },
    encode(writer, { raw }) {
      if (raw.length < WIDE_LENGTH) writer.u8(raw.length);
      else writer.u16(0xf000 | raw.length);
      writer.octets(raw);
    },
  };
}

/** Whether a family is one of Flow Specifications. */
export function isFlowSpec({ safi }: AfiSafi): boolean {
  return safi === SAFI.flowSpec || safi === SAFI.flowSpecVpn;
}
