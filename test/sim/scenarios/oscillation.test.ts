import { expect } from 'chai';
import { Network, Oracle, takeSnapshot } from '../../../lib/sim/index.js';
import type { PeerSettings } from '../../../lib/speaker/options.js';
import { changesIn, settled } from './support.js';

const PREFIX = '192.0.2.0/24';

/**
 * RFC 3345 section 2.1: two clusters. Ra has clients Rb (a path through AS 6) and Rc (AS 10, MED 1); Rd has Re (AS 10, MED 0). IGP costs make Ra and Rd disagree about which is best when they see only one path each.
 */
function rfc3345(addPath?: PeerSettings['addPath']): Network {
  const net = new Network({ seed: 3345, asn: 1, latencyMs: 10 });
  const more = addPath === undefined ? {} : { addPath };
  for (const name of ['Ra', 'Rb', 'Rc', 'Rd', 'Re']) net.router(name, { lan: null });
  net.link('Ra', 'Rd', { cost: 1 });
  net.link('Ra', 'Rb', { cost: 5 });
  net.link('Ra', 'Rc', { cost: 4 });
  net.link('Rd', 'Re', { cost: 12 });
  net.peer('Ra', 'Rd', { ...more }, { ...more });
  for (const [rr, client] of [
    ['Ra', 'Rb'],
    ['Ra', 'Rc'],
    ['Rd', 'Re'],
  ] as const) {
    net.peer(rr, client, { routeReflectorClient: true, ...more }, { nextHopSelf: true, ...more });
  }
  // The origin, AS 100, behind AS 10 and AS 6; each border router has a neighbor of its own.
  for (const [name, asn, at, med] of [
    ['x10b', 10, 'Rc', 1],
    ['x6', 6, 'Rb', 0],
    ['x10e', 10, 'Re', 0],
  ] as const) {
    net.router(name, { asn, lan: null, networks: [{ prefix: PREFIX, med }] });
    net.link(name, at);
    net.peer(name, at);
  }
  return net;
}

describe('RFC 3345: MED and reflection', function () {
  this.timeout(60_000);
  it('two clusters never come to rest, and the oracle knows it', async () => {
    const net = rfc3345();
    await net.start();
    await net.run(3);
    expect(new Oracle(takeSnapshot(net)).answer(PREFIX).kind).to.equal('unstable');
    expect(await changesIn(net, 5, PREFIX)).to.be.greaterThan(25);
  });

  it('RFC 7964: with the best path of each neighboring AS they do', async () => {
    const net = await settled(rfc3345({ receive: true, send: { best: 1, perNeighborAs: true } }));
    expect(await changesIn(net, 60, PREFIX)).to.equal(0);
    net.assert.best('Ra', PREFIX, { asPath: '6' });
  });

  it('RFC 7964: with all paths they do', async () => {
    const net = await settled(rfc3345({ receive: true, send: 'all' }));
    expect(await changesIn(net, 60, PREFIX)).to.equal(0);
  });
});

/** Three reflectors in a ring; each has a client with an exit, and is nearer to the exit of the next one than to its own. */
function ring(nearerOwn: boolean): Network {
  const net = new Network({ seed: 4, latencyMs: 10 });
  const [own, next] = nearerOwn ? [1, 9] : [9, 1];
  const rrs = ['rr1', 'rr2', 'rr3'];
  for (const name of [...rrs, 'c1', 'c2', 'c3']) {
    const networks = name.startsWith('c') ? [PREFIX] : [];
    net.router(name, { lan: null, networks });
  }
  rrs.forEach((rr, i) => {
    net.link(rr, `c${i + 1}`, { cost: own + 10 });
    net.link(rr, `c${((i + 1) % 3) + 1}`, { cost: next + 10 });
    net.peer(rr, `c${i + 1}`, { routeReflectorClient: true });
    net.peer(rr, rrs[(i + 1) % 3]!);
  });
  return net;
}

describe('reflectors with cyclic preference', function () {
  this.timeout(60_000);
  it('never come to rest where each likes the exit of the next one better', async () => {
    const net = ring(false);
    await net.start();
    await net.run(3);
    expect(new Oracle(takeSnapshot(net)).answer(PREFIX).kind).to.equal('unstable');
    expect(await changesIn(net, 5, PREFIX)).to.be.greaterThan(20);
  });

  it('do where each is nearest to its own client (RFC 4456 section 11)', async () => {
    const net = await settled(ring(true));
    expect(new Oracle(takeSnapshot(net)).answer(PREFIX).kind).to.equal('stable');
    expect(await changesIn(net, 60, PREFIX)).to.equal(0);
  });
});
