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
