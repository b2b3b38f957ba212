import { formatIpv4, parseIpv4 } from '../../../net/address.js';
import { attribute, OPTIONAL } from './attribute.js';

export const originatorId = attribute({
  code: 9,
  name: 'ORIGINATOR_ID',
  flags: OPTIONAL,
  length: 4,
  scope: 'as',
  onError: 'treat-as-withdraw',
  rfc: 'RFC 4456 8, RFC 7606 7.9',
  decode: (r) => formatIpv4(r.u32()),
  encode: (w, routerId: string) => w.u32(parseIpv4(routerId)),
});
