import { expect } from 'chai';
import fc from 'fast-check';
import { formatPrefix, maskOctets } from '../../lib/net/index.js';
import { PrefixTable4, PrefixTable6, type PrefixTable } from '../../lib/rib/prefix-table.js';

/** NLRI octets of a prefix as a sender may write them: whatever after the length. */
interface Nlri {
  readonly length: number;
  readonly octets: Uint8Array;
}

/** Few prefixes that have much in common, so that they collide and come back; and all others. */
function nlri(bits: 32 | 128): fc.Arbitrary<Nlri> {
  const size = bits / 8;
  const octet = fc.oneof(fc.constantFrom(0, 1, 10, 128, 255), fc.nat({ max: 255 }));
  return fc.record({
    length: fc.oneof(fc.constantFrom(0, 8, bits / 2, bits - 1, bits), fc.nat({ max: bits })),
    octets: fc.array(octet, { minLength: size, maxLength: size, size: 'max' }).map((octets) => Uint8Array.from(octets)),
  });
}
const significant = ({ length, octets }: Nlri): Uint8Array => octets.slice(0, (length + 7) >> 3);
const textOf = ({ length, octets }: Nlri): string => formatPrefix({ octets: maskOctets(octets, length), length });

for (const [name, make, bits] of [
  ['PrefixTable4', () => new PrefixTable4(), 32],
  ['PrefixTable6', () => new PrefixTable6(), 128],
] as const) {
  describe(name, () => {
    /** Checks that a table holds exactly these. */
    function check(table: PrefixTable, held: ReadonlyMap<string, { id: number; nlri: Nlri }>): void {
      expect(table.count).to.equal(held.size);
      const ids = new Set<number>();
      for (const [text, { id, nlri: one }] of held) {
        ids.add(id);
        const buffer = new Uint8Array(40).fill(0xdb);
        buffer.set(significant(one), 7);
        expect(table.find(one.length, buffer, 7)).to.equal(id);
        expect(table.isUsed(id)).to.equal(true);
        expect(table.lengthOf(id)).to.equal(one.length);
        expect(formatPrefix(table.prefixOf(id))).to.equal(text);
        const out = new Uint8Array(20);
        const end = table.writeNlri(id, out, 3);
        const masked = significant({ ...one, octets: maskOctets(one.octets, one.length) });
        expect([...out.subarray(3, end)]).to.deep.equal([one.length, ...masked]);
      }
      expect(ids.size, 'ids are different').to.equal(held.size);
      expect(Math.max(-1, ...ids)).to.be.lessThan(table.idLimit || 1);
    }

    it('against a map: intern, find, free, ids used again', () => {
      const step = fc.record({
        op: fc.constantFrom('intern', 'intern', 'free', 'find'),
        one: nlri(bits),
        pick: fc.nat(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
          const table: PrefixTable = make();
          const held = new Map<string, { id: number; nlri: Nlri }>();
          let most = 0;
          for (const { op, one, pick } of steps) {
            const text = textOf(one);
            const id = held.get(text)?.id;
            if (op === 'find') expect(table.find(one.length, one.octets, 0)).to.equal(id ?? -1);
            else if (op === 'intern') {
              const got = table.intern(one.length, one.octets, 0);
              if (id !== undefined) expect(got).to.equal(id);
              held.set(text, { id: got, nlri: one });
            } else if (held.size > 0) {
              const [gone, { id: freed, nlri: old }] = [...held][pick % held.size]!;
              table.free(freed);
              held.delete(gone);
              expect(table.isUsed(freed)).to.equal(false);
              expect(table.find(old.length, old.octets, 0)).to.equal(-1);
            }
            most = Math.max(most, held.size);
          }
          expect(table.idLimit, 'ids are used again').to.be.at.most(most);
          check(table, held);
        }),
        { numRuns: 100 },
      );
    });

    it('every length of one address is a prefix of its own', () => {
      const table = make();
      const octets = new Uint8Array(bits / 8).fill(0xff);
      const held = new Map<string, { id: number; nlri: Nlri }>();
      for (let length = 0; length <= bits; length++) {
        const one = { length, octets };
        held.set(textOf(one), { id: table.intern(length, octets, 0), nlri: one });
      }
      expect(held.size).to.equal(bits + 1);
      check(table, held);
    });

    it('reads no octet beyond the prefix', () => {
      const table = make();
      const id = table.intern(9, Uint8Array.of(10, 0x80), 0);
      expect(table.find(9, Uint8Array.of(10, 0xff, 1, 2, 3), 0)).to.equal(id);
      expect(table.intern(0, new Uint8Array(0), 0)).to.not.equal(id);
    });

    it('holds many, gives memory back, and begins again at 0', () => {
      const table = make();
      const octets = new Uint8Array(bits / 8);
      const set = (i: number): Uint8Array => {
        octets.set([i >>> 16, i >>> 8, i]);
        return octets;
      };
      const count = 100_000;
      for (let i = 0; i < count; i++) expect(table.intern(24, set(i), 0)).to.equal(i);
      for (let i = 0; i < count; i += 97) expect(table.find(24, set(i), 0)).to.equal(i);
      for (let i = 0; i < count; i++) table.free((i * 7919) % count);
      expect(table.count).to.equal(0);
      expect(table.idLimit).to.equal(0);
      for (let i = 0; i < count; i += 97) expect(table.find(24, set(i), 0)).to.equal(-1);
      expect(table.intern(24, set(5), 0)).to.equal(0);
    });
  });
}
