/** What must be so in every network that has come to rest. */
export const INVARIANTS = [
  /** Packets to a prefix that is originated do not go round. */
  'no forwarding loop',
  /**
   * Packets from a router with a route get to one that originates it, unless a wire on the way is broken of which no protocol can
   * know: the oracle would send them over it too.
   */
  'no black hole',
  /** Each neighbor was told exactly what RFC 4271 and RFC 4456 let it know, and chose the best of it. */
  'right routes',
  /** ORIGINATOR_ID and CLUSTER_LIST are those of RFC 4456 section 8. */
  'right reflection attributes',
  /** No route is stale, and each can be followed to one that originates it. */
  'no stale route',
  /** There is a state in which nobody wants to change. */
  'no oscillation',
] as const;

export type Invariant = (typeof INVARIANTS)[number];
