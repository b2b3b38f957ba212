import { expect } from 'chai';
import { Bird, Frr, Tsbgp, established, eventually, holds, lab } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;

lab('connection tracking entries of hosts that moved', { needs: ['bird', 'frr', 'conntrack'] }, (lab) => {
  let node: Host;
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;

  /** Flows in the kernel's table, `source destination` of the original direction. */
  const flows = async (family: 4 | 6): Promise<string[]> => {
    const text = await node.exec('conntrack', ['-L', '-f', `ipv${family}`]);
    return [...text.matchAll(/src=(\S+) dst=(\S+)/g)]
      .filter((_, i) => i % 2 === 0)
      .map(([, from, to]) => `${from} ${to}`)
      .sort();
  };
  const addFlow = (from: string, to: string): Promise<string> => {
    const flow = ['-s', from, '-d', to, '--sport', '4000', '--dport', '80'];
    return node.exec('conntrack', ['-I', '-p', 'tcp', ...flow, '--state', 'ESTABLISHED', '-t', '600']);
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    node = await lab.network.host('node', [lan, 1]);
    const [two, three] = [await lab.network.host('bird', [lan, 2]), await lab.network.host('frr', [lan, 3])];
    const toNode = [{ address: node.v4, peerAs: AS }];
    tsbgp = new Tsbgp(node, {
      asn: AS,
      neighbors: [two, three].map(({ v4 }) => ({ address: v4, peerAs: AS })),
      config: { fib: { type: 'ip-route', conntrack: 'delete' } },
    });
    const pods = ['10.244.1.7/32', '10.244.1.8/32', 'fd10::7/128'];
    bird = new Bird(two, { asn: AS, neighbors: toNode, announce: pods });
    frr = new Frr(three, { asn: AS, neighbors: toNode });
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await established(tsbgp, two.v4, three.v4);
    await holds(
      tsbgp,
      'ipv4',
      pods.slice(0, 2).map((prefix) => ({ prefix, nextHop: two.v4 })),
    );
    await holds(tsbgp, 'ipv6', [{ prefix: 'fd10::7/128' }]);
    await addFlow('10.244.1.7', '10.50.0.1');
    await addFlow('10.50.0.1', '10.244.1.7');
    await addFlow('10.244.1.8', '10.50.0.1');
    await addFlow('fd10::7', 'fd50::1');
  });

  it('are deleted when it moves, in both directions, and no others', async () => {
    expect(await flows(4)).to.have.length(3);
    for (const prefix of ['10.244.1.7/32', 'fd10::7/128']) {
      await frr.announce(prefix);
      await bird.withdraw(prefix);
    }
    await eventually(() => flows(4), {
      what: 'the flows of the moved host are gone',
      until: (seen) => expect(seen).to.deep.equal(['10.244.1.8 10.50.0.1']),
    });
    await eventually(() => flows(6), {
      what: 'those of IPv6 too',
      until: (seen) => expect(seen).to.deep.equal([]),
    });
    const routes = await node.kernelRoutes(4);
    expect(routes.find(({ dst }) => dst === '10.244.1.7')).to.include({ gateway: frr.host.v4 });
  });
});
