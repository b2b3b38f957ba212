import { formatIpv4, parseIpv4 } from '../../../net/address.js';
import type { Aggregator } from './aggregator.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

export const AS4_AGGREGATOR = 18;

export const as4Aggregator = attribute({
  code: AS4_AGGREGATOR,
  name: 'AS4_AGGREGATOR',
  flags: OPTIONAL_TRANSITIVE,
  length: 8,
  onError: 'attribute-discard',
  rfc: 'RFC 6793 4.2.3, 6, RFC 7607',
  check: (bytes, start) =>
    (bytes[start]! | bytes[start + 1]! | bytes[start + 2]! | bytes[start + 3]!) === 0
      ? 'AS4_AGGREGATOR with AS 0'
      : undefined,
  decode: (r): Aggregator => ({ as: r.u32(), ip: formatIpv4(r.u32()) }),
  encode: (w, value) => {
    w.u32(value.as);
    w.u32(parseIpv4(value.ip));
  },
});
