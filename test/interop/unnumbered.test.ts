import { expect } from 'chai';
import { Bird, Frr, Gobgp, Tsbgp, established, eventually, lab } from './harness/index.js';
import type { SpeakerDriver } from './harness/index.js';

const AS = 64512;
const CENTER = 'fe80::100';

lab('eBGP between link-local addresses, on links without IPv4', { needs: ['bird', 'frr', 'gobgp'] }, (lab) => {
  let center: Tsbgp;
  let speakers: readonly SpeakerDriver[];

  const prefix = (index: number): string => `10.${index + 1}.0.0/24`;
  const linkLocal = (index: number): string => `fe80::${index + 1}`;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const names = ['bird', 'frr', 'gobgp', 'tsbgp'] as const;
    const hosts = await Promise.all(
      names.map((name, i) => lab.network.host(name, [lan, name === 'tsbgp' ? 100 : i + 1])),
    );
    for (const [i, host] of hosts.entries()) {
      const number = host.name === 'tsbgp' ? 100 : i + 1;
      await host.ip(
        `address del ${host.v4}/24 dev eth0`,
        `address del ${host.v6}/64 dev eth0`,
        `address add fe80::${number}/64 dev eth0 nodad`,
        `address add 10.${number}.0.1/24 dev lo`,
      );
    }
    const [one, two, three, four] = hosts as [(typeof hosts)[0], ...typeof hosts];
    center = new Tsbgp(four!, {
      asn: AS,
      neighbors: [],
      kernel: true,
      announce: ['10.100.0.0/24'],
      config: {
        listen: [{ address: `${CENTER}%eth0`, port: 179 }],
        neighbors: hosts.slice(0, 3).map((_, i) => ({
          address: `${linkLocal(i)}%eth0`,
          peerAs: 65_001 + i,
          families: ['ipv4-unicast'],
          extendedNextHop: true,
          connectRetry: 1,
        })),
      },
    });
    const toCenter = { address: CENTER, peerAs: AS, families: ['ipv4'] } as const;
    const bird = new Bird(one, {
      asn: 65_001,
      neighbors: [
        {
          ...toCenter,
          localAddress: linkLocal(0),
          lines: ['  interface "eth0";'],
          familyLines: { ipv4: ['extended next hop on;'] },
        },
      ],
      announce: [prefix(0)],
      kernel: true,
    });
    const frr = new Frr(two!, {
      asn: 65_002,
      neighbors: [{ ...toCenter, lines: ['interface eth0', 'capability extended-nexthop'] }],
      announce: [prefix(1)],
      kernel: true,
    });
    const gobgp = new Gobgp(three!, {
      asn: 65_003,
      neighbors: [{ ...toCenter, address: `${CENTER}%eth0`, localAddress: `${linkLocal(2)}%eth0` }],
      announce: [{ prefix: prefix(2), nextHop: linkLocal(2) }],
    });
    speakers = [bird, frr, gobgp];
    await Promise.all([center, ...speakers].map((speaker) => speaker.start()));
    await established(center, ...speakers.map((_, i) => `${linkLocal(i)}%eth0`));
  });

  it("each neighbor's route has its link-local address as next hop", async () => {
    const paths = await eventually(() => center.paths('ipv4'), {
      what: 'routes at tsbgp',
      until: (list) => list.length === 4,
    });
    for (const [i] of speakers.entries()) {
      const path = paths.find((one) => one.prefix === prefix(i))!;
      expect(path.neighbor, prefix(i)).to.equal(`${linkLocal(i)}%eth0`);
      expect([path.nextHop, path.linkLocalNextHop], prefix(i)).to.include(linkLocal(i));
    }
  });

  it('the kernel routes go via inet6 to the link-local address on the device', async () => {
    await eventually(() => center.host.kernelRoutes(4), {
      what: 'kernel routes',
      until: (list) => {
        for (const [i] of speakers.entries()) {
          const route = list.find(({ dst }) => dst === prefix(i));
          expect(route, prefix(i)).to.deep.include({ via: { family: 'inet6', host: linkLocal(i) }, dev: 'eth0' });
        }
      },
    });
  });

  it('our routes and those of the others arrive with our link-local address as next hop', async () => {
    for (const [i, speaker] of speakers.entries()) {
      const wanted = ['10.100.0.0/24', ...speakers.map((_, k) => prefix(k)).filter((_, k) => k !== i)].sort();
      await eventually(() => speaker.routes('ipv4'), {
        what: `routes at ${speaker.kind}`,
        until: (routes) => {
          expect(routes.map((route) => route.prefix).sort()).to.deep.equal(wanted);
        },
      });
    }
  });

  it('packets pass between hosts that have no IPv4 on the link: BIRD and FRR wrote the way back', async () => {
    for (const number of [1, 2]) {
      await eventually(() => center.host.reaches(`10.${number}.0.1`), {
        what: `echo from 10.${number}.0.1`,
        until: (answered) => answered,
      });
    }
  });

  it('commands take the address with its zone', async () => {
    const view = await center.neighbor(`${linkLocal(0)}%eth0`);
    expect(view).to.include({ state: 'Established', localAddress: `${CENTER}%eth0` });
  });
});
