import { endianness } from 'node:os';

/** Numbers of Linux's netlink.h, rtnetlink.h, if_addr.h and if_link.h, by the names that they have there. */

/** Netlink is in the byte order of the machine, but for addresses and what is said otherwise. */
export const LITTLE_ENDIAN = endianness() === 'LE';

export const NLMSG = { ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

export const NLM_F = {
  REQUEST: 1,
  ACK: 4,
  /** In parts of a dump: the tables changed while they were read. */
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  /** In answers: the request is not repeated in full. */
  CAPPED: 0x100,
  /** In answers: attributes follow. */
  ACK_TLVS: 0x200,
} as const;

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEXTHOP: 104,
  DELNEXTHOP: 105,
  GETNEXTHOP: 106,
} as const;

/** Multicast groups as bits of sockaddr_nl. */
export const GROUPS = {
  LINK: 1,
  IPV4_IFADDR: 1 << 4,
  IPV4_ROUTE: 1 << 6,
  IPV6_IFADDR: 1 << 8,
  IPV6_ROUTE: 1 << 10,
  NEXTHOP: 2 ** 31,
} as const;

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;

export const RTA = {
  DST: 1,
  SRC: 2,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  FLOW: 11,
  CACHEINFO: 12,
  TABLE: 15,
  VIA: 18,
  PREF: 20,
  TTL_PROPAGATE: 26,
  NH_ID: 30,
} as const;

export const NHA = { ID: 1, GROUP: 2, GROUP_TYPE: 3, OIF: 5, GATEWAY: 6, OP_FLAGS: 14 } as const;

export const RTAX = { LOCK: 1, MTU: 2 } as const;

export const RTNH_F = { DEAD: 1, ONLINK: 4, LINKDOWN: 16 } as const;

/** In rtm_flags: a cached copy of a route, not a route. */
export const RTM_F_CLONED = 0x200;

export const RT_SCOPE = { UNIVERSE: 0, LINK: 253, NOWHERE: 255 } as const;

/** rtm_table of tables above 255, whose number is in RTA_TABLE. */
export const RT_TABLE_COMPAT = 252;

export const IFLA_IFNAME = 3;
export const IFF_LOWER_UP = 0x10000;

export const NLMSGERR_ATTR_MSG = 1;
