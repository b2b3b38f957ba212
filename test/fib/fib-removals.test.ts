import { expect } from 'chai';
import { Rig } from './rig.js';

const prefixes = Array.from({ length: 200 }, (_, i) => `10.1.${i}.0/24`);

async function full(rig: Rig): Promise<Rig> {
  await rig.start();
  for (const prefix of prefixes) rig.fib.set(prefix, { nextHop: '10.0.0.2' });
  await rig.settle();
  return rig;
}

describe('Fib: a brake on removals', () => {
  it('removes no more than the limit in each period, and all in the end', async () => {
    const rig = await full(new Rig({ removalLimit: { percent: 25, seconds: 60 } }));
    for (const prefix of prefixes) rig.fib.delete(prefix);
    await rig.settle();
    expect(rig.dump()).to.have.length(150);
    expect(rig.of('removalsLimited')).to.have.length(1);
    await rig.run(30_000);
    expect(rig.dump()).to.have.length(150);
    await rig.run(31_000);
    expect(rig.dump()).to.have.length(113);
    await rig.run(60_000 * 10);
    expect(rig.dump()).to.have.length(0);
  });

  it('counts routes whose next hop is lost as well', async () => {
    const rig = new Rig({ removalLimit: { percent: 10, seconds: 60 } });
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
    await rig.start();
    for (const prefix of prefixes) rig.fib.set(prefix, { nextHop: '10.50.0.1' });
    await rig.settle();
    rig.kernel.remove('10.50.0.0/16');
    await rig.run(1000);
    expect(rig.dump()).to.have.length(180);
  });

  it('removes at once what is confirmed, and is on guard again after', async () => {
    const rig = await full(new Rig({ removalLimit: { percent: 10, seconds: 3600 } }));
    for (const prefix of prefixes.slice(0, 100)) rig.fib.delete(prefix);
    await rig.settle();
    expect(rig.dump()).to.have.length(180);
    rig.fib.confirmRemovals();
    await rig.settle();
    expect(rig.dump()).to.have.length(100);
    for (const prefix of prefixes.slice(100)) rig.fib.delete(prefix);
    await rig.settle();
    expect(rig.dump()).to.have.length(100);
  });

  it('lets additions and changes go on', async () => {
    const rig = await full(new Rig({ removalLimit: { percent: 1, seconds: 3600 } }));
    for (const prefix of prefixes) rig.fib.delete(prefix);
    await rig.settle();
    expect(rig.dump()).to.have.length(190);
    rig.fib.set('10.2.0.0/16', { nextHop: '10.0.0.2' });
    for (const prefix of prefixes) rig.fib.set(prefix, { nextHop: '10.0.0.3' });
    await rig.settle();
    expect(rig.dump()).to.have.length(201);
  });

  it('removes nothing while it is told to hold the last good table', async () => {
    const rig = await full(new Rig());
    rig.fib.holdRemovals('all reflectors are gone');
    expect(rig.fib.summary().removalsHeld).to.equal('all reflectors are gone');
    for (const prefix of prefixes) rig.fib.delete(prefix);
    await rig.settle();
    await rig.run(60_000);
    expect(rig.dump()).to.have.length(200);
    rig.fib.set(prefixes[0]!, { nextHop: '10.0.0.2' });
    rig.fib.releaseRemovals();
    await rig.settle();
    expect(rig.dump()).to.have.length(1);
    expect(rig.fib.summary().removalsHeld).to.equal(null);
  });

  it('does not hinder the removal of all at stop', async () => {
    const rig = await full(new Rig({ atStop: 'remove', removalLimit: { percent: 1, seconds: 3600 } }));
    rig.fib.holdRemovals('test');
    const stopped = rig.fib.stop();
    await rig.run(1000);
    await stopped;
    expect(rig.dump()).to.deep.equal([]);
  });

  it('refuses a limit that is none', () => {
    expect(() => new Rig({ removalLimit: { percent: 0, seconds: 1 } }))
      .to.throw()
      .with.property('code', 'bad_option');
    expect(() => new Rig({ removalLimit: { percent: 5, seconds: 0 } }))
      .to.throw()
      .with.property('code', 'bad_option');
  });
});
