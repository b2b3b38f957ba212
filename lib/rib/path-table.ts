/**
 * Paths: one row per (prefix, source), in columns, chained per prefix (`next`, -1 ends). Rows are reused.
 */
import { grow, IdStack, nextCapacity } from './columns.js';

export class PathTable {
  /** Columns by row. A free row has prefix -1. */
  prefix = new Int32Array(16).fill(-1);
  source = new Uint16Array(16);
  attributes = new Int32Array(16);
  next = new Int32Array(16);
  private readonly freeRows = new IdStack();
  /** Paths in the table. */
  count = 0;
  /** Highest row ever used + 1. */
  limit = 0;

  add(prefix: number, source: number, attributes: number, next: number): number {
    let row = this.freeRows.pop();
    if (row < 0) {
      row = this.limit++;
      if (row === this.prefix.length) {
        const capacity = nextCapacity(row, row + 1);
        this.prefix = grow(this.prefix, capacity, -1);
        this.source = grow(this.source, capacity);
        this.attributes = grow(this.attributes, capacity);
        this.next = grow(this.next, capacity);
      }
    }
    this.prefix[row] = prefix;
    this.source[row] = source;
    this.attributes[row] = attributes;
    this.next[row] = next;
    this.count++;
    return row;
  }

  remove(row: number): void {
    this.prefix[row] = -1;
    this.count--;
    this.freeRows.push(row);
    if (this.count === 0) {
      this.freeRows.clear();
      this.limit = 0;
      if (this.prefix.length > 1 << 16) {
        this.prefix = new Int32Array(16).fill(-1);
        this.source = new Uint16Array(16);
        this.attributes = new Int32Array(16);
        this.next = new Int32Array(16);
      }
    }
  }
}
