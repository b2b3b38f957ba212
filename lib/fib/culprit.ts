/** A change that was alone under way so many times when the writer ended is taken for the reason. */
const STRIKES = 3;
/** Fewer rows in the batches after an end: the search is short, and what is not to blame soon written. */
const SHRINK_BITS = 3;

/**
 * Finds the change that ends the writer each time, so that it does not stop all others. A writer that was ended by
 * somebody else costs smaller batches for a moment, and blames nobody.
 */
export class CulpritSearch {
  #limit: number;
  #suspect = -1;
  #strikes = 0;
  #looked = false;

  constructor(private readonly batchSize: number) {
    this.#limit = batchSize;
  }

  /** Rows in a batch at most. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether batches have to wait for each other. */
  get isSearching(): boolean {
    return this.#limit < this.batchSize || this.#suspect >= 0;
  }

  /** The row to be written next, and alone; -1: none. */
  get suspect(): number {
    return this.#suspect;
  }

  /** A batch was answered. */
  answered(rows: readonly number[]): void {
    if (rows[0] === this.#suspect) this.clear();
    this.#limit = Math.min(this.batchSize, this.#limit * 2);
  }

  /** The suspect need not be written any more. */
  clear(): void {
    this.#suspect = -1;
  }

  /**
   * The writer ended before it answered this batch. Called for all that were under way, in order: changes are made in
   * order, so it is the first that counts.
   * @returns whether the only row of this batch is to blame
   */
  lost(rows: readonly number[]): boolean {
    if (this.#looked) return false;
    this.#looked = true;
    this.#limit = Math.max(1, rows.length >> SHRINK_BITS);
    if (rows.length > 1) return false;
    if (rows[0] !== this.#suspect) this.#strikes = 0;
    this.#suspect = rows[0]!;
    if (++this.#strikes < STRIKES) return false;
    this.clear();
    return true;
  }

  /** The writer is tried again. */
  resumed(): void {
    this.#looked = false;
  }
}
