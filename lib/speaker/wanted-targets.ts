import type { FibTarget } from '../fib/targets.js';

/** Targets by number, counted, so that for a prefix a number remembers what the FIB was told. 0 is "no route". */
export class WantedTargets {
  private readonly ids = new Map<string, number>();
  private readonly list: ({ readonly key: string; readonly target: FibTarget; uses: number } | null)[] = [null];
  private readonly free: number[] = [];

  /** The number of a target, held until {@link release}. */
  retain(target: FibTarget): number {
    const key = JSON.stringify(target);
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.free.pop() ?? this.list.length;
      this.list[id] = { key, target, uses: 0 };
      this.ids.set(key, id);
    }
    this.list[id]!.uses++;
    return id;
  }

  hold(id: number): void {
    if (id !== 0) this.list[id]!.uses++;
  }

  release(id: number): void {
    if (id === 0) return;
    const entry = this.list[id]!;
    if (--entry.uses > 0) return;
    this.ids.delete(entry.key);
    this.list[id] = null;
    this.free.push(id);
  }

  get(id: number): FibTarget {
    return this.list[id]!.target;
  }
}
