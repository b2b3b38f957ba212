import { expect } from 'chai';
import type { LearnRule } from '../../lib/fib/index.js';
import { Rig } from './rig.js';

function follow(rig: Rig, rule: LearnRule): { seen: Set<string>; calls: number; end: () => void } {
  const seen = new Set<string>();
  const follower = { seen, calls: 0, end: (): void => seen.clear() };
  follower.end = rig.fib.learn(rule, ({ learned, gone }) => {
    follower.calls++;
    for (const { prefix } of learned) follower.seen.add(prefix);
    for (const prefix of gone) expect(follower.seen.delete(prefix), prefix).to.equal(true);
  });
  return follower;
}

describe('Fib: learning routes of others', () => {
  it('follows the routes of pods as they come and go', async () => {
    const rig = new Rig();
    rig.kernel.addLink('cali1');
    rig.kernel.put({ prefix: '10.244.1.1/32', device: 'cali1', protocol: 3 });
    rig.kernel.put({ prefix: '10.244.9.9/32', via: '10.0.0.9', device: 'eth0', protocol: 3 });
    const pods = follow(rig, { protocols: [3, 4], device: 'cali*' });
    await rig.start();
    expect([...pods.seen]).to.deep.equal(['10.244.1.1/32']);
    rig.kernel.addLink('cali2');
    rig.kernel.put({ prefix: '10.244.1.2/32', device: 'cali2', protocol: 3 });
    await rig.run(1000);
    expect([...pods.seen]).to.deep.equal(['10.244.1.1/32', '10.244.1.2/32']);
    rig.kernel.remove('10.244.1.1/32');
    await rig.run(1000);
    expect([...pods.seen]).to.deep.equal(['10.244.1.2/32']);
    rig.kernel.setLink('cali2', false);
    await rig.run(1);
    expect([...pods.seen]).to.deep.equal([]);
  });

  it('goes by protocol, table and covering prefix, and leaves out our own and what is no route to anywhere', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.9', device: 'eth0', protocol: 188 });
    rig.kernel.put({ prefix: '10.9.1.0/24', via: '10.0.0.9', device: 'eth0', protocol: 186 });
    rig.kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.9', device: 'eth0', table: 100 });
    rig.kernel.put({ prefix: '10.7.0.0/16', protocol: 4 });
    const all = follow(rig, {});
    const connected = follow(rig, { protocols: [2] });
    const inside = follow(rig, { within: ['10.8.0.0/15'] });
    const blue = follow(rig, { table: 100 });
    await rig.start();
    expect([...all.seen]).to.have.members(['10.0.0.0/24', '10.9.0.0/16', '10.7.0.0/16', '2001:db8::/64', 'fe80::/64']);
    expect([...connected.seen]).to.have.members(['10.0.0.0/24', '2001:db8::/64', 'fe80::/64']);
    expect([...inside.seen]).to.deep.equal(['10.9.0.0/16']);
    expect([...blue.seen]).to.deep.equal(['10.8.0.0/16']);
    rig.kernel.put({ prefix: '10.8.8.0/24', via: '10.0.0.9', device: 'eth0', table: 100 });
    await rig.run(1000);
    expect([...blue.seen]).to.deep.equal(['10.8.0.0/16', '10.8.8.0/24']);
  });

  it('can begin and end at any time, and tells nothing twice', async () => {
    const rig = await new Rig().start();
    rig.kernel.put({ prefix: '10.8.0.0/16', via: '10.0.0.9', device: 'eth0', table: 100 });
    const late = follow(rig, { table: 100 });
    await rig.run(1000);
    expect([...late.seen]).to.deep.equal(['10.8.0.0/16']);
    rig.fib.reconcile();
    await rig.run(1000);
    expect(late.calls).to.equal(1);
    late.end();
    rig.kernel.remove('10.8.0.0/16', { table: 100 });
    await rig.run(1000);
    expect(late.calls).to.equal(1);
  });

  it('refuses a rule that is none', () => {
    expect(() => new Rig().fib.learn({ within: ['10.0.0.1/8'] }, () => undefined))
      .to.throw()
      .with.property('code', 'bad_prefix');
  });
});
