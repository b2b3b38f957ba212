import { AFI, SAFI } from '../families.js';
import type { NlriFamily, OpaqueNlri } from './nlri.js';
import { opaqueFamily } from './opaque.js';
import { prefixFamily } from './prefix.js';

export const ipv4Unicast = prefixFamily(AFI.ipv4, SAFI.unicast, 'ipv4-unicast');
export const ipv6Unicast = prefixFamily(AFI.ipv6, SAFI.unicast, 'ipv6-unicast');

/** All families whose NLRI are understood. A new one is a file and a line here. */
export const NLRI_FAMILIES = [
  ipv4Unicast,
  ipv6Unicast,
  prefixFamily(AFI.ipv4, SAFI.multicast, 'ipv4-multicast'),
  prefixFamily(AFI.ipv6, SAFI.multicast, 'ipv6-multicast'),
] as const;

type ItemOf<F> = F extends NlriFamily<infer T> ? T : never;

/** Any NLRI item; which kind it is follows from the family it came with. */
export type Nlri = ItemOf<(typeof NLRI_FAMILIES)[number]> | OpaqueNlri;

const BY_FAMILY = new Map<number, NlriFamily>(NLRI_FAMILIES.map((f) => [f.afi * 256 + f.safi, f as NlriFamily]));

/** How NLRI of a family are read and written; one opaque item for a family that is not known. */
export function nlriFamily(afi: number, safi: number): NlriFamily<Nlri> {
  return (BY_FAMILY.get(afi * 256 + safi) ?? opaqueFamily(afi, safi)) as NlriFamily<Nlri>;
}

/** Whether NLRI of a family are understood. */
export function isKnownFamily(afi: number, safi: number): boolean {
  return BY_FAMILY.has(afi * 256 + safi);
}

export * from './nlri.js';
export * from './prefix.js';
