/** Long work on the paths of one source, done a slice at a time: see WorkLoop. */
import { ATTR } from './attribute-store.js';
import { BitSet } from './columns.js';
import type { FamilyRib } from './family-rib.js';
import { longLivedStale } from './llgr.js';
import type { SourceRefresh } from './source-refresh.js';

export interface SourceJob {
  /** @param budget how many paths to change at most. @returns whether the job is done */
  step(budget: number): boolean;
}

/** Looking at a row of another source costs about a fiftieth of changing one. */
const LOOKS_PER_CHANGE = 50;

/**
 * Withdraw all routes of sources whose sessions have ended. One walk over the paths serves all that ended before it began:
 * a thousand sessions that end together cost hardly more than one.
 */
export class DropJob implements SourceJob {
  private readonly sources = new BitSet();
  private family = 0;
  private cursor = 0;
  private hasBegun = false;

  /** @param onDone told of each source when it has no route any more */
  constructor(
    private readonly families: readonly FamilyRib[],
    private readonly onDone: (source: number) => void,
  ) {}

  /** Take in one more. @returns false: too late, the walk has begun */
  add(source: number): boolean {
    if (this.hasBegun) return false;
    this.sources.add(source);
    return true;
  }

  step(budget: number): boolean {
    if (!this.hasBegun) this.begin();
    const family = this.families[this.family]!;
    this.cursor = family.dropSources(this.sources, this.cursor, budget);
    if (this.cursor >= 0) return false;
    this.cursor = 0;
    if (++this.family < this.families.length) return false;
    this.forEach((source) => this.onDone(source));
    return true;
  }

  private begin(): void {
    this.hasBegun = true;
    for (const { refreshes } of this.families) this.forEach((source) => refreshes.delete(source));
  }

  private forEach(act: (source: number) => void): void {
    for (let source = this.sources.next(0); source >= 0; source = this.sources.next(source + 1)) act(source);
  }
}

/** A walk over the stale paths of a source in one family. */
abstract class StaleJob implements SourceJob {
  private cursor = 0;

  constructor(
    protected readonly rib: FamilyRib,
    protected readonly source: number,
    protected readonly refresh: SourceRefresh,
    /** Told how many paths were withdrawn. */
    private readonly onWithdrawn: (count: number) => void,
  ) {}

  step(budget: number): boolean {
    const { rib, source, refresh } = this;
    // Another refresh began meanwhile, with a job of its own, or the source is gone.
    if (rib.refreshes.get(source) !== refresh) return true;
    const { paths } = rib;
    let left = budget;
    let looks = budget * LOOKS_PER_CHANGE;
    let withdrawn = 0;
    this.beginSlice();
    let row = this.cursor;
    for (; row < paths.limit && left > 0 && --looks > 0; row++) {
      if (paths.prefix[row]! < 0 || paths.source[row] !== source || !refresh.isStale(row)) continue;
      left--;
      if (this.keeps(row)) continue;
      rib.withdrawRow(row);
      withdrawn++;
    }
    this.cursor = row;
    if (withdrawn > 0) this.onWithdrawn(withdrawn);
    if (row < paths.limit) return false;
    this.finish();
    return true;
  }

  /** Attribute set ids mean the same only within a slice. */
  protected beginSlice(): void {
    // Most jobs remember none.
  }

  /** Whether a stale path stays. */
  protected abstract keeps(row: number): boolean;
  protected abstract finish(): void;
}

/** End a refresh: withdraw what was not announced again. What is announced while this runs counts too. */
export class SweepJob extends StaleJob {
  protected keeps(): boolean {
    return false;
  }

  protected finish(): void {
    this.rib.refreshes.delete(this.source);
  }
}

/** Withdraw what was stale already when the refresh began; what became stale then stays. */
export class SweepLeftOversJob extends StaleJob {
  protected keeps(row: number): boolean {
    return !this.refresh.isLeftOver(row);
  }

  protected finish(): void {
    this.refresh.earlier = undefined;
  }
}

/** Long-lived graceful restart begins: stale paths get LLGR_STALE; those with NO_LLGR go (RFC 9494 section 4.2). */
export class LongLivedJob extends StaleJob {
  private readonly marked = new Map<number, number>();

  protected override beginSlice(): void {
    this.marked.clear();
  }

  protected keeps(row: number): boolean {
    const { rib, refresh } = this;
    if (refresh.isLeftOver(row)) return false;
    const old = rib.paths.attributes[row]!;
    if ((rib.store.flags[old]! & ATTR.noLlgr) !== 0) return false;
    if ((rib.store.flags[old]! & ATTR.llgrStale) !== 0) return true;
    const id = this.marked.get(old) ?? longLivedStale(rib.store, old);
    this.marked.set(old, id);
    if (id >= 0) rib.repoint(row, id);
    return id >= 0;
  }

  protected finish(): void {
    this.refresh.earlier = undefined;
  }
}
