import { expect } from 'chai';
import { Bird, Frr, Tsbgp, established, eventually, holds, lab, run, steadily } from './harness/index.js';
import type { Host } from './harness/index.js';

const AS = 64512;
const BLOCK = '10.244.1.0/26';
const BLOCK6 = 'fd10:244::/122';

/**
 * A node whose pods another program connects, as a CNI does: a device cali* and a host route for each. BIRD is its
 * reflector, FRR is in another AS.
 */
lab('kernel routes of others: learnt, aggregated, withdrawn', { needs: ['bird', 'frr'] }, (lab) => {
  let node: Host;
  let tsbgp: Tsbgp;
  let bird: Bird;
  let frr: Frr;

  const addPod = async (number: number): Promise<void> => {
    await node.ip(
      `link add cali${number} type veth peer name pod${number}`,
      `link set cali${number} up`,
      `link set pod${number} up`,
      `route add 10.244.1.${number}/32 dev cali${number}`,
      `route add fd10:244::${number}/128 dev cali${number}`,
    );
  };
  const removePod = (number: number): Promise<void> => node.ip(`link del cali${number}`);
  const told = async (...prefixes: string[]): Promise<void> => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const expected = prefixes.filter((prefix) => prefix.includes(':') === (family === 'ipv6'));
      await holds(
        bird,
        family,
        expected.map((prefix) => ({ prefix, asPath: '', localPref: 100 })),
      );
      await holds(
        frr,
        family,
        expected.map((prefix) => ({ prefix, asPath: `${AS}` })),
      );
    }
  };

  before(async () => {
    const lan = await lab.network.lan('10.0.0', 'fd00');
    node = await lab.network.host('node', [lan, 1]);
    const [two, three] = [await lab.network.host('bird', [lan, 2]), await lab.network.host('frr', [lan, 3])];
    const gracefulRestart = { restartTime: 30 };
    tsbgp = new Tsbgp(node, {
      asn: AS,
      kernel: true,
      neighbors: [
        { address: two.v4, peerAs: AS, gracefulRestart },
        { address: three.v4, peerAs: 64513, gracefulRestart },
      ],
      config: {
        learn: [{ devices: ['cali*'], communities: ['64512:244'] }],
        aggregates: [BLOCK, BLOCK6].map((prefix) => ({ prefix, summaryOnly: true, from: ['learnt'] })),
      },
    });
    bird = new Bird(two, { asn: AS, neighbors: [{ address: node.v4, peerAs: AS, reflectorClient: true }] });
    frr = new Frr(three, { asn: 64513, neighbors: [{ address: node.v4, peerAs: AS, restartHelper: true }] });
    await Promise.all([tsbgp, bird, frr].map((speaker) => speaker.start()));
    await established(tsbgp, two.v4, three.v4);
  });

  it('no pods: no block', async () => {
    await told();
    expect(await node.kernelRoutes(4)).to.not.deep.include({ dst: BLOCK });
  });

  it('the first pod brings its block, and the neighbors see exactly that', async () => {
    await addPod(1);
    await told(BLOCK, BLOCK6);
    await addPod(2);
    await told(BLOCK, BLOCK6);
    const detail = await bird.ask(`show route all ${BLOCK}`);
    expect(detail).to.match(/aggregator: 10\.0\.0\.1 AS64512/);
    expect(detail).to.match(/origin: Incomplete/);
    const [path] = JSON.parse(await frr.vtysh('bgpd', `show bgp ipv4 unicast ${BLOCK} json`)).paths as [
      { aggregatorAs: number; atomicAggregate?: boolean },
    ];
    expect(path).to.include({ aggregatorAs: AS });
    // No AS_PATH was lost: nothing is atomic about it.
    expect(path.atomicAggregate).to.equal(undefined);
  });

  it('the kernel drops what is for absent pods, and the routes of the pods are not touched', async () => {
    const routes = await eventually(() => node.kernelRoutes(4), {
      what: 'the blackhole',
      until: (all) => all.some(({ dst }) => dst === BLOCK),
    });
    expect(routes.find(({ dst }) => dst === BLOCK)).to.include({ type: 'blackhole', protocol: 'bgp' });
    expect(routes.filter(({ dst }) => dst.startsWith('10.244.1.') && dst !== BLOCK)).to.have.length(2);
    await expectUnreachable('10.244.1.9');
    const shown = await tsbgp.cli('show', 'routes', '--all');
    expect(shown).to.match(/10\.244\.1\.1\/32 +self +kernel boot cali1/);
    expect(shown).to.match(/10\.244\.1\.0\/26 +self +aggregate of 2/);
  });

  async function expectUnreachable(address: string): Promise<void> {
    const answer = await run('ip', ['-n', node.namespace, 'route', 'get', address]).catch((error: unknown) => error);
    expect(String(answer)).to.match(/Invalid argument|blackhole/);
  }

  it('after SIGKILL and a restart the pods are learnt before End-of-RIB, and the block was never away', async () => {
    const watch = steadily(
      async () => {
        const held = await bird.routes('ipv4');
        return held.some(({ prefix }) => prefix === BLOCK);
      },
      { what: 'BIRD holds the block', forMs: 6000 },
    );
    await tsbgp.kill();
    await tsbgp.start();
    await established(tsbgp, bird.host.v4, frr.host.v4);
    await watch;
    await told(BLOCK, BLOCK6);
  });

  it('a pod of another node, heard through the reflector, takes no part', async () => {
    await bird.announce({ prefix: '10.244.1.40/32' });
    await holds(frr, 'ipv4', [{ prefix: '10.244.1.40/32' }, { prefix: BLOCK }]);
    await bird.withdraw('10.244.1.40/32');
    await told(BLOCK, BLOCK6);
  });

  it('with the last pod the block goes, from neighbors and from the kernel', async () => {
    await removePod(1);
    await told(BLOCK, BLOCK6);
    await removePod(2);
    await told();
    await eventually(() => node.kernelRoutes(4), {
      what: 'no blackhole',
      until: (all) => all.every(({ dst }) => dst !== BLOCK),
    });
  });

  it('a reload learns more, in place', async () => {
    const { settings } = tsbgp;
    await node.ip('route add 10.77.0.0/16 via 10.0.0.9 proto static');
    await tsbgp.reconfigure({
      ...settings,
      config: { ...settings.config, learn: [...settings.config!.learn!, { protocols: ['static'], med: 9 }] },
    });
    await holds(frr, 'ipv4', [{ prefix: '10.77.0.0/16', med: 9, origin: 'incomplete' }]);
    await holds(bird, 'ipv4', [{ prefix: '10.77.0.0/16', med: 9 }]);
    await node.ip('route del 10.77.0.0/16');
    await told();
    expect(await tsbgp.neighbor(bird.host.v4)).to.include({ state: 'Established', established: 1 });
  });

  it('a policy sets attributes of learnt routes and rejects some, and is changed in place', async () => {
    const { settings } = tsbgp;
    const policies = (med: number) => ({
      statics: [
        { conditions: { prefixSets: ['secret'] }, actions: { result: 'reject' as const } },
        {
          actions: { result: 'accept' as const, med, localPref: 300, communities: { add: ['64512:77'] } },
        },
      ],
    });
    const config = {
      ...settings.config,
      learn: [{ protocols: ['static'], importPolicy: ['statics'] }],
      prefixSets: { secret: [{ prefix: '10.78.0.0/16', le: 32 }] },
      policies: policies(7),
    };
    await node.ip(
      'route add 10.77.0.0/16 via 10.0.0.9 proto static',
      'route add 10.78.1.0/24 via 10.0.0.9 proto static',
    );
    await tsbgp.reconfigure({ ...settings, config });
    const communities = ['64512:77'];
    await holds(bird, 'ipv4', [{ prefix: '10.77.0.0/16', med: 7, localPref: 300, communities }]);
    await holds(frr, 'ipv4', [{ prefix: '10.77.0.0/16', med: 7, communities }]);
    expect(await tsbgp.cli('show', 'route', '10.78.1.0/24')).to.include("policy 'statics', statement 1");
    await tsbgp.reconfigure({ ...settings, config: { ...config, policies: policies(8) } });
    await holds(frr, 'ipv4', [{ prefix: '10.77.0.0/16', med: 8, communities }]);
    await holds(bird, 'ipv4', [{ prefix: '10.77.0.0/16', med: 8, localPref: 300, communities }]);
    await tsbgp.reconfigure({ ...settings, config: { ...config, prefixSets: { secret: ['10.77.0.0/16'] } } });
    await holds(frr, 'ipv4', [{ prefix: '10.78.1.0/24', med: 7, communities }]);
    await holds(bird, 'ipv4', [{ prefix: '10.78.1.0/24', med: 7, localPref: 300, communities }]);
    expect(await tsbgp.neighbor(bird.host.v4)).to.include({ state: 'Established', established: 1 });
  });
});
