/** What the RIB needs of a neighbor's import policy; `lib/policy` has it. */
import type { FamilyRib } from './family-rib.js';

export interface FamilyImportPolicy {
  /** Whether the outcome depends on the prefix, so that each one must be asked about. */
  readonly looksAtPrefix: boolean;
  /**
   * The set that the decision process sees in place of a received one: often the same, or one marked as filtered.
   * @param prefix ignored unless `looksAtPrefix`
   */
  apply(received: number, prefix: number): number;
}

export interface ImportPolicy {
  of(rib: FamilyRib): FamilyImportPolicy;
}

/**
 * Announce the prefixes of a range, each with the set that a policy makes of the received one.
 * @param bytes well-formed NLRI in `[start..end)`
 * @returns how many prefixes the source had no path for before
 */
export function announceJudged(
  policy: FamilyImportPolicy,
  rib: FamilyRib,
  source: number,
  received: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let added = 0;
  rib.prefixes.touch(bytes, start, end);
  for (let at = start; at < end; at += 1 + ((bytes[at]! + 7) >> 3)) {
    const prefix = rib.prefixes.intern(bytes[at]!, bytes, at + 1);
    added += rib.announce(source, prefix, policy.apply(received, prefix));
  }
  return added;
}

/** Give the paths of a source what a policy makes of them now; undefined: what was received. A slice at a time. */
export class ReviseJob {
  private family = 0;
  private cursor = 0;

  constructor(
    private readonly families: readonly FamilyRib[],
    private readonly source: number,
    private readonly policy: ImportPolicy | undefined,
    /** False once the source is gone, or has another policy. */
    private readonly isWanted: () => boolean,
  ) {}

  /** @param budget how many paths to look at, at most. @returns whether it is done */
  step(budget: number): boolean {
    if (!this.isWanted()) return true;
    const rib = this.families[this.family]!;
    const policy = this.policy?.of(rib);
    const { paths, store } = rib;
    let left = budget;
    // Looking at a row of another source costs about a fiftieth.
    let looks = budget * 50;
    let row = this.cursor;
    for (; row < paths.limit && left > 0 && --looks > 0; row++) {
      if (paths.prefix[row]! < 0 || paths.source[row] !== this.source) continue;
      left--;
      const received = store.receivedOf(paths.attributes[row]!);
      const now = policy ? policy.apply(received, paths.prefix[row]!) : received;
      if (now !== paths.attributes[row]) rib.repoint(row, now);
    }
    this.cursor = row;
    if (row < paths.limit) return false;
    this.cursor = 0;
    return ++this.family === this.families.length;
  }
}
