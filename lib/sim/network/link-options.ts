/** How packets travel over a link. */
export interface LinkQuality {
  /** One-way delay in milliseconds; default: the network's, 1 unless told otherwise. */
  readonly latencyMs?: number;
  /** Up to so many milliseconds more, at random for each packet; what one connection sends stays in order. Default 0. */
  readonly jitterMs?: number;
  /** Bits per second in each direction; default: no limit. */
  readonly bandwidth?: number;
}

export interface LinkOptions extends LinkQuality {
  /** What the interior routing protocol counts for it, at least 1; default 10. */
  readonly cost?: number;
}
