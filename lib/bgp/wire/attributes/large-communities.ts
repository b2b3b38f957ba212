import type { LargeCommunity } from '../communities.js';
import { attribute, OPTIONAL_TRANSITIVE } from './attribute.js';

export const largeCommunities = attribute({
  code: 32,
  name: 'LARGE_COMMUNITIES',
  flags: OPTIONAL_TRANSITIVE,
  unit: 12,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 8092 3, 6',
  decode: (r): readonly LargeCommunity[] => {
    const values: LargeCommunity[] = [];
    while (r.remaining > 0) values.push([r.u32(), r.u32(), r.u32()]);
    return values;
  },
  encode: (w, values) => {
    for (const [admin, data1, data2] of values) {
      w.u32(admin);
      w.u32(data1);
      w.u32(data2);
    }
  },
});
