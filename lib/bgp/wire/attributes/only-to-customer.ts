import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

export const onlyToCustomer = attribute({
  code: 35,
  name: 'ONLY_TO_CUSTOMER',
  flags: OPTIONAL_TRANSITIVE,
  length: 4,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 9234 5',
  decode: (r) => r.u32(),
  encode: (w, asn: number) => w.u32(asn),
});
