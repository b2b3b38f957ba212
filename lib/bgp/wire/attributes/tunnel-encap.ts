import type { Reader } from '../../../net/reader.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

export interface TunnelSubTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** One tunnel of a Tunnel Encapsulation attribute (RFC 9012 section 2). */
export interface Tunnel {
  /** IANA "BGP Tunnel Encapsulation Attribute Tunnel Types": 8 VXLAN, 9 NVGRE, 15 SR policy … */
  readonly type: number;
  readonly subTlvs: readonly TunnelSubTlv[];
}

/** Sub-TLV types from here on have a length of two octets. */
const WIDE_SUB_TLV = 128;

function readSubTlvs(r: Reader): TunnelSubTlv[] {
  const subTlvs: TunnelSubTlv[] = [];
  while (r.remaining > 0) {
    const type = r.u8();
    const length = type < WIDE_SUB_TLV ? r.u8() : r.u16();
    subTlvs.push({ type, value: r.view(length).slice() });
  }
  return subTlvs;
}

/** Offset after the TLV at `at` when it and its sub-TLVs end where they say, else -1. */
function tlvEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  const next = at + 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  if (next > end) return -1;
  let place = at + 4;
  while (place < next) {
    const wide = bytes[place]! >= WIDE_SUB_TLV;
    const header = wide ? 3 : 2;
    if (place + header > next) return -1;
    place += header + (wide ? (bytes[place + 1]! << 8) | bytes[place + 2]! : bytes[place + 1]!);
  }
  return place === next ? next : -1;
}

export const tunnelEncap = attribute({
  code: 23,
  name: 'TUNNEL_ENCAP',
  flags: OPTIONAL_TRANSITIVE,
  minLength: 4,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 9012 2, 13',
  check(bytes, start, end) {
    for (let at = start; at < end;) {
      const next = tlvEnd(bytes, at, end);
      if (next < 0) return `TUNNEL_ENCAP: TLV at octet ${at - start} cannot be read`;
      at = next;
    }
    return undefined;
  },
  decode: (r): readonly Tunnel[] => {
    const tunnels: Tunnel[] = [];
    while (r.remaining > 0) {
      const type = r.u16();
      tunnels.push({ type, subTlvs: readSubTlvs(r.sub(r.u16())) });
    }
    return tunnels;
  },
  encode: (w, tunnels) => {
    for (const { type, subTlvs } of tunnels) {
      w.u16(type);
      const lengthAt = w.reserve(2);
      for (const subTlv of subTlvs) {
        w.u8(subTlv.type);
        if (subTlv.type < WIDE_SUB_TLV) w.u8(subTlv.value.length);
        else w.u16(subTlv.value.length);
        w.octets(subTlv.value);
      }
      w.patch16(lengthAt, w.length - lengthAt - 2);
    }
  },
});
