/**
 * What nobody needs any more and is freed by and by: ids of prefixes that lost their last path, and unused attribute sets.
 * It can wait until the neighbors know: telling them comes first. So it is done when nothing comes in, a slice at a time.
 */
import type { Clock } from '../net/index.js';
import { IdStack } from '../rib/columns.js';
import type { FamilyRib } from '../rib/family-rib.js';
import type { Rib } from '../rib/rib.js';

/** Nothing was decided for so long … */
const REST_MS = 100;
/** … unless so many prefixes wait. */
const MAX_PREFIXES = 1 << 20;
const PREFIX_BATCH = 8192;
/** Attribute sets freed at once whenever there is nothing to do; more wait as prefixes do. */
const SETS_AT_ONCE = 256;
const SET_BATCH = 4096;

export class LeftOvers {
  private readonly prefixes: ReadonlyMap<FamilyRib, IdStack>;
  private timer = false;

  /**
   * @param isNeeded whether somebody has still to be told of a prefix without a path
   * @param onTime   called when there is something to do and {@link rest} has passed
   */
  constructor(
    private readonly rib: Rib,
    private readonly clock: Clock,
    private readonly isNeeded: (rib: FamilyRib, prefix: number) => boolean,
    private readonly onTime: () => void,
  ) {
    this.prefixes = new Map(rib.families.map((family) => [family, new IdStack()]));
  }

  /** These prefixes have no path left. */
  add(rib: FamilyRib, emptied: IdStack): void {
    const waiting = this.prefixes.get(rib)!;
    for (let i = 0; i < emptied.length; i++) waiting.push(emptied.at(i));
    if (waiting.length > MAX_PREFIXES) this.freePrefixes(rib, 2 * PREFIX_BATCH);
  }

  get any(): boolean {
    for (const family of this.rib.families) {
      if (this.prefixes.get(family)!.length > 0 || (family.store.unusedCount > 0 && !family.hasWork)) return true;
    }
    return false;
  }

  /** How many milliseconds they still wait. @param decidedAt when prefixes were decided last */
  rest(decidedAt: number): number {
    return decidedAt + REST_MS - this.clock.now();
  }

  wait(ms: number): void {
    if (this.timer) return;
    this.timer = true;
    this.clock.after(ms, () => {
      this.timer = false;
      this.onTime();
    });
  }

  /** There is no work: free as many attribute sets as cost next to nothing. */
  freeFewSets(): void {
    for (const family of this.rib.families) family.freeUnusedSets(SETS_AT_ONCE);
  }

  /** Free until all is done, or the time is. */
  run(deadline: number): void {
    for (const rib of this.rib.families) {
      while (this.prefixes.get(rib)!.length > 0) {
        this.freePrefixes(rib, PREFIX_BATCH);
        if (this.clock.now() >= deadline) return;
      }
      while (rib.freeUnusedSets(SET_BATCH)) if (this.clock.now() >= deadline) return;
    }
  }

  private freePrefixes(rib: FamilyRib, budget: number): void {
    const waiting = this.prefixes.get(rib)!;
    for (let left = budget; left > 0 && waiting.length > 0; left--) this.freeIfUnused(rib, waiting.pop());
  }

  freeIfUnused(rib: FamilyRib, prefix: number): void {
    if (!rib.prefixes.isUsed(prefix) || !rib.isUnused(prefix) || this.isNeeded(rib, prefix)) return;
    rib.prefixes.free(prefix);
  }
}
