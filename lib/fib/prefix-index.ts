import { formatWords, type PrefixWords } from './prefix-text.js';

const SEGMENT_BITS = 6;
const SEGMENTS = 1 << SEGMENT_BITS;
const FIRST_SLOTS = 8;

/**
 * Prefix to dense row number and back, over typed arrays: about 20 octets per IPv4 prefix at a million of them. Open
 * addressing with linear probing, split into segments that grow one at a time, so that no insertion takes long.
 * Row numbers are reused after {@link remove}.
 */
export class PrefixIndex {
  /** Row + 1 by slot; 0 is empty. */
  readonly #slots: Int32Array[] = [];
  readonly #used = new Int32Array(SEGMENTS);
  readonly #words: 1 | 4;
  #keys: Uint32Array;
  /** Prefix length + 1; 0 marks a free row. */
  #lengths: Uint8Array;
  /** The row that was given back last, + 1; its key is the one before it, and so on to 0. An array of a million would be copied as it grows. */
  #free = 0;
  /** Rows ever used: valid rows are below it. */
  #high = 0;
  #size = 0;
  /** How many prefixes there are of each length, for longest-match look-ups. */
  readonly lengthCounts: Int32Array;

  constructor(readonly family: 4 | 6) {
    this.#words = family === 4 ? 1 : 4;
    this.#keys = new Uint32Array(16 * this.#words);
    this.#lengths = new Uint8Array(16);
    this.lengthCounts = new Int32Array(family === 4 ? 33 : 129);
    for (let i = 0; i < SEGMENTS; i++) this.#slots.push(new Int32Array(FIRST_SLOTS));
  }

  get size(): number {
    return this.#size;
  }

  /** Upper bound of row numbers, for columns and scans. */
  get high(): number {
    return this.#high;
  }

  has(row: number): boolean {
    return row < this.#high && this.#lengths[row] !== 0;
  }

  /** @returns the row, or -1 */
  find(p: PrefixWords): number {
    const h = hash(p);
    const slots = this.#slots[h >>> (32 - SEGMENT_BITS)]!;
    const mask = slots.length - 1;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const row = slots[i]! - 1;
      if (row < 0) return -1;
      if (this.#equals(row, p)) return row;
    }
  }

  /** The row of a prefix, made when there is none. */
  add(p: PrefixWords): number {
    const found = this.find(p);
    if (found >= 0) return found;
    const row = this.#free === 0 ? this.#high++ : this.#free - 1;
    if (row >= this.#lengths.length) this.#growRows();
    const at = row * this.#words;
    if (row === this.#free - 1) this.#free = this.#keys[at]!;
    this.#keys[at] = p.w0;
    if (this.#words === 4) {
      this.#keys[at + 1] = p.w1;
      this.#keys[at + 2] = p.w2;
      this.#keys[at + 3] = p.w3;
    }
    this.#lengths[row] = p.length + 1;
    this.lengthCounts[p.length]!++;
    this.#size++;
    const h = hash(p);
    const segment = h >>> (32 - SEGMENT_BITS);
    if (++this.#used[segment]! > this.#slots[segment]!.length * fullest(segment)) this.#growSegment(segment);
    place(this.#slots[segment]!, h, row);
    return row;
  }

  remove(row: number): void {
    const p = scratch;
    this.read(row, p);
    const h = hash(p);
    const segment = h >>> (32 - SEGMENT_BITS);
    const slots = this.#slots[segment]!;
    const mask = slots.length - 1;
    let hole = h & mask;
    while (slots[hole] !== row + 1) hole = (hole + 1) & mask;
    // Backward shift: an entry moves into the hole unless it already stands between its home and the hole.
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      this.read(slots[i]! - 1, p);
      const home = hash(p) & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots[hole] = slots[i]!;
        hole = i;
      }
    }
    slots[hole] = 0;
    this.#used[segment]!--;
    this.#size--;
    this.lengthCounts[this.#lengths[row]! - 1]!--;
    this.#lengths[row] = 0;
    this.#keys[row * this.#words] = this.#free;
    this.#free = row + 1;
  }

  /** The prefix of a row. */
  read(row: number, out: PrefixWords): void {
    const at = row * this.#words;
    out.family = this.family;
    out.w0 = this.#keys[at]!;
    if (this.#words === 4) {
      out.w1 = this.#keys[at + 1]!;
      out.w2 = this.#keys[at + 2]!;
      out.w3 = this.#keys[at + 3]!;
    } else out.w1 = out.w2 = out.w3 = 0;
    out.length = this.#lengths[row]! - 1;
  }

  text(row: number): string {
    this.read(row, scratch);
    return formatWords(scratch);
  }

  #equals(row: number, p: PrefixWords): boolean {
    const at = row * this.#words;
    return (
      this.#keys[at] === p.w0 &&
      this.#lengths[row] === p.length + 1 &&
      (this.#words === 1 || (this.#keys[at + 1] === p.w1 && this.#keys[at + 2] === p.w2 && this.#keys[at + 3] === p.w3))
    );
  }

  #growRows(): void {
    const rows = this.#lengths.length * 2;
    const keys = new Uint32Array(rows * this.#words);
    keys.set(this.#keys);
    this.#keys = keys;
    const lengths = new Uint8Array(rows);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }

  #growSegment(segment: number): void {
    const old = this.#slots[segment]!;
    const slots = new Int32Array(old.length * 2);
    for (const entry of old) {
      if (entry === 0) continue;
      this.read(entry - 1, scratch);
      place(slots, hash(scratch), entry - 1);
    }
    this.#slots[segment] = slots;
  }
}

const scratch: PrefixWords = { family: 4, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 };

/** Which share of a segment is used at most. Not the same for all: they would grow one right after the other. */
function fullest(segment: number): number {
  return 0.55 + (0.25 * segment) / SEGMENTS;
}

function place(slots: Int32Array, h: number, row: number): void {
  const mask = slots.length - 1;
  let i = h & mask;
  while (slots[i] !== 0) i = (i + 1) & mask;
  slots[i] = row + 1;
}

/** Murmur3's mixing of all words; the top bits choose the segment, the low ones the slot. */
function hash(p: PrefixWords): number {
  let h = Math.imul(p.w0, 0xcc9e2d51) ^ p.length;
  if (p.family === 6) {
    h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(p.w1, 0x1b873593);
    h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(p.w2, 0xcc9e2d51);
    h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(p.w3, 0x1b873593);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
