/** `mitigatePathHiding` (RFC 7947 section 2.3): a path that is kept from a client does not hide the ones behind it. */
import { expect } from 'chai';
import { parseCommunity } from '../../lib/bgp/wire/communities.js';
import { seededRandom } from '../../lib/sim/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';
import { Lab, type Probe } from '../support/lab.js';
import { valueOf } from '../support/wire.js';

const R = '10.0.0.1';
const ADDRESSES = ['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14', '10.0.0.15'] as const;
const asOf = (i: number): number => 65001 + i;
const P = '10.1.0.0/16';

/** The customary way to say "not to AS 65004" at an exchange, and the policies that obey it. */
const NOT_TO_D = '0:65004';
const policies: SpeakerConfig['policies'] = {
  forD: [
    { conditions: { communities: { any: [NOT_TO_D] } }, actions: { result: 'reject' } },
    { actions: { result: 'accept' } },
  ],
};
const mitigated: Partial<NeighborOptions> = { exportPolicy: ['forD'], mitigatePathHiding: true };
const hidden: Partial<NeighborOptions> = { exportPolicy: ['forD'] };

/** @param forAll whether the settings are for all clients, which are one update group then, or only for D */
const config = (forD: Partial<NeighborOptions>, forAll = false): SpeakerConfig & { routerId: string } => ({
  asn: 64512,
  routerId: R,
  listen: [{ address: R, port: 179 }],
  neighbors: ADDRESSES.map((address, i) => ({
    address,
    peerAs: asOf(i),
    passive: true,
    routeServerClient: true,
    ...(forAll || i === 3 ? forD : {}),
  })),
  policies: policies!,
});

async function scene(forD: Partial<NeighborOptions>, forAll = false) {
  const lab = new Lab();
  const speaker = await lab.speaker(config(forD, forAll));
  const probes = ADDRESSES.map((address, i) => lab.probe(R, address, { localAs: asOf(i), peerAs: 64512 }));
  await lab.up(...probes);
  const reload = async (settings: Partial<NeighborOptions>) => {
    expect((await speaker.reconfigure(config(settings))).reset).to.deep.equal([]);
    await lab.settle();
  };
  return { lab, speaker, probes, d: probes[3]!, e: probes[4]!, reload };
}

/** A path of so many ASes: the shorter the better. */
function tell(probe: Probe, asn: number, length: number, communities: readonly string[], ...prefixes: string[]): void {
  const asns = [asn, ...Array.from({ length: length - 1 }, (_, i) => 100 + i)];
  probe.announceWith(
    probe.attributes([
      { code: 2, value: [{ type: 'AS_SEQUENCE', asns }] },
      ...(communities.length === 0
        ? []
        : [{ code: 8 as const, value: communities.map((text) => parseCommunity(text)) }]),
    ]),
    ...prefixes,
  );
}

/** The AS that a probe's route for a prefix comes from. */
function firstAs(probe: Probe, prefix: string): number | null {
  const route = probe.view.routes.get(prefix);
  return route === undefined ? null : (valueOf(route, 2) as { asns: number[] }[])[0]!.asns[0]!;
}

describe('path hiding (RFC 7947 section 2.3)', () => {
  it('without the setting a rejected best path hides the others; with it the next best is told', async () => {
    for (const [settings, expected] of [
      [hidden, null],
      [mitigated, 65002],
    ] as const) {
      const { lab, probes, d, e } = await scene(settings);
      tell(probes[0]!, 65001, 1, [NOT_TO_D], P);
      tell(probes[1]!, 65002, 2, [], P);
      tell(probes[2]!, 65003, 3, [], P);
      await lab.settle();
      expect([firstAs(d, P), firstAs(e, P)]).to.deep.equal([expected, 65001]);
    }
  });

  it('well-known communities count as well (RFC 1997)', async () => {
    const { lab, probes, d } = await scene(mitigated);
    tell(probes[0]!, 65001, 1, ['no-advertise'], P);
    tell(probes[1]!, 65002, 2, [], P);
    await lab.settle();
    expect(firstAs(d, P)).to.equal(65002);
  });

  it('follows paths as they change, come and go, though the best path stays as it is', async () => {
    const { lab, speaker, probes, d } = await scene(mitigated);
    const now = async (): Promise<number | null> => {
      await lab.settle();
      expect(speaker.explain(P).best!.neighbor).to.equal(ADDRESSES[0]);
      return firstAs(d, P);
    };
    tell(probes[0]!, 65001, 1, [NOT_TO_D], P);
    expect(await now()).to.equal(null);
    tell(probes[2]!, 65003, 3, [], P);
    expect(await now()).to.equal(65003);
    tell(probes[1]!, 65002, 2, [], P);
    expect(await now()).to.equal(65002);
    tell(probes[1]!, 65002, 2, [NOT_TO_D], P);
    expect(await now()).to.equal(65003);
    probes[2]!.withdraw(P);
    expect(await now()).to.equal(null);
    tell(probes[0]!, 65001, 1, [], P);
    expect(await now()).to.equal(65001);
    expect(d.view.needless).to.deep.equal([]);
  });

  it('is switched on and off without a new session', async () => {
    const { lab, probes, d, reload } = await scene(hidden);
    tell(probes[0]!, 65001, 1, [NOT_TO_D], P);
    tell(probes[1]!, 65002, 2, [], P, '10.2.0.0/16');
    await lab.settle();
    for (const [settings, expected] of [
      [mitigated, 65002],
      [hidden, null],
      [{ mitigatePathHiding: true }, 65001],
      [mitigated, 65002],
    ] as const) {
      await reload(settings);
      expect([firstAs(d, P), firstAs(d, '10.2.0.0/16')]).to.deep.equal([expected, 65002]);
    }
    expect(d.downs).to.deep.equal([]);
  });

  it('a path never goes back to where it came from, but does not hide the others there', async () => {
    const { lab, speaker, d, e, probes } = await scene(mitigated);
    const now = async () => {
      await lab.settle();
      return [firstAs(d, P), firstAs(e, P)];
    };
    tell(d, 65004, 1, [], P);
    expect(await now(), 'alone').to.deep.equal([null, 65004]);
    tell(probes[1]!, 65002, 2, [], P);
    expect(await now(), 'the best is its own').to.deep.equal([65002, 65004]);
    expect(speaker.neighbor(d.address).prefixes['ipv4-unicast']).to.include({ received: 1, advertised: 1 });
    expect(
      [...speaker.routes('ipv4-unicast', { advertisedTo: d.address })].map(({ neighbor }) => neighbor),
    ).to.deep.equal([ADDRESSES[1]]);
    tell(probes[0]!, 65001, 2, [], P);
    expect(await now(), 'a better second').to.deep.equal([65001, 65004]);
    tell(probes[0]!, 65001, 2, [NOT_TO_D], P);
    expect(await now(), 'the second is rejected').to.deep.equal([65002, 65004]);
    d.withdraw(P);
    expect(await now()).to.deep.equal([65002, 65001]);
    tell(d, 65004, 1, [], P);
    probes[1]!.withdraw(P);
    expect(await now(), 'what it held is withdrawn').to.deep.equal([null, 65004]);
    probes[0]!.withdraw(P);
    d.withdraw(P);
    expect(await now()).to.deep.equal([null, null]);
    for (const probe of probes) expect(probe.view.needless).to.deep.equal([]);
  });

  it('a neighbor comes into another group, which the policy looks at: the second is chosen anew', async () => {
    const onlyShown = [
      { conditions: { fromPeerGroups: ['hidden'] }, actions: { result: 'reject' as const } },
      { actions: { result: 'accept' as const } },
    ];
    const grouped = (group: string): SpeakerConfig & { routerId: string } => {
      const plain = config({ exportPolicy: ['onlyShown'], mitigatePathHiding: true }, true);
      const neighbors = plain.neighbors!.map((one, i) => (i === 0 ? { ...one, peerGroup: group } : one));
      return { ...plain, neighbors, policies: { onlyShown }, peerGroups: { shown: {}, hidden: {} } };
    };
    const lab = new Lab();
    const speaker = await lab.speaker(grouped('shown'));
    const probes = ADDRESSES.map((address, i) => lab.probe(R, address, { localAs: asOf(i), peerAs: 64512 }));
    await lab.up(...probes);
    const [a, b, , d, e] = probes as [Probe, Probe, Probe, Probe, Probe];
    tell(d, 65004, 1, [], P);
    tell(a, 65001, 2, [], P);
    tell(b, 65002, 3, [], P);
    await lab.settle();
    expect([firstAs(d, P), firstAs(e, P)]).to.deep.equal([65001, 65004]);
    for (const [group, second] of [
      ['hidden', 65002],
      ['shown', 65001],
    ] as const) {
      expect((await speaker.reconfigure(grouped(group))).reset).to.deep.equal([]);
      await lab.settle();
      expect([firstAs(d, P), firstAs(e, P)], group).to.deep.equal([second, 65004]);
    }
  });

  for (const forAll of [false, true]) {
    it(`whatever happens, in any order: ${forAll ? 'all clients hold' : 'the client holds'} what the rule says`, async function () {
      this.timeout(60_000);
      for (let seed = 1; seed <= 8; seed++) await anyOrder(seed, forAll);
    });
  }
});

async function anyOrder(seed: number, forAll: boolean): Promise<void> {
  const { lab, speaker, probes, d } = await scene(mitigated, forAll);
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  const told = ADDRESSES.map(() => new Map<string, { length: number; rejected: boolean }>());
  const prefixes = Array.from({ length: 20 }, (_, i) => `10.${i}.0.0/16`);
  const clients = forAll ? [0, 1, 2, 3, 4] : [3];
  const expected = (client: number, prefix: string): number | null => {
    const paths = told
      .flatMap((one, i) => (one.has(prefix) ? [{ i, ...one.get(prefix)! }] : []))
      .filter(({ i, rejected }) => i !== client && !rejected)
      // All else is equal but for the router ID, which rises.
      .sort((a, b) => a.length - b.length || a.i - b.i);
    return paths.length === 0 ? null : asOf(paths[0]!.i);
  };
  const check = (when: string, who: readonly number[]): void => {
    for (const client of who) {
      const held = prefixes.map((prefix) => [prefix, firstAs(probes[client]!, prefix)]);
      const rule = prefixes.map((prefix) => [prefix, expected(client, prefix)]);
      expect(held, `seed ${seed}, ${when}, client ${client}`).to.deep.equal(rule);
      expect(probes[client]!.view.needless, `seed ${seed}, ${when}`).to.deep.equal([]);
      const { advertised } = speaker.neighbor(ADDRESSES[client]!).prefixes['ipv4-unicast']!;
      expect(advertised, `seed ${seed}, ${when}, count`).to.equal(rule.filter(([, asn]) => asn !== null).length);
    }
  };
  for (let step = 0; step < 400; step++) {
    const who = pick(5);
    const prefix = prefixes[pick(prefixes.length)]!;
    if (pick(3) === 0) {
      told[who]!.delete(prefix);
      probes[who]!.withdraw(prefix);
    } else {
      const [length, rejected] = [1 + pick(4), pick(2) === 0];
      told[who]!.set(prefix, { length, rejected });
      tell(probes[who]!, asOf(who), length, rejected ? [NOT_TO_D] : [], prefix);
    }
    if (pick(20) === 0) probes[clients[pick(clients.length)]!]!.refresh(1);
    if (pick(3) === 0) await lab.clock.runAsync(pick(30));
  }
  await lab.settle();
  check('after changes', clients);
  // One goes, one comes late.
  told[0]!.clear();
  await lab.during(probes[0]!.peer.stop());
  await lab.during(d.peer.stop());
  told[3]!.clear();
  await lab.settle();
  check(
    'one is gone',
    clients.filter((client) => client !== 0 && client !== 3),
  );
  await lab.up(d);
  check(
    'one is back',
    clients.filter((client) => client !== 0),
  );
  for (const probe of probes) void probe.peer.stop();
  await lab.clock.runAsync(1000);
  expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
}
