import { expect } from 'chai';
import {
  checkInvariants,
  inspect,
  leafSpine,
  Network,
  Oracle,
  redundantReflectors,
  takeSnapshot,
} from '../../lib/sim/index.js';
import { settled } from './scenarios/support.js';

const BLOCK = '10.128.0.0/26';

describe('invariants', () => {
  it('hold in a network that works', async () => {
    expect(checkInvariants(await settled(redundantReflectors(3)))).to.deep.equal([]);
    expect(checkInvariants(await settled(leafSpine(3, 2)))).to.deep.equal([]);
  });

  it('a packet that goes round', async () => {
    const net = await settled(redundantReflectors(2));
    const prefix = '10.128.0.1/32';
    net.hostOf('rr1').kernel.put({ prefix, via: '10.0.0.2', device: 'fabric' });
    net.hostOf('rr2').kernel.put({ prefix, via: '10.0.0.1', device: 'fabric' });
    const found = checkInvariants(net, { only: ['no forwarding loop'] });
    expect(found.map(({ router }) => router)).to.include.members(['rr1', 'rr2']);
    expect(found[0]!.text).to.equal(`rr1: ${BLOCK}: rr1 → rr2 → rr1 ✗ forwarding loop: rr1 → rr2 → rr1`);
  });

  it('a route that leads nowhere', async () => {
    const net = await settled(redundantReflectors(2));
    net.routerOf('c1').detach(BLOCK);
    net.routerOf('c1').kernel.remove('10.128.0.1/32');
    const [first] = checkInvariants(net);
    expect(first).to.deep.include({ invariant: 'no black hole', prefix: BLOCK });
  });

  it('a route that nobody originates, kept as stale', async () => {
    const net = new Network();
    for (const name of ['a', 'b']) net.router(name, { networks: name === 'a' ? [BLOCK] : [] });
    const settings = { gracefulRestart: { enabled: true } };
    net.peer('a', 'b', settings, settings);
    await settled(net);
    net.kill('a');
    await net.run(5);
    const found = checkInvariants(net).filter(({ invariant }) => invariant === 'no stale route');
    expect(found.map(({ text }) => text)).to.deep.equal([
      `b: ${BLOCK}: the best path, from 10.0.0.1, is stale`,
      `b: ${BLOCK}: leads back to nobody who originates it`,
    ]);
  });

  it('what a neighbor should know, and does not yet', async () => {
    const net = await settled(redundantReflectors(3));
    net.announce('c1', '192.0.2.0/24');
    const found = checkInvariants(net).filter(({ invariant }) => invariant === 'right routes');
    expect(found.map(({ text }) => text)).to.include('rr1: 192.0.2.0/24: c1 should tell it, and does not');
    await net.converged();
    expect(checkInvariants(net)).to.deep.equal([]);
  });

  it('says which settings it has no rules for', async () => {
    const net = redundantReflectors(2);
    const router = net.routerOf('rr1');
    router.config = {
      ...router.config,
      neighbors: router.config.neighbors!.map((n) => ({ ...n, addPath: { receive: true } })),
    };
    await settled(net);
    expect(inspect(net).unsupported).to.include('rr1: addPath of 10.0.0.3');
  });
});

describe('oracle', () => {
  it('sees that an outcome depends on who is first', async () => {
    // Two exits; each reflector likes the exit of the other better than its own, and hears of it from the other only.
    const net = new Network();
    for (const name of ['rr1', 'rr2', 'c1', 'c2'])
      net.router(name, { lan: null, networks: name[0] === 'c' ? [BLOCK] : [] });
    for (const [a, b, cost] of [
      ['rr1', 'c1', 9],
      ['rr2', 'c2', 9],
      ['rr1', 'c2', 1],
      ['rr2', 'c1', 1],
    ] as const) {
      net.link(a, b, { cost });
    }
    net.peer('rr1', 'c1', { routeReflectorClient: true });
    net.peer('rr2', 'c2', { routeReflectorClient: true });
    net.peer('rr1', 'rr2');
    await net.start();
    await net.run(1);
    expect(new Oracle(takeSnapshot(net)).answer(BLOCK).kind).to.equal('ambiguous');
  });
});
