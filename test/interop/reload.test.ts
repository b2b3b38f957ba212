import { expect } from 'chai';
import { Bird, Gobgp, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;

lab('dynamic neighbors, and SIGHUP with a new configuration', { needs: ['bird', 'gobgp'] }, (lab) => {
  let tsbgp: Tsbgp;
  let bird: Bird;
  let gobgp: Gobgp;
  let hosts: { center: Host; first: Host; second: Host };

  const client = ({ v4 }: Host) => ({ address: v4, peerAs: AS, reflectorClient: true });
  const routesOf = (number: number) => [`10.${number}.0.0/24`];

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('rr', [lan, 100]);
    const first = await lab.network.host('bird', [lan, 1]);
    const second = await lab.network.host('gobgp', [lan, 2]);
    hosts = { center, first, second };
    const neighbors = [{ address: center.v4, peerAs: AS }];
    tsbgp = new Tsbgp(center, { asn: AS, neighbors: [client(first)], announce: ['10.100.0.0/24'] });
    bird = new Bird(first, { asn: AS, neighbors, announce: routesOf(1) });
    gobgp = new Gobgp(second, { asn: AS, neighbors, announce: routesOf(2) });
    await Promise.all([tsbgp, bird, gobgp].map((speaker) => speaker.start()));
    await holds(bird, 'ipv4', [{ prefix: '10.100.0.0/24' }]);
  });

  /** The session with BIRD has never been down. */
  const birdStayedUp = async () => {
    expect(await tsbgp.neighbor(hosts.first.v4)).to.include({ state: 'Established', established: 1 });
  };

  /** Both hold what we announce, and the routes of the other one. */
  const reflected = async (announce: readonly string[]) => {
    await holds(
      bird,
      'ipv4',
      [...announce, ...routesOf(2)].map((prefix) => ({ prefix })),
    );
    await holds(
      gobgp,
      'ipv4',
      [...announce, ...routesOf(1)].map((prefix) => ({ prefix })),
    );
  };

  it('a neighbor and a network are added, and the session of the other stays up', async () => {
    const { first, second } = hosts;
    const announce = ['10.100.0.0/24', '10.101.0.0/24'];
    await tsbgp.reconfigure({ asn: AS, neighbors: [client(first), client(second)], announce });
    await reflected(announce);
    await birdStayedUp();
  });

  it('a wrong configuration changes nothing', async () => {
    await tsbgp.reconfigure({ asn: AS, neighbors: [{ address: '10.0.0.300', peerAs: AS }] });
    await eventually(() => tsbgp.process.log, {
      what: 'the complaint',
      until: (log) => log.includes('10.0.0.300') && log.includes('the old configuration stays'),
    });
    await established(tsbgp, hosts.first.v4, hosts.second.v4);
    await birdStayedUp();
  });

  it('another role in reflection: the plan says in place, and SIGHUP does it without ending a session', async () => {
    const { first, second } = hosts;
    const announce = ['10.100.0.0/24', '10.101.0.0/24'];
    const plain = ({ v4 }: Host) => ({ address: v4, peerAs: AS });
    // No clients any more: what BIRD and GoBGP tell is not told to the other one.
    const settings = { asn: AS, neighbors: [plain(first), plain(second)], announce };
    const { plan, code } = await tsbgp.plan(settings);
    expect(code).to.equal(3);
    expect(plan.neighbors.changed.map(({ neighbor, effect }) => [neighbor, effect])).to.deep.equal([
      [first.v4, 'inPlace'],
      [second.v4, 'inPlace'],
    ]);
    expect(plan.sessionsEnding).to.deep.equal([]);
    const sessions = (await tsbgp.neighbor(second.v4)).established;
    await tsbgp.reconfigure(settings);
    await holds(
      bird,
      'ipv4',
      announce.map((prefix) => ({ prefix })),
    );
    await holds(
      gobgp,
      'ipv4',
      announce.map((prefix) => ({ prefix })),
    );
    await tsbgp.reconfigure({ asn: AS, neighbors: [client(first), client(second)], announce });
    await reflected(announce);
    expect(await tsbgp.neighbor(second.v4)).to.include({ state: 'Established', established: sessions });
    await birdStayedUp();
  });

  it('the plan names the session that a removal ends', async () => {
    const { plan, code } = await tsbgp.plan({ asn: AS, neighbors: [client(hosts.first)], announce: ['10.101.0.0/24'] });
    expect(code).to.equal(4);
    expect(plan.neighbors.removed).to.deep.equal([hosts.second.v4]);
    expect(plan.sessionsEnding).to.deep.equal([hosts.second.v4]);
    expect(plan.networks.removed).to.deep.equal(['10.100.0.0/24']);
    await birdStayedUp();
  });

  it('a neighbor and a network are removed', async () => {
    await tsbgp.reconfigure({ asn: AS, neighbors: [client(hosts.first)], announce: ['10.101.0.0/24'] });
    await holds(bird, 'ipv4', [{ prefix: '10.101.0.0/24' }]);
    await holds(gobgp, 'ipv4', []);
    expect((await tsbgp.neighbors()).map(({ address }) => address)).to.deep.equal([hosts.first.v4]);
    await birdStayedUp();
  });

  it('any neighbor from a prefix is taken, with the settings of its peer group', async () => {
    const { first } = hosts;
    const config = {
      peerGroups: { clients: { peerAs: AS, routeReflectorClient: true } },
      dynamicNeighbors: [{ prefix: '10.0.0.0/24', peerGroup: 'clients' }],
    };
    await tsbgp.reconfigure({ asn: AS, neighbors: [client(first)], config });
    // A fresh one does not hold back after the end of its last session.
    await gobgp.stop();
    await gobgp.start();
    const { v4, v6 } = gobgp.host;
    await holds(
      bird,
      'ipv4',
      routesOf(2).map((prefix) => ({ prefix, originatorId: v4, nextHop: v4 })),
      30_000,
    );
    await holds(
      gobgp,
      'ipv4',
      routesOf(1).map((prefix) => ({ prefix, originatorId: first.v4 })),
    );
    expect(await tsbgp.neighbor(v4)).to.include({ dynamic: true, peerGroup: 'clients', routeReflectorClient: true });
    expect((await tsbgp.neighbors()).map(({ address }) => address)).to.not.include(v6);
    await birdStayedUp();
  });
});
