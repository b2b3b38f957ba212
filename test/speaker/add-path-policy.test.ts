/** ADD-PATH (RFC 7911) together with policies, with our own restart, family by family, and in larger numbers. */
import { expect } from 'chai';
import { parseCommunity } from '../../lib/bgp/wire/communities.js';
import type { AddPathTuple } from '../../lib/bgp/wire/index.js';
import { seededRandom } from '../../lib/sim/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import { clientOf, Lab, type Probe } from '../support/lab.js';
import { octets, valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const [A, B, C, D] = ['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14'] as const;
const P = '10.1.0.0/16';
const Q = '10.2.0.0/16';
const endOfRib = octets('ffffffffffffffffffffffffffffffff 0017 02 0000 0000');

const tuples = (sendReceive: number): { addPath: AddPathTuple[] } => ({
  addPath: [1, 2].map((afi) => ({ afi, safi: 1, sendReceive })),
});

/** LOCAL_PREF, and one community. */
const path = (probe: Probe, localPref: number, community: string, ...prefixes: string[]): Probe =>
  probe.announceWith(
    probe.attributes([
      { code: 5, value: localPref },
      { code: 8, value: [parseCommunity(community)] },
    ]),
    ...prefixes,
  );

/** What a probe holds: prefix and LOCAL_PREF of each path. */
const heldBy = (probe: Probe): string[] =>
  [...probe.view.routes].map(([key, route]) => `${key.split('#')[0]} ${String(valueOf(route, 5))}`).sort();

const POLICIES: Pick<SpeakerConfig, 'policies' | 'prefixSets' | 'communitySets'> = {
  prefixSets: { p: [P] },
  communitySets: { bad: ['64512:666'] },
  policies: {
    noBad: [{ conditions: { communities: { any: ['bad'] } }, actions: { result: 'reject' } }],
    noP: [{ conditions: { prefixSets: ['p'] }, actions: { result: 'reject' } }],
    noBadP: [{ conditions: { prefixSets: ['p'], communities: { any: ['bad'] } }, actions: { result: 'reject' } }],
    lowP: [{ conditions: { prefixSets: ['p'] }, actions: { result: 'accept', localPref: 7 } }],
  },
};

interface Scene {
  readonly lab: Lab;
  readonly speaker: Speaker;
  readonly a: Probe;
  readonly b: Probe;
  readonly c: Probe;
  readonly d: Probe;
  reload(a: Partial<NeighborOptions>, c: Partial<NeighborOptions>): Promise<void>;
}

/** A sends several paths, B one; C is told all, D the best two. */
async function scene(atA: Partial<NeighborOptions>, atC: Partial<NeighborOptions>): Promise<Scene> {
  const lab = new Lab();
  const config = (forA: Partial<NeighborOptions>, forC: Partial<NeighborOptions>): SpeakerConfig => ({
    asn: 64512,
    routerId: R,
    listen: [{ address: R, port: 179 }],
    neighbors: [
      clientOf(A, { addPath: { receive: true }, ...forA }),
      clientOf(B),
      clientOf(C, { addPath: { send: 'all' }, ...forC }),
      clientOf(D, { addPath: { send: { best: 2 } }, ...forC }),
    ].map((neighbor) => ({ ...neighbor, passive: true })),
    ...POLICIES,
  });
  const speaker = await lab.speaker({ ...config(atA, atC), routerId: R });
  const [a, b, c, d] = [
    lab.probe(R, A, tuples(2)),
    lab.probe(R, B),
    lab.probe(R, C, tuples(1)),
    lab.probe(R, D, tuples(1)),
  ] as const;
  await lab.up(a, b, c, d);
  path(a, 300, '64512:666', `${P}#1`, `${Q}#1`);
  path(a, 200, '64512:1', `${P}#2`, `${Q}#2`);
  path(a, 150, '64512:666', `${P}#3`);
  path(b, 100, '64512:1', P);
  await lab.settle();
  const reload = async (forA: Partial<NeighborOptions>, forC: Partial<NeighborOptions>) => {
    expect((await speaker.reconfigure(config(forA, forC))).reset).to.deep.equal([]);
    await lab.settle();
    for (const probe of [c, d]) expect(probe.view.needless).to.deep.equal([]);
  };
  return { lab, speaker, a, b, c, d, reload };
}

const importing = (...names: string[]): Partial<NeighborOptions> =>
  names.length === 0 ? {} : { importPolicy: names, defaultImportPolicy: 'accept' };
const exporting = (...names: string[]): Partial<NeighborOptions> =>
  names.length === 0 ? {} : { exportPolicy: names, defaultExportPolicy: 'accept' };

describe('ADD-PATH and import policy', () => {
  /** By policy: what C (all) and D (the best two) are told, and how many paths of A are rejected. */
  const CASES: readonly [policies: string[], all: string[], two: string[], filtered: number | undefined][] = [
    [
      [],
      [`${P} 100`, `${P} 150`, `${P} 200`, `${P} 300`, `${Q} 200`, `${Q} 300`],
      [`${P} 200`, `${P} 300`, `${Q} 200`, `${Q} 300`],
      undefined,
    ],
    [['noBad'], [`${P} 100`, `${P} 200`, `${Q} 200`], [`${P} 100`, `${P} 200`, `${Q} 200`], 3],
    [['noP'], [`${P} 100`, `${Q} 200`, `${Q} 300`], [`${P} 100`, `${Q} 200`, `${Q} 300`], 3],
    [['noBadP'], [`${P} 100`, `${P} 200`, `${Q} 200`, `${Q} 300`], [`${P} 100`, `${P} 200`, `${Q} 200`, `${Q} 300`], 2],
    [
      ['lowP'],
      [`${P} 100`, `${P} 7`, `${P} 7`, `${P} 7`, `${Q} 200`, `${Q} 300`],
      [`${P} 100`, `${P} 7`, `${Q} 200`, `${Q} 300`],
      0,
    ],
  ];

  for (const [policies, all, two, filtered] of CASES) {
    it(`${policies.join() || 'none'}: only what it lets through is told, and all five are kept`, async () => {
      const { speaker, c, d } = await scene(importing(...policies), {});
      expect(heldBy(c)).to.deep.equal(all);
      expect(heldBy(d)).to.deep.equal(two);
      expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.include({ received: 5 });
      expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.filtered).to.equal(filtered);
      expect([...speaker.routes('ipv4-unicast', { receivedFrom: A })]).to.have.length(5);
    });
  }

  it('changed in place from each to each: paths come and go one by one, the others are not told again', async () => {
    const { speaker, a, c, d, reload } = await scene({}, {});
    for (const [before] of CASES) {
      for (const [after, all, two, filtered] of CASES) {
        await reload(importing(...before), {});
        await reload(importing(...after), {});
        expect(heldBy(c), `${before.join()} -> ${after.join()}`).to.deep.equal(all);
        expect(heldBy(d), `${before.join()} -> ${after.join()}`).to.deep.equal(two);
        expect(speaker.neighbor(A).prefixes['ipv4-unicast']!.filtered).to.equal(filtered);
      }
    }
    expect(a.downs).to.deep.equal([]);
    expect(a.refreshes, 'nothing is asked for again').to.deep.equal([]);
  });

  it('a path that is rejected is withdrawn, or becomes one that is not, by its identifier', async () => {
    const { lab, speaker, a, c } = await scene(importing('noBad'), {});
    a.withdraw(`${P}#3`);
    path(a, 400, '64512:1', `${P}#1`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 200`, `${P} 400`, `${Q} 200`]);
    path(a, 400, '64512:666', `${P}#2`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 400`, `${Q} 200`]);
    expect(speaker.neighbor(A).prefixes['ipv4-unicast']).to.include({ received: 4, filtered: 2 });
    await lab.during(a.peer.stop());
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`]);
  });
});

describe('ADD-PATH and export policy', () => {
  /** `best: 2` counts before the policy: what it takes away makes no room for the next one. */
  const CASES: readonly [policies: string[], all: string[], two: string[]][] = [
    [
      [],
      [`${P} 100`, `${P} 150`, `${P} 200`, `${P} 300`, `${Q} 200`, `${Q} 300`],
      [`${P} 200`, `${P} 300`, `${Q} 200`, `${Q} 300`],
    ],
    [['noBad'], [`${P} 100`, `${P} 200`, `${Q} 200`], [`${P} 200`, `${Q} 200`]],
    [['noP'], [`${Q} 200`, `${Q} 300`], [`${Q} 200`, `${Q} 300`]],
    [
      ['lowP'],
      [`${P} 7`, `${P} 7`, `${P} 7`, `${P} 7`, `${Q} 200`, `${Q} 300`],
      [`${P} 7`, `${P} 7`, `${Q} 200`, `${Q} 300`],
    ],
  ];

  it('from the start, and changed in place from each to each', async () => {
    const { c, d, reload } = await scene({}, {});
    for (const [after, all, two] of CASES) {
      const fresh = await scene({}, exporting(...after));
      expect(heldBy(fresh.c), after.join()).to.deep.equal(all);
      expect(heldBy(fresh.d), after.join()).to.deep.equal(two);
      for (const [before] of CASES) {
        await reload({}, exporting(...before));
        await reload({}, exporting(...after));
        expect(heldBy(c), `${before.join()} -> ${after.join()}`).to.deep.equal(all);
        expect(heldBy(d), `${before.join()} -> ${after.join()}`).to.deep.equal(two);
      }
    }
    for (const probe of [c, d]) expect(probe.downs).to.deep.equal([]);
  });

  it('a path changes from one that is rejected to one that is not, and back', async () => {
    const { lab, a, c } = await scene({}, exporting('noBad'));
    path(a, 250, '64512:1', `${P}#1`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 200`, `${P} 250`, `${Q} 200`]);
    path(a, 250, '64512:666', `${P}#1`);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 200`, `${Q} 200`]);
    expect(c.view.needless).to.deep.equal([]);
  });
});

describe('ADD-PATH family by family', () => {
  it('the OPEN has the family that was named, and the other one has one path without an identifier', async () => {
    const lab = new Lab();
    const addPath = { 'ipv4-unicast': { send: 'all' as const }, 'ipv6-unicast': { receive: true } };
    const speaker = await lab.speaker({ routerId: R, neighbors: [clientOf(A), clientOf(B), clientOf(C, { addPath })] });
    const [a, b, c] = [lab.probe(R, A), lab.probe(R, B), lab.probe(R, C, tuples(3))];
    await lab.up(a, b, c);
    // RFC 7911 section 4: 1 receives, 2 sends.
    expect([...c.negotiated!.receive.addPath]).to.deep.equal(['1/1']);
    expect([...c.negotiated!.send.addPath]).to.deep.equal(['2/1']);
    for (const probe of [a, b]) probe.announce(P).announce('2001:db8:1::/48');
    c.announce('2001:db8:2::/48#1', '2001:db8:2::/48#2');
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 100`, '2001:db8:1::/48 100']);
    expect([...c.view.routes.keys()].filter((key) => key.includes('#'))).to.have.length(2);
    expect(speaker.neighbor(C).prefixes['ipv6-unicast']).to.include({ received: 2 });
    expect(speaker.neighbor(C).prefixes['ipv4-unicast']!.addPath).to.deep.equal({ receive: false, send: true });
  });
});

describe('ADD-PATH and our own restart (RFC 4724 section 4.1)', () => {
  it('all paths are told at once, when all have sent End-of-RIB, and then End-of-RIB', async () => {
    const lab = new Lab();
    const own: Partial<NeighborOptions> = { gracefulRestart: { enabled: true }, families: ['ipv4-unicast'] };
    const speaker = await lab.speaker({
      routerId: R,
      neighbors: [
        clientOf(A, { ...own, addPath: { receive: true } }),
        clientOf(B, own),
        clientOf(C, { ...own, addPath: { send: 'all' } }),
        clientOf(D, { ...own, addPath: { send: { best: 2 } } }),
      ],
      networks: ['10.9.0.0/16'],
    });
    const v4 = { afi: 1, safi: 1 };
    const restart = {
      restartState: false,
      notification: false,
      restartTime: 60,
      tuples: [{ ...v4, forwarding: true }],
    };
    const probe = (address: string, sendReceive: number): Probe =>
      lab.probe(R, address, {
        families: [v4],
        gracefulRestart: restart,
        addPath: sendReceive === 0 ? [] : [{ ...v4, sendReceive }],
      });
    const [a, b, c, d] = [probe(A, 2), probe(B, 0), probe(C, 1), probe(D, 1)] as const;
    await lab.up(a, b, c, d);
    expect(c.negotiated!.gracefulRestart).to.include({ restartState: true });
    path(a, 300, '64512:1', `${P}#1`);
    path(a, 200, '64512:1', `${P}#2`);
    path(b, 100, '64512:1', P);
    for (const one of [a, b, c]) one.send(endOfRib);
    await lab.clock.runAsync(100_000);
    expect([c, d].map(({ view }) => view.messages)).to.deep.equal([0, 0]);
    expect([...speaker.routes('ipv4-unicast')]).to.deep.equal([]);
    d.send(endOfRib);
    await lab.settle();
    expect(heldBy(c)).to.deep.equal([`${P} 100`, `${P} 200`, `${P} 300`, '10.9.0.0/16 100']);
    expect(heldBy(d)).to.deep.equal([`${P} 200`, `${P} 300`, '10.9.0.0/16 100']);
    for (const { view } of [c, d]) {
      expect(view.endOfRib).to.deep.equal(['1/1']);
      expect(view.needless).to.deep.equal([]);
    }
  });
});

describe('ADD-PATH through a reflector: 20,000 prefixes with four paths each', () => {
  it('each client holds exactly what the others told last', async function () {
    this.timeout(60_000);
    const PREFIXES = 20_000;
    const lab = new Lab();
    const addresses = [A, B, C, D];
    const addPath = { receive: true, send: 'all' as const };
    const speaker = await lab.speaker({
      routerId: R,
      neighbors: addresses.map((address) => clientOf(address, { addPath, families: ['ipv4-unicast'] })),
    });
    const v4 = { afi: 1, safi: 1 };
    const probes = addresses.map((address) =>
      lab.probe(R, address, { families: [v4], addPath: [{ ...v4, sendReceive: 3 }] }),
    );
    await lab.up(...probes);
    const nth = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
    /** By client: prefix to LOCAL_PREF. */
    const told = probes.map(() => new Map<string, number>());
    const random = seededRandom(7);
    const pick = (count: number): number => Math.floor(random() * count);
    const tell = (who: number, prefixes: readonly string[], localPref: number): void => {
      for (const prefix of prefixes) told[who]!.set(prefix, localPref);
      path(probes[who]!, localPref, '64512:1', ...prefixes.map((prefix) => `${prefix}#9`));
    };
    for (let i = 0; i < PREFIXES; i += 250) {
      const prefixes = Array.from({ length: 250 }, (_, k) => nth(i + k));
      for (let who = 0; who < probes.length; who++) tell(who, prefixes, 100 + pick(5));
      if (i % 5000 === 0) await lab.settle();
    }
    await lab.settle();
    const check = (): void => {
      probes.forEach((probe, who) => {
        const expected = told.flatMap((one, other) => (other === who ? [] : [...one].map(([p, lp]) => `${p} ${lp}`)));
        // Not deep.equal: a difference of 60,000 lines says nothing.
        const held = heldBy(probe);
        expect(held.length, `routes at ${addresses[who]!}`).to.equal(expected.length);
        expect(held.join('\n') === expected.sort().join('\n'), `routes at ${addresses[who]!}`).to.equal(true);
        expect(probe.view.needless).to.deep.equal([]);
      });
    };
    check();
    for (let round = 0; round < 300; round++) {
      const who = pick(4);
      const prefixes = Array.from({ length: 50 }, () => nth(pick(PREFIXES)));
      const unique = [...new Set(prefixes)];
      if (pick(2) === 0) tell(who, unique, 100 + pick(5));
      else {
        for (const prefix of unique) told[who]!.delete(prefix);
        probes[who]!.withdraw(...unique.map((prefix) => `${prefix}#9`));
      }
      if (pick(4) === 0) await lab.clock.runAsync(pick(20));
    }
    await lab.settle();
    check();
    // One goes: its paths are gone everywhere, the others stay.
    told[3]!.clear();
    await lab.during(probes[3]!.peer.stop());
    await lab.settle();
    probes.pop();
    check();
    const paths = told.reduce((sum, one) => sum + one.size, 0);
    expect(speaker.summary().families['ipv4-unicast'].paths).to.equal(paths);
  });
});
