/**
 * What one listener still has to be told of a family's routes: first all there are, then the changed ones in the order
 * in which they changed. A prefix waits once however often it changes, so a slow listener costs two bits per prefix and
 * four octets per waiting one, and gets the newest state only.
 */
import { BitSet, grow } from './columns.js';
import type { FamilyRib } from './family-rib.js';

export class ChangeQueue {
  /** Changed since they were told, or since the first pass met them. */
  private readonly pending = new BitSet();
  /** The listener holds a route for them. */
  private readonly told = new BitSet();
  /** The pending ones in order of their first change: a ring. */
  private ring = new Int32Array(64);
  private head = 0;
  /** Prefix id that the first pass looks at next. */
  private cursor = 0;
  private scanning = true;
  /** Changes that were not told by themselves, because a newer one of the same prefix was. */
  coalesced = 0;

  /** @param has whether there is something to tell of a prefix */
  constructor(
    readonly rib: FamilyRib,
    private readonly has: (prefix: number) => boolean,
  ) {}

  /** Whether the first pass has not met all prefixes yet. */
  get isScanning(): boolean {
    return this.scanning;
  }

  /** Changed prefixes that wait. */
  get size(): number {
    return this.pending.size;
  }

  /** A prefix changed. */
  mark(prefix: number): void {
    // The first pass is still to come here, and will meet the newest state.
    if (this.scanning && prefix >= this.cursor) return;
    if (!this.pending.add(prefix)) {
      this.coalesced++;
      return;
    }
    const { size } = this.pending;
    if (size > this.ring.length) this.unroll();
    this.ring[(this.head + size - 1) & (this.ring.length - 1)] = prefix;
  }

  private unroll(): void {
    const { ring, head } = this;
    const longer = grow(ring, ring.length * 2);
    longer.set(ring.subarray(head));
    longer.set(ring.subarray(0, head), ring.length - head);
    this.ring = longer;
    this.head = 0;
  }

  /** Whether the listener must still be told of a prefix, so that its id must not be freed. */
  needs(prefix: number): boolean {
    return this.pending.has(prefix);
  }

  /**
   * The next prefix to be told of.
   * @returns its id, or the complement (`~id`) when it is to be told that there is nothing any more; undefined: none
   *   among the ones looked at
   */
  take(looks: { left: number }): number | undefined {
    while (looks.left-- > 0) {
      if (this.scanning) {
        const prefix = this.cursor++;
        if (prefix >= this.rib.prefixes.idLimit) this.scanning = false;
        else if (this.has(prefix)) {
          this.told.add(prefix);
          return prefix;
        }
        continue;
      }
      if (this.pending.size === 0) return undefined;
      const prefix = this.ring[this.head]!;
      this.head = (this.head + 1) & (this.ring.length - 1);
      this.pending.delete(prefix);
      if (this.pending.size === 0 && this.ring.length > 1 << 16) this.ring = new Int32Array(64);
      if (this.pending.size === 0) this.head = 0;
      if (this.has(prefix)) {
        this.told.add(prefix);
        return prefix;
      }
      if (this.told.delete(prefix)) return ~prefix;
      // It came and went before it was told.
      this.coalesced++;
      this.onDropped(prefix);
    }
    return undefined;
  }

  /** Called for a prefix that need not be told of after all: its id may be free now. */
  onDropped: (prefix: number) => void = () => undefined;

  /** Forget everything. @returns the ids that waited: they may be free now */
  *drain(): Generator<number> {
    for (let prefix = this.pending.next(0); prefix >= 0; prefix = this.pending.next(prefix + 1)) {
      this.pending.delete(prefix);
      yield prefix;
    }
  }
}
