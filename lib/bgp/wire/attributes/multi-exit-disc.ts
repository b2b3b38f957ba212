import { attribute, OPTIONAL } from './attribute.js';

export const multiExitDisc = attribute({
  code: 4,
  name: 'MULTI_EXIT_DISC',
  flags: OPTIONAL,
  length: 4,
  onError: 'treat-as-withdraw',
  rfc: 'RFC 4271 5.1.4, RFC 7606 7.4',
  decode: (r) => r.u32(),
  encode: (w, metric: number) => w.u32(metric),
});
