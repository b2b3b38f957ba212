import { expect } from 'chai';
import fc from 'fast-check';
import { BitSet, grow, IdStack, nextCapacity } from '../../lib/rib/columns.js';
import { HashIndex, mix32 } from '../../lib/rib/hash-index.js';

describe('BitSet', () => {
  it('against a Set', () => {
    const step = fc.record({
      op: fc.constantFrom('add', 'add', 'delete', 'next'),
      id: fc.oneof(fc.nat({ max: 100 }), fc.constantFrom(0, 31, 32, 63, 64, 1023, 5000)),
    });
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.array(step, { maxLength: 100, size: 'max' }), (capacity, steps) => {
        const bits = new BitSet(capacity);
        const ids = new Set<number>();
        for (const { op, id } of steps) {
          expect(bits.has(id)).to.equal(ids.has(id));
          if (op === 'add') {
            expect(bits.add(id)).to.equal(!ids.has(id));
            ids.add(id);
          } else if (op === 'delete') expect(bits.delete(id)).to.equal(ids.delete(id));
          else {
            const next = Math.min(...[...ids].filter((one) => one >= id));
            expect(bits.next(id)).to.equal(next === Infinity ? -1 : next);
          }
          expect(bits.size).to.equal(ids.size);
        }
        const walked: number[] = [];
        for (let id = bits.next(0); id >= 0; id = bits.next(id + 1)) walked.push(id);
        expect(walked).to.deep.equal([...ids].sort((a, b) => a - b));
      }),
    );
  });

  it('may be changed while it is walked', () => {
    const bits = new BitSet();
    for (const id of [1, 31, 32, 40]) bits.add(id);
    const walked: number[] = [];
    for (let id = bits.next(0); id >= 0; id = bits.next(id + 1)) {
      walked.push(id);
      bits.delete(id);
      if (id === 31) bits.add(33);
    }
    expect(walked).to.deep.equal([1, 31, 32, 33, 40]);
    expect(bits.size).to.equal(0);
  });
});

describe('IdStack', () => {
  it('is a stack', () => {
    const stack = new IdStack();
    expect(stack.pop()).to.equal(-1);
    for (let i = 0; i < 100_000; i++) stack.push(i);
    expect([stack.length, stack.at(0), stack.at(99_999), stack.pop()]).to.deep.equal([100_000, 0, 99_999, 99_999]);
    stack.clear();
    expect([stack.length, stack.pop()]).to.deep.equal([0, -1]);
    stack.push(7);
    expect(stack.pop()).to.equal(7);
  });
});

describe('columns', () => {
  it('grow: what was there stays, what is new is filled', () => {
    expect([...grow(Int32Array.of(1, 2), 4, -1)]).to.deep.equal([1, 2, -1, -1]);
    expect([...grow(Uint16Array.of(1, 2), 4)]).to.deep.equal([1, 2, 0, 0]);
  });
  it('nextCapacity: enough; fourfold while small, doubling, then by half when very large', () => {
    expect([nextCapacity(0, 1), nextCapacity(16, 17), nextCapacity(16, 100)]).to.deep.equal([16, 64, 256]);
    expect(nextCapacity(1 << 16, (1 << 16) + 1)).to.equal(1 << 18);
    expect(nextCapacity(1 << 18, (1 << 18) + 1)).to.equal(1 << 19);
    expect(nextCapacity(1 << 22, (1 << 22) + 1)).to.equal((1 << 22) * 1.5);
  });
});

describe('HashIndex', () => {
  /** Finds as the owners of an index do. */
  function find(index: HashIndex, hash: number, id: number): boolean {
    const slots = index.segments[hash >>> 28]!;
    const mask = slots.length - 1;
    for (let i = (hash << 1) & mask; slots[i] !== 0; i = (i + 2) & mask) {
      if (slots[i] === id + 1) return slots[i + 1] === (hash | 0);
    }
    return false;
  }

  it('finds what is in it, and nothing else, with hashes that collide', () => {
    // Small hashes share a segment, and often a slot; large ones wrap around at the end of a segment.
    const hash = fc.oneof(
      fc.nat({ max: 20 }),
      fc.constantFrom(0xffffffff, 0xfffffffe, 7, 8),
      fc.nat({ max: 0xffffffff }),
    );
    const step = fc.record({ remove: fc.boolean(), hash, pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const index = new HashIndex();
        const held: { id: number; hash: number }[] = [];
        let nextId = 0;
        for (const one of steps) {
          if (one.remove && held.length > 0) {
            const [gone] = held.splice(one.pick % held.length, 1);
            index.remove(gone!.hash, gone!.id);
            expect(find(index, gone!.hash, gone!.id)).to.equal(false);
          } else {
            held.push({ id: nextId, hash: one.hash });
            index.insert(one.hash, nextId++);
          }
          for (const { id, hash: h } of held) expect(find(index, h, id)).to.equal(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('grows, and shrinks again', () => {
    const index = new HashIndex();
    const size = () => index.segments.reduce((sum, { length }) => sum + length, 0);
    const small = size();
    for (let id = 0; id < 200_000; id++) index.insert(mix32(id), id);
    expect(size()).to.be.greaterThan(400_000);
    for (let id = 0; id < 200_000; id += 1001) expect(find(index, mix32(id), id)).to.equal(true);
    for (let id = 0; id < 199_990; id++) index.remove(mix32(id), id);
    for (let id = 199_990; id < 200_000; id++) expect(find(index, mix32(id), id)).to.equal(true);
    expect(size()).to.be.lessThan(200_000);
    expect(small).to.be.lessThan(1000);
  });
});
