import { expect } from 'chai';
import { Network, SimulationError } from '../../lib/sim/index.js';

/** A reflector and two clients, one block each. */
function triangle(options: ConstructorParameters<typeof Network>[0] = {}): Network {
  const net = new Network(options);
  net.router('rr');
  net.router('a', { networks: ['10.244.1.0/26'] });
  net.router('b', { networks: ['10.244.2.0/26', '2001:db8:2::/64'] });
  for (const client of ['a', 'b']) net.peer('rr', client, { routeReflectorClient: true });
  net.pod('podA', 'a', '10.244.1.5');
  net.pod('podB', 'b', '10.244.2.5');
  return net;
}

describe('Network', () => {
  it('brings a reflector and its clients up, and packets take the routes', async () => {
    const net = triangle();
    await net.start();
    const took = await net.converged();
    expect(took).to.be.within(0.001, 10);
    net.assert.session('rr', 'a');
    net.assert.routes('a', ['10.244.1.0/26', '10.244.2.0/26']);
    net.assert.best('a', '10.244.2.0/26', { nextHop: '10.0.0.3', originatorId: '10.0.0.3', clusterList: ['10.0.0.1'] });
    net.assert.best('a', '2001:db8:2::/64', { nextHop: 'fd00::3' });
    net.assert.fib('a', { '10.244.2.0/26': 'via 10.0.0.3 dev fabric', '2001:db8:2::/64': 'via fd00::3 dev fabric' });
    net.assert.reaches('podA', 'podB', ['a', 'b']);
    expect(net.trace('a', '10.244.9.1')).to.deep.include({ reached: false, reason: 'a: no route to 10.244.9.1' });
  });

  it('says what is so instead, with the seed', async () => {
    const net = triangle({ seed: 77 });
    await net.start();
    await net.converged();
    expect(() => net.assert.reaches('podB', '10.244.3.1')).to.throw(
      SimulationError,
      /^podB does not reach 10\.244\.3\.1: b ✗ b: no route to 10\.244\.3\.1 \[seed 77, at \d+\.\d+ s\]$/,
    );
    expect(() => net.assert.best('a', '10.244.2.0/26', { med: 5 })).to.throw('should have med 5, not null');
    expect(() => net.assert.routes('a', ['10.244.1.0/26', '10.9.0.0/16'])).to.throw(
      'without 10.9.0.0/16, and with 10.244.2.0/26',
    );
  });

  it('waits for a hold timer when the other end is gone, and has all again when it is back', async () => {
    const net = triangle();
    await net.start();
    await net.converged();
    net.cut('rr', 'b');
    expect(await net.converged()).to.be.within(60, 95);
    net.assert.routes('a', ['10.244.1.0/26']);
    net.assert.doesNotReach('podA', 'podB');
    net.restore('rr', 'b');
    await net.converged();
    net.assert.reaches('podA', 'podB');
  });

  it('gives the same run for the same seed, and another one for another', async () => {
    const run = async (seed: number): Promise<string> => {
      const net = triangle({ seed, jitterMs: 5, rechunk: true });
      await net.start();
      await net.converged();
      net.kill('b');
      await net.converged();
      await net.start('b');
      await net.converged();
      net.assert.reaches('podA', 'podB');
      return net.digest();
    };
    const first = await run(3);
    expect(await run(3)).to.equal(first);
    expect(await run(4)).to.not.equal(first);
  });
});

/** An AS of four routers in a ring with a full mesh between loopbacks, and a customer at either end. */
async function ring(options: ConstructorParameters<typeof Network>[0] = {}): Promise<Network> {
  const net = new Network(options);
  const core = ['r1', 'r2', 'r3', 'r4'];
  for (const name of core) net.router(name, { lan: null });
  net.link('r1', 'r2', { cost: 10 });
  net.link('r2', 'r3', { cost: 10 });
  net.link('r3', 'r4', { cost: 10 });
  net.link('r4', 'r1', { cost: 50 });
  core.forEach((a, i) =>
    core.slice(i + 1).forEach((b) => net.peer(a, b, { nextHopSelf: true }, { nextHopSelf: true })),
  );
  net.router('west', { asn: 65001, lan: null, networks: ['192.0.2.0/24'] });
  net.router('east', { asn: 65004, lan: null, networks: ['198.51.100.0/24'] });
  net.link('r1', 'west');
  net.link('r4', 'east');
  net.peer('r1', 'west');
  net.peer('r4', 'east');
  net.pod('w', 'west', '192.0.2.7');
  net.pod('e', 'east', '198.51.100.7');
  await net.start();
  await net.converged();
  return net;
}

describe('Network with links', () => {
  it('has an interior routing protocol within each AS, and eBGP on the links between them', async () => {
    const net = await ring();
    net.assert.reaches('w', 'e', ['west', 'r1', 'r2', 'r3', 'r4', 'east']);
    net.assert.best('r2', '198.51.100.0/24', { nextHop: '10.0.0.4', asPath: '65004' });
    expect(net.routerOf('r1').speaker.neighbor('100.64.0.9').localAddress).to.equal('100.64.0.8');
    // Loopbacks are known in their AS only, links that leave it too.
    expect(net.routerOf('r2').kernel.dump(188)).to.include('10.0.0.4/32 via 100.64.0.3 dev to-r3');
    expect(net.routerOf('r2').kernel.dump(188)).to.include('100.64.0.10/31 via 100.64.0.3 dev to-r3');
    expect(net.routerOf('r2').kernel.dump(188).join()).to.not.include('10.0.0.5');
    expect(net.routerOf('west').kernel.dump(188)).to.deep.equal([]);
  });

  it('takes the other way when a link is cut, within the time that the interior protocol needs', async () => {
    const net = await ring();
    net.cut('r2', 'r3');
    expect(await net.converged()).to.equal(0.05);
    net.assert.reaches('w', 'e', ['west', 'r1', 'r4', 'east']);
    net.restore('r2', 'r3');
    await net.converged();
    net.assert.reaches('w', 'e', ['west', 'r1', 'r2', 'r3', 'r4', 'east']);
  });

  it('loses packets where nobody sees that a link is cut', async () => {
    const net = await ring();
    net.cut('r2', 'r3', { silent: true });
    expect(net.trace('w', 'e')).to.deep.include({ failure: 'cut', reason: 'packets between r2 and r3 vanish' });
    net.restore('r2', 'r3');
    await net.converged();
    net.assert.reaches('w', 'e');
  });

  it('takes equal ways together, and names them all', async () => {
    const net = await ring();
    net.setLink('r4–r1', { cost: 30 });
    await net.converged();
    expect(net.traces('w', 'e').map(({ path }) => path.slice(1, -1).join())).to.have.members(['r1,r4', 'r1,r2,r3,r4']);
    const taken = new Set(Array.from({ length: 32 }, (_, flow) => net.trace('w', 'e', flow).path.length));
    expect([...taken].sort()).to.deep.equal([4, 6]);
  });

  it('a host that crashes tells nobody, forwards nothing, and comes back empty', async () => {
    const net = await ring();
    net.crash('r4');
    expect(net.trace('w', 'e').failure).to.equal('cut');
    expect(net.routerOf('r4').kernel.dump(186)).to.deep.equal([]);
    await net.converged();
    expect(net.trace('w', 'e').failure).to.equal('unreachable');
    await net.start('r4');
    await net.converged();
    net.assert.reaches('w', 'e');
  });

  it('a process that is killed leaves its kernel routes, and its connections are closed', async () => {
    const net = await ring();
    const before = net.routerOf('r3').kernel.dump(186);
    net.kill('r3');
    expect(net.routerOf('r2').isUp('10.0.0.3')).to.equal(true);
    await net.run(0.5);
    expect(net.routerOf('r2').isUp('10.0.0.3')).to.equal(false);
    expect(net.routerOf('r3').kernel.dump(186)).to.deep.equal(before);
    net.assert.reaches('w', 'e', ['west', 'r1', 'r2', 'r3', 'r4', 'east']);
    await net.start('r3');
    await net.converged();
    net.assert.session('r2', 'r3');
  });

  it('connections that are half open are found by the hold timer, and new ones work', async () => {
    const net = await ring();
    net.breakConnections('r1', 'r4');
    await net.run(5);
    net.assert.session('r1', 'r4');
    expect(await net.converged()).to.be.within(60, 120);
    net.assert.session('r1', 'r4');
    expect(net.routerOf('r1').speaker.neighbor('10.0.0.4').established).to.equal(2);
  });
});
