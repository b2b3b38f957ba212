import { expect } from 'chai';
import { Rig } from './rig.js';

const PREFIX = '10.1.0.0/16';
/** Whatever the routes say, so that only the device itself tells whether it can be used. */
const TUNNEL = { nextHop: '192.0.2.9', device: 'tunl0', onlink: true };
const WRITTEN = '10.1.0.0/16 via 192.0.2.9 dev tunl0';

describe('Fib: devices', () => {
  it('one that is down, or not there, at the start: nothing is written until it is up', async () => {
    for (const prepare of [
      (rig: Rig) => rig.kernel.removeLink('tunl0'),
      (rig: Rig) => rig.kernel.setLink('tunl0', false),
    ]) {
      const rig = new Rig();
      rig.kernel.addLink('tunl0');
      prepare(rig);
      await rig.start();
      rig.fib.set(PREFIX, TUNNEL);
      await rig.settle();
      expect(rig.states()).to.deep.equal({ [PREFIX]: 'unresolved' });
      expect(rig.of('routeFailed')).to.deep.equal([]);
      rig.kernel.addLink('tunl0');
      rig.kernel.setLink('tunl0', true);
      await rig.run(300);
      expect(rig.dump()).to.deep.equal([WRITTEN]);
    }
  });

  it('is removed, and a reading still meets its route, over a device without a name: nobody is blamed', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('tunl0');
    rig.fib.set(PREFIX, TUNNEL);
    await rig.run(500);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    // It cannot be removed, being on its way out.
    rig.kernel.refuse(PREFIX, 'EBUSY', 2);
    rig.kernel.setLink('tunl0', false);
    rig.kernel.put({ prefix: PREFIX, via: TUNNEL.nextHop, device: 'if4', protocol: 186, metric: 32 });
    await rig.run(5000);
    expect(rig.dump()).to.deep.equal([]);
    expect(rig.of('foreignChange')).to.deep.equal([]);
    rig.kernel.setLink('tunl0', true);
    await rig.run(500);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
  });

  it('goes down, and its event is lost: the next reading finds out, both ways', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('tunl0');
    rig.fib.set(PREFIX, TUNNEL);
    await rig.settle();
    for (const [up, state] of [
      [false, 'unresolved'],
      [true, 'installed'],
    ] as const) {
      rig.kernel.muted = true;
      rig.kernel.setLink('tunl0', up);
      rig.kernel.muted = false;
      rig.fib.reconcile();
      await rig.run(1000);
      expect(rig.states()).to.deep.equal({ [PREFIX]: state });
    }
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    expect(rig.of('contended')).to.deep.equal([]);
  });

  it('is down, but no event told so: a refusal has the kernel read, and the route waits for the device', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('tunl0');
    await rig.run(100);
    rig.kernel.muted = true;
    rig.kernel.setLink('tunl0', false);
    rig.kernel.muted = false;
    rig.fib.set(PREFIX, TUNNEL);
    await rig.run(500);
    expect(rig.states()).to.deep.equal({ [PREFIX]: 'unresolved' });
    rig.kernel.setLink('tunl0', true);
    await rig.run(300);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
  });

  it('goes down while the kernel is read: its event counts, not what the reading found before', async () => {
    const rig = await new Rig({}, 50).start();
    rig.kernel.addLink('tunl0');
    rig.fib.set(PREFIX, TUNNEL);
    await rig.settle();
    // The links are read before the routes, and the device goes down in between.
    const read = rig.kernel.read.bind(rig.kernel);
    rig.kernel.read = async (tables, visit) => {
      const outcome = await read(tables, visit);
      rig.kernel.setLink('tunl0', false);
      rig.kernel.read = read;
      return outcome;
    };
    const before = rig.of('reconciled').length;
    rig.fib.reconcile();
    await rig.clock.runUntilAsync(() => rig.of('reconciled').length > before, 5000);
    await rig.run(10);
    expect(rig.states()).to.deep.equal({ [PREFIX]: 'unresolved' });
    await rig.run(5000);
    expect(rig.states()).to.deep.equal({ [PREFIX]: 'unresolved' });
  });

  it('comes up: what was refused over it is tried at once, and not what waits for another reason', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('tunl0');
    rig.kernel.refuse(PREFIX, 'EINVAL');
    rig.kernel.refuse('10.2.0.0/16', 'EINVAL');
    rig.fib.set(PREFIX, TUNNEL);
    rig.fib.set('10.2.0.0/16', { nextHop: '10.0.0.2' });
    await rig.run(64_000);
    expect(rig.states()).to.deep.equal({ [PREFIX]: 'failed', '10.2.0.0/16': 'failed' });
    rig.kernel.relent();
    // As when an address comes to it.
    rig.kernel.addLink('tunl0', '10.9.9.1/32');
    await rig.run(300);
    expect(rig.states()).to.deep.equal({ [PREFIX]: 'installed', '10.2.0.0/16': 'failed' });
    await rig.run(64_000);
    expect(rig.dump()).to.have.length(2);
  });
});
