import { capability } from './capability.js';

export const fourOctetAs = capability({
  code: 65,
  name: 'FOUR_OCTET_AS',
  rfc: 'RFC 6793 3',
  decode: (r) => ({ as: r.u32() }),
  encode: (w, value: { readonly as: number }) => w.u32(value.as),
});
