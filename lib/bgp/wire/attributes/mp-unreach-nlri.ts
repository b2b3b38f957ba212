import type { Reader } from '../../../net/reader.js';
import { hasAddPath } from '../context.js';
import type { WireContext } from '../context.js';
import type { Nlri } from '../nlri/index.js';
import { decodeNlri, decodesExactly, encodeNlri, nlriFamily } from '../nlri/index.js';
import { attribute, OPTIONAL } from './attribute.js';

export const MP_UNREACH_NLRI = 15;

/** Where the parts of an MP_UNREACH_NLRI value are. */
export interface MpUnreachLocation {
  readonly afi: number;
  readonly safi: number;
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

/** Typed MP_UNREACH_NLRI. */
export interface MpUnreach {
  readonly afi: number;
  readonly safi: number;
  readonly nlri: readonly Nlri[];
}

/** Find the parts of an MP_UNREACH_NLRI value, or say what is wrong. */
export function locateMpUnreach(bytes: Uint8Array, start: number, end: number): MpUnreachLocation | string {
  if (end - start < 3) return `MP_UNREACH_NLRI of ${end - start} octets`;
  return {
    afi: (bytes[start]! << 8) | bytes[start + 1]!,
    safi: bytes[start + 2]!,
    nlriStart: start + 3,
    nlriEnd: end,
  };
}

function decode(r: Reader, cx: WireContext): MpUnreach | undefined {
  const place = locateMpUnreach(r.bytes, r.offset, r.end);
  if (typeof place === 'string') return undefined;
  const { afi, safi, nlriStart, nlriEnd } = place;
  const family = nlriFamily(afi, safi);
  const addPath = hasAddPath(cx, afi, safi);
  const nlri = decodeNlri(family, r.bytes, nlriStart, nlriEnd, addPath);
  if (family.rawIsBody === true && !decodesExactly(family, nlri, r.bytes, nlriStart, nlriEnd, addPath))
    return undefined;
  return { afi, safi, nlri };
}

export const mpUnreachNlri = attribute({
  code: MP_UNREACH_NLRI,
  name: 'MP_UNREACH_NLRI',
  flags: OPTIONAL,
  onError: 'session-reset',
  onFlagsError: 'treat-as-withdraw',
  rfc: 'RFC 4760 4, 7, RFC 7606 5.3, 7.12',
  decode,
  encode: (w, value: MpUnreach, cx) => {
    w.u16(value.afi);
    w.u8(value.safi);
    encodeNlri(nlriFamily(value.afi, value.safi), w, value.nlri, hasAddPath(cx, value.afi, value.safi));
  },
});
