import { expect } from 'chai';
import { Rig } from './rig.js';

describe('Fib: wanted routes', () => {
  it('writes IPv4, IPv6, blackhole and link-local routes', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    rig.fib.set('2001:db8:1::/48', { nextHop: '2001:db8::2' });
    rig.fib.set('2001:db8:2::/48', { nextHop: 'fe80::2', device: 'eth0' });
    rig.fib.set('10.2.0.0/16', { nextHop: 'fe80::2', device: 'eth0' });
    rig.fib.set('10.3.0.0/16', 'blackhole');
    await rig.settle();
    expect(rig.dump()).to.deep.equal([
      '10.1.0.0/16 via 10.0.0.2 dev eth0',
      '10.2.0.0/16 via fe80::2 dev eth0',
      '10.3.0.0/16 blackhole',
      '2001:db8:1::/48 via 2001:db8::2 dev eth0',
      '2001:db8:2::/48 via fe80::2 dev eth0',
    ]);
    expect([...rig.fib.routes()].every(({ state, error }) => state === 'installed' && error === null)).to.equal(true);
  });

  it('writes our protocol, table and metric', async () => {
    const rig = await new Rig({ protocol: 201, table: 77, metric: 7 }).start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    expect(rig.kernel.routes(201)).to.have.length(1);
    expect(rig.kernel.routes(201)[0]).to.include({ table: 77, metric: 7, protocol: 201 });
  });

  it('coalesces changes made in one turn, and writes nothing for what comes back to what it was', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    const before = rig.kernel.counts.changes;
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.3' });
    rig.fib.delete('10.1.0.0/16');
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    rig.fib.set('10.2.0.0/16', { nextHop: '10.0.0.3' });
    rig.fib.delete('10.2.0.0/16');
    await rig.settle();
    expect(rig.kernel.counts.changes).to.equal(before);
  });

  it('moves and deletes a route', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.3' });
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.3 dev eth0']);
    rig.fib.delete('10.1.0.0/16');
    await rig.settle();
    expect(rig.dump()).to.deep.equal([]);
    expect([...rig.fib.routes()]).to.deep.equal([]);
  });

  it('writes the last wish when it changes while a batch is unanswered', async () => {
    const rig = await new Rig({}, 50).start();
    await rig.run(200);
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.run(10);
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.3' });
    rig.fib.set('10.2.0.0/16', { nextHop: '10.0.0.3' });
    await rig.run(10);
    rig.fib.delete('10.2.0.0/16');
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.3 dev eth0']);
  });

  it('writes in batches with few unanswered', async () => {
    const rig = await new Rig({ batchSize: 100 }).start();
    for (let i = 0; i < 1000; i++) rig.fib.set(`10.${1 + (i >> 8)}.${i & 255}.0/24`, { nextHop: '10.0.0.2' });
    await rig.settle();
    expect(rig.dump()).to.have.length(1000);
    expect(rig.kernel.counts.writes).to.equal(10);
  });

  it('refuses bad prefixes and next hops, and keeps working', async () => {
    const rig = await new Rig().start();
    expect(() => rig.fib.set('10.1.0.1/16', 'blackhole'))
      .to.throw()
      .with.property('code', 'bad_prefix');
    expect(() => rig.fib.set('nonsense', 'blackhole'))
      .to.throw()
      .with.property('code', 'bad_prefix');
    expect(() => rig.fib.set('10.1.0.0/16', { nextHop: 'x' }))
      .to.throw()
      .with.property('code', 'bad_next_hop');
    expect(() => rig.fib.set('10.1.0.0/16', { nextHop: 'fe80::1', device: 'a b' }))
      .to.throw()
      .with.property('code', 'bad_next_hop');
    expect(() => rig.fib.set('10.1.0.0/16', { nextHops: [] }))
      .to.throw()
      .with.property('code', 'bad_next_hop');
    rig.fib.set('10.1.0.0/16', 'blackhole');
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 blackhole']);
  });

  it('writes several next hops with weights, and fewer when one cannot be reached', async () => {
    const rig = await new Rig().start();
    rig.kernel.addLink('eth1', '10.0.1.1/24');
    rig.fib.set('10.9.0.0/16', { nextHops: [{ nextHop: '10.0.1.2', weight: 3 }, { nextHop: '10.0.0.2' }] });
    await rig.run(3000);
    expect(rig.dump()).to.deep.equal([
      '10.9.0.0/16 nexthop via 10.0.0.2 dev eth0 weight 1 nexthop via 10.0.1.2 dev eth1 weight 3',
    ]);
    rig.kernel.setLink('eth1', false);
    await rig.run(3000);
    expect(rig.dump()).to.deep.equal(['10.9.0.0/16 via 10.0.0.2 dev eth0']);
  });

  it('writes other types, a source address and an MTU, and tells such routes apart', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    rig.fib.set('10.2.0.0/16', 'unreachable');
    rig.fib.set('10.3.0.0/16', 'prohibit');
    await rig.settle();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2', source: '10.0.0.1', mtu: 1400 });
    await rig.settle();
    expect(rig.dump()).to.deep.equal([
      '10.1.0.0/16 via 10.0.0.2 dev eth0 src 10.0.0.1 mtu 1400',
      '10.2.0.0/16 unreachable',
      '10.3.0.0/16 prohibit',
    ]);
    expect(() => rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2', mtu: 10 }))
      .to.throw()
      .with.property('code', 'bad_mtu');
    expect(() => rig.fib.set('10.1.0.0/16', 'nowhere' as 'blackhole'))
      .to.throw()
      .with.property('code', 'bad_next_hop');
  });

  it('keeps a ledger of each route', async () => {
    const rig = await new Rig().start();
    await rig.run(5000);
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    const route = rig.fib.route('10.1.0.0/16')!;
    const now = rig.clock.wallTime();
    for (const time of [route.wantedAt, route.writtenAt, route.acknowledgedAt]) {
      expect(time).to.be.closeTo(now, 200);
    }
    expect(rig.fib.route('10.7.0.0/16')).to.equal(undefined);
    expect(rig.fib.summary()).to.include({ state: 'running', wanted: 1, kernel: 1, failed: 0, queued: 0 });
  });
});

describe('Fib: start and stop', () => {
  const old = { via: '10.0.0.9', device: 'eth0', protocol: 186, metric: 32 };

  it('keeps routes of an earlier run until ready, then removes those nobody wants', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.1.0.0/16', ...old });
    rig.kernel.put({ prefix: '10.2.0.0/16', ...old });
    rig.kernel.put({ prefix: '10.3.0.0/16', ...old });
    await rig.start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.9' });
    rig.fib.set('10.2.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    expect(rig.dump()).to.deep.equal([
      '10.1.0.0/16 via 10.0.0.9 dev eth0',
      '10.2.0.0/16 via 10.0.0.2 dev eth0',
      '10.3.0.0/16 via 10.0.0.9 dev eth0',
    ]);
    expect(rig.kernel.counts.changes, 'the equal one is not written again').to.equal(1);
    rig.fib.ready();
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.9 dev eth0', '10.2.0.0/16 via 10.0.0.2 dev eth0']);
    expect(rig.of('foreignChange')).to.deep.equal([]);
  });

  it('flushes at once, or adopts, when told to', async () => {
    const flush = new Rig({ atStart: 'flush' });
    flush.kernel.put({ prefix: '10.1.0.0/16', ...old });
    await flush.start();
    await flush.settle();
    expect(flush.dump()).to.deep.equal([]);
    const adopt = new Rig({ atStart: 'adopt' });
    adopt.kernel.put({ prefix: '10.1.0.0/16', ...old });
    await adopt.start();
    adopt.fib.ready();
    await adopt.settle();
    expect(adopt.dump()).to.have.length(1);
    adopt.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await adopt.settle();
    adopt.fib.delete('10.1.0.0/16');
    await adopt.settle();
    expect(adopt.dump()).to.deep.equal([]);
  });

  it('removes a route that was wanted in this run even before ready', async () => {
    const rig = new Rig();
    rig.kernel.put({ prefix: '10.1.0.0/16', ...old });
    await rig.start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.9' });
    await rig.settle();
    rig.fib.delete('10.1.0.0/16');
    await rig.settle();
    expect(rig.dump()).to.deep.equal([]);
  });

  it('takes routes set before start', async () => {
    const rig = new Rig();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    rig.fib.ready();
    await rig.start();
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.2 dev eth0']);
  });

  it('never touches routes of another protocol, table or metric', async () => {
    const rig = new Rig();
    const others = [
      { prefix: '10.1.0.0/16', ...old, protocol: 4 },
      { prefix: '10.2.0.0/16', ...old, table: 100 },
      { prefix: '10.3.0.0/16', ...old, metric: 20 },
    ];
    for (const other of others) rig.kernel.put(other);
    const before = JSON.stringify(rig.kernel.routes());
    await rig.start();
    rig.fib.set('10.3.0.0/16', { nextHop: '10.0.0.3' });
    rig.fib.ready();
    await rig.settle();
    rig.fib.delete('10.3.0.0/16');
    await rig.settle();
    expect(JSON.stringify(rig.kernel.routes())).to.equal(before);
  });

  it('keeps or removes our routes at stop', async () => {
    for (const atStop of ['keep', 'remove'] as const) {
      const rig = await new Rig({ atStop }).start();
      rig.kernel.put({ prefix: '10.8.0.0/16', ...old });
      rig.kernel.put({ prefix: '10.9.0.0/16', ...old, protocol: 4 });
      rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
      await rig.settle();
      const stopped = rig.fib.stop();
      await rig.run(20_000);
      await stopped;
      expect(rig.dump().includes('10.1.0.0/16 via 10.0.0.2 dev eth0')).to.equal(atStop === 'keep');
      expect(rig.kernel.dump(4)).to.have.length(1);
      expect(rig.fib.summary().state).to.equal('stopped');
    }
  });

  it('stops in bounded time with a writer that never answers', async () => {
    const rig = await new Rig({ atStop: 'remove' }).start();
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.2' });
    await rig.settle();
    rig.kernel.failNextWrite({ code: 'EIO', stall: true });
    let stopped = false;
    void rig.fib.stop().then(() => (stopped = true));
    await rig.clock.runUntilAsync(() => stopped, 30_000);
  });

  it('starts once', async () => {
    const rig = await new Rig().start();
    const error = await rig.fib.start().catch((e: unknown) => e);
    expect(error).to.have.property('code', 'already_started');
  });
});
