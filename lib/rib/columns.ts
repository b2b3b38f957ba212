/**
 * Helpers for tables kept as columns of typed arrays: growth, free ids, sets of ids.
 */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** Columns up to this length are not worth giving back. */
export const SMALL_COLUMN = 1 << 14;

/** A longer copy of a column; what is new is zero, or `fill`. */
export function grow<T extends Column>(column: T, capacity: number, fill = 0): T {
  const longer = new (column.constructor as new (length: number) => T)(capacity);
  longer.set(column);
  if (fill !== 0) longer.fill(fill, column.length);
  return longer;
}

/** A copy of a column with another length; what is new is zero. */
export function resized<T extends Column>(column: T, capacity: number): T {
  return capacity < column.length ? (column.slice(0, capacity) as T) : grow(column, capacity);
}

/** The capacity that a table of `capacity` grows to so that `needed` fits: the larger it is, the smaller the step. */
export function nextCapacity(capacity: number, needed: number): number {
  let next = Math.max(capacity, 16);
  while (next < needed) {
    if (next < 1 << 18) next *= 4;
    else if (next < 1 << 22) next *= 2;
    else next += next >> 1;
  }
  return next;
}

/** A growing stack of integers. */
export class IdStack {
  private items = new Int32Array(16);
  length = 0;

  push(id: number): void {
    if (this.length === this.items.length) this.items = grow(this.items, this.length * 2);
    this.items[this.length++] = id;
  }

  /** @returns the newest id, or -1 when empty */
  pop(): number {
    if (this.length === 0) return -1;
    const id = this.items[--this.length]!;
    // A burst is over: give its memory back.
    if (this.length === 0) this.clear();
    return id;
  }

  /** The id at a position below `length`. */
  at(index: number): number {
    return this.items[index]!;
  }

  /** Take an id out; the newest one takes its place. */
  removeAt(index: number): void {
    this.items[index] = this.items[--this.length]!;
  }

  clear(): void {
    this.length = 0;
    if (this.items.length > 1 << 16) this.items = new Int32Array(16);
  }
}

/** A set of small integers as a bit each. */
export class BitSet {
  private words: Uint32Array;
  /** How many ids are in the set. */
  size = 0;

  constructor(capacity = 0) {
    this.words = new Uint32Array((capacity + 31) >>> 5);
  }

  has(id: number): boolean {
    const word = id >>> 5;
    return word < this.words.length && (this.words[word]! & (1 << (id & 31))) !== 0;
  }

  /** @returns whether the id was not in the set before */
  add(id: number): boolean {
    const word = id >>> 5;
    if (word >= this.words.length) this.words = grow(this.words, nextCapacity(this.words.length, word + 1));
    const bit = 1 << (id & 31);
    if ((this.words[word]! & bit) !== 0) return false;
    this.words[word]! |= bit;
    this.size++;
    return true;
  }

  /** @returns whether the id was in the set */
  delete(id: number): boolean {
    const word = id >>> 5;
    if (word >= this.words.length) return false;
    const bit = 1 << (id & 31);
    if ((this.words[word]! & bit) === 0) return false;
    this.words[word]! &= ~bit;
    this.size--;
    return true;
  }

  clear(): void {
    this.words.fill(0);
    this.size = 0;
  }

  /** The smallest id in the set that is at least `from`, or -1. */
  next(from: number): number {
    let word = from >>> 5;
    if (word >= this.words.length) return -1;
    let bits = this.words[word]! & (-1 << (from & 31));
    while (bits === 0) {
      if (++word >= this.words.length) return -1;
      bits = this.words[word]!;
    }
    return (word << 5) + (31 - Math.clz32(bits & -bits));
  }
}
