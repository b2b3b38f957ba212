import { capability } from './capability.js';

/** BGP Role values (RFC 9234 section 4.1). */
export const ROLE = { provider: 0, routeServer: 1, routeServerClient: 2, customer: 3, peer: 4 } as const;

export type RoleName = keyof typeof ROLE;

/** Names of all roles. */
export const ROLE_NAMES = Object.freeze(Object.keys(ROLE) as RoleName[]);

/** The role that the other side must have (RFC 9234 section 4.2). */
export const ROLE_OF_PEER: Readonly<Record<RoleName, RoleName>> = Object.freeze({
  provider: 'customer',
  routeServer: 'routeServerClient',
  routeServerClient: 'routeServer',
  customer: 'provider',
  peer: 'peer',
});

/** The name of a role's value; undefined for one that RFC 9234 does not know. */
export function roleName(value: number): RoleName | undefined {
  return ROLE_NAMES.find((name) => ROLE[name] === value);
}

export const role = capability({
  code: 9,
  name: 'ROLE',
  rfc: 'RFC 9234 4.1',
  decode: (r) => ({ role: r.u8() }),
  encode: (w, value: { readonly role: number }) => w.u8(value.role),
});
