import { attribute, OPTIONAL } from './attribute.js';

/** Accumulated IGP metric. */
export interface Aigp {
  /** 64 bits. */
  readonly metric: bigint;
}

const AIGP_TLV = 1;
const AIGP_TLV_LENGTH = 11;
const TLV_HEADER = 3;

/** Typed when it is exactly one AIGP TLV; other TLVs may stand beside it and are kept as octets. */
export const aigp = attribute({
  code: 26,
  name: 'AIGP',
  flags: OPTIONAL,
  minLength: TLV_HEADER,
  onError: 'attribute-discard',
  // RFC 7311 section 3: one with the transitive bit set is malformed, and malformed ones are discarded.
  onFlagsError: 'attribute-discard',
  rfc: 'RFC 7311 3',
  check(bytes, start, end) {
    for (let at = start; at < end;) {
      const length = at + TLV_HEADER > end ? 0 : (bytes[at + 1]! << 8) | bytes[at + 2]!;
      if (length < TLV_HEADER || at + length > end) return `AIGP: TLV at octet ${at - start} cannot be read`;
      if (bytes[at] === AIGP_TLV && length !== AIGP_TLV_LENGTH) return `AIGP: metric TLV of ${length} octets`;
      at += length;
    }
    return undefined;
  },
  decode: (r): Aigp | undefined => {
    if (r.remaining !== AIGP_TLV_LENGTH || r.u8() !== AIGP_TLV) return undefined;
    r.skip(2);
    return { metric: BigInt(r.u32()) * 0x100000000n + BigInt(r.u32()) };
  },
  encode: (w, { metric }) => {
    w.u8(AIGP_TLV);
    w.u16(AIGP_TLV_LENGTH);
    w.u32(Number((metric >> 32n) & 0xffffffffn));
    w.u32(Number(metric & 0xffffffffn));
  },
});
