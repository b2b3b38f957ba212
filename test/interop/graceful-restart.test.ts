import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, eventually, holds, lab, steadily } from './harness/index.js';
import type { PeerSettings, SpeakerDriver, SpeakerKind } from './harness/index.js';

const AS = 64512;
const kept = ['10.20.0.0/24', '2001:db8:20::/48'];
const gone = ['10.21.0.0/24', '2001:db8:21::/48'];
const LLGR_STALE = '65535:6';

const prefixes = async (speaker: SpeakerDriver, family: 'ipv4' | 'ipv6' = 'ipv4') =>
  (await speaker.routes(family)).map(({ prefix }) => prefix).sort();

/** The neighbor has the session up, and nothing of it is stale. */
const isWell = (tsbgp: Tsbgp, address: string, received: number) =>
  eventually(() => tsbgp.neighbor(address), {
    what: `${address} is back and nothing is stale`,
    limitMs: 30_000,
    until: ({ state, prefixes: counts }) =>
      state === 'Established' && Object.values(counts).every((one) => !one.stale && one.received === received),
  });

const isDown = (tsbgp: Tsbgp, address: string) =>
  eventually(() => tsbgp.neighbor(address), {
    what: 'the session is down',
    until: ({ state }) => state !== 'Established',
  });

const DAEMONS: readonly [name: 'bird' | 'frr' | 'gobgp', kind: SpeakerKind][] = [
  ['bird', Bird],
  ['frr', Frr],
  ['gobgp', Gobgp],
];

for (const [name, Daemon] of DAEMONS) {
  lab(`graceful restart of ${Daemon.name}, tsbgp as helper`, { needs: ['bird', name], timeoutMs: 180_000 }, (lab) => {
    let tsbgp: Tsbgp;
    let daemon: SpeakerDriver;
    let watcher: Bird;

    before(async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const center = await lab.network.host('rr', [lan, 1]);
      const first = await lab.network.host('daemon', [lan, 2]);
      const second = await lab.network.host('watcher', [lan, 3]);
      const clients = [first, second].map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true }));
      tsbgp = new Tsbgp(center, { asn: AS, neighbors: clients });
      daemon = new Daemon(first, {
        asn: AS,
        neighbors: [{ address: center.v4, peerAs: AS, gracefulRestart: { restartTime: 20 } }],
        announce: [...kept, ...gone],
      });
      watcher = new Bird(second, { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }] });
      await Promise.all([tsbgp, daemon, watcher].map((speaker) => speaker.start()));
      for (const [i, family] of (['ipv4', 'ipv6'] as const).entries()) {
        await holds(watcher, family, [{ prefix: kept[i]! }, { prefix: gone[i]! }]);
      }
    });

    it('it is killed: its routes stay, here and with others, and when it is back nobody is told anything', async () => {
      const updates = async () => (await tsbgp.neighbor(watcher.host.v4)).sent.update;
      await isWell(tsbgp, daemon.host.v4, 2);
      const before = await updates();
      await daemon.kill();
      await isDown(tsbgp, daemon.host.v4);
      expect(await prefixes(watcher)).to.deep.equal([kept[0], gone[0]]);
      expect((await tsbgp.explain(kept[0]!)).best).to.include({ stale: true });
      await daemon.start();
      await isWell(tsbgp, daemon.host.v4, 2);
      // FRR sends End-of-RIB first and its own networks later, so they go and come (docs/interop.md).
      if (name !== 'frr') expect(await updates()).to.equal(before);
      await holds(watcher, 'ipv4', [{ prefix: kept[0]! }, { prefix: gone[0]! }]);
    });

    it('routes that are gone after the restart are withdrawn', async () => {
      const { announce } = daemon.settings;
      await daemon.kill();
      Object.assign(daemon.settings, { announce: kept });
      await daemon.start();
      await holds(watcher, 'ipv4', [{ prefix: kept[0]! }], 30_000);
      await holds(watcher, 'ipv6', [{ prefix: kept[1]! }], 30_000);
      Object.assign(daemon.settings, { announce });
    });

    it('it does not come back: its routes go when its restart time is over', async () => {
      await isWell(tsbgp, daemon.host.v4, 1);
      await daemon.kill();
      await isDown(tsbgp, daemon.host.v4);
      await steadily(async () => (await prefixes(watcher)).length === 1, { what: 'routes are kept', forMs: 5000 });
      await holds(watcher, 'ipv4', [], 25_000);
    });
  });
}

lab('graceful restart of tsbgp', { needs: ['bird', 'frr', 'gobgp'], timeoutMs: 180_000 }, (lab) => {
  let tsbgp: Tsbgp;
  let helpers: SpeakerDriver[];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 1]);
    const hosts = await Promise.all(DAEMONS.map(([name], i) => lab.network.host(name, [lan, i + 2])));
    const neighbor: PeerSettings = { address: center.v4, peerAs: AS, restartHelper: true };
    helpers = DAEMONS.map(
      ([, Daemon], i) => new Daemon(hosts[i]!, { asn: AS, neighbors: [neighbor], announce: [`10.3${i}.0.0/24`] }),
    );
    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: hosts.map(({ v4 }) => ({
        address: v4,
        peerAs: AS,
        reflectorClient: true,
        gracefulRestart: { restartTime: 30 },
      })),
      announce: [...kept, ...gone],
      config: { gracefulRestart: { atStop: 'restart' } },
    });
    await Promise.all([tsbgp, ...helpers].map((speaker) => speaker.start()));
    await allHold([kept[0]!, gone[0]!, '10.30.0.0/24', '10.31.0.0/24', '10.32.0.0/24']);
  });

  /** Each holds these of tsbgp, but for the one that it announces itself. */
  const allHold = async (expected: readonly string[]) => {
    for (const [i, helper] of helpers.entries()) {
      await eventually(() => prefixes(helper), {
        what: `routes of ${helper.kind}`,
        limitMs: 40_000,
        until: (held) => expect(held).to.deep.equal(expected.filter((prefix) => prefix !== `10.3${i}.0.0/24`)),
      });
    }
  };

  for (const how of ['kill', 'stop'] as const) {
    it(`${how}: all keep its routes until it is back, and drop those that it no longer has`, async () => {
      const everything = [kept[0]!, gone[0]!, '10.30.0.0/24', '10.31.0.0/24', '10.32.0.0/24'];
      await tsbgp[how]();
      await steadily(
        async () => (await Promise.all(helpers.map((helper) => prefixes(helper)))).every((held) => held.length === 4),
        { what: 'all routes are kept', forMs: 3000 },
      );
      const { announce } = tsbgp.settings;
      Object.assign(tsbgp.settings, { announce: kept });
      await tsbgp.start();
      await allHold(everything.filter((prefix) => prefix !== gone[0]));
      await tsbgp.announce(gone[0]!);
      await allHold(everything);
      Object.assign(tsbgp.settings, { announce });
    });
  }
});

lab('long-lived graceful restart', { needs: ['bird', 'frr', 'gobgp'], timeoutMs: 180_000 }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let gobgp: Gobgp;
  let frr: Frr;
  const gracefulRestart = { restartTime: 2, longLivedTime: 15 };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 1]);
    const [first, second, third] = await Promise.all(DAEMONS.map(([name], i) => lab.network.host(name, [lan, i + 2])));
    const neighbor = { address: center.v4, peerAs: AS, families: ['ipv4'] as const };
    bird = new Bird(first!, { asn: AS, neighbors: [{ ...neighbor, gracefulRestart }], announce: ['10.40.0.0/24'] });
    frr = new Frr(second!, { asn: AS, neighbors: [neighbor] });
    gobgp = new Gobgp(third!, { asn: AS, neighbors: [{ ...neighbor, gracefulRestart }], announce: ['10.42.0.0/24'] });
    tsbgp = new Tsbgp(center, {
      asn: AS,
      neighbors: [
        { address: bird.host.v4, peerAs: AS, reflectorClient: true, families: ['ipv4'], gracefulRestart },
        { address: frr.host.v4, peerAs: AS, reflectorClient: true, families: ['ipv4'] },
        { address: gobgp.host.v4, peerAs: AS, reflectorClient: true, families: ['ipv4'], gracefulRestart },
      ],
      announce: ['10.43.0.0/24'],
    });
    await Promise.all([tsbgp, bird, frr, gobgp].map((speaker) => speaker.start()));
    await eventually(() => prefixes(frr), {
      what: 'all routes',
      limitMs: 40_000,
      until: (held) => expect(held).to.deep.equal(['10.40.0.0/24', '10.42.0.0/24', '10.43.0.0/24']),
    });
  });

  for (const [who, other, prefix] of [
    [() => gobgp, () => bird, '10.42.0.0/24'],
    [() => bird, () => gobgp, '10.40.0.0/24'],
  ] as const) {
    it(`${prefix} gets LLGR_STALE when its speaker does not come back, and goes after the long-lived time`, async () => {
      await isWell(tsbgp, who().host.v4, 1);
      await who().kill();
      await eventually(() => other().routes('ipv4'), {
        what: `${prefix} is long-lived stale at ${other().kind}`,
        until: (routes) => expect(routes.find((route) => route.prefix === prefix)?.communities).to.include(LLGR_STALE),
      });
      // FRR was not told to announce the capability.
      await eventually(() => prefixes(frr), { what: 'FRR', until: (held) => expect(held).to.not.include(prefix) });
      expect((await tsbgp.neighbor(who().host.v4)).prefixes['ipv4-unicast']?.stale?.phase).to.equal('longLived');
      await eventually(() => prefixes(other()), {
        what: 'the long-lived time is over',
        limitMs: 25_000,
        until: (held) => expect(held).to.not.include(prefix),
      });
      await who().start();
      await eventually(() => prefixes(frr), {
        what: 'FRR',
        limitMs: 40_000,
        until: (held) => expect(held).to.include(prefix),
      });
    });
  }

  it('tsbgp does not come back: BIRD marks its routes, and drops the mark when it is back', async () => {
    await isWell(tsbgp, bird.host.v4, 1);
    await tsbgp.kill();
    const communities = async () =>
      (await bird.routes('ipv4')).find(({ prefix }) => prefix === '10.43.0.0/24')?.communities;
    await eventually(communities, { what: 'LLGR_STALE', until: (held) => expect(held).to.include(LLGR_STALE) });
    await tsbgp.start();
    await eventually(communities, {
      what: 'no mark',
      limitMs: 30_000,
      until: (held) => expect(held).to.deep.equal([]),
    });
  });
});
