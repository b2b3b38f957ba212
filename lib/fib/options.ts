/** How routes are written to the kernel. */
export interface FibOptions {
  /** `ip-route`: through `ip -batch`; `memory`: kept, for tests; `print`: the `ip route` lines on stdout. */
  readonly type: 'ip-route' | 'memory' | 'print';
  /** Table name or number; default `main`. */
  readonly table?: string | number;
  /** Protocol name or number that marks our routes; default `bgp` (186). Routes of any other protocol are never touched. */
  readonly protocol?: string | number;
  /** Default 32. */
  readonly metric?: number;
  /** What happens to our routes at stop: `keep` (default) or `remove`. */
  readonly atStop?: 'keep' | 'remove';
}
