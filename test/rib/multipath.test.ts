import { expect } from 'chai';
import fc from 'fast-check';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { IdStack } from '../../lib/rib/columns.js';
import { weightsFor } from '../../lib/rib/link-bandwidth.js';
import { Multipath, type MultipathOptions } from '../../lib/rib/multipath.js';
import { explainPrefix } from '../../lib/speaker/path-views.js';
import { announcement } from '../support/wire.js';
import { RibRig } from './rig.js';

const PREFIX = '10.1.0.0/16';

interface Path {
  readonly type?: 'ebgp' | 'ibgp' | 'confed';
  readonly asns?: readonly number[];
  readonly nextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly cost?: number;
  readonly originator?: string;
  /** Octets per second. */
  readonly bandwidth?: number;
  readonly transitive?: boolean;
}

/** Link Bandwidth: type 0x40 (or 0x00), sub-type 0x04, a two-octet AS, an IEEE float (draft-ietf-idr-link-bandwidth section 2). */
function bandwidth(value: number, transitive = false): Uint8Array {
  const octets = new Uint8Array(8);
  octets.set([transitive ? 0 : 0x40, 0x04, 0xfc, 0x00]);
  new DataView(octets.buffer).setFloat32(4, value);
  return octets;
}

/** Paths of one prefix, in a RIB with one neighbor for each; next hops 10.9.COST.INDEX. */
class MultipathRig extends RibRig {
  constructor(options: MultipathOptions, rib: { alwaysCompareMed?: boolean } = {}) {
    super({
      ...rib,
      resolve: (nextHop) => ({ reachable: nextHop[2] === 255 ? 'no' : 'yes', metric: nextHop[2]! }),
    });
    for (const family of this.rib.families) family.multipath = new Multipath(options);
  }

  announce(...paths: readonly Path[]): this {
    for (const path of paths) {
      const { type = 'ebgp', asns = [65001], med, cost = 0, originator, localPref = 100 } = path;
      const source = this.add(type);
      const attributes: EncodableAttribute[] = [
        { code: 1, value: 'IGP' },
        { code: 2, value: asns.length === 0 ? [] : [{ type: 'AS_SEQUENCE', asns }] },
      ];
      if (med !== undefined) attributes.push({ code: 4, value: med });
      if (type !== 'ebgp') attributes.push({ code: 5, value: localPref });
      if (originator !== undefined) attributes.push({ code: 9, value: originator });
      if (path.bandwidth !== undefined) {
        attributes.push({
          code: 16,
          value: [Uint8Array.of(0, 2, 0xfc, 0, 0, 0, 0, 1), bandwidth(path.bandwidth, path.transitive)],
        });
      }
      const nextHop = path.nextHop ?? `10.9.${cost}.${this.sources.length}`;
      source.say(announcement({ prefixes: [PREFIX], nextHop, attributes }));
    }
    this.decide('ipv4-unicast');
    return this;
  }

  /** Next hops of the paths that are used, best first, with weights other than 1. */
  used(): string[] {
    const rib = this.rib.of('ipv4-unicast');
    const rows = new IdStack();
    rib.multipath!.select(rib, rib.headOf(0), rows);
    return rib.multipath!.weights(rib, rows).flatMap((weight, i) => {
      const text = rib.nextHops.textOf(rib.store.nextHop[rib.paths.attributes[rows.at(i)]!]!);
      return weight === 0 ? [] : [weight === 1 ? text : `${text}*${weight}`];
    });
  }

  /** Why paths are not used, by next hop. */
  why(): Record<string, string | null> {
    const { decisions } = explainPrefix(this.rib, PREFIX);
    return Object.fromEntries(
      decisions.map(({ path, notMultipath, lostAt }) => [
        path.nextHop,
        path.multipathWeight !== undefined ? null : (notMultipath ?? lostAt),
      ]),
    );
  }
}

const EBGP = { ebgp: 4 };

describe('Multipath', () => {
  it('paths of one neighbor AS that are equal up to the IGP cost are used together', () => {
    const rig = new MultipathRig(EBGP).announce({}, {}, {});
    expect(rig.used()).to.deep.equal(['10.9.0.1', '10.9.0.2', '10.9.0.3']);
    expect(rig.why()).to.deep.equal({ '10.9.0.1': null, '10.9.0.2': null, '10.9.0.3': null });
  });

  it('at most so many, those that win the tie-break', () => {
    const rig = new MultipathRig({ ebgp: 2 }).announce({}, {}, {});
    expect(rig.used()).to.deep.equal(['10.9.0.1', '10.9.0.2']);
    expect(rig.why()['10.9.0.3']).to.equal('multipath.ebgp is 2');
  });

  it('a worse one by any step up to the IGP cost is not', () => {
    const worse: readonly [Path, string][] = [
      [{ asns: [65001, 65009] }, 'shortest AS_PATH'],
      [{ med: 5 }, 'lowest MULTI_EXIT_DISC'],
      [{ cost: 7 }, 'lowest IGP cost to the next hop'],
      [{ type: 'ibgp' }, 'eBGP over iBGP'],
      [{ cost: 255 }, 'next hop resolvable'],
    ];
    for (const [path, step] of worse) {
      const rig = new MultipathRig({ ebgp: 4, ibgp: 4 }).announce({}, {}, path);
      expect(rig.used(), step).to.deep.equal(['10.9.0.1', '10.9.0.2']);
      expect(Object.values(rig.why())).to.include(step);
    }
  });

  it('another neighbor AS needs asPathRelax, and the same length', () => {
    const paths = [{}, { asns: [65002] }, { asns: [65003, 65002] }];
    const strict = new MultipathRig(EBGP).announce(...paths);
    expect(strict.used()).to.deep.equal(['10.9.0.1']);
    expect(strict.why()['10.9.0.2']).to.match(/another neighbor AS/);
    expect(new MultipathRig({ ...EBGP, asPathRelax: true }).announce(...paths).used()).to.deep.equal([
      '10.9.0.1',
      '10.9.0.2',
    ]);
  });

  it('with asPathRelax MED still counts within a neighbor AS, and with alwaysCompareMed between all', () => {
    const paths = [{ med: 10 }, { asns: [65002], med: 20 }, { asns: [65002], med: 30 }];
    const relaxed = { ...EBGP, asPathRelax: true };
    expect(new MultipathRig(relaxed).announce(...paths).used()).to.deep.equal(['10.9.0.1', '10.9.0.2']);
    expect(new MultipathRig(relaxed, { alwaysCompareMed: true }).announce(...paths).used()).to.deep.equal(['10.9.0.1']);
  });

  it('iBGP paths need the very same AS_PATH unless relaxed', () => {
    const paths: Path[] = [{ type: 'ibgp' }, { type: 'ibgp' }, { type: 'ibgp', asns: [65002] }];
    const strict = new MultipathRig({ ibgp: 4 }).announce(...paths);
    expect(strict.used()).to.deep.equal(['10.9.0.1', '10.9.0.2']);
    expect(strict.why()['10.9.0.3']).to.match(/AS_PATH is another one/);
    const relaxed = new MultipathRig({ ibgp: 4, asPathRelax: true }).announce(...paths);
    expect(relaxed.used()).to.have.length(3);
    expect(new MultipathRig({ ebgp: 4 }).announce(...paths).used()).to.deep.equal(['10.9.0.1']);
  });

  it('one that two reflectors tell counts once', () => {
    const same = { type: 'ibgp', nextHop: '10.9.0.77', originator: '192.0.2.77' } as const;
    const other = { type: 'ibgp', nextHop: '10.9.0.78', originator: '192.0.2.78' } as const;
    const rig = new MultipathRig({ ibgp: 2 }).announce(same, same, other, other);
    expect(rig.used()).to.deep.equal(['10.9.0.77', '10.9.0.78']);
  });

  it('one link-local address on two links is two next hops, on one link one', () => {
    for (const [devices, count] of [
      [['eth0', 'eth1'], 2],
      [['eth0', 'eth0'], 1],
    ] as const) {
      const rig = new MultipathRig(EBGP);
      for (const device of devices) {
        const { source, ...session } = rig.add('ebgp');
        rig.rib.peers.update(source, { ...rig.rib.peers.get(source), device });
        const attributes: EncodableAttribute[] = [
          { code: 1, value: 'IGP' },
          { code: 2, value: [{ type: 'AS_SEQUENCE', asns: [65001] }] },
        ];
        const octets = announcement({ prefixes: ['2001:db8:1::/48'], nextHop: 'fe80::1', attributes });
        expect(session.adjRibIn.apply(octets, 19, octets.length)).to.equal(undefined);
      }
      rig.decide('ipv6-unicast');
      const rib = rig.rib.of('ipv6-unicast');
      const rows = new IdStack();
      rib.multipath!.select(rib, rib.headOf(0), rows);
      expect(rows.length, devices.join()).to.equal(count);
    }
  });

  it('shares are those of the bandwidths, if all have one', () => {
    const paths = [{ bandwidth: 1.25e9 }, { bandwidth: 2.5e9 }, { bandwidth: 1.25e9, transitive: true }];
    expect(new MultipathRig(EBGP).announce(...paths).used()).to.deep.equal(['10.9.0.1', '10.9.0.2*2', '10.9.0.3']);
    expect(new MultipathRig(EBGP).announce(...paths, {}).used()).to.deep.equal([1, 2, 3, 4].map((n) => `10.9.0.${n}`));
    expect(new MultipathRig({ ...EBGP, linkBandwidth: 'ignore' }).announce(...paths).used()).to.deep.equal(
      [1, 2, 3].map((n) => `10.9.0.${n}`),
    );
    const skipping = new MultipathRig({ ...EBGP, linkBandwidth: 'skipMissing' }).announce(
      ...paths,
      {},
      { bandwidth: 0 },
    );
    expect(skipping.used()).to.deep.equal(['10.9.0.1', '10.9.0.2*2', '10.9.0.3']);
    expect(skipping.why()['10.9.0.4']).to.match(/no link bandwidth/);
    for (const strange of [NaN, Infinity, -5]) {
      expect(new MultipathRig(EBGP).announce({ bandwidth: 1e9 }, { bandwidth: strange }).used()).to.have.length(2);
    }
  });

  it('weights are small whole numbers in proportion', () => {
    expect(weightsFor([1, 1])).to.deep.equal([1, 1]);
    expect(weightsFor([10, 40])).to.deep.equal([1, 4]);
    expect(weightsFor([1e3, 3e3, 2e3])).to.deep.equal([1, 3, 2]);
    expect(weightsFor([1, 1e12])).to.deep.equal([1, 240]);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 8 }), (values) => {
        const weights = weightsFor(values);
        expect(weights.every((w) => Number.isInteger(w) && w >= 1 && w <= 240)).to.equal(true);
        for (const [i, a] of values.entries()) {
          for (const [k, b] of values.entries()) if (a > b) expect(weights[i]).to.be.at.least(weights[k]!);
        }
      }),
    );
  });

  it('the order of arrival never matters, and the best path is the first', () => {
    const path = fc.record({
      asns: fc.constantFrom([65001], [65002], [65001, 65002]),
      med: fc.constantFrom(undefined, 0, 5),
      cost: fc.constantFrom(0, 0, 0, 3),
      type: fc.constantFrom('ebgp' as const, 'ibgp' as const),
      bandwidth: fc.constantFrom(undefined, 1e9, 3e9),
    });
    fc.assert(
      fc.property(
        fc.array(path, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.nat(),
        (paths, asPathRelax, seed) => {
          const given = paths.map(({ med, bandwidth: value, ...rest }, i) => ({
            ...rest,
            ...(med === undefined ? {} : { med }),
            ...(value === undefined ? {} : { bandwidth: value }),
            nextHop: `10.9.${rest.cost}.${i + 1}`,
            // In the order of arrival nothing else may differ: ORIGINATOR_ID breaks ties of internal paths.
            ...(rest.type === 'ebgp' ? {} : { originator: `192.0.2.${i + 1}` }),
          }));
          const external = given.filter(({ type }) => type === 'ebgp').length;
          const options = { ebgp: external + 1, ibgp: 8, asPathRelax };
          const one = new MultipathRig(options).announce(...given);
          const turned = [...given.slice(seed % given.length), ...given.slice(0, seed % given.length)];
          const two = new MultipathRig(options).announce(...turned);
          if (external === 0) expect(two.used()).to.deep.equal(one.used());
          if (asPathRelax) expect(two.used().sort()).to.deep.equal(one.used().sort());
          expect(one.used()[0]!.split('*')[0]).to.equal(one.best(PREFIX)!.nextHop);
        },
      ),
    );
  });
});
