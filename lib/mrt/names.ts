/** MRT types by number: RFC 6396 section 4 and appendix B. */
export const MRT_TYPE = {
  bgp: 5,
  tableDump: 12,
  tableDumpV2: 13,
  bgp4mp: 16,
  bgp4mpEt: 17,
} as const;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'START',
  2: 'DIE',
  3: 'I_AM_DEAD',
  4: 'PEER_DOWN',
  5: 'BGP',
  6: 'RIP',
  7: 'IDRP',
  8: 'RIPNG',
  9: 'BGP4PLUS',
  10: 'BGP4PLUS_01',
  11: 'OSPFv2',
  12: 'TABLE_DUMP',
  13: 'TABLE_DUMP_V2',
  16: 'BGP4MP',
  17: 'BGP4MP_ET',
  32: 'ISIS',
  33: 'ISIS_ET',
  48: 'OSPFv3',
  49: 'OSPFv3_ET',
};

const BGP4MP_SUBTYPES: Readonly<Record<number, string>> = {
  0: 'BGP4MP_STATE_CHANGE',
  1: 'BGP4MP_MESSAGE',
  2: 'BGP4MP_ENTRY',
  3: 'BGP4MP_SNAPSHOT',
  4: 'BGP4MP_MESSAGE_AS4',
  5: 'BGP4MP_STATE_CHANGE_AS4',
  6: 'BGP4MP_MESSAGE_LOCAL',
  7: 'BGP4MP_MESSAGE_AS4_LOCAL',
  8: 'BGP4MP_MESSAGE_ADDPATH',
  9: 'BGP4MP_MESSAGE_AS4_ADDPATH',
  10: 'BGP4MP_MESSAGE_LOCAL_ADDPATH',
  11: 'BGP4MP_MESSAGE_AS4_LOCAL_ADDPATH',
};

/** Subtypes by type: RFC 6396 section 4 and appendix B, RFC 6397, RFC 8050. */
const SUBTYPE_NAMES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [MRT_TYPE.bgp]: {
    0: 'BGP_NULL',
    1: 'BGP_UPDATE',
    2: 'BGP_PREF_UPDATE',
    3: 'BGP_STATE_CHANGE',
    4: 'BGP_SYNC',
    5: 'BGP_OPEN',
    6: 'BGP_NOTIFY',
    7: 'BGP_KEEPALIVE',
  },
  [MRT_TYPE.tableDump]: { 1: 'AFI_IPv4', 2: 'AFI_IPv6' },
  [MRT_TYPE.tableDumpV2]: {
    1: 'PEER_INDEX_TABLE',
    2: 'RIB_IPV4_UNICAST',
    3: 'RIB_IPV4_MULTICAST',
    4: 'RIB_IPV6_UNICAST',
    5: 'RIB_IPV6_MULTICAST',
    6: 'RIB_GENERIC',
    7: 'GEO_PEER_TABLE',
    8: 'RIB_IPV4_UNICAST_ADDPATH',
    9: 'RIB_IPV4_MULTICAST_ADDPATH',
    10: 'RIB_IPV6_UNICAST_ADDPATH',
    11: 'RIB_IPV6_MULTICAST_ADDPATH',
    12: 'RIB_GENERIC_ADDPATH',
  },
  [MRT_TYPE.bgp4mp]: BGP4MP_SUBTYPES,
  [MRT_TYPE.bgp4mpEt]: BGP4MP_SUBTYPES,
};

/** Name of an MRT type, if it has one. */
export function mrtTypeName(type: number): string | undefined {
  return TYPE_NAMES[type];
}

/** Name of a subtype of a type, if it has one. */
export function mrtSubtypeName(type: number, subtype: number): string | undefined {
  return SUBTYPE_NAMES[type]?.[subtype];
}
