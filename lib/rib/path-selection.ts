/** Which paths of a prefix are told where a neighbor takes more than one (RFC 7911, RFC 7964). */
import { IdStack } from './columns.js';
import { bestOf, isUsable, type DecisionContext } from './decision.js';

/** The best `best` paths: of all, or of those from each neighbor AS (RFC 7964 section 3.1). */
export interface BestPaths {
  /** 1 to 65535. */
  readonly best: number;
  readonly perNeighborAs?: boolean | undefined;
}

/** `all`: every usable path. */
export type PathSelection = 'all' | BestPaths;

/** Scratch: nothing of it outlives a call. */
const pool = new IdStack();
const sameAs = new IdStack();

/**
 * Choose paths of a chain, usable ones only. The second best is what the decision process chooses when the best is not there, and
 * so on: the order does not depend on that of arrival.
 * @param head first row of the chain, -1 for none
 * @param chosen gets the rows; what is in it before is dropped
 */
export function selectPaths(cx: DecisionContext, head: number, selection: PathSelection, chosen: IdStack): void {
  chosen.clear();
  const usable = selection === 'all' ? chosen : pool;
  usable.clear();
  for (let row = head; row >= 0; row = cx.paths.next[row]!) if (isUsable(cx, row)) usable.push(row);
  if (selection === 'all') return;
  if (selection.perNeighborAs !== true) return chooseBest(cx, pool, selection.best, chosen);
  while (pool.length > 0) {
    const asn = neighborAsOf(cx, pool.at(0));
    sameAs.clear();
    for (let i = pool.length - 1; i >= 0; i--) {
      if (neighborAsOf(cx, pool.at(i)) !== asn) continue;
      sameAs.push(pool.at(i));
      pool.removeAt(i);
    }
    chooseBest(cx, sameAs, selection.best, chosen);
  }
}

function neighborAsOf(cx: DecisionContext, row: number): number {
  return cx.store.neighborAs[cx.paths.attributes[row]!]!;
}

/** Move the best rows of a list to another one. */
function chooseBest(cx: DecisionContext, rows: IdStack, most: number, chosen: IdStack): void {
  for (let left = Math.min(most, rows.length); left > 0; left--) {
    const best = bestOf(cx, rows);
    chosen.push(best);
    for (let i = 0; i < rows.length; i++) {
      if (rows.at(i) !== best) continue;
      rows.removeAt(i);
      break;
    }
  }
}
