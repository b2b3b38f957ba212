/** What is known of an attribute set beside its octets, as bits. */

/** Bits of the `flags` column. */
export const ATTR = {
  /** Our own AS is in the AS_PATH (RFC 4271 9.1.2). */
  asLoop: 1,
  /** ORIGINATOR_ID is our router ID (RFC 4456 section 8). */
  originatorLoop: 2,
  /** One of our cluster IDs is in the CLUSTER_LIST (RFC 4456 section 8). */
  clusterLoop: 4,
  anyLoop: 7,
  noExport: 8,
  noAdvertise: 16,
  noExportSubconfed: 32,
  hasOriginatorId: 64,
  hasLocalPref: 128,
  hasMed: 256,
  /** The octets were judged flawless when they came from an iBGP (eBGP) peer. */
  judgedIbgp: 512,
  judgedEbgp: 1024,
  judgedConfed: 2048,
  hasOnlyToCustomer: 4096,
  /** A route leak by its ONLY_TO_CUSTOMER (RFC 9234 section 5). */
  leak: 8192,
  /** The next hop came in MP_REACH_NLRI: it is IPv6 (in the RIB of IPv4: RFC 8950). */
  ipv6NextHop: 16384,
  /** Communities LLGR_STALE: least preferred; and NO_LLGR: not to be kept beyond a restart (RFC 9494 section 4.1). */
  llgrStale: 32768,
  noLlgr: 65536,
  /** Rejected by the import policy of the neighbor that it came from. */
  filtered: 131072,
  /** The route is not eligible (RFC 4271 section 9.1.2, RFC 9234 section 5). */
  barred: 7 | 8192 | 131072,
} as const;

/** LOCAL_PREF of a route that has none (common practice; RFC 4271 leaves it to configuration). */
export const DEFAULT_LOCAL_PREF = 100;

/** Bits: how a session's rules or a policy judge a set otherwise than its octets alone. */
export const VERDICT = {
  /** An own AS in the AS_PATH is no loop here (`allowOwnAs`). */
  ownAsAllowed: 1,
  /** An AS is ours on this session alone (`localAs`): a loop. */
  ownAs: 2,
  /** RFC 9234 section 5. */
  leak: 4,
  /** An import policy rejects it. */
  filtered: 8,
  /** What an import policy made of another set, which it remembers: see `receivedOf`. */
  imported: 16,
  /** An export policy set MULTI_EXIT_DISC: it is told to other ASes too. */
  keepMed: 32,
  /** An export policy chose the next hop: this one, or our own. */
  keepNextHop: 64,
  selfNextHop: 128,
} as const;
