import { grow, nextCapacity } from '../rib/columns.js';
import { PathTable } from '../rib/path-table.js';

/** For each prefix a list of paths as they are told: identifier, attribute set, source. */
export class PathLists {
  /** The columns; `prefix` of a free row is -1. */
  readonly paths = new PathTable();
  private heads = new Int32Array(16).fill(-1);

  /** First row of a prefix, -1 for none; go on with `paths.next`. */
  headOf(prefix: number): number {
    return this.heads[prefix] ?? -1;
  }

  /** The row of an identifier, or -1. */
  find(prefix: number, pathId: number): number {
    for (let row = this.headOf(prefix); row >= 0; row = this.paths.next[row]!) {
      if (this.paths.pathIdOf(row) === pathId) return row;
    }
    return -1;
  }

  add(prefix: number, pathId: number, attributes: number, source: number): void {
    if (prefix >= this.heads.length) this.heads = grow(this.heads, nextCapacity(this.heads.length, prefix + 1), -1);
    const row = this.paths.add(prefix, source, attributes, this.heads[prefix]!);
    this.paths.setPathId(row, pathId);
    this.heads[prefix] = row;
  }

  /** @param before the row before it in its list, -1 for none */
  remove(row: number, before: number): void {
    const { paths } = this;
    const next = paths.next[row]!;
    if (before < 0) this.heads[paths.prefix[row]!] = next;
    else paths.next[before] = next;
    paths.remove(row);
  }

  /** Empty, and no prefix is left: give the memory back. */
  shrink(): void {
    this.heads = new Int32Array(16).fill(-1);
  }

  /** Forget the paths of a prefix. */
  clear(prefix: number): void {
    for (let row = this.headOf(prefix); row >= 0; row = this.headOf(prefix)) this.remove(row, -1);
  }
}
