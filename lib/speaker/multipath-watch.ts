/** Finds prefixes of which other paths are used beside the best one than before, for those who watch best paths. */
import { grow, IdStack, nextCapacity } from '../rib/columns.js';
import { NONE, type DecidedListener, type FamilyRib } from '../rib/family-rib.js';
import type { SourceJob } from '../rib/source-jobs.js';

/** Which paths were used when the watch began is not looked at: they may be told once too often. */
const UNKNOWN = 0xffffffff;
/** Scratch: nothing of it outlives a call. */
const rows = new IdStack();
const found = new IdStack();

/** Exists only while somebody watches a family in which several paths are used at once. */
export class MultipathWatch {
  private best: Int32Array;
  private source: Uint16Array;
  /** A number for the paths that are used together, with their shares; 0: at most one is. */
  private members: Uint32Array;

  /**
   * @param wereUsed whether several paths were used at once so far
   * @param tell     gets the prefixes of which only the paths beside the best one have changed
   */
  constructor(
    private readonly rib: FamilyRib,
    wereUsed: boolean,
    private readonly tell: (prefixes: IdStack) => void,
  ) {
    this.best = rib.bestAttributes.slice();
    this.source = rib.bestSource.slice();
    this.members = new Uint32Array(this.best.length).fill(wereUsed ? UNKNOWN : 0);
    rib.decidedListeners.add(this.onDecided);
  }

  close(): void {
    this.rib.decidedListeners.delete(this.onDecided);
  }

  private readonly onDecided: DecidedListener = (prefixes, from, to) => {
    found.clear();
    for (let i = from; i < to; i++) this.look(prefixes.at(i));
    if (found.length > 0) this.tell(found);
  };

  private look(prefix: number): void {
    const { rib } = this;
    if (prefix >= this.best.length) this.makeRoom(prefix);
    const [best, source] = [rib.bestAttributes[prefix]!, rib.bestSource[prefix]!];
    const members = this.membersOf(prefix);
    // A change of the best path is told anyway.
    const isBestSame = this.best[prefix] === best && this.source[prefix] === source;
    if (isBestSame && best !== NONE && this.members[prefix] !== members) found.push(prefix);
    this.best[prefix] = best;
    this.source[prefix] = source;
    this.members[prefix] = members;
  }

  private makeRoom(prefix: number): void {
    const capacity = nextCapacity(this.best.length, prefix + 1);
    this.best = grow(this.best, capacity, NONE);
    this.source = grow(this.source, capacity);
    this.members = grow(this.members, capacity);
  }

  private hasSeveral(prefix: number): boolean {
    const head = this.rib.headOf(prefix);
    return head >= 0 && this.rib.paths.next[head]! >= 0;
  }

  private membersOf(prefix: number): number {
    const { multipath, paths, store } = this.rib;
    if (multipath === undefined || !this.hasSeveral(prefix)) return 0;
    multipath.select(this.rib, this.rib.headOf(prefix), rows);
    if (rows.length < 2) return 0;
    const weights = multipath.weights(this.rib, rows);
    let hash = 0x811c9dc5;
    const mix = (value: number): void => {
      hash = Math.imul(hash ^ value, 0x01000193);
      hash ^= hash >>> 15;
    };
    for (let i = 0; i < rows.length; i++) {
      if (weights[i] === 0) continue;
      mix(paths.attributes[rows.at(i)]!);
      mix(store.generation[paths.attributes[rows.at(i)]!]!);
      mix(paths.source[rows.at(i)]!);
      mix(weights[i]!);
    }
    return hash >>> 0 === UNKNOWN ? 1 : hash >>> 0 || 1;
  }

  /** Look at all prefixes, a slice at a time: `multipath` is another one now. */
  lookJob(onDone: () => void): SourceJob {
    let prefix = 0;
    return {
      step: (budget) => {
        const end = Math.min(this.rib.prefixes.idLimit, prefix + budget);
        found.clear();
        for (; prefix < end; prefix++) if (this.hasSeveral(prefix)) this.look(prefix);
        if (found.length > 0) this.tell(found);
        if (end < this.rib.prefixes.idLimit) return false;
        onDone();
        return true;
      },
    };
  }
}
