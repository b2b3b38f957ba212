import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';
import type { NestedAttribute } from './attribute.js';

/** The attributes of a customer's route, carried through a VPN (RFC 6368 section 5). */
export interface AttrSet {
  /** The customer's AS. */
  readonly originAs: number;
  /** As typed attributes. AS_PATH and AGGREGATOR in it always have four-octet AS numbers. */
  readonly attributes: readonly NestedAttribute[];
}

/** Octets in front of the attributes. */
const ORIGIN_AS = 4;

export const attrSet = attribute({
  code: 128,
  name: 'ATTR_SET',
  flags: OPTIONAL_TRANSITIVE,
  minLength: ORIGIN_AS,
  nestedFrom: ORIGIN_AS,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 6368 5, RFC 7606 7.16',
  decode: (r, _cx, nested): AttrSet => ({ originAs: r.u32(), attributes: nested.decode(r) }),
  encode: (w, { originAs, attributes }, _cx, nested) => {
    w.u32(originAs);
    nested.encode(w, attributes);
  },
});
