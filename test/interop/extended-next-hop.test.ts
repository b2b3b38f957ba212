import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { Host, SpeakerDriver } from './harness/index.js';

const AS = 64512;

lab('IPv4 routes with IPv6 next hops (RFC 8950)', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let reflector: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let gobgp: Gobgp;
  let plain: Bird;
  /** Speakers by the number of their host: N originates 10.N.0.0/24. */
  let origins: readonly (readonly [number, SpeakerDriver])[];

  const prefix = (number: number): string => `10.${number}.0.0/24`;
  const others = (but: SpeakerDriver) => origins.filter(([, speaker]) => speaker !== but);
  const allBut = (but: SpeakerDriver) =>
    others(but).map(([number, { host }]) => ({ prefix: prefix(number), nextHop: host.v6, best: true }));

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const center = await lab.network.host('tsbgp', [lan, 100]);
    const hosts: Host[] = [];
    for (const [index, name] of ['bird', 'frr', 'gobgp', 'plain'].entries()) {
      const host = await lab.network.host(name, [lan, index + 1]);
      await host.ip(`address add 10.${index + 1}.0.1/24 dev lo`);
      hosts.push(host);
    }
    const [one, two, three, four] = hosts as [Host, Host, Host, Host];
    const clients = [one, two, three].map(({ v6 }) => ({
      address: v6,
      peerAs: AS,
      routeReflectorClient: true,
      extendedNextHop: true,
      connectRetry: 1,
      connectRetryMax: 4,
    }));
    reflector = new Tsbgp(center, {
      asn: AS,
      kernel: true,
      neighbors: [],
      announce: ['10.100.0.0/24'],
      config: {
        neighbors: [...clients, { address: four.v4, peerAs: AS, routeReflectorClient: true, connectRetry: 1 }],
      },
    });
    const toCenter = { address: center.v6, peerAs: AS };
    bird = new Bird(one, {
      asn: AS,
      neighbors: [{ ...toCenter, familyLines: { ipv4: ['extended next hop on;'] } }],
      announce: [prefix(1)],
    });
    frr = new Frr(two, {
      asn: AS,
      neighbors: [{ ...toCenter, lines: ['capability extended-nexthop'] }],
      announce: [prefix(2)],
    });
    gobgp = new Gobgp(three, {
      asn: AS,
      neighbors: [toCenter],
      announce: [{ prefix: prefix(3), nextHop: three.v6 }],
    });
    plain = new Bird(four, { asn: AS, neighbors: [{ address: center.v4, peerAs: AS }], announce: [prefix(4)] });
    origins = [
      [1, bird],
      [2, frr],
      [3, gobgp],
    ];
    await Promise.all([reflector, bird, frr, gobgp, plain].map((speaker) => speaker.start()));
    await established(reflector, one.v6, two.v6, three.v6, four.v4);
  });

  it('is agreed with BIRD, FRR and GoBGP', async () => {
    for (const [, { host }] of origins) {
      expect((await reflector.neighbor(host.v6)).capabilities, host.name).to.include('EXTENDED_NEXT_HOP');
    }
  });

  it("is told by each, with the speaker's IPv6 address", async () => {
    const all = origins.map(([number, { host }]) => ({ prefix: prefix(number), nextHop: host.v6, neighbor: host.v6 }));
    await holds(reflector, 'ipv4', [...all, { prefix: prefix(4), nextHop: plain.host.v4, neighbor: plain.host.v4 }]);
  });

  it('is reflected to each with the next hop unchanged, beside a route with an IPv4 next hop', async () => {
    const more = [
      { prefix: prefix(4), nextHop: plain.host.v4 },
      { prefix: '10.100.0.0/24', nextHop: reflector.host.v6 },
    ];
    await holds(bird, 'ipv4', [...allBut(bird), ...more]);
    await holds(frr, 'ipv4', [...allBut(frr), ...more]);
    await holds(gobgp, 'ipv4', [...allBut(gobgp), ...more]);
  });

  it('is not told to a neighbor without', async () => {
    await holds(plain, 'ipv4', [{ prefix: '10.100.0.0/24', nextHop: reflector.host.v4 }]);
  });

  it('goes into the kernel as via inet6, and packets take that way', async () => {
    const routes = await eventually(() => reflector.host.kernelRoutes(4), {
      what: 'kernel routes of the reflector',
      until: (list) => list.filter(({ protocol }) => protocol === 'bgp').length === 4,
    });
    for (const [number, { host }] of origins) {
      const route = routes.find(({ dst }) => dst === prefix(number));
      expect(route, prefix(number)).to.deep.include({ via: { family: 'inet6', host: host.v6 }, dev: 'eth0' });
      await eventually(() => reflector.host.reaches(`10.${number}.0.1`), {
        what: `echo from 10.${number}.0.1`,
        until: (answered) => answered,
      });
    }
  });

  it('is read back as ours: taken away by somebody it comes again, a restart changes nothing', async () => {
    const ours = async () => {
      const routes = await reflector.host.kernelRoutes(4);
      return routes.filter(({ protocol }) => protocol === 'bgp');
    };
    const before = await ours();
    await reflector.host.ip(`route del ${prefix(1)} proto bgp`);
    await eventually(ours, {
      what: 'the route is back',
      until: (routes) => expect(routes).to.have.deep.members(before),
    });
    await reflector.kill();
    expect(await ours()).to.have.deep.members(before);
    await reflector.start();
    await established(reflector, ...origins.map(([, { host }]) => host.v6));
    await eventually(() => reflector.fib(), {
      what: 'all routes installed again',
      until: (routes) => routes.filter(({ state }) => state === 'installed').length === 4,
    });
    expect(await ours()).to.have.deep.members(before);
  });

  it('is set by a policy in a route that came with an IPv4 one, for BIRD and FRR that take it', async () => {
    const { settings } = reflector;
    const exportPolicy = ['viaGobgp'];
    const policies = {
      viaGobgp: [
        {
          conditions: { nextHopIn: [plain.host.v4] },
          actions: { nextHop: gobgp.host.v6, result: 'accept' as const },
        },
        { actions: { result: 'accept' as const } },
      ],
    };
    const neighbors = settings.config!.neighbors!.map((one) => ({ ...one, exportPolicy }));
    const ours = { prefix: '10.100.0.0/24', nextHop: reflector.host.v6 };
    for (const [nextHop, config] of [
      [gobgp.host.v6, { policies, neighbors }],
      [plain.host.v4, settings.config!],
    ] as const) {
      await reflector.reconfigure({ ...settings, config });
      for (const one of [bird, frr]) {
        await holds(one, 'ipv4', [...allBut(one), { prefix: prefix(4), nextHop, best: true }, ours]);
      }
      await holds(plain, 'ipv4', [{ prefix: '10.100.0.0/24', nextHop: reflector.host.v4 }]);
    }
  });

  it('is withdrawn everywhere, the kernel included', async () => {
    for (const [number, speaker] of origins) {
      await speaker.withdraw(prefix(number));
      for (const [, other] of others(speaker)) {
        await eventually(() => other.routes('ipv4'), {
          what: `${prefix(number)} is gone from ${other.kind}`,
          until: (routes) => !routes.some((route) => route.prefix === prefix(number)),
        });
      }
    }
    await eventually(() => reflector.host.kernelRoutes(4), {
      what: 'only the IPv4 next hop is left in the kernel',
      until: (list) =>
        expect(list.filter(({ protocol }) => protocol === 'bgp').map(({ dst }) => dst)).to.deep.equal([prefix(4)]),
    });
  });
});
