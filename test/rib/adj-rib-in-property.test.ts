import { expect } from 'chai';
import fc from 'fast-check';
import { DEFAULT_CONTEXT, encodeUpdate, type EncodableAttribute, type FamilyName } from '../../lib/bgp/wire/index.js';
import { parsePrefix } from '../../lib/net/index.js';
import { RibRig, type RigSource } from './rig.js';

const V4 = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '10.0.0.1/32', '10.128.0.0/9', '192.0.2.0/24'];
const V6 = ['::/0', '2001:db8::/32', '2001:db8::/33', '2001:db8::1/128', 'fc00::/7', '2001:db8:8000::/33'];
const FAMILIES: readonly FamilyName[] = ['ipv4-unicast', 'ipv6-unicast'];

const some = (all: readonly string[]) => fc.subarray([...all], { maxLength: 3 });
const update = fc.record({
  who: fc.nat({ max: 3 }),
  withdrawn: some(V4),
  nlri: some(V4),
  unreach: some(V6),
  reach: some(V6),
  /** Which of a few attribute sets. */
  set: fc.nat({ max: 5 }),
  /** Something that the fast path leaves to the full judge. */
  odd: fc.constantFrom('no', 'no', 'order', 'unknown'),
  flush: fc.boolean(),
});
type Update = typeof update extends fc.Arbitrary<infer T> ? T : never;

const items = (prefixes: readonly string[]) => prefixes.map((text) => ({ prefix: parsePrefix(text) }));

/** `set` shows in the first AS of the path behind the neighbor's, as `who` does in the next hop. */
function encode({ who, withdrawn, nlri, unreach, reach, set, odd }: Update, source: RigSource, asn4: boolean) {
  const external = source.type === 'ebgp';
  const attributes: EncodableAttribute[] = [];
  if (reach.length > 0) {
    const value = { afi: 2, safi: 1, nextHop: `2001:db8::${who + 1}`, nlri: items(reach) };
    attributes.push({ code: 14, value });
  }
  if (unreach.length > 0) attributes.push({ code: 15, value: { afi: 2, safi: 1, nlri: items(unreach) } });
  if (nlri.length + reach.length > 0) {
    const asns = external ? [65000, 65100 + set] : [65100 + set];
    attributes.push({ code: 1, value: 'IGP' }, { code: 2, value: [{ type: 'AS_SEQUENCE', asns }] });
    if (nlri.length > 0) attributes.push({ code: 3, value: `10.0.0.${who + 1}` });
    if (!external) attributes.push({ code: 5, value: 100 + (set % 3) });
    if (odd === 'unknown') attributes.push({ code: 99, flags: 0xc0, raw: Uint8Array.of(set) });
  }
  if (odd === 'order') attributes.reverse();
  return encodeUpdate({ withdrawn: items(withdrawn), attributes, nlri: items(nlri) }, { ...DEFAULT_CONTEXT, asn4 });
}

interface Path {
  readonly who: number;
  readonly set: number;
}

describe('AdjRibIn and Loc-RIB against maps', function () {
  this.timeout(60_000);

  it('hold what the UPDATEs of several neighbors say, at every flush', () => {
    fc.assert(
      fc.property(fc.array(update, { maxLength: 60, size: 'max' }), (updates) => {
        const rig = new RibRig();
        const sources = [
          rig.add('ibgp'),
          rig.add('ebgp'),
          rig.add('ebgp', { cx: { asn4: false } }),
          rig.add('ibgp', { cx: { asn4: false } }),
        ];
        const held = sources.map(() => new Map<string, Path>());
        for (const one of updates) {
          const { who, set } = one;
          const source = sources[who]!;
          source.say(encode(one, source, who < 2));
          for (const prefix of [...one.withdrawn, ...one.unreach]) held[who]!.delete(prefix);
          for (const prefix of [...one.nlri, ...one.reach]) held[who]!.set(prefix, { who, set });
          if (!one.flush) continue;
          for (const family of FAMILIES) rig.decide(family);
          check(rig, sources, held);
        }
        expect(sources.flatMap(({ diagnostics }) => diagnostics)).to.deep.equal([]);
      }),
      { numRuns: 60 },
    );
  });
});

function check(rig: RibRig, sources: readonly RigSource[], held: readonly Map<string, Path>[]): void {
  for (const [who, source] of sources.entries()) {
    const texts = new Map<string, string>();
    for (const family of FAMILIES) {
      const paths = source.paths(family);
      expect(source.count(family)).to.equal(paths.size);
      for (const [prefix, { asPath, nextHop }] of paths) texts.set(prefix, `${asPath} ${nextHop}`);
    }
    const expected = new Map([...held[who]!].map(([prefix, path]) => [prefix, pathText(source, path, prefix)]));
    expect([...texts].sort()).to.deep.equal([...expected].sort());
  }
  for (const prefix of [...V4, ...V6]) {
    const best = bestOf(held.flatMap((paths) => paths.get(prefix) ?? []));
    const view = rig.best(prefix);
    expect(view && `${view.asPath} ${view.nextHop}`, prefix).to.equal(
      best && pathText(sources[best.who]!, best, prefix),
    );
  }
}

function pathText(source: RigSource, { who, set }: Path, prefix: string): string {
  const asPath = source.type === 'ebgp' ? `65000 ${65100 + set}` : String(65100 + set);
  return `${asPath} ${prefix.includes(':') ? '2001:db8::' : '10.0.0.'}${who + 1}`;
}

/** LOCAL_PREF, then the shorter path of iBGP, then the router ID. */
function bestOf(paths: readonly Path[]): Path | undefined {
  const external = ({ who }: Path): boolean => who === 1 || who === 2;
  const localPref = (path: Path): number => (external(path) ? 100 : 100 + (path.set % 3));
  return [...paths].sort(
    (a, b) => localPref(b) - localPref(a) || Number(external(a)) - Number(external(b)) || a.who - b.who,
  )[0];
}
