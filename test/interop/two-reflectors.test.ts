import { expect } from 'chai';
import { Bird, Gobgp, Openbgpd, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { ExpectedRoute, Family, Host, PeerSettings, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const prefixOf = (number: number, family: Family) =>
  family === 'ipv4' ? `10.${number}.0.0/24` : `2001:db8:${number}::/48`;

const client = ({ v4 }: Host): PeerSettings => ({ address: v4, peerAs: AS, reflectorClient: true });
const peer = ({ v4 }: Host): PeerSettings => ({ address: v4, peerAs: AS });

/** A client's route as it stands at another speaker. */
const reflected = (of: SpeakerDriver, number: number, family: Family, neighbor: Host, clusterList: string[]) =>
  ({
    prefix: prefixOf(number, family),
    neighbor: neighbor.v4,
    nextHop: family === 'ipv4' ? of.host.v4 : of.host.v6,
    originatorId: of.routerId,
    clusterList,
  }) satisfies ExpectedRoute;

const direct = (of: SpeakerDriver, number: number, family: Family) =>
  ({
    prefix: prefixOf(number, family),
    neighbor: of.host.v4,
    originatorId: null,
    clusterList: [],
  }) satisfies ExpectedRoute;

const networks = (number: number) => [prefixOf(number, 'ipv4'), prefixOf(number, 'ipv6')];

lab('two reflectors in one cluster', { needs: ['bird', 'gobgp'] }, (lab) => {
  const CLUSTER = '10.0.0.200';
  let reflectors: [Tsbgp, Tsbgp];
  let bird: Bird;
  let gobgp: Gobgp;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const one = await lab.network.host('rr1', [lan, 101]);
    const two = await lab.network.host('rr2', [lan, 102]);
    const first = await lab.network.host('bird', [lan, 1]);
    const second = await lab.network.host('gobgp', [lan, 2]);
    const settings = { asn: AS, clusterId: CLUSTER };
    reflectors = [
      new Tsbgp(one, { ...settings, neighbors: [client(first), client(second), peer(two)] }),
      new Tsbgp(two, { ...settings, neighbors: [client(first), client(second), peer(one)] }),
    ];
    bird = new Bird(first, { asn: AS, neighbors: [peer(one), peer(two)], announce: networks(1) });
    gobgp = new Gobgp(second, { asn: AS, neighbors: [peer(one), peer(two)], announce: networks(2) });
    await Promise.all([...reflectors, bird, gobgp].map((speaker) => speaker.start()));
    await established(reflectors[0], two.v4);
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`each client holds each ${family} route twice, once from each reflector`, async () => {
      const hosts = reflectors.map(({ host }) => host);
      await holds(
        gobgp,
        family,
        hosts.map((host) => reflected(bird, 1, family, host, [CLUSTER])),
      );
      await holds(
        bird,
        family,
        hosts.map((host) => reflected(gobgp, 2, family, host, [CLUSTER])),
      );
    });

    it(`a reflector does not use ${family} routes that come back with its cluster ID`, async () => {
      for (const reflector of reflectors) {
        await eventually(() => reflector.paths(family), {
          what: `best ${family} paths at ${reflector.host.name}`,
          until: (paths) => {
            const from = Object.fromEntries(paths.map(({ prefix, neighbor }) => [prefix, neighbor]));
            expect(from).to.deep.equal({ [prefixOf(1, family)]: bird.host.v4, [prefixOf(2, family)]: gobgp.host.v4 });
          },
        });
      }
    });

    it(`a withdrawn ${family} route does not live on between the two`, async () => {
      const hosts = reflectors.map(({ host }) => host);
      await bird.withdraw(prefixOf(1, family));
      await holds(gobgp, family, []);
      for (const reflector of reflectors) {
        expect((await reflector.paths(family)).map(({ prefix }) => prefix)).to.deep.equal([prefixOf(2, family)]);
      }
      await bird.announce(prefixOf(1, family));
      await holds(
        gobgp,
        family,
        hosts.map((host) => reflected(bird, 1, family, host, [CLUSTER])),
      );
    });
  }

  it('one reflector is killed: the clients keep all routes', async () => {
    const [first, second] = reflectors;
    await first.kill();
    await holds(gobgp, 'ipv4', [reflected(bird, 1, 'ipv4', second.host, [CLUSTER])]);
    await holds(bird, 'ipv6', [reflected(gobgp, 2, 'ipv6', second.host, [CLUSTER])]);
    await first.start();
    const hosts = reflectors.map(({ host }) => host);
    await holds(
      gobgp,
      'ipv4',
      hosts.map((host) => reflected(bird, 1, 'ipv4', host, [CLUSTER])),
      30_000,
    );
  });
});

lab('two reflectors in two clusters', { needs: ['bird', 'gobgp', 'openbgpd'] }, (lab) => {
  const CLUSTERS = ['10.0.0.201', '10.0.0.202'] as const;
  let reflectors: [Tsbgp, Tsbgp];
  /** Client of the first, of the second, of both. */
  let clients: [Bird, Gobgp, Openbgpd];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const one = await lab.network.host('rr1', [lan, 101]);
    const two = await lab.network.host('rr2', [lan, 102]);
    const [first, second, both] = [
      await lab.network.host('bird', [lan, 1]),
      await lab.network.host('gobgp', [lan, 2]),
      await lab.network.host('openbgpd', [lan, 3]),
    ];
    reflectors = [
      new Tsbgp(one, { asn: AS, clusterId: CLUSTERS[0], neighbors: [client(first), client(both), peer(two)] }),
      new Tsbgp(two, { asn: AS, clusterId: CLUSTERS[1], neighbors: [client(second), client(both), peer(one)] }),
    ];
    clients = [
      new Bird(first, { asn: AS, neighbors: [peer(one)], announce: networks(1) }),
      new Gobgp(second, { asn: AS, neighbors: [peer(two)], announce: networks(2) }),
      new Openbgpd(both, { asn: AS, neighbors: [peer(one), peer(two)], announce: networks(3) }),
    ];
    await Promise.all([...reflectors, ...clients].map((speaker) => speaker.start()));
    await established(reflectors[0], two.v4);
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`${family} routes cross both reflectors, which both stand in CLUSTER_LIST, the last one first`, async () => {
      const [first, second, both] = clients;
      const [one, two] = reflectors;
      await holds(first, family, [
        reflected(second, 2, family, one.host, [CLUSTERS[0], CLUSTERS[1]]),
        reflected(both, 3, family, one.host, [CLUSTERS[0]]),
      ]);
      await holds(second, family, [
        reflected(first, 1, family, two.host, [CLUSTERS[1], CLUSTERS[0]]),
        reflected(both, 3, family, two.host, [CLUSTERS[1]]),
      ]);
      await holds(both, family, [
        reflected(first, 1, family, one.host, [CLUSTERS[0]]),
        reflected(first, 1, family, two.host, [CLUSTERS[1], CLUSTERS[0]]),
        reflected(second, 2, family, one.host, [CLUSTERS[0], CLUSTERS[1]]),
        reflected(second, 2, family, two.host, [CLUSTERS[1]]),
      ]);
    });

    it(`a reflector holds the ${family} route of a shared client from both, and prefers the client itself`, async () => {
      const [first, second, both] = clients;
      const [one, two] = reflectors;
      await holds(one, family, [
        { ...direct(first, 1, family), best: true },
        { ...reflected(second, 2, family, two.host, [CLUSTERS[1]]), best: true },
        { ...direct(both, 3, family), best: true },
        { ...reflected(both, 3, family, two.host, [CLUSTERS[1]]), best: false },
      ]);
    });
  }

  it('a withdrawal crosses both reflectors', async () => {
    const [first, second, both] = clients;
    const [, two] = reflectors;
    await first.withdraw(prefixOf(1, 'ipv4'));
    await holds(second, 'ipv4', [reflected(both, 3, 'ipv4', two.host, [CLUSTERS[1]])]);
  });
});
