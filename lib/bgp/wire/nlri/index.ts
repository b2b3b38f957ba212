import { AFI, SAFI } from '../families.js';
import { evpn } from './evpn.js';
import { flowSpecFamily } from './flow-spec.js';
import { bitLength, framedFamily, typeAndLength, wideLength, wideTypeAndLength } from './framed.js';
import { labelledFamily, vpnFamily } from './labelled.js';
import type { NlriFamily, OpaqueNlri } from './nlri.js';
import { opaqueFamily } from './opaque.js';
import { prefixFamily } from './prefix.js';
import { routeTarget } from './route-target.js';

export const ipv4Unicast = prefixFamily(AFI.ipv4, SAFI.unicast, 'ipv4-unicast');
export const ipv6Unicast = prefixFamily(AFI.ipv6, SAFI.unicast, 'ipv6-unicast');

// RFC 9552 section 8.2.2: BGP-LS shares sessions with routing and must not take them down.
const bgpLs = { afi: AFI.bgpLs, rfc: 'RFC 9552 5.2', onError: 'afi-safi-disable' } as const;

/** All families whose NLRI are understood, or can at least be told apart. A new one is a line here. */
export const NLRI_FAMILIES = [
  ipv4Unicast,
  ipv6Unicast,
  prefixFamily(AFI.ipv4, SAFI.multicast, 'ipv4-multicast'),
  prefixFamily(AFI.ipv6, SAFI.multicast, 'ipv6-multicast'),
  labelledFamily(AFI.ipv4, SAFI.labelledUnicast, 'ipv4-labelled-unicast'),
  labelledFamily(AFI.ipv6, SAFI.labelledUnicast, 'ipv6-labelled-unicast'),
  vpnFamily(AFI.ipv4, SAFI.mplsVpn, 'l3vpn-ipv4-unicast'),
  vpnFamily(AFI.ipv6, SAFI.mplsVpn, 'l3vpn-ipv6-unicast'),
  vpnFamily(AFI.ipv4, SAFI.multicastVpn, 'l3vpn-ipv4-multicast'),
  vpnFamily(AFI.ipv6, SAFI.multicastVpn, 'l3vpn-ipv6-multicast'),
  evpn,
  flowSpecFamily(AFI.ipv4, SAFI.flowSpec, 'ipv4-flowspec'),
  flowSpecFamily(AFI.ipv6, SAFI.flowSpec, 'ipv6-flowspec'),
  flowSpecFamily(AFI.ipv4, SAFI.flowSpecVpn, 'l3vpn-ipv4-flowspec'),
  flowSpecFamily(AFI.ipv6, SAFI.flowSpecVpn, 'l3vpn-ipv6-flowspec'),
  routeTarget,
  framedFamily({ ...bgpLs, safi: SAFI.bgpLs, name: 'bgp-ls' }, wideTypeAndLength),
  framedFamily({ ...bgpLs, safi: SAFI.bgpLsVpn, name: 'bgp-ls-vpn' }, wideTypeAndLength),
  framedFamily({ afi: AFI.ipv4, safi: SAFI.mcastVpn, name: 'ipv4-mcast-vpn', rfc: 'RFC 6514 4' }, typeAndLength),
  framedFamily({ afi: AFI.ipv6, safi: SAFI.mcastVpn, name: 'ipv6-mcast-vpn', rfc: 'RFC 6514 4' }, typeAndLength),
  framedFamily({ afi: AFI.l2vpn, safi: SAFI.vpls, name: 'l2vpn-vpls', rfc: 'RFC 4761 3.2.2' }, wideLength),
  framedFamily({ afi: AFI.ipv4, safi: SAFI.srPolicy, name: 'ipv4-sr-policy', rfc: 'RFC 9830 2.1' }, bitLength),
  framedFamily({ afi: AFI.ipv6, safi: SAFI.srPolicy, name: 'ipv6-sr-policy', rfc: 'RFC 9830 2.1' }, bitLength),
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
export { readPrefix } from './prefix.js';
export type { PrefixNlri } from './prefix.js';
export type { LabelledNlri, VpnNlri } from './labelled.js';
export type { EvpnNlri } from './evpn.js';
export { EVPN_ROUTE_TYPE } from './evpn.js';
export type { FlowSpecNlri } from './flow-spec.js';
export type { RouteTargetNlri } from './route-target.js';
export { formatRd, parseRd } from './route-distinguisher.js';
