import { expect } from 'chai';
import fc from 'fast-check';
import { DEFAULT_CONTEXT, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { formatIpv4 } from '../../lib/net/index.js';
import { DECISION_STEPS } from '../../lib/rib/decision.js';
import type { Reachability } from '../../lib/rib/next-hop-table.js';
import { Originator } from '../../lib/speaker/originate.js';
import { NeighborImportPolicy, PolicyBook } from '../../lib/policy/index.js';
import { explainPrefix } from '../../lib/speaker/path-views.js';
import type { ExplainView } from '../../lib/speaker/views.js';
import { announcement, withdrawal } from '../support/wire.js';
import { CLUSTER_ID, LOCAL_AS, RibRig, ROUTER_ID, type RigSource } from './rig.js';

const PREFIX = '10.1.0.0/16';

/** One path as a test sees it. Next hops are 10.9.COST.1; cost 255 is unreachable. */
interface Path {
  readonly external: boolean;
  readonly localPref: number;
  readonly asns: readonly number[];
  /** The path begins with an AS_SET of two. */
  readonly set: boolean;
  readonly origin: 'IGP' | 'EGP' | 'INCOMPLETE';
  readonly med: number | undefined;
  readonly cost: number;
  readonly originator: string | undefined;
  readonly clusters: readonly string[];
  readonly routerId: string;
  readonly address: string;
  /** From a customer, with ONLY_TO_CUSTOMER. */
  readonly leak?: boolean;
  /** LLGR_STALE. */
  readonly longLivedStale: boolean;
}

const PLAIN: Path = {
  external: false,
  localPref: 100,
  asns: [65001],
  set: false,
  origin: 'IGP',
  med: undefined,
  cost: 0,
  originator: undefined,
  clusters: [],
  routerId: '192.0.2.50',
  address: '10.0.0.50',
  longLivedStale: false,
};

function resolve(nextHop: Uint8Array): Reachability {
  if (nextHop.every((octet) => octet === 0)) return { reachable: 'own', metric: 0 };
  return nextHop[2] === 255 ? { reachable: 'no', metric: 0 } : { reachable: 'yes', metric: nextHop[2]! };
}

function attributesOf(path: Path): EncodableAttribute[] {
  const attributes: EncodableAttribute[] = [
    { code: 1, value: path.origin },
    {
      code: 2,
      value: [
        ...(path.set ? [{ type: 'AS_SET', asns: [64999, 64998] } as const] : []),
        ...(path.asns.length > 0 ? [{ type: 'AS_SEQUENCE', asns: path.asns } as const] : []),
      ],
    },
  ];
  if (path.med !== undefined) attributes.push({ code: 4, value: path.med });
  if (path.leak) attributes.push({ code: 35, value: 64999 });
  if (path.longLivedStale && path.external) attributes.push({ code: 8, value: [0xffff0006] });
  if (path.external) return attributes;
  attributes.push({ code: 5, value: path.localPref });
  if (path.longLivedStale) attributes.push({ code: 8, value: [0xffff0006] });
  if (path.originator !== undefined) attributes.push({ code: 9, value: path.originator });
  if (path.clusters.length > 0) attributes.push({ code: 10, value: path.clusters });
  return attributes;
}

class DecisionRig extends RibRig {
  constructor(alwaysCompareMed = false) {
    super({ resolve, alwaysCompareMed });
  }

  announce(path: Path, source = this.sourceOf(path)): RigSource {
    const nextHop = `10.9.${path.cost}.1`;
    return source.say(announcement({ prefixes: [PREFIX], nextHop, attributes: attributesOf(path) }));
  }

  private sourceOf({ external, routerId, address, leak }: Path): RigSource {
    const rules = leak ? ({ rules: { peerAs: 65001, role: 'provider' } } as const) : {};
    return this.add(external ? 'ebgp' : 'ibgp', { routerId, address, ...rules });
  }

  explain(): ExplainView {
    this.decide('ipv4-unicast');
    return explainPrefix(this.rib, PREFIX);
  }
}

/**
 * The decision process as RFC 4271 section 9.1.2.2 and RFC 4456 section 9 write it down: all paths at first, each step
 * removes some.
 */
function slowBest(paths: readonly Path[], alwaysCompareMed: boolean): Path | undefined {
  const lowest = (left: readonly Path[], value: (path: Path) => number): Path[] => {
    const best = Math.min(...left.map(value));
    return left.filter((path) => value(path) === best);
  };
  const number = (address: string): number => address.split('.').reduce((n, octet) => n * 256 + Number(octet), 0);
  const neighborAs = ({ set, asns }: Path): number => (set ? 0 : (asns[0] ?? 0));
  let left = paths.filter((path) => {
    const loop = path.asns.includes(LOCAL_AS) || path.originator === ROUTER_ID || path.clusters.includes(CLUSTER_ID);
    return path.cost !== 255 && (!loop || (path.external && !path.asns.includes(LOCAL_AS)));
  });
  left = lowest(left, (path) => Number(path.longLivedStale));
  left = lowest(left, (path) => -(path.external ? 100 : path.localPref));
  left = lowest(left, (path) => path.asns.length + Number(path.set));
  left = lowest(left, (path) => ['IGP', 'EGP', 'INCOMPLETE'].indexOf(path.origin));
  left = left.filter(
    (path) =>
      !left.some(
        (other) => (alwaysCompareMed || neighborAs(other) === neighborAs(path)) && (other.med ?? 0) < (path.med ?? 0),
      ),
  );
  if (left.some(({ external }) => external)) left = left.filter(({ external }) => external);
  left = lowest(left, (path) => path.cost);
  left = lowest(left, (path) => number((path.external ? undefined : path.originator) ?? path.routerId));
  left = lowest(left, (path) => (path.external ? 0 : path.clusters.length));
  left = lowest(left, (path) => number(path.address));
  return left[0];
}

const pathArbitrary = fc.record({
  external: fc.boolean(),
  localPref: fc.constantFrom(100, 100, 100, 90, 110),
  asns: fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.constantFrom(65001, 65002), { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom([], [65001, LOCAL_AS]) },
  ),
  set: fc.constantFrom(false, false, false, true),
  origin: fc.constantFrom('IGP', 'IGP', 'EGP', 'INCOMPLETE'),
  med: fc.constantFrom(undefined, 0, 1, 2, 4294967295),
  cost: fc.constantFrom(0, 0, 1, 2, 255),
  longLivedStale: fc.constantFrom(false, false, true),
  originator: fc.constantFrom(undefined, undefined, '192.0.2.1', '200.0.2.2', ROUTER_ID),
  clusters: fc.constantFrom([], [], ['1.1.1.1'], ['1.1.1.1', '2.2.2.2'], ['1.1.1.1', CLUSTER_ID]),
  // Parallel sessions with one router have one identifier and several addresses.
  routerId: fc.constantFrom('192.0.2.1', '192.0.2.2', '200.0.2.2'),
});
const pathSet = fc
  .array(pathArbitrary, { minLength: 1, maxLength: 8, size: 'max' })
  .map((paths) => paths.map((path, i): Path => ({ ...path, address: formatIpv4(0x0a000001 + ((i * 37) % 251)) })));

describe('decision process', () => {
  it('chooses as RFC 4271 9.1.2.2 and RFC 4456 9 say, in whatever order the paths arrive', () => {
    const input = fc.record({ paths: pathSet, always: fc.boolean(), order: fc.array(fc.nat(), { maxLength: 8 }) });
    fc.assert(
      fc.property(input, ({ paths, always, order }) => {
        const expected = slowBest(paths, always)?.address;
        const shuffled = [...paths];
        for (const [i, n] of order.entries()) {
          const at = n % shuffled.length;
          shuffled.push(...shuffled.splice(at, 1 + (i % 2)));
        }
        for (const arrival of [paths, [...paths].reverse(), shuffled]) {
          const rig = new DecisionRig(always);
          for (const path of arrival) rig.announce(path);
          const explained = rig.explain();
          expect(rig.best(PREFIX)?.neighbor).to.equal(expected);
          expect(explained.best?.neighbor).to.equal(expected);
          expect(explained.decisions).to.have.length(paths.length);
          // A reason for each, all but the best.
          for (const { path, lostAt } of explained.decisions) expect(lostAt === null).to.equal(path.best);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('does not depend on what was there before', () => {
    fc.assert(
      fc.property(pathSet, pathSet, (before, after) => {
        const rig = new DecisionRig();
        const sources = before.map((path) => rig.announce({ ...path, address: `11${path.address.slice(2)}` }));
        rig.decide('ipv4-unicast');
        for (const path of after) {
          rig.announce(path);
          rig.decide('ipv4-unicast');
        }
        for (const source of sources) {
          source.say(withdrawal([PREFIX]));
          rig.decide('ipv4-unicast');
        }
        expect(rig.best(PREFIX)?.neighbor).to.equal(slowBest(after, false)?.address);
      }),
      { numRuns: 200 },
    );
  });

  it('MED decides only between routes of one neighbor AS, and then for all of them (RFC 4271 9.1.2.2 c)', () => {
    // b beats a by MED; without b, a would beat c by router ID. Pairwise comparison goes round in a circle here.
    const a: Path = { ...PLAIN, asns: [65001], med: 10, routerId: '1.0.0.1', address: '10.0.0.1' };
    const b: Path = { ...PLAIN, asns: [65001], med: 5, routerId: '1.0.0.3', address: '10.0.0.3' };
    const c: Path = { ...PLAIN, asns: [65002], med: 20, routerId: '1.0.0.2', address: '10.0.0.2' };
    const orders = [
      [a, b, c],
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
    ];
    for (const order of orders) {
      const rig = new DecisionRig();
      for (const path of order) rig.announce(path);
      expect(rig.explain().best?.neighbor).to.equal('10.0.0.2');
      const always = new DecisionRig(true);
      for (const path of order) always.announce(path);
      expect(always.explain().best?.neighbor).to.equal('10.0.0.3');
    }
  });
});

describe('explain: the step at which a path loses', () => {
  const other = { routerId: '192.0.2.60', address: '10.0.0.60' };
  /** `win` is best, `lose` loses to it at this step. */
  const cases: readonly (readonly [
    step: string,
    rfc: string,
    win: Partial<Path>,
    lose: Partial<Path>,
    detail: string,
  ])[] = [
    ['no loop', 'RFC 4271 9.1.2, RFC 4456 8', {}, { asns: [65001, LOCAL_AS] }, 'own AS in AS_PATH'],
    ['no loop', 'RFC 4271 9.1.2, RFC 4456 8', {}, { originator: ROUTER_ID }, 'own ORIGINATOR_ID'],
    ['no loop', 'RFC 4271 9.1.2, RFC 4456 8', {}, { clusters: [CLUSTER_ID] }, 'own cluster ID in CLUSTER_LIST'],
    [
      'no route leak',
      'RFC 9234 5',
      {},
      { external: true, asns: [], leak: true },
      'route leak: ONLY_TO_CUSTOMER 64999 may not come from this neighbor',
    ],
    ['next hop resolvable', 'RFC 4271 9.1.2.1', {}, { cost: 255, localPref: 900 }, 'unresolvable'],
    ['not long-lived stale', 'RFC 9494 4.3', {}, { localPref: 900, longLivedStale: true }, 'LLGR_STALE'],
    ['highest LOCAL_PREF', 'RFC 4271 9.1.1', { localPref: 101 }, { asns: [] }, 'LOCAL_PREF 100'],
    ['shortest AS_PATH', 'RFC 4271 9.1.2.2 a', {}, { asns: [65001, 65002] }, 'AS_PATH length 2'],
    // An AS_SET counts as one AS.
    [
      'shortest AS_PATH',
      'RFC 4271 9.1.2.2 a',
      { asns: [], set: true },
      { asns: [65001], set: true },
      'AS_PATH length 2',
    ],
    ['lowest ORIGIN', 'RFC 4271 9.1.2.2 b', {}, { origin: 'EGP' }, 'ORIGIN egp'],
    ['lowest ORIGIN', 'RFC 4271 9.1.2.2 b', { origin: 'EGP' }, { origin: 'INCOMPLETE' }, 'ORIGIN incomplete'],
    // A missing MED is the lowest.
    ['lowest MULTI_EXIT_DISC', 'RFC 4271 9.1.2.2 c', {}, { med: 1 }, 'MULTI_EXIT_DISC 1'],
    ['eBGP over iBGP', 'RFC 4271 9.1.2.2 d, RFC 5065 5.3', { external: true, cost: 9 }, { med: 0 }, 'ibgp'],
    ['lowest IGP cost to the next hop', 'RFC 4271 9.1.2.2 e', { cost: 1 }, { cost: 2 }, 'cost 2'],
    [
      'lowest router ID or ORIGINATOR_ID',
      'RFC 4271 9.1.2.2 f, RFC 4456 9',
      { routerId: '192.0.2.50', clusters: ['1.1.1.1'] },
      {},
      '192.0.2.60',
    ],
    [
      'lowest router ID or ORIGINATOR_ID',
      'RFC 4271 9.1.2.2 f, RFC 4456 9',
      { originator: '192.0.2.1', routerId: '203.0.113.1' },
      { originator: '192.0.2.2', routerId: '192.0.2.3' },
      '192.0.2.2',
    ],
    [
      'shortest CLUSTER_LIST',
      'RFC 4456 9',
      { originator: '192.0.2.1', clusters: ['1.1.1.1'], address: '10.0.0.70' },
      { originator: '192.0.2.1', clusters: ['1.1.1.1', '2.2.2.2'] },
      'CLUSTER_LIST length 2',
    ],
    ['lowest peer address', 'RFC 4271 9.1.2.2 g', {}, { routerId: PLAIN.routerId }, '10.0.0.60'],
  ];
  for (const [step, rfc, win, lose, detail] of cases) {
    it(`${step}: ${detail}`, () => {
      for (const reverse of [false, true]) {
        const rig = new DecisionRig();
        const paths: Path[] = [
          { ...PLAIN, ...win },
          { ...PLAIN, ...other, ...lose },
        ];
        for (const path of reverse ? paths.reverse() : paths) rig.announce(path);
        const { best, decisions } = rig.explain();
        expect(best?.neighbor).to.equal({ ...PLAIN, ...win }.address);
        expect(decisions.map(({ rank }) => rank)).to.deep.equal([0, 1]);
        expect(decisions[0]).to.include({ lostAt: null, rfc: null, detail: null });
        expect(decisions[1]).to.include({ lostAt: step, rfc });
        expect(decisions[1]!.detail).to.match(new RegExp(`^${detail.replaceAll('.', '\\.')} \\(best: `));
      }
    });
  }

  it('locally originated', () => {
    const rig = new DecisionRig();
    new Originator(rig.rib).announce(PREFIX, {});
    rig.announce({ ...PLAIN, asns: [] });
    const { best, decisions } = rig.explain();
    expect(best?.neighbor).to.equal(null);
    expect(decisions[1]).to.include({ lostAt: 'locally originated', detail: 'learnt (best: local)' });
  });

  it('import policy', () => {
    const rig = new DecisionRig();
    const [better, worse] = [rig.announce({ ...PLAIN, localPref: 300 }), rig.announce({ ...PLAIN, ...other })];
    const chain = new PolicyBook({}).chain({ names: [], defaultResult: 'reject' });
    better.adjRibIn.policy = new NeighborImportPolicy(chain, rig.rib.peers.get(better.source), {
      peerAs: LOCAL_AS,
      extendedNextHop: false,
    });
    rig.announce({ ...PLAIN, localPref: 300 }, better);
    const { best, decisions } = rig.explain();
    expect(best?.neighbor).to.equal(rig.rib.peers.addressText(worse.source));
    expect(decisions[1]).to.include({ lostAt: 'import policy', detail: 'rejected by the import policy', rank: 1 });
  });

  it('lowest path identifier', () => {
    const rig = new RibRig();
    const cx = { ...DEFAULT_CONTEXT, addPath: new Set(['1/1']) };
    const source = rig.add('ibgp', { cx });
    for (const id of ['7', '3']) {
      source.say(
        announcement({ prefixes: [`${PREFIX}#${id}`], nextHop: '10.0.0.9', attributes: attributesOf(PLAIN) }, cx),
      );
    }
    const [best, other] = explainPrefix(rig.rib, PREFIX).decisions;
    expect(best).to.include({ lostAt: null });
    expect(other).to.include({ lostAt: 'lowest path identifier', detail: 'path ID 7 (best: path ID 3)' });
  });

  it('every step of the list has an example above', () => {
    const shown = new Set([
      ...cases.map(([step]) => step),
      'locally originated',
      'import policy',
      'lowest path identifier',
    ]);
    expect(DECISION_STEPS.map(({ name }) => name)).to.deep.equal(
      DECISION_STEPS.map(({ name }) => name).filter((name) => shown.has(name)),
    );
    expect(DECISION_STEPS).to.have.length(16);
  });

  it('a path that is alone and cannot be used', () => {
    const rig = new DecisionRig();
    rig.announce({ ...PLAIN, cost: 255 });
    expect(rig.explain().best).to.equal(null);
    expect(rig.explain().decisions[0]).to.include({ lostAt: 'next hop resolvable', detail: 'unresolvable', rank: 0 });
  });

  it('several that cannot be used', () => {
    const rig = new DecisionRig();
    rig.announce({ ...PLAIN, cost: 255 });
    rig.announce({ ...PLAIN, ...other, asns: [LOCAL_AS] });
    const { best, decisions } = rig.explain();
    expect(best).to.equal(null);
    expect(decisions.map(({ lostAt }) => lostAt)).to.deep.equal(['next hop resolvable', 'no loop']);
  });

  it('a prefix that nobody has told', () => {
    expect(explainPrefix(new DecisionRig().rib, PREFIX)).to.deep.equal({ prefix: PREFIX, best: null, decisions: [] });
  });
});
