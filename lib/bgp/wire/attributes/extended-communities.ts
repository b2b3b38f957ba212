import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

/** Each community as its eight octets; `formatExtendedCommunity` gives the usual text. */
export const extendedCommunities = attribute({
  code: 16,
  name: 'EXTENDED_COMMUNITIES',
  flags: OPTIONAL_TRANSITIVE,
  unit: 8,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 4360, RFC 7606 7.14',
  decode: (r): readonly Uint8Array[] => {
    const values: Uint8Array[] = [];
    while (r.remaining > 0) values.push(r.view(8).slice());
    return values;
  },
  encode: (w, values) => {
    for (const value of values) w.octets(value);
  },
});
