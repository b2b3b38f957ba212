import { formatIpv4, parseIpv4 } from '../../../net/address.js';
import { AS_TRANS } from '../../../net/asn.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

/** Who formed an aggregate. */
export interface Aggregator {
  readonly as: number;
  readonly ip: string;
}

export const AGGREGATOR = 7;

export const aggregator = attribute({
  code: AGGREGATOR,
  name: 'AGGREGATOR',
  flags: OPTIONAL_TRANSITIVE,
  length: (cx) => (cx.asn4 ? 8 : 6),
  onError: 'attribute-discard',
  rfc: 'RFC 4271 5.1.7, RFC 6793 4.2, RFC 7606 7.7, RFC 7607',
  check: (bytes, start, end) => {
    for (let i = start; i < end - 4; i++) if (bytes[i] !== 0) return undefined;
    return 'AGGREGATOR with AS 0';
  },
  decode: (r, cx): Aggregator => ({ as: cx.asn4 ? r.u32() : r.u16(), ip: formatIpv4(r.u32()) }),
  encode: (w, value, cx) => {
    if (cx.asn4) w.u32(value.as);
    else w.u16(value.as > 0xffff ? AS_TRANS : value.as);
    w.u32(parseIpv4(value.ip));
  },
});
