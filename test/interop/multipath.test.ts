import { expect } from 'chai';
import { Bird, Exabgp, Frr, Gobgp, Tsbgp, established, eventually, lab } from './harness/index.js';
import type { Host, KernelRoute } from './harness/index.js';

const AS = 64512;
const SHARED = '10.50.0.0/24';
const SHARED6 = '2001:db8:50::/48';
const WEIGHTED = '10.60.0.0/24';

type Route = KernelRoute & {
  readonly nexthops?: readonly { readonly gateway: string; readonly dev: string; readonly weight: number }[];
  readonly prefsrc?: string;
  readonly metrics?: readonly { readonly mtu?: number }[];
};

/** `10.0.1.1 eth0 1` of each next hop of our kernel route for a prefix, sorted; undefined: there is none. */
async function ways(host: Host, prefix: string): Promise<string[] | undefined> {
  const routes = (await host.kernelRoutes(prefix.includes(':') ? 6 : 4)) as Route[];
  const route = routes.find(({ dst, protocol }) => dst === prefix && protocol === 'bgp');
  if (route === undefined) return undefined;
  const hops = route.nexthops ?? [{ gateway: route.gateway, dev: route.dev, weight: 1 }];
  return hops.map(({ gateway, dev, weight }) => `${gateway} ${dev} ${weight}`).sort();
}

const goes = (host: Host, prefix: string, ...expected: string[]): Promise<unknown> =>
  eventually(() => ways(host, prefix), {
    what: `ways to ${prefix}`,
    until: (seen) => expect(seen).to.deep.equal(expected.length === 0 ? undefined : expected.sort()),
  });

const answers = (host: Host, address: string): Promise<unknown> =>
  eventually(() => host.reaches(address), { what: `echo from ${address}`, until: (answered) => answered });

/** Three uplinks, each of an AS and on a link of its own: BIRD, FRR and ExaBGP. */
lab('eBGP multipath', { needs: ['bird', 'frr', 'exabgp', 'ping'] }, (lab) => {
  let edge: Tsbgp;
  let bird: Bird;
  let frr: Frr;
  let exabgp: Exabgp;

  before(async () => {
    const lans = [];
    for (const n of [1, 2, 3]) lans.push(await lab.network.lan(`10.0.${n}`, `fd00:${n}`));
    const [a, b, c] = lans as [(typeof lans)[0], (typeof lans)[0], (typeof lans)[0]];
    const center = await lab.network.host('tsbgp', [a, 100], [b, 100], [c, 100]);
    const one = await lab.network.host('bird', [a, 1]);
    const two = await lab.network.host('frr', [b, 2]);
    const three = await lab.network.host('exabgp', [c, 3]);
    for (const host of [one, two])
      await host.ip('address add 10.50.0.1/24 dev lo', 'address add 2001:db8:50::1/48 dev lo');
    for (const host of [two, three]) await host.ip('address add 10.60.0.1/24 dev lo');
    await one.ip('address add 10.66.0.1/32 dev lo');
    await center.ip('address add 10.99.0.1/32 dev lo');
    for (const [index, host] of [one, two, three].entries()) {
      await host.ip(`route add 10.99.0.1/32 via 10.0.${index + 1}.100 proto static`);
    }
    const toCenter = (n: number) => ({ address: `10.0.${n}.100`, peerAs: AS });
    bird = new Bird(one, {
      asn: 65001,
      neighbors: [toCenter(1)],
      announce: [SHARED, SHARED6, { prefix: '10.66.0.1/32', communities: ['65535:666'] }],
    });
    frr = new Frr(two, { asn: 65002, neighbors: [toCenter(2)], announce: [SHARED, SHARED6] });
    exabgp = new Exabgp(three, { asn: 65003, neighbors: [toCenter(3)] });
    edge = new Tsbgp(center, {
      asn: AS,
      neighbors: [],
      config: {
        neighbors: [
          { address: one.v4, peerAs: 65001, connectRetry: 1 },
          { address: two.v4, peerAs: 65002, connectRetry: 1 },
          { address: three.v4, peerAs: 65003, connectRetry: 1 },
        ],
        multipath: { ebgp: 8, asPathRelax: true },
        fib: { type: 'ip-route', exportPolicy: ['kernel'] },
        policies: {
          kernel: [
            {
              conditions: { communities: { any: ['65535:666'] } },
              actions: { result: 'accept', kernelRoute: { type: 'blackhole', metric: 5 } },
            },
            { conditions: { family: 'ipv4-unicast' }, actions: { kernelRoute: { prefSrc: '10.99.0.1', mtu: 1400 } } },
            { actions: { result: 'accept' } },
          ],
        },
      },
    });
    await Promise.all([edge, bird, frr, exabgp].map((speaker) => speaker.start()));
    await established(edge, one.v4, two.v4, three.v4);
  });

  it('two uplinks of different ASes are used at once, IPv4 and IPv6', async () => {
    await goes(edge.host, SHARED, '10.0.1.1 eth0 1', '10.0.2.2 eth1 1');
    await goes(edge.host, SHARED6, 'fd00:1::1 eth0 1', 'fd00:2::2 eth1 1');
    const paths = await edge.paths('ipv4', '--all');
    const weights = paths.filter(({ prefix }) => prefix === SHARED).map(({ multipathWeight }) => multipathWeight);
    expect(weights).to.deep.equal([1, 1]);
    expect(await edge.cli('show', 'route', SHARED)).to.match(/multipath used, weight 1[^]*multipath used, weight 1/);
  });

  it('the policy on the way to the kernel says source address, MTU, and what is dropped at which metric', async () => {
    const routes = (await edge.host.kernelRoutes(4)) as Route[];
    const shared = routes.find(({ dst }) => dst === SHARED)!;
    expect(shared).to.include({ prefsrc: '10.99.0.1', metric: 32 });
    expect(shared.metrics).to.deep.equal([{ mtu: 1400 }]);
    await eventually(() => edge.host.kernelRoutes(4), {
      what: 'the blackhole',
      until: (list) =>
        list.some(({ dst, type, metric }) => dst === '10.66.0.1' && type === 'blackhole' && metric === 5),
    });
    expect(await edge.host.reaches('10.66.0.1')).to.equal(false);
  });

  it('shares follow the bandwidth of the links that FRR and ExaBGP tell', async () => {
    // 100 Mbit/s; ExaBGP: a Link Bandwidth community of AS 65003 with 37.5 million octets per second, 300 Mbit/s.
    const map = ['route-map bandwidth permit 10', 'set extcommunity bandwidth 100', 'exit'];
    const family = ['router bgp 65002', 'address-family ipv4 unicast'];
    await frr.vtysh('bgpd', 'configure terminal', ...map, ...family, `network ${WEIGHTED} route-map bandwidth`);
    await goes(edge.host, WEIGHTED, '10.0.2.2 eth1 1');
    const tell = (float: string): Promise<void> =>
      exabgp.command(`announce route ${WEIGHTED} next-hop 10.0.3.3 extended-community [ 0x4004fdeb${float} ]`);
    await tell('4c0f0d18');
    await goes(edge.host, WEIGHTED, '10.0.2.2 eth1 1', '10.0.3.3 eth2 3');
    await answers(edge.host, '10.60.0.1');
    // 200 Mbit/s.
    await tell('4bbebc20');
    await goes(edge.host, WEIGHTED, '10.0.2.2 eth1 1', '10.0.3.3 eth2 2');
    await exabgp.command(`withdraw route ${WEIGHTED} next-hop 10.0.3.3`);
    await goes(edge.host, WEIGHTED, '10.0.2.2 eth1 1');
  });

  it('a link that fails shrinks the route at once, and packets go on', async () => {
    await answers(edge.host, '10.50.0.1');
    await edge.host.ip('link set eth0 down');
    await goes(edge.host, SHARED, '10.0.2.2 eth1 1');
    await answers(edge.host, '10.50.0.1');
    await edge.host.ip('link set eth0 up', 'address replace fd00:1::100/64 dev eth0 nodad');
    await established(edge, bird.host.v4);
    await goes(edge.host, SHARED, '10.0.1.1 eth0 1', '10.0.2.2 eth1 1');
  });

  it('an uplink that dies, and comes back', async () => {
    await frr.kill();
    await goes(edge.host, SHARED, '10.0.1.1 eth0 1');
    await answers(edge.host, '10.50.0.1');
    await frr.start();
    await goes(edge.host, SHARED, '10.0.1.1 eth0 1', '10.0.2.2 eth1 1');
  });

  it('is found again after a restart', async () => {
    const before = await edge.host.kernelRoutes(4);
    await edge.kill();
    await edge.start();
    await established(edge, bird.host.v4, frr.host.v4);
    await goes(edge.host, SHARED, '10.0.1.1 eth0 1', '10.0.2.2 eth1 1');
    await eventually(() => edge.host.kernelRoutes(4), {
      what: 'the same routes, and the blackhole with its own metric',
      until: (routes) => {
        const ours = (list: readonly KernelRoute[]) => list.filter(({ dst }) => [SHARED, '10.66.0.1'].includes(dst));
        expect(ours(routes)).to.deep.equal(ours(before));
      },
    });
  });
});

/** Two origins behind two reflectors (BIRD, and FRR with ADD-PATH), and a third whose next hop BGP leads to. */
lab('iBGP multipath and next hops through BGP', { needs: ['bird', 'frr', 'gobgp', 'ping'] }, (lab) => {
  let node: Tsbgp;
  let one: Bird;
  let two: Frr;
  let far: Gobgp;

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    const names = ['one', 'two', 'far', 'reflector-bird', 'reflector-frr'];
    const center = await lab.network.host('tsbgp', [lan, 100]);
    const hosts: Host[] = [];
    for (const [index, name] of names.entries()) hosts.push(await lab.network.host(name, [lan, index + 1]));
    const [h1, h2, h3, h4, h5] = hosts as [Host, Host, Host, Host, Host];
    for (const host of [h1, h2]) await host.ip('address add 10.50.0.1/24 dev lo');
    for (const host of [h1, h2]) await host.ip('address add 10.255.0.1/32 dev lo', 'address add 10.70.0.1/24 dev lo');
    const peer = ({ v4 }: Host) => ({ address: v4, peerAs: AS });
    const client = (host: Host) => ({ ...peer(host), reflectorClient: true });
    one = new Bird(h1, { asn: AS, neighbors: [peer(h4), peer(h5)], announce: [SHARED, SHARED6] });
    two = new Frr(h2, { asn: AS, neighbors: [peer(h4), peer(h5)], announce: [SHARED, SHARED6] });
    far = new Gobgp(h3, {
      asn: AS,
      neighbors: [peer(center)],
      announce: [{ prefix: '10.70.0.0/24', nextHop: '10.255.0.1' }],
    });
    const all = { familyLines: { ipv4: ['addpath-tx-all-paths'], ipv6: ['addpath-tx-all-paths'] } };
    const reflectors = [
      new Bird(h4, { asn: AS, neighbors: [client(h1), client(h2), peer(center)] }),
      new Frr(h5, { asn: AS, neighbors: [client(h1), client(h2), { ...peer(center), ...all }] }),
    ];
    node = new Tsbgp(center, {
      asn: AS,
      kernel: true,
      neighbors: [],
      config: {
        neighbors: [
          { ...peer(h3), connectRetry: 1 },
          { ...peer(h4), connectRetry: 1 },
          { ...peer(h5), connectRetry: 1, addPath: { receive: true } },
        ],
        multipath: { ibgp: 4 },
      },
    });
    await Promise.all([one, two, far, ...reflectors, node].map((speaker) => speaker.start()));
    await established(node, h3.v4, h4.v4, h5.v4);
  });

  const both = ['10.0.0.1 eth0 1', '10.0.0.2 eth0 1'] as const;

  it('both origins are used, each once, though they are told three times', async () => {
    await goes(node.host, SHARED, ...both);
    await goes(node.host, SHARED6, 'fd00::1 eth0 1', 'fd00::2 eth0 1');
    const paths = (await node.paths('ipv4', '--all')).filter(({ prefix }) => prefix === SHARED);
    expect(paths).to.have.length(3);
    const { decisions } = await node.explain(SHARED);
    expect(decisions.map(({ notMultipath }) => notMultipath).filter(Boolean)).to.deep.equal([
      'it has the same next hop as a better one',
    ]);
  });

  it('one that is withdrawn leaves the other, and comes back', async () => {
    await one.withdraw(SHARED);
    await goes(node.host, SHARED, '10.0.0.2 eth0 1');
    await answers(node.host, '10.50.0.1');
    await one.announce(SHARED);
    await goes(node.host, SHARED, ...both);
  });

  it('a next hop that only BGP leads to: the route is there as long as the way is, over both ends of it', async () => {
    expect(await ways(node.host, '10.70.0.0/24')).to.equal(undefined);
    await one.announce('10.255.0.1/32');
    await goes(node.host, '10.70.0.0/24', '10.0.0.1 eth0 1');
    expect((await node.explain('10.70.0.0/24')).best).to.include({ nextHopVia: '10.255.0.1/32' });
    await answers(node.host, '10.70.0.1');
    await two.announce('10.255.0.1/32');
    await goes(node.host, '10.70.0.0/24', ...both);
    await one.withdraw('10.255.0.1/32');
    await goes(node.host, '10.70.0.0/24', '10.0.0.2 eth0 1');
    await answers(node.host, '10.70.0.1');
    await two.withdraw('10.255.0.1/32');
    await goes(node.host, '10.70.0.0/24');
    expect((await node.explain('10.70.0.0/24')).best).to.equal(null);
  });
});
