import { octets } from '../support/wire.js';

const u16 = (value: number): string => value.toString(16).padStart(4, '0');
export const bare = (hex: string): string => hex.replace(/\s/g, '');

/** The body of an UPDATE (RFC 4271 section 4.3) from the hex of its three fields. */
export function update(fields: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const withdrawn = bare(fields.withdrawn ?? '');
  const attributes = bare(fields.attributes ?? '');
  return octets(
    u16(withdrawn.length / 2) + withdrawn + u16(attributes.length / 2) + attributes + bare(fields.nlri ?? ''),
  );
}

export const ORIGIN = '40 01 01 00';
export const PATH = '40 02 06 02 01 0000fde8'; // 65000
export const NO_PATH = '40 02 00';
export const NEXT_HOP = '40 03 04 0a000009'; // 10.0.0.9
export const LOCAL_PREF = '40 05 04 000000c8'; // 200
export const EXTERNAL = ORIGIN + PATH + NEXT_HOP;
export const INTERNAL = ORIGIN + NO_PATH + NEXT_HOP + LOCAL_PREF;
export const P1 = '10 0a01'; // 10.1.0.0/16
export const P2 = '18 0a0203'; // 10.2.3.0/24
export const V6_NEXT_HOP = '20010db8000000000000000000000009';
export const V1 = '30 20010db80001'; // 2001:db8:1::/48
export const V2 = '30 20010db80002';

/** MP_REACH_NLRI (RFC 4760 section 3). */
export function reach(nlri: string, nextHop = V6_NEXT_HOP, family = '0002 01'): string {
  const value = bare(family) + (nextHop.length / 2).toString(16).padStart(2, '0') + nextHop + '00' + bare(nlri);
  return `80 0e ${(value.length / 2).toString(16).padStart(2, '0')} ${value}`;
}

/** MP_UNREACH_NLRI (RFC 4760 section 4). */
export function unreach(nlri: string, family = '0002 01'): string {
  const value = bare(family) + bare(nlri);
  return `80 0f ${(value.length / 2).toString(16).padStart(2, '0')} ${value}`;
}
