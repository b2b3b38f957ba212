/**
 * What a source has told again, while it tells everything again: after a restart until End-of-RIB (RFC 4724 section 4.2),
 * or between BoRR and EoRR (RFC 7313 section 4). What it has not told again is stale.
 *
 * The set holds what is fresh, not what is stale: so beginning costs nothing, however many routes there are. A row whose path was
 * withdrawn meanwhile may stand in it, and may be another source's by now: only rows of the source itself count.
 */
import { BitSet } from './columns.js';

export class SourceRefresh {
  /** Rows announced since the refresh began. */
  readonly fresh = new BitSet();

  /**
   * @param earlier the refresh that this one cuts off: what was stale already then does not stay (RFC 4724 section 4.2,
   *                "consecutive restarts"), and is to be swept. Undefined: everything may stay for now
   */
  constructor(public earlier?: SourceRefresh) {
    // One step back is enough: what was not fresh before that is swept by the sweep that this one begins anew.
    if (earlier) earlier.earlier = undefined;
  }

  /** Whether a row of the source was not announced again. */
  isStale(row: number): boolean {
    return !this.fresh.has(row);
  }

  /** Whether a row was stale already when the refresh began. */
  isLeftOver(row: number): boolean {
    return this.earlier !== undefined && !this.fresh.has(row) && !this.earlier.fresh.has(row);
  }
}
