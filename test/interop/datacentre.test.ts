import { expect } from 'chai';
import { Bird, Tsbgp, eventually, holds, lab } from './harness/index.js';
import type { Host, SpeakerDriver } from './harness/index.js';

const AS = 64512;
const pods4 = (number: number) => `10.244.${number}.0/24`;
const pods6 = (number: number) => `fd00:244:${number}::/64`;

/** Three hosts with a pod each behind them, a reflector apart: tsbgp on two hosts, BIRD on the third. */
lab('small data centre', { needs: ['bird', 'ping'] }, (lab) => {
  let reflector: Tsbgp;
  let speakers: [Tsbgp, Tsbgp, Bird];
  let pods: Host[];

  /** Pod subnets that the kernel of a host has routes to over BGP, with their gateways. */
  const podRoutes = async (host: Host, ...own: readonly string[]) => {
    const routes = [...(await host.kernelRoutes(4)), ...(await host.kernelRoutes(6))];
    const remote = routes.filter(({ dst }) => /^(10\.244\.|fd00:244:)/.test(dst) && !own.includes(dst));
    return Object.fromEntries(remote.map(({ dst, gateway }) => [dst, gateway]));
  };

  /** Every host but `down` has exactly the routes to the pods of the others. */
  const kernelsAreRight = async (down?: SpeakerDriver) => {
    const up = speakers.filter((speaker) => speaker !== down);
    for (const { host } of up) {
      const number = hostNumber(host);
      const others = up.map((other) => other.host).filter((other) => other !== host);
      const expected = Object.fromEntries(
        others.flatMap((other) => [
          [pods4(hostNumber(other)), other.v4],
          [pods6(hostNumber(other)), other.v6],
        ]),
      );
      await eventually(() => podRoutes(host, pods4(number), pods6(number)), {
        what: `kernel routes of ${host.name}`,
        until: (routes) => expect(routes).to.deep.equal(expected),
      });
    }
  };

  const hostNumber = (host: Host) => speakers.findIndex((speaker) => speaker.host === host) + 1;

  const reach = (from: Host, to: Host) =>
    Promise.all(
      [to.v4, to.v6].map((address) =>
        eventually(() => from.reaches(address), { what: `${from.name} reaches ${address}`, until: (yes) => yes }),
      ),
    );

  before(async () => {
    const { network } = lab;
    const fabric = await network.lan('10.0.0', 'fd00');
    const center = await network.host('rr', [fabric, 100]);
    const hosts: Host[] = [];
    pods = [];
    for (const number of [1, 2, 3]) {
      const lan = await network.lan(`10.244.${number}`, `fd00:244:${number}`);
      const host = await network.host(`host${number}`, [fabric, number], [lan, 1]);
      const pod = await network.host(`pod${number}`, [lan, 2]);
      await host.forward();
      await pod.ip(`route add default via ${lan.v4}.1`, `route add default via ${lan.v6}::1`);
      hosts.push(host);
      pods.push(pod);
    }
    const settings = (number: number) => ({
      asn: AS,
      neighbors: [{ address: center.v4, peerAs: AS }],
      announce: [pods4(number), pods6(number)],
      kernel: true,
    });
    reflector = new Tsbgp(center, {
      asn: AS,
      neighbors: hosts.map(({ v4 }) => ({ address: v4, peerAs: AS, reflectorClient: true })),
    });
    speakers = [new Tsbgp(hosts[0]!, settings(1)), new Tsbgp(hosts[1]!, settings(2)), new Bird(hosts[2]!, settings(3))];
    await Promise.all([reflector, ...speakers].map((speaker) => speaker.start()));
  });

  it('the kernel of each host holds the routes to the pods of the others', async () => {
    await kernelsAreRight();
  });

  it('the reflector wrote no kernel routes, and has those of all hosts', async () => {
    expect(await podRoutes(reflector.host)).to.deep.equal({});
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
    await kernelsAreRight(speakers[1]);
    await reach(pods[0]!, pods[2]!);
    expect(await pods[0]!.reaches(pods[1]!.v4)).to.equal(false);
    await speakers[1].start();
    await kernelsAreRight();
    await reach(pods[0]!, pods[1]!);
  });

  it('a BIRD host is killed: its routes go, and come back with it', async () => {
    await speakers[2].kill();
    await kernelsAreRight(speakers[2]);
    await speakers[2].start();
    await kernelsAreRight();
    await reach(pods[1]!, pods[2]!);
  });

  it('a pod subnet that moves is followed', async () => {
    const moving = '10.244.77.0/24';
    const [first, second, third] = speakers;
    const gateway = async (at: Host) => (await podRoutes(at))[moving];
    await second.announce(moving);
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === second.host.v4 });
    await third.announce({ prefix: moving, localPref: 200 });
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === third.host.v4 });
    await second.withdraw(moving);
    await third.withdraw(moving);
    await eventually(() => gateway(first.host), { what: moving, until: (via) => via === undefined });
  });
});
