/**
 * Path attribute names of the IANA registry, in capitals with `_`, for all assigned codes: also those that are carried as
 * octets only. A test holds it against the attributes that are understood.
 */
const NAMES: Readonly<Record<number, string>> = {
  1: 'ORIGIN',
  2: 'AS_PATH',
  3: 'NEXT_HOP',
  4: 'MULTI_EXIT_DISC',
  5: 'LOCAL_PREF',
  6: 'ATOMIC_AGGREGATE',
  7: 'AGGREGATOR',
  8: 'COMMUNITIES',
  9: 'ORIGINATOR_ID',
  10: 'CLUSTER_LIST',
  11: 'DPA',
  12: 'ADVERTISER',
  13: 'RCID_PATH',
  14: 'MP_REACH_NLRI',
  15: 'MP_UNREACH_NLRI',
  16: 'EXTENDED_COMMUNITIES',
  17: 'AS4_PATH',
  18: 'AS4_AGGREGATOR',
  19: 'SAFI_SPECIFIC_ATTRIBUTE',
  20: 'CONNECTOR',
  21: 'AS_PATHLIMIT',
  22: 'PMSI_TUNNEL',
  23: 'TUNNEL_ENCAP',
  24: 'TRAFFIC_ENGINEERING',
  25: 'IPV6_EXTENDED_COMMUNITIES',
  26: 'AIGP',
  27: 'PE_DISTINGUISHER_LABELS',
  29: 'BGP_LS',
  32: 'LARGE_COMMUNITIES',
  33: 'BGPSEC_PATH',
  34: 'COMMUNITY_CONTAINER',
  35: 'ONLY_TO_CUSTOMER',
  36: 'D_PATH',
  37: 'SFP',
  38: 'BFD_DISCRIMINATOR',
  39: 'NEXT_HOP_CAPABILITIES',
  40: 'PREFIX_SID',
  128: 'ATTR_SET',
};

/** The name of an attribute code, or `UNKNOWN`. */
export function attributeName(code: number): string {
  return NAMES[code] ?? 'UNKNOWN';
}
