import { expect } from 'chai';
import { Bird, Tsbgp, eventually, lab } from './harness/index.js';
import type { Host, KernelRoute } from './harness/index.js';

const AS = 64512;

lab('tsbgp is killed with SIGKILL', { needs: ['bird'] }, (lab) => {
  let node: Host;
  let tsbgp: Tsbgp;
  let bird: Bird;

  const kernel = async () => [...(await node.kernelRoutes(4)), ...(await node.kernelRoutes(6))];
  const ours = (routes: readonly KernelRoute[]) =>
    routes
      .filter(({ protocol, metric }) => protocol === 'bgp' && metric === 32)
      .map(({ dst, gateway, dev, type }) => `${type ?? 'unicast'} ${dst} via ${gateway ?? '-'} dev ${dev ?? '-'}`)
      .sort();
  const others = (routes: readonly KernelRoute[]) =>
    routes
      .filter(({ protocol, metric }) => !(protocol === 'bgp' && metric === 32))
      .map((route) => JSON.stringify(route));

  const via = (prefix: string) =>
    `unicast ${prefix} via ${prefix.includes(':') ? bird.host.v6 : bird.host.v4} dev eth0`;
  const kernelHolds = (...prefixes: readonly string[]) =>
    eventually(async () => ours(await kernel()), {
      what: 'our kernel routes',
      until: (routes) => expect(routes).to.deep.equal(prefixes.map(via).sort()),
    });

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    node = await lab.network.host('node', [lan, 1]);
    const host = await lab.network.host('bird', [lan, 2]);
    // Not ours: other protocols, other prefixes, and the same prefixes at another metric.
    await node.ip(
      'route add 10.9.0.0/16 via 10.0.0.2 proto static metric 32',
      'route add 10.20.0.0/24 via 10.0.0.2 proto static metric 500',
      'route add 10.21.0.0/24 via 10.0.0.2 proto 99 metric 501',
      'route add blackhole 10.30.0.0/24 proto static metric 502',
      'route add 2001:db8:9::/48 via fd00::2 proto static metric 32',
      'route add 2001:db8:20::/48 via fd00::2 proto 99 metric 503',
    );
    tsbgp = new Tsbgp(node, { asn: AS, neighbors: [{ address: host.v4, peerAs: AS }], kernel: true });
    bird = new Bird(host, {
      asn: AS,
      neighbors: [{ address: node.v4, peerAs: AS }],
      announce: ['10.20.0.0/24', '10.22.0.0/24', '2001:db8:20::/48', '2001:db8:22::/48'],
    });
    await Promise.all([tsbgp.start(), bird.start()]);
  });

  it('writes its routes beside those of others', async () => {
    await kernelHolds('10.20.0.0/24', '10.22.0.0/24', '2001:db8:20::/48', '2001:db8:22::/48');
  });

  it('its routes stay while it is dead, and are right soon after its return', async () => {
    const foreign = others(await kernel());
    expect(foreign.length).to.be.greaterThan(6);
    await tsbgp.kill();
    await kernelHolds('10.20.0.0/24', '10.22.0.0/24', '2001:db8:20::/48', '2001:db8:22::/48');

    // The world moves on without it: a route goes, one comes, one of its own is damaged by somebody.
    await bird.withdraw('10.22.0.0/24');
    await bird.withdraw('2001:db8:20::/48');
    await bird.announce('10.23.0.0/24');
    await node.ip('route del 10.20.0.0/24 proto bgp metric 32');

    await tsbgp.start();
    await kernelHolds('10.20.0.0/24', '10.23.0.0/24', '2001:db8:22::/48');
    expect(others(await kernel())).to.have.members(foreign);
  });

  it('the same again, killed in the middle of many changes', async () => {
    const foreign = others(await kernel());
    const many = Array.from({ length: 40 }, (_, index) => `10.50.${index}.0/24`);
    for (const prefix of many.slice(0, 20)) await bird.announce(prefix);
    await tsbgp.kill();
    for (const prefix of many.slice(10, 15)) await bird.withdraw(prefix);
    await tsbgp.start();
    const expected = [...many.slice(0, 10), ...many.slice(15, 20)];
    await kernelHolds('10.20.0.0/24', '10.23.0.0/24', '2001:db8:22::/48', ...expected);
    expect(others(await kernel())).to.have.members(foreign);
  });

  it('puts a route of its own right that somebody changed', async () => {
    await node.ip('route del 10.20.0.0/24 proto bgp metric 32');
    await node.ip('route add 10.77.0.0/24 via 10.0.0.2 proto static');
    await eventually(async () => ours(await kernel()), {
      what: 'the deleted route is back',
      until: (routes) => expect(routes).to.include(via('10.20.0.0/24')),
    });
    expect(others(await kernel()).some((route) => route.includes('10.77.0.0/24'))).to.equal(true);
  });

  it('stops with SIGTERM and leaves its routes, as is the default', async () => {
    const before = ours(await kernel());
    await tsbgp.stop();
    expect(ours(await kernel())).to.deep.equal(before);
  });
});
