/** First-in-first-out queue of integers in a growing ring. */
export class WorkQueue {
  #ring = new Int32Array(64);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size++) & (this.#ring.length - 1)] = value;
  }

  /** @returns the oldest value, or -1 when empty */
  shift(): number {
    if (this.#size === 0) return -1;
    const value = this.#ring[this.#head]!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    if (--this.#size === 0 && this.#ring.length > 65536) this.#ring = new Int32Array(64);
    if (this.#size === 0) this.#head = 0;
    return value;
  }

  #grow(): void {
    const ring = new Int32Array(this.#ring.length * 2);
    const first = this.#ring.subarray(this.#head);
    ring.set(first);
    ring.set(this.#ring.subarray(0, this.#head), first.length);
    this.#ring = ring;
    this.#head = 0;
  }
}

/** Integers that come out in no particular order: any that is there may be next, in a repeatable way. */
export class MixedQueue {
  #values = new Int32Array(64);
  #size = 0;
  #state = 1;

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    if (this.#size === this.#values.length) {
      const values = new Int32Array(this.#size * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#size++] = value;
  }

  /** @returns some value, or -1 when empty */
  take(): number {
    if (this.#size === 0) return -1;
    // A linear congruential generator; its high bits are the good ones.
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    const at = Math.floor((this.#state / 2 ** 32) * this.#size);
    const value = this.#values[at]!;
    this.#values[at] = this.#values[--this.#size]!;
    if (this.#size === 0 && this.#values.length > 65536) this.#values = new Int32Array(64);
    return value;
  }
}
