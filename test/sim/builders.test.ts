import { expect } from 'chai';
import {
  calico,
  fullMesh,
  hierarchy,
  leafSpine,
  oneReflector,
  redundantReflectors,
  type Network,
} from '../../lib/sim/index.js';

async function settled(net: Network): Promise<Network> {
  await net.start();
  await net.converged();
  return net;
}

/** The routers with blocks reach each other's pods, by ways of this length. */
function allReachAll(net: Network, edges: readonly string[], hosts: number): void {
  for (const from of edges) {
    for (const to of edges) {
      if (from === to) continue;
      net.assert.reaches(`pod-${from}`, `pod-${to}`);
      expect(net.trace(`pod-${from}`, `pod-${to}`).path).to.have.length(hosts);
    }
  }
}

describe('builders of networks', () => {
  it('fullMesh', async () => {
    const net = await settled(fullMesh(4, { ipv6: true }));
    allReachAll(net, ['r1', 'r2', 'r3', 'r4'], 2);
    net.assert.routes('r1', ['10.128.0.0/26', '10.128.0.64/26', '10.128.0.128/26', '10.128.0.192/26']);
    net.assert.routes('r1', ['fd10::/122', 'fd10::40/122', 'fd10::80/122', 'fd10::c0/122'], 'ipv6-unicast');
    net.assert.reaches('r1', 'fd10::81', ['r1', 'r3']);
  });

  it('oneReflector', async () => {
    const net = await settled(oneReflector(3, { blocks: 2 }));
    allReachAll(net, ['c1', 'c2', 'c3'], 2);
    net.assert.best('c3', '10.128.0.64/26', { originatorId: '10.0.0.2', clusterList: ['10.0.0.1'] });
  });

  it('redundantReflectors, in one cluster or each in its own', async () => {
    for (const clusterIds of ['shared', 'own'] as const) {
      const net = await settled(redundantReflectors(3, { clusterIds }));
      allReachAll(net, ['c1', 'c2', 'c3'], 2);
      // Without the session with a client, only a reflector of another cluster can tell of it.
      net.cut('rr1', 'c1');
      await net.converged();
      net.assert.best('rr1', '10.128.0.0/26', clusterIds === 'shared' ? null : { clusterList: ['10.0.0.2'] });
      net.restore('rr1', 'c1');
      await net.converged();
      // All goes on with one reflector.
      net.crash('rr1');
      await net.converged();
      allReachAll(net, ['c1', 'c2', 'c3'], 2);
    }
  });

  it('hierarchy', async () => {
    const net = await settled(hierarchy(2));
    allReachAll(net, ['k1-c1', 'k1-c2', 'k2-c1', 'k2-c2'], 2);
    const { clusterList } = net.best('k2-c1', net.routerOf('k1-c1').config.networks![0] as string)!;
    expect(clusterList).to.have.length(3);
  });

  it('leafSpine', async () => {
    const net = await settled(leafSpine(3, 2));
    allReachAll(net, ['leaf1', 'leaf2', 'leaf3'], 3);
    net.assert.best('leaf1', '10.128.0.64/26', { asPath: '4200000000 4200000002' });
    net.isolate('spine1');
    net.isolate('spine2');
    await net.converged();
    net.assert.doesNotReach('pod-leaf1', 'pod-leaf2');
    net.rejoin('spine2');
    await net.converged();
    allReachAll(net, ['leaf1', 'leaf2', 'leaf3'], 3);
  });

  it('calico, in a mesh or with reflectors', async () => {
    for (const reflectors of [0, 2]) {
      const net = await settled(calico(3, { reflectors, blocks: 2 }));
      allReachAll(net, ['n1', 'n2', 'n3'], 2);
    }
  });

  it('packets follow the Loc-RIB where no kernel routes are written', async () => {
    const net = await settled(calico(3, { reflectors: 1, router: { fib: false } }));
    expect(net.routerOf('n1').kernel.dump(186)).to.deep.equal([]);
    allReachAll(net, ['n1', 'n2', 'n3'], 2);
    net.kill('n2');
    await net.converged({ allow: { sessionsDown: true } });
    net.assert.doesNotReach('n1', 'pod-n2');
  });
});
