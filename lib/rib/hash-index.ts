const SEGMENT_BITS = 4;
const SEGMENT_SHIFT = 32 - SEGMENT_BITS;
const FIRST_SLOTS = 8;
/** Segments (of so many numbers) below this grow fourfold: rehashing costs more than the memory. */
const SMALL_SEGMENT = 1 << 15;

/**
 * From a 32-bit hash to ids: open addressing with linear probing. The index is cut into 16 segments by the hash's top
 * bits, and each grows by itself, so that no insert pays for rehashing all. A slot is a pair (id + 1, hash) in one
 * Int32Array; id + 1 is 0 in an empty slot. The keys stay with the owner, which walks the slots itself: see
 * `PrefixTable4.find` for the loop. So a look-up costs no call per probe.
 */
export class HashIndex {
  /** Pairs (id + 1, hash | 0). Walk `segments[hash >>> 28]` from `(hash << 1) & (length - 1)` in steps of two. */
  readonly segments: Int32Array[] = [];
  private readonly counts = new Int32Array(1 << SEGMENT_BITS);

  constructor() {
    for (let i = 0; i < 1 << SEGMENT_BITS; i++) this.segments.push(new Int32Array(FIRST_SLOTS * 2));
  }

  /** Add an id that is not in the index yet. */
  insert(hash: number, id: number): void {
    const segment = hash >>> SEGMENT_SHIFT;
    let slots = this.segments[segment]!;
    const count = ++this.counts[segment]!;
    // Load factor 0.7; the array holds two numbers a slot.
    if (count * 20 > slots.length * 7) {
      slots = this.resize(segment, slots.length * (slots.length < SMALL_SEGMENT ? 4 : 2));
    }
    place(slots, hash | 0, id + 1);
  }

  /** Remove an id that is in the index under this hash. */
  remove(hash: number, id: number): void {
    const segment = hash >>> SEGMENT_SHIFT;
    const slots = this.segments[segment]!;
    const mask = slots.length - 1;
    let hole = (hash << 1) & mask;
    while (slots[hole] !== id + 1) hole = (hole + 2) & mask;
    // Backward shift: move up whatever would no longer be found past the hole.
    let probe = hole;
    for (;;) {
      probe = (probe + 2) & mask;
      if (slots[probe] === 0) break;
      const home = (slots[probe + 1]! << 1) & mask;
      if (((probe - home) & mask) >= ((probe - hole) & mask)) {
        slots[hole] = slots[probe]!;
        slots[hole + 1] = slots[probe + 1]!;
        hole = probe;
      }
    }
    slots[hole] = 0;
    const count = --this.counts[segment]!;
    if (slots.length > 1 << 13 && count * 16 < slots.length) this.resize(segment, slots.length >> 1);
  }

  private resize(segment: number, length: number): Int32Array {
    const from = this.segments[segment]!;
    const to = new Int32Array(length);
    for (let i = 0; i < from.length; i += 2) if (from[i] !== 0) place(to, from[i + 1]!, from[i]!);
    this.segments[segment] = to;
    return to;
  }
}

function place(slots: Int32Array, hash: number, idPlusOne: number): void {
  const mask = slots.length - 1;
  let i = (hash << 1) & mask;
  while (slots[i] !== 0) i = (i + 2) & mask;
  slots[i] = idPlusOne;
  slots[i + 1] = hash;
}

/** Spread the entropy of a 32-bit number over all its bits (murmur3's finaliser). */
export function mix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
