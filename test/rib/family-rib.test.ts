import { expect } from 'chai';
import fc from 'fast-check';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { announcement, withdrawal } from '../support/wire.js';
import { RibRig, sourceSet, type RigSource } from './rig.js';

const PREFIXES = {
  'ipv4-unicast': Array.from({ length: 5 }, (_, i) => `10.${i}.0.0/16`),
  'ipv6-unicast': Array.from({ length: 5 }, (_, i) => `2001:db8:${i + 1}::/48`),
} as const;
type Family = keyof typeof PREFIXES;

/** Few sets, so that they are dropped and come back all the time. */
function attributes(set: number): EncodableAttribute[] {
  return [
    { code: 1, value: 'IGP' },
    { code: 2, value: [] },
    { code: 5, value: 100 + (set % 3) },
    { code: 8, value: [set] },
  ];
}

const family = fc.constantFrom<Family>('ipv4-unicast', 'ipv6-unicast');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('announce' as const),
      family,
      who: fc.nat({ max: 2 }),
      prefix: fc.nat({ max: 4 }),
      set: fc.nat({ max: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('withdraw' as const),
      family,
      who: fc.nat({ max: 2 }),
      prefix: fc.nat({ max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('decide' as const), family, budget: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('drop' as const), family, who: fc.nat({ max: 2 }) }),
  },
);

interface Path {
  readonly who: number;
  readonly set: number;
}

/** The same as maps: what was announced, and what the RIB said of its best paths. */
class Oracle {
  readonly paths = new Map<string, Map<number, Path>>();
  readonly reported = new Map<string, string>();

  best(prefix: string): string | undefined {
    const best = [...(this.paths.get(prefix)?.values() ?? [])].sort(
      (a, b) => (b.set % 3) - (a.set % 3) || a.who - b.who,
    )[0];
    return best && `10.0.0.${best.who + 1} ${best.set}`;
  }
}

function bestText(rig: RibRig, prefix: string): string | undefined {
  const view = rig.best(prefix);
  return view && `${view.neighbor} ${view.communities[0]?.slice(2)}`;
}

describe('FamilyRib', function () {
  this.timeout(60_000);

  it('reports every change of a best path, however the work is cut into slices', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const rig = new RibRig();
        const sources: RigSource[] = [rig.add('ibgp'), rig.add('ibgp'), rig.add('ibgp')];
        const oracle = new Oracle();
        const decide = (name: Family, budget: number): void => {
          for (const prefix of rig.decide(name, budget)) {
            const text = bestText(rig, prefix);
            if (text === undefined) oracle.reported.delete(prefix);
            else oracle.reported.set(prefix, text);
          }
        };
        for (const one of steps) {
          if (one.op === 'decide') decide(one.family, one.budget);
          else if (one.op === 'drop') {
            const rib = rig.rib.of(one.family);
            for (let at = 0; at >= 0;) at = rib.dropSources(sourceSet(sources[one.who]!.source), at, 1);
            for (const prefix of PREFIXES[one.family]) oracle.paths.get(prefix)?.delete(one.who);
          } else {
            const prefix = PREFIXES[one.family][one.prefix]!;
            const paths = oracle.paths.get(prefix) ?? new Map<number, Path>();
            oracle.paths.set(prefix, paths);
            if (one.op === 'withdraw') {
              sources[one.who]!.say(withdrawal([prefix]));
              paths.delete(one.who);
            } else {
              const nextHop = one.family === 'ipv4-unicast' ? '10.0.0.9' : '2001:db8::9';
              sources[one.who]!.say(announcement({ prefixes: [prefix], nextHop, attributes: attributes(one.set) }));
              paths.set(one.who, { who: one.who, set: one.set });
            }
          }
          // What was reported last is what the RIB shows, whatever came since.
          for (const prefix of [...PREFIXES['ipv4-unicast'], ...PREFIXES['ipv6-unicast']]) {
            expect(bestText(rig, prefix)).to.equal(oracle.reported.get(prefix));
          }
        }
        for (const name of Object.keys(PREFIXES) as Family[]) {
          const rib = rig.rib.of(name);
          while (rib.hasWork) decide(name, 2);
          for (const prefix of PREFIXES[name]) {
            expect(bestText(rig, prefix), prefix).to.equal(oracle.best(prefix));
            expect(oracle.reported.get(prefix), prefix).to.equal(oracle.best(prefix));
          }
          expect(rib.bestCount).to.equal(PREFIXES[name].filter((prefix) => oracle.best(prefix)).length);
          for (const { source } of sources) expect(rib.dropSources(sourceSet(source), 0, 1000)).to.equal(-1);
          for (let round = 0; round < 3; round++) decide(name, 1000);
          rib.freeUnusedSets();
          expect([rib.paths.count, rib.bestCount, rib.prefixes.count, rib.store.count]).to.deep.equal([0, 0, 0, 0]);
        }
      }),
      { numRuns: 80 },
    );
  });
});
