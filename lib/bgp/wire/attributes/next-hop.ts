import { formatIpv4, parseIpv4 } from '../../../net/address.js';
import { attribute, WELL_KNOWN } from './attribute.js';

export const NEXT_HOP = 3;

/** Whether four octets can be a host's address: not 0.0.0.0, multicast or the limited broadcast address. */
export function isHostAddress(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at]!;
  if (first >= 224 && first < 240) return false;
  const all = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return !(first === 0 && all === 0) && !(first === 255 && all === 0xffffff);
}

/**
 * The address is judged by the update loop and only when the NLRI field is used: beside MP_REACH_NLRI alone the attribute
 * is ignored (RFC 4760 section 3).
 */
export const nextHop = attribute({
  code: NEXT_HOP,
  name: 'NEXT_HOP',
  flags: WELL_KNOWN,
  length: 4,
  onError: 'treat-as-withdraw',
  subcode: 8,
  rfc: 'RFC 4271 5.1.3, RFC 7606 7.3',
  decode: (r) => formatIpv4(r.u32()),
  encode: (w, address: string) => w.u32(parseIpv4(address)),
});
