/**
 * Paths: one row per (prefix, source, received Path Identifier), in columns, chained per prefix (`next`, -1 ends). Rows
 * are reused.
 */
import { grow, IdStack, nextCapacity } from './columns.js';

export class PathTable {
  /** Columns by row. A free row has prefix -1. */
  prefix = new Int32Array(16).fill(-1);
  source = new Uint16Array(16);
  attributes = new Int32Array(16);
  next = new Int32Array(16);
  /** Empty until the first path with an identifier comes: those without have 0, and pay nothing for it. */
  private pathIds = new Uint32Array(0);
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

  /** Path Identifier with which the path was received (RFC 7911); 0 where ADD-PATH is not on. */
  pathIdOf(row: number): number {
    return this.pathIds[row] ?? 0;
  }

  /** Say under which identifier a path was received, which was just added; take it back (0) before it is removed. */
  setPathId(row: number, pathId: number): void {
    if (row >= this.pathIds.length) {
      if (pathId === 0) return;
      this.pathIds = grow(this.pathIds, this.prefix.length);
    }
    this.pathIds[row] = pathId;
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
        this.pathIds = new Uint32Array(0);
      }
    }
  }
}
