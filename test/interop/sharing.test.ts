/** What neighbors are told in another form, or instead: next hops forced on reflected routes, stale routes for those without LLGR, hidden paths. */
import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, eventually, holds, lab } from './harness/index.js';
import type { HeldRoute, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const ipv4 = { families: ['ipv4'] as const };

lab('nextHopSelf, and rules changed by a route refresh', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let tsbgp: Tsbgp;
  let clients: SpeakerDriver[];
  let external: SpeakerDriver[];
  const REFLECTED = '10.60.0.0/24';

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 1]);
    const hosts = await Promise.all(
      ['origin', 'frr', 'gobgp', 'bird', 'other'].map((name, i) => lab.network.host(name, [lan, i + 2])),
    );
    const us = { address: center.v4, peerAs: AS, ...ipv4 };
    clients = [Bird, Frr, Gobgp].map(
      (Daemon, i) => new Daemon(hosts[i]!, { asn: AS, neighbors: [us], announce: i === 0 ? [REFLECTED] : [] }),
    );
    external = [
      // Their paths begin with another AS, and have ours in them.
      new Bird(hosts[3]!, {
        asn: 65003,
        neighbors: [{ ...us, familyLines: { ipv4: [prepending(65003, AS)] } }],
        announce: ['10.63.0.0/24'],
      }),
      new Frr(hosts[4]!, {
        asn: 65004,
        neighbors: [{ ...us, familyLines: { ipv4: ['route-map prepending out'] } }],
        announce: ['10.64.0.0/24'],
      }),
    ];
    tsbgp = new Tsbgp(center, settings({}, {}));
    await Promise.all([tsbgp, ...clients, ...external].map((speaker) => speaker.start()));
    await (external[1] as Frr).vtysh(
      'bgpd',
      'configure terminal',
      'route-map prepending permit 10',
      `set as-path prepend 65004 ${AS}`,
    );
    for (const client of clients.slice(1)) await holds(client, 'ipv4', [{ prefix: REFLECTED }]);
    await eventually(() => tsbgp.neighbors(), {
      what: 'all sessions',
      until: (neighbors) => neighbors.every(({ state }) => state === 'Established'),
    });
  });

  const settings = (toClients: object, fromOthers: object): Tsbgp['settings'] => ({
    asn: AS,
    neighbors: [
      ...clients.map(({ host }) => ({
        ...{ address: host.v4, peerAs: AS, ...ipv4, reflectorClient: true, tsbgp: toClients },
      })),
      ...external.map(({ host, asn }) => ({ address: host.v4, peerAs: asn, ...ipv4, tsbgp: fromOthers })),
    ],
  });
  const established = async () => (await tsbgp.neighbors()).map((neighbor) => neighbor.established);

  it('force: FRR and GoBGP get our address in reflected routes, true: they do not', async () => {
    const before = await established();
    for (const [nextHopSelf, nextHop] of [
      [false, clients[0]!.host.v4],
      [true, clients[0]!.host.v4],
      ['force', tsbgp.host.v4],
    ] as const) {
      await tsbgp.reconfigure(settings({ nextHopSelf }, {}));
      for (const client of clients.slice(1)) {
        await holds(client, 'ipv4', [{ prefix: REFLECTED, nextHop, originatorId: clients[0]!.host.v4 }]);
      }
    }
    expect(await established()).to.deep.equal(before);
  });

  it('clusterId: FRR and GoBGP are told the new one, and no session ends', async () => {
    const before = await established();
    for (const clusterId of ['10.9.9.9', '10.9.9.10']) {
      await tsbgp.reconfigure(settings({ clusterId }, {}));
      for (const client of clients.slice(1)) {
        await holds(client, 'ipv4', [{ prefix: REFLECTED, clusterList: [clusterId] }]);
      }
    }
    expect(await established()).to.deep.equal(before);
  });

  it('allowOwnAs and enforceFirstAs: BIRD and FRR tell their routes again, and no session ends', async () => {
    const before = await established();
    const usable = async () =>
      (await tsbgp.paths('ipv4')).map(({ prefix }) => prefix).filter((prefix) => prefix !== REFLECTED);
    for (const [fromOthers, expected] of [
      [{ allowOwnAs: 1 }, ['10.63.0.0/24', '10.64.0.0/24']],
      [{}, []],
      [{ allowOwnAs: 1, enforceFirstAs: true }, ['10.63.0.0/24', '10.64.0.0/24']],
    ] as const) {
      await tsbgp.reconfigure(settings({ nextHopSelf: 'force' }, fromOthers));
      await eventually(usable, {
        what: `routes with ${JSON.stringify(fromOthers)}`,
        until: (held) => expect(held.sort()).to.deep.equal(expected),
      });
    }
    expect(await established()).to.deep.equal(before);
  });
});

/** BIRD: put these in front of the AS_PATH of what is told. */
function prepending(...asns: number[]): string {
  const lines = asns.toReversed().map((asn) => `bgp_path.prepend(${asn});`);
  return `export filter { if source != RTS_STATIC then reject; ${lines.join(' ')} accept; };`;
}

lab(
  'long-lived stale routes for those who do not know them (RFC 9494 section 4.6)',
  { needs: ['bird', 'frr', 'gobgp'], timeoutMs: 180_000 },
  (lab) => {
    it('FRR and GoBGP get them with NO_EXPORT and LOCAL_PREF 0, BIRD as they are', async () => {
      const lan = await lab.network.lan('10.0.0', 'fd00');
      const center = await lab.network.host('rr', [lan, 1]);
      const hosts = await Promise.all(
        ['origin', 'frr', 'gobgp', 'bird'].map((name, i) => lab.network.host(name, [lan, i + 2])),
      );
      const us = { address: center.v4, peerAs: AS, ...ipv4 };
      const gracefulRestart = { restartTime: 2, longLivedTime: 60 };
      const origin = new Bird(hosts[0]!, {
        asn: AS,
        neighbors: [{ ...us, gracefulRestart }],
        announce: ['10.65.0.0/24'],
      });
      const others = [Frr, Gobgp, Bird].map((Daemon, i) => new Daemon(hosts[i + 1]!, { asn: AS, neighbors: [us] }));
      const tsbgp = new Tsbgp(center, {
        asn: AS,
        neighbors: hosts.map(({ v4 }) => ({
          ...{ address: v4, peerAs: AS, ...ipv4, reflectorClient: true },
          tsbgp: { longLivedGracefulRestart: { partialDeployment: true } },
        })),
      });
      await Promise.all([tsbgp, origin, ...others].map((speaker) => speaker.start()));
      const isHeld = (route: Partial<HeldRoute>) =>
        Promise.all(others.map((one) => holds(one, 'ipv4', [{ prefix: '10.65.0.0/24', ...route }], 30_000)));
      await isHeld({ communities: [], localPref: 100 });
      await origin.kill();
      const marked = { prefix: '10.65.0.0/24', localPref: 0, communities: ['65535:6', '65535:65281'] };
      for (const other of others.slice(0, 2)) {
        const communities = other.kind === 'FRR' ? ['llgrStale', 'noExport'] : marked.communities;
        await holds(other, 'ipv4', [{ ...marked, communities }], 30_000);
      }
      await holds(others[2]!, 'ipv4', [{ ...marked, localPref: 100, communities: ['65535:6'] }], 30_000);
      await origin.start();
      await isHeld({ communities: [], localPref: 100 });
    });
  },
);

lab('path hiding at a route server (RFC 7947 section 2.3)', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  it('BIRD and GoBGP get the path of FRR where the better one of BIRD is not for them, as does that BIRD itself', async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rs', [lan, 1]);
    const hosts = await Promise.all(
      ['first', 'second', 'bird', 'gobgp'].map((name, i) => lab.network.host(name, [lan, i + 2])),
    );
    const asOf = (i: number) => 65001 + i;
    const us = { address: center.v4, peerAs: AS, ...ipv4 };
    const PREFIX = '10.66.0.0/24';
    const first = new Bird(hosts[0]!, {
      asn: asOf(0),
      neighbors: [us],
      announce: [{ prefix: PREFIX, communities: ['0:65000'] }],
    });
    const second = new Frr(hosts[1]!, {
      asn: asOf(1),
      neighbors: [us],
      announce: [{ prefix: PREFIX, med: 50 }],
    });
    const others = [
      new Bird(hosts[2]!, { asn: asOf(2), neighbors: [us] }),
      new Gobgp(hosts[3]!, { asn: asOf(3), neighbors: [us] }),
    ];
    const settings = (mitigatePathHiding: boolean): Tsbgp['settings'] => ({
      asn: AS,
      neighbors: hosts.map(({ v4 }, i) => ({
        ...{ address: v4, peerAs: asOf(i), ...ipv4 },
        tsbgp: { routeServerClient: true, mitigatePathHiding, ...(i < 2 ? {} : { exportPolicy: ['obedient'] }) },
      })),
      config: {
        policies: {
          obedient: [
            { conditions: { communities: { any: ['0:65000'] } }, actions: { result: 'reject' } },
            { actions: { result: 'accept' } },
          ],
        },
      },
    });
    const tsbgp = new Tsbgp(center, settings(true));
    await Promise.all([tsbgp, first, second, ...others].map((speaker) => speaker.start()));
    // Both paths have one AS; the first is the older one, with the lower router ID.
    await eventually(() => tsbgp.explain(PREFIX), {
      what: 'both paths',
      until: ({ best, decisions }) => best?.neighbor === first.host.v4 && decisions.length === 2,
    });
    const without = [first, ...others];
    for (const one of without) {
      await holds(one, 'ipv4', [{ prefix: PREFIX, asPath: String(asOf(1)), nextHop: second.host.v4 }]);
    }
    await tsbgp.reconfigure(settings(false));
    for (const one of without) await holds(one, 'ipv4', []);
    await tsbgp.reconfigure(settings(true));
    for (const one of without) await holds(one, 'ipv4', [{ prefix: PREFIX, asPath: String(asOf(1)) }]);
    await second.withdraw(PREFIX);
    for (const one of without) await holds(one, 'ipv4', []);
  });
});
