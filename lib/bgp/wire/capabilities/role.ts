import { capability } from './capability.js';

/** BGP Role values (RFC 9234 section 4.1). */
export const ROLE = { provider: 0, routeServer: 1, routeServerClient: 2, customer: 3, peer: 4 } as const;

export const role = capability({
  code: 9,
  name: 'ROLE',
  rfc: 'RFC 9234 4.1',
  decode: (r) => ({ role: r.u8() }),
  encode: (w, value: { readonly role: number }) => w.u8(value.role),
});
