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

  it('a wire that is broken without anybody seeing it is not the fault of routes over it, but of any others', async () => {
    const net = await settled(redundantReflectors(3));
    const blocks = [BLOCK, '10.128.0.64/26', '10.128.0.128/26'];
    net.cut('c1', 'c2');
    await net.converged();
    net.assert.doesNotReach('c1', '10.128.0.65');
    expect(checkInvariants(net)).to.deep.equal([]);
    // The same wire, and a route that has no business there.
    net.hostOf('c1').kernel.put({ prefix: '10.128.0.128/25', via: '10.0.0.4', device: 'fabric' });
    net.hostOf('c1').kernel.put({ prefix: '10.128.0.129/32', via: '10.0.0.4', device: 'fabric' });
    expect(checkInvariants(net).map(({ invariant, router, prefix }) => [invariant, router, prefix])).to.deep.equal([
      ['no black hole', 'c1', blocks[2]],
    ]);
  });

  it('nor is one of several ways that are used at once', async () => {
    const net = new Network();
    for (const name of ['a', 'b', 'c']) {
      const config = { multipath: { ibgp: 2 } };
      net.router(name, { networks: name === 'a' ? [] : [BLOCK], config });
    }
    net.peer('a', 'b');
    net.peer('a', 'c');
    await settled(net);
    expect(net.traces('a', '10.128.0.1')).to.have.length(2);
    net.peer('b', 'c');
    net.router('rr');
    const several = { addPath: { receive: true, send: 'all' } } as const;
    for (const name of ['a', 'b', 'c']) net.peer('rr', name, { routeReflectorClient: true, ...several }, several);
    await net.start('rr');
    net.cut('a', 'c');
    await net.converged();
    // By way of the reflector a knows both, and nobody can know that one of the wires is broken.
    expect(
      net
        .traces('a', '10.128.0.1')
        .map(({ reached }) => reached)
        .sort(),
    ).to.deep.equal([false, true]);
    expect(checkInvariants(net)).to.deep.equal([]);
  });

  it('a route that stays in the kernel although its session went with the link', async () => {
    // Silent: the kernel keeps the link and its routes; only the hold timer tells.
    const net = await settled(leafSpine(2, 1));
    net.cut('leaf1', 'spine1', { silent: true });
    await net.run(10);
    net.assert.doesNotReach('leaf2', '10.128.0.1');
    expect(checkInvariants(net)).to.deep.equal([]);
    await net.converged();
    net.assert.best('spine1', BLOCK, null);
    expect(checkInvariants(net)).to.deep.equal([]);
    // As a speaker would that forgets to remove what it wrote.
    const [via] = net.routerOf('leaf1').addresses.filter((address) => address.startsWith('100.'));
    net.hostOf('spine1').kernel.put({ prefix: BLOCK, via: via!, device: 'to-leaf1' });
    net.routerOf('spine1').speaker.announce(BLOCK, {});
    await net.run(1);
    const late = checkInvariants(net, { only: ['no black hole'] });
    expect(late.map(({ text }) => text)).to.include(
      `spine1: ${BLOCK}: spine1 ✗ packets between spine1 and leaf1 vanish`,
    );
  });

  it('a host without power, to which routes still lead', async () => {
    const net = await settled(redundantReflectors(2));
    net.crash('c2');
    // The hold timers of the others have not expired yet.
    await net.run(5);
    const texts = checkInvariants(net, { only: ['no black hole'] }).map(({ text }) => text);
    expect(texts).to.include('c1: 10.128.0.64/26: c1 ✗ c2 is without power');
    await net.converged();
    expect(checkInvariants(net)).to.deep.equal([]);
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
      neighbors: router.config.neighbors!.map((n) => ({ ...n, allowOwnAs: 1 })),
    };
    await settled(net);
    expect(inspect(net).unsupported).to.include('rr1: allowOwnAs of 10.0.0.3');
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
