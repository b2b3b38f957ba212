import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

/** Each IPv6 Address Specific Extended Community as its 20 octets. */
export const ipv6ExtendedCommunities = attribute({
  code: 25,
  name: 'IPV6_EXTENDED_COMMUNITIES',
  flags: OPTIONAL_TRANSITIVE,
  unit: 20,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 5701 2, RFC 7606 7.15',
  decode: (r): readonly Uint8Array[] => {
    const values: Uint8Array[] = [];
    while (r.remaining > 0) values.push(r.view(20).slice());
    return values;
  },
  encode: (w, values) => {
    for (const value of values) w.octets(value);
  },
});
