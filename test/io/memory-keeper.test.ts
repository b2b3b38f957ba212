import { expect } from 'chai';
import { libc, whyNoLibc } from '../../lib/io/libc.js';
import { heldBack } from '../../lib/io/memory-keeper.js';

const MIB = 1 << 20;

describe('memory that nobody uses', () => {
  it('is what is resident beyond the heap, the typed arrays and the program itself', () => {
    expect(heldBack({ rss: 190 * MIB, heapTotal: 20 * MIB, arrayBuffers: 4 * MIB })).to.equal(118 * MIB);
    expect(heldBack({ rss: 60 * MIB, heapTotal: 15 * MIB, arrayBuffers: 2 * MIB })).to.equal(0);
  });

  it('is given back by the C library', function () {
    const missing = whyNoLibc();
    if (missing !== undefined) {
      this.test!.title += ` (${missing})`;
      return this.skip();
    }
    // Blocks that are below the limit from which on glibc maps them, each with one in between that stays.
    const kept: Uint8Array[] = [];
    for (let i = 0; i < 2000; i++) kept.push(new Uint8Array(60_000).fill(1), new Uint8Array(100).fill(1));
    for (let i = 0; i < kept.length; i += 2) kept[i] = new Uint8Array(0);
    expect(libc().trimMemory()).to.be.oneOf([0, 1]);
    expect(kept[1]![99]).to.equal(1);
  });
});
