/** Address families: IANA AFI and SAFI numbers and the names by which configuration and API call them (OpenConfig's). */
export const AFI = { ipv4: 1, ipv6: 2, l2vpn: 25, bgpLs: 16388 } as const;
export const SAFI = {
  unicast: 1,
  multicast: 2,
  labelledUnicast: 4,
  mcastVpn: 5,
  vpls: 65,
  evpn: 70,
  bgpLs: 71,
  bgpLsVpn: 72,
  srPolicy: 73,
  mplsVpn: 128,
  multicastVpn: 129,
  routeTarget: 132,
  flowSpec: 133,
  flowSpecVpn: 134,
} as const;

/** The families that the RIB carries. */
export const RIB_FAMILIES = ['ipv4-unicast', 'ipv6-unicast'] as const;
export type FamilyName = (typeof RIB_FAMILIES)[number];

export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

const AFI_SAFI: Record<FamilyName, AfiSafi> = {
  'ipv4-unicast': { afi: AFI.ipv4, safi: SAFI.unicast },
  'ipv6-unicast': { afi: AFI.ipv6, safi: SAFI.unicast },
};

/** AFI and SAFI of a family name. */
export function afiSafiOf(family: FamilyName): AfiSafi {
  return AFI_SAFI[family];
}

/** The family of an AFI and SAFI, if the RIB carries it. */
export function familyOf(afi: number, safi: number): FamilyName | undefined {
  if (safi !== SAFI.unicast) return undefined;
  return afi === AFI.ipv4 ? 'ipv4-unicast' : afi === AFI.ipv6 ? 'ipv6-unicast' : undefined;
}
