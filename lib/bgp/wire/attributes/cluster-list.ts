import { formatIpv4, parseIpv4 } from '../../../net/address.js';
import { attribute, OPTIONAL } from './attribute.js';

export const clusterList = attribute({
  code: 10,
  name: 'CLUSTER_LIST',
  flags: OPTIONAL,
  unit: 4,
  scope: 'as',
  onError: 'treat-as-withdraw',
  rfc: 'RFC 4456 8, RFC 7606 7.10',
  decode: (r): readonly string[] => {
    const ids: string[] = [];
    while (r.remaining > 0) ids.push(formatIpv4(r.u32()));
    return ids;
  },
  encode: (w, ids) => {
    for (const id of ids) w.u32(parseIpv4(id));
  },
});
