import { expect } from 'chai';
import { DataCentre, pods4, pods6 } from './datacentre.js';
import { eventually, holds, lab } from './harness/index.js';
import type { Host, Tsbgp } from './harness/index.js';

/** Three hosts with a pod each behind them, a reflector apart: tsbgp on two hosts, BIRD on the third. */
lab('small data centre', { needs: ['bird', 'ping'] }, (lab) => {
  let center: DataCentre;
  let reflector: Tsbgp;
  let speakers: DataCentre['speakers'];
  let pods: readonly Host[];

  const reach = (from: Host, to: Host) =>
    Promise.all(
      [to.v4, to.v6].map((address) =>
        eventually(() => from.reaches(address), { what: `${from.name} reaches ${address}`, until: (yes) => yes }),
      ),
    );

  before(async () => {
    center = await DataCentre.create(lab.network);
    ({ reflector, speakers, pods } = center);
  });

  it('the kernel of each host holds the routes to the pods of the others', async () => {
    await center.kernelsAreRight();
  });

  it('the reflector wrote no kernel routes, and has those of all hosts', async () => {
    expect(await center.podRoutes(reflector.host)).to.deep.equal({});
    await holds(
      reflector,
      'ipv4',
      [1, 2, 3].map((number) => ({ prefix: pods4(number) })),
    );
  });

  it('all pods reach each other over IPv4 and IPv6', async () => {
    for (const from of pods) for (const to of pods) if (from !== to) await reach(from, to);
  });

  it('tsbgp says what it wrote', async () => {
    const routes = await speakers[0].fib();
    expect(routes.map(({ prefix }) => prefix).sort()).to.deep.equal([2, 3].flatMap((n) => [pods4(n), pods6(n)]).sort());
    for (const { prefix, state, target } of routes) {
      expect(state, prefix).to.equal('installed');
      expect(target).to.match(/^via \S+ dev eth0/);
    }
  });

  it('a tsbgp host stops: the routes to its pods go from the other kernels, and come back with it', async () => {
    await speakers[1].stop();
    await center.kernelsAreRight(speakers[1]);
    await reach(pods[0]!, pods[2]!);
    expect(await pods[0]!.reaches(pods[1]!.v4)).to.equal(false);
    await speakers[1].start();
    await center.kernelsAreRight();
    await reach(pods[0]!, pods[1]!);
  });

  it('a BIRD host is killed: its routes go, and come back with it', async () => {
    await speakers[2].kill();
    await center.kernelsAreRight(speakers[2]);
    await speakers[2].start();
    await center.kernelsAreRight();
    await reach(pods[1]!, pods[2]!);
  });

  it('a pod subnet that moves is followed', async () => {
    const moving = '10.244.77.0/24';
    const [first, second, third] = speakers;
    const gateway = async (at: Host) => (await center.podRoutes(at))[moving];
    await second.announce(moving);
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === second.host.v4 });
    await third.announce({ prefix: moving, localPref: 200 });
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === third.host.v4 });
    await second.withdraw(moving);
    await third.withdraw(moving);
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === undefined });
  });
});
