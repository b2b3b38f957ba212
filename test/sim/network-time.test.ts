import { expect } from 'chai';
import { Network, simulate, SimulationError } from '../../lib/sim/index.js';

/** Two routers of different ASes on a link. */
function pair(options: ConstructorParameters<typeof Network>[0] = {}, networks = ['10.1.0.0/16']): Network {
  const net = new Network(options);
  net.router('a', { lan: null, asn: 65001, networks });
  net.router('b', { lan: null, asn: 65002 });
  net.link('a', 'b');
  net.peer('a', 'b');
  return net;
}

/** Virtual seconds until all is quiet. */
async function took(net: Network): Promise<number> {
  await net.start();
  return net.converged();
}

describe('Network: time', () => {
  it('octets take as long as the link says', async () => {
    // SYN and its answer, OPEN, KEEPALIVE, UPDATE: five times the delay at least.
    expect(await took(pair({ latencyMs: 1 }))).to.be.within(0.005, 0.007);
    expect(await took(pair({ latencyMs: 100 }))).to.be.within(0.5, 0.7);
  });

  it('a narrow link takes its time, in order', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    // 4 octets for each prefix: 64,000 bits.
    const wide = await took(pair({}, many));
    const narrow = await took(pair({ bandwidth: 64_000 }, many));
    expect(wide).to.be.lessThan(0.02);
    expect(narrow).to.be.within(1, 1.3);
  });

  it('jitter changes when, and not what, nor the order of what one connection sends', async () => {
    const net = pair(
      { jitterMs: 50, rechunk: true },
      Array.from({ length: 300 }, (_, i) => `10.1.${i >> 1}.${(i & 1) << 7}/25`),
    );
    await took(net);
    expect(net.routes('b').size).to.equal(300);
    net.assert.session('a', 'b');
  });

  it('runs to a time, and does what was planned meanwhile', async () => {
    const net = pair();
    const seen: number[] = [];
    net.schedule(3, () => seen.push(net.now));
    net.schedule(7, () => seen.push(net.now));
    await net.at(5);
    expect([net.now, ...seen]).to.deep.equal([5, 3]);
    await net.run(2);
    expect([net.now, ...seen]).to.deep.equal([7, 3, 7]);
    await expectError(net.at(6), 'it is 7 s already');
  });

  it('says what goes on when it does not settle', async () => {
    const net = pair({ seed: 5 });
    // A wrong AS: the session cannot come up, although both ends want it.
    await net.configure('b', (config) => ({
      ...config,
      neighbors: config.neighbors!.map((neighbor) => ({ ...neighbor, peerAs: 65009 })),
    }));
    await net.start();
    await expectError(
      net.converged({ timeout: 60 }),
      /not converged after 60 s:\n {2}a: the session with b is not up: .*Bad Peer AS.*\[seed 5, at 60\.000 s\]/s,
    );
    await net.converged({ allow: { sessionsDown: true }, quiet: 0.5 });
    await expectError(
      net.until(() => net.now < 0, 5),
      'not so after 5 s',
    );
  });

  it('takes back what a timer must end only when it has, or when that is allowed', async () => {
    const net = pair();
    await took(net);
    net.crash('a');
    expect(await net.converged({ allow: { deadSessions: true } })).to.be.lessThan(1);
    net.assert.best('b', '10.1.0.0/16', null); // its next hop is gone with the link's carrier
    expect(net.routerOf('b').isUp('100.64.0.0')).to.equal(true);
    await net.converged();
    expect(net.routerOf('b').isUp('100.64.0.0')).to.equal(false);
  });

  it('waits for the minimum advertisement interval', async () => {
    const net = new Network();
    net.router('a', { asn: 65001 });
    net.router('b', { asn: 65002 });
    net.peer('a', 'b', { minimumAdvertisementInterval: 30 });
    await net.start();
    net.announce('a', '10.1.0.0/16');
    await net.converged();
    net.announce('a', '10.2.0.0/16');
    expect(await net.converged()).to.be.within(20, 31);
    net.assert.routes('b', ['10.1.0.0/16', '10.2.0.0/16']);
  });

  it('is configured at run time', async () => {
    const net = pair();
    await took(net);
    const result = await net.configure('a', (config) => ({ ...config, networks: ['10.1.0.0/16', '10.9.0.0/16'] }));
    expect(result).to.deep.include({ networksAdded: ['10.9.0.0/16'], reset: [] });
    await net.converged();
    net.assert.routes('b', ['10.1.0.0/16', '10.9.0.0/16']);
    net.router('c', { lan: null, asn: 65003 });
    net.link('b', 'c');
    await net.start('c');
    net.peer('b', 'c');
    await net.converged();
    net.assert.best('c', '10.9.0.0/16', { asPath: '65002 65001' });
    net.assert.reaches('c', '10.9.0.1', ['c', 'b', 'a']);
    net.unpeer('a', 'b');
    await net.converged();
    net.assert.routes('c', []);
    expect(net.routerOf('b').speaker.neighbors()).to.have.length(1);
  });

  it('a host that is unplugged sees it, and nothing passes', async () => {
    const net = pair();
    await took(net);
    net.isolate('b');
    expect(net.trace('b', '10.1.0.1').reason).to.equal('b: no route to 10.1.0.1');
    await net.converged();
    net.assert.session('a', 'b', false);
    net.rejoin('b');
    await net.converged();
    net.assert.reaches('b', '10.1.0.1', ['b', 'a']);
  });

  it('stops as an operator would: nobody waits for a hold timer', async () => {
    const net = pair();
    await took(net);
    await net.stop('a');
    expect(await net.converged()).to.be.lessThan(1);
    expect(net.routerOf('b').speaker.neighbor('100.64.0.0').lastError?.text).to.equal('Cease/Administrative Shutdown');
    net.assert.routes('b', []);
    await net.start('a');
    await net.converged();
    net.assert.routes('b', ['10.1.0.0/16']);
  });

  it('adds the seed to whatever fails', async () => {
    const failing = simulate({ seed: 99 }, async (net) => {
      await net.run(2);
      throw new RangeError('out of cheese');
    });
    await expectError(failing, 'out of cheese [seed 99, at 2.000 s]');
  });

  it('does not let time pass twice at once', async () => {
    const net = pair();
    const running = net.run(10);
    await expectError(net.run(1), 'time passes already');
    await running;
    expect(net.now).to.equal(10);
  });

  it('a small network costs less than 100 ms', async () => {
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const before = process.cpuUsage();
      const net = pair();
      await took(net);
      net.cut('a', 'b');
      await net.converged();
      const { user, system } = process.cpuUsage(before);
      best = Math.min(best, (user + system) / 1000);
    }
    expect(best).to.be.lessThan(100);
  });
});

async function expectError(promise: Promise<unknown>, text: string | RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (typeof text === 'string') expect((error as Error).message).to.include(text);
    else expect((error as Error).message).to.match(text);
    return;
  }
  throw new SimulationError('no error', 0, 0);
}
