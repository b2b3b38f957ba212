import { expect } from 'chai';
import fc from 'fast-check';
import { ChangeQueue } from '../../lib/rib/change-queue.js';
import type { FamilyRib } from '../../lib/rib/family-rib.js';

/** A table of which only the ids matter. */
class Table {
  readonly held = new Set<number>();
  idLimit = 0;
  readonly queue = new ChangeQueue({ prefixes: this } as unknown as FamilyRib, (prefix) => this.held.has(prefix));
  readonly dropped: number[] = [];
  readonly told = new Set<number>();
  events = 0;
  /** Events of the first pass. */
  scanned = 0;

  constructor(...held: number[]) {
    for (const prefix of held) this.add(prefix);
    this.queue.onDropped = (prefix) => this.dropped.push(prefix);
  }

  private add(prefix: number): void {
    this.held.add(prefix);
    this.idLimit = Math.max(this.idLimit, prefix + 1);
  }

  set(prefix: number): void {
    this.add(prefix);
    this.queue.mark(prefix);
  }

  unset(prefix: number): void {
    this.held.delete(prefix);
    this.queue.mark(prefix);
  }

  take(looks = Infinity): number | undefined {
    const found = this.queue.take({ left: looks });
    if (found === undefined) return undefined;
    this.events++;
    if (this.queue.isScanning) this.scanned++;
    if (found >= 0) this.told.add(found);
    // Told that there is nothing: only what was told before.
    else if (!this.told.delete(~found)) throw new Error(`${~found} was never told`);
    return found;
  }

  all(): number[] {
    const list: number[] = [];
    for (let found = this.take(); found !== undefined; found = this.take()) list.push(found);
    return list;
  }
}

describe('ChangeQueue', () => {
  it('first all there are, then changes in the order in which they came', () => {
    const table = new Table(3, 1, 2);
    expect(table.queue.isScanning).to.equal(true);
    expect(table.all()).to.deep.equal([1, 2, 3]);
    expect(table.queue.isScanning).to.equal(false);
    table.set(7);
    table.unset(2);
    table.set(1);
    expect(table.all()).to.deep.equal([7, ~2, 1]);
  });

  it('a prefix waits once, where it changed first', () => {
    const table = new Table(1, 2);
    table.all();
    table.set(1);
    table.set(2);
    table.unset(1);
    expect(table.queue.size).to.equal(2);
    expect(table.all()).to.deep.equal([~1, 2]);
    expect(table.queue.coalesced).to.equal(1);
  });

  it('what comes and goes untold is not told, and its id is let go', () => {
    const table = new Table();
    table.all();
    table.set(4);
    table.unset(4);
    expect(table.queue.needs(4)).to.equal(true);
    expect(table.all()).to.deep.equal([]);
    expect([table.dropped, table.queue.coalesced, table.queue.needs(4)]).to.deep.equal([[4], 2, false]);
  });

  it('during the first pass: what it has not met yet needs no change of its own', () => {
    const table = new Table(1, 2, 3);
    expect(table.take()).to.equal(1);
    table.unset(3);
    table.set(1);
    table.set(2);
    expect(table.queue.size).to.equal(1);
    expect(table.all()).to.deep.equal([2, 1]);
  });

  it('looks at no more prefixes than it may', () => {
    const table = new Table(1000);
    expect(table.take(1000)).to.equal(undefined);
    expect(table.queue.isScanning).to.equal(true);
    expect(table.take(1)).to.equal(1000);
  });

  it('whatever changes and whenever it is asked: what was told is what there is, and every change is accounted for', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constantFrom('set' as const, 'unset' as const), prefix: fc.nat({ max: 200 }) }),
      fc.record({ op: fc.constant('take' as const), prefix: fc.nat({ max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 200 })), fc.array(step, { maxLength: 600 }), (held, steps) => {
        const table = new Table(...held);
        let marks = 0;
        for (const { op, prefix } of steps) {
          if (op === 'take') for (let i = 0; i < prefix; i++) table.take();
          else {
            const before = table.queue.size + table.queue.coalesced;
            table[op](prefix);
            marks += table.queue.size + table.queue.coalesced - before;
          }
        }
        table.all();
        expect([...table.told].sort()).to.deep.equal([...table.held].sort());
        expect(table.events - table.scanned + table.queue.coalesced).to.equal(marks);
        expect(table.queue.size).to.equal(0);
        expect([...table.queue.drain()]).to.deep.equal([]);
      }),
      { numRuns: 300 },
    );
  });
});
