/**
 * Queues grow and shrink by blocks of so many integers. One array for all of a million would be copied, and the pages of its
 * copy be asked for, in one turn of the event loop.
 */
const BLOCK_BITS = 9;
const BLOCK = 1 << BLOCK_BITS;

/** First-in-first-out queue of integers. */
export class WorkQueue {
  readonly #blocks: Int32Array[] = [];
  /** Where the oldest value is in the first block. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    const at = this.#head + this.#size++;
    if (at >> BLOCK_BITS === this.#blocks.length) this.#blocks.push(new Int32Array(BLOCK));
    this.#blocks[at >> BLOCK_BITS]![at & (BLOCK - 1)] = value;
  }

  /** @returns the oldest value, or -1 when empty */
  shift(): number {
    if (this.#size === 0) return -1;
    const value = this.#blocks[0]![this.#head]!;
    this.#head++;
    if (--this.#size === 0) this.#head = 0;
    else if (this.#head === BLOCK) {
      this.#head = 0;
      this.#blocks.shift();
    }
    return value;
  }
}

/** Integers that come out in no particular order: any that is there may be next, in a repeatable way. */
export class MixedQueue {
  readonly #blocks: Int32Array[] = [];
  #size = 0;
  #state = 1;

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    const at = this.#size++;
    if (at >> BLOCK_BITS === this.#blocks.length) this.#blocks.push(new Int32Array(BLOCK));
    this.#blocks[at >> BLOCK_BITS]![at & (BLOCK - 1)] = value;
  }

  /** @returns some value, or -1 when empty */
  take(): number {
    if (this.#size === 0) return -1;
    // A linear congruential generator; its high bits are the good ones.
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    const at = Math.floor((this.#state / 2 ** 32) * this.#size);
    const block = this.#blocks[at >> BLOCK_BITS]!;
    const value = block[at & (BLOCK - 1)]!;
    const last = --this.#size;
    block[at & (BLOCK - 1)] = this.#blocks[last >> BLOCK_BITS]![last & (BLOCK - 1)]!;
    // One that is empty is kept for the next value.
    if (this.#blocks.length > (last >> BLOCK_BITS) + 2) this.#blocks.pop();
    return value;
  }
}
