import { expect } from 'chai';
import { fullMesh, Network, redundantReflectors } from '../../../lib/sim/index.js';
import type { PeerSettings } from '../../../lib/speaker/options.js';
import { changesIn, holds, settled } from './support.js';

const PREFIX = '192.0.2.0/24';

describe('path hunting', () => {
  it('a withdrawn route is looked for by longer and longer ways, and is gone at the end', async () => {
    // An eBGP clique of four, and the origin behind one of them.
    const net = new Network({ seed: 5, latencyMs: 10, jitterMs: 15, igp: false });
    const clique = ['a', 'b', 'c', 'd'];
    clique.forEach((name, i) => net.router(name, { asn: 65001 + i, lan: null }));
    clique.forEach((a, i) =>
      clique.slice(i + 1).forEach((b) => {
        net.link(a, b);
        net.peer(a, b);
      }),
    );
    net.router('o', { asn: 65100, lan: null, networks: [PREFIX] });
    net.link('o', 'a');
    net.peer('o', 'a');
    await settled(net);
    holds(net);
    const lengths = new Set<number>();
    const { speaker } = net.routerOf('d');
    speaker.on('bestPathChange', ({ best }) => lengths.add(best === null ? 0 : best.asPath.split(' ').length));
    net.withdraw('o', PREFIX);
    await net.converged();
    for (const name of clique) net.assert.best(name, PREFIX, null);
    holds(net);
    // The direct way had two; others are tried before it is given up, and none is longer than the clique.
    expect(Math.max(...lengths)).to.be.within(3, 5);
    expect(lengths.has(0)).to.equal(true);
  });
});

describe('a reflector pair', () => {
  it('with cluster IDs of their own each takes what the other reflects, without a loop', async () => {
    const net = await settled(redundantReflectors(3, { clusterIds: 'own' }));
    holds(net);
    net.cut('rr1', 'c1');
    net.cut('rr2', 'c2');
    await net.converged();
    // c1 is known to rr1 through rr2 only, and c2 to rr2 through rr1.
    net.assert.best('c3', '10.128.0.0/26', { originatorId: net.routerOf('c1').config.routerId });
    net.assert.best('c2', '10.128.0.0/26', { originatorId: net.routerOf('c1').config.routerId });
    holds(net, { only: ['right routes', 'right reflection attributes', 'no stale route', 'no oscillation'] });
  });

  it('with one cluster ID they do not, and two cuts part clients', async () => {
    const net = await settled(redundantReflectors(3, { clusterIds: 'shared' }));
    net.cut('rr1', 'c1');
    net.cut('rr2', 'c2');
    await net.converged();
    net.assert.best('c2', '10.128.0.0/26', null);
    holds(net, { only: ['right routes', 'right reflection attributes', 'no stale route', 'no oscillation'] });
  });
});

describe('from mesh to reflectors', () => {
  it('loses no route when reflectors come before sessions go', async () => {
    const net = fullMesh(4);
    const nodes = ['r1', 'r2', 'r3', 'r4'];
    for (const rr of ['rr1', 'rr2']) net.router(rr, { config: { clusterId: '9.9.9.9' } });
    await settled(net);
    const lost: string[] = [];
    for (const name of nodes) {
      net.routerOf(name).speaker.on('bestPathChange', ({ prefix, best }) => {
        if (best === null) lost.push(`${name} ${prefix} at ${net.now}`);
      });
    }
    // Make …
    for (const rr of ['rr1', 'rr2']) for (const name of nodes) net.peer(rr, name, { routeReflectorClient: true });
    await net.converged();
    holds(net);
    // … before break.
    for (const [i, a] of nodes.entries()) {
      for (const b of nodes.slice(i + 1)) {
        net.unpeer(a, b);
        await net.run(0.2);
        for (const from of nodes)
          for (const to of nodes) if (from !== to) net.assert.reaches(`pod-${from}`, `pod-${to}`);
      }
    }
    await net.converged();
    holds(net);
    expect(lost).to.deep.equal([]);
    net.assert.best('r1', '10.128.0.64/26', { clusterList: ['9.9.9.9'] });
  });

  it('loses routes when they go first', async () => {
    const net = await settled(fullMesh(3));
    net.unpeer('r1', 'r2');
    await net.converged();
    net.assert.best('r1', '10.128.0.64/26', null);
    net.assert.doesNotReach('pod-r1', 'pod-r2');
    holds(net);
  });
});

/** Reflectors whose clients keep routes over their loss. */
function kept(settings: PeerSettings): Network {
  const net = new Network({ seed: 9 });
  for (const rr of ['rr1', 'rr2']) net.router(rr, { config: { clusterId: '9.9.9.9' } });
  for (const [i, name] of ['c1', 'c2'].entries()) {
    net.router(name, { networks: [`10.128.0.${i * 64}/26`] });
    net.pod(`pod-${name}`, name, `10.128.0.${i * 64 + 1}`);
    for (const rr of ['rr1', 'rr2']) net.peer(rr, name, { routeReflectorClient: true, ...settings }, settings);
  }
  return net;
}

describe('loss of all reflectors', () => {
  const GRACEFUL = { gracefulRestart: { enabled: true, restartTime: 60 } };
  const allow = { staleRoutes: true, sessionsDown: true };

  it('without graceful restart clients lose each other', async () => {
    const net = await settled(kept({ gracefulRestart: { enabled: false } }));
    net.kill('rr1');
    net.kill('rr2');
    await net.converged({ allow });
    net.assert.doesNotReach('pod-c1', 'pod-c2');
  });

  it('with it routes stay for the restart time, and go then', async () => {
    const net = await settled(kept(GRACEFUL));
    net.kill('rr1');
    net.kill('rr2');
    await net.run(50);
    net.assert.best('c1', '10.128.0.64/26', { stale: true });
    net.assert.reaches('pod-c1', 'pod-c2');
    await net.run(20);
    net.assert.best('c1', '10.128.0.64/26', null);
    net.assert.doesNotReach('pod-c1', 'pod-c2');
    await net.start('rr1');
    await net.converged();
    net.assert.reaches('pod-c1', 'pod-c2');
  });

  it('when they come back in time nothing changes', async () => {
    const net = await settled(kept(GRACEFUL));
    net.kill('rr1');
    net.kill('rr2');
    await net.run(30);
    await net.start('rr1', 'rr2');
    const lost: string[] = [];
    net.routerOf('c1').speaker.on('bestPathChange', ({ prefix, best }) => best === null && lost.push(prefix));
    await net.converged();
    expect(lost).to.deep.equal([]);
    net.assert.best('c1', '10.128.0.64/26', { stale: false });
    holds(net);
  });

  it('with long-lived graceful restart they stay for hours, marked as last resort', async () => {
    const settings = { ...GRACEFUL, longLivedGracefulRestart: { enabled: true, staleTime: 7200 } };
    const net = await settled(kept(settings));
    net.kill('rr1');
    net.kill('rr2');
    await net.run(3600);
    net.assert.best('c1', '10.128.0.64/26', { stale: true });
    expect(net.best('c1', '10.128.0.64/26')!.communities).to.include('llgr-stale');
    net.assert.reaches('pod-c1', 'pod-c2');
    await net.run(3700);
    net.assert.best('c1', '10.128.0.64/26', null);
    expect(await changesIn(net, 600, '10.128.0.64/26')).to.equal(0);
  });
});
