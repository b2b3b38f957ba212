import { expect } from 'chai';
import { Rig } from './rig.js';

const HOP = { nextHop: '10.0.0.2' };
const WRITTEN = '10.1.0.0/16 via 10.0.0.2 dev eth0';

describe('Fib: failures', () => {
  it('reports a refused route by name, tries again with growing intervals, and tells of its recovery', async () => {
    const rig = await new Rig().start();
    rig.kernel.refuse('10.1.0.0/16', 'ENOMEM');
    rig.fib.set('10.1.0.0/16', HOP);
    rig.fib.set('10.2.0.0/16', HOP);
    await rig.settle();
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'failed', '10.2.0.0/16': 'installed' });
    expect(rig.of('routeFailed')).to.have.length(1);
    expect(rig.of('routeFailed')[0]).to.include({ prefix: '10.1.0.0/16', change: 'via 10.0.0.2 dev eth0' });
    expect(rig.fib.route('10.1.0.0/16')!.error).to.equal('refused: ENOMEM');
    const before = rig.kernel.counts.changes;
    await rig.run(30_000);
    expect(rig.kernel.counts.changes - before).to.be.within(3, 5);
    expect(rig.of('routeFailed'), 'the same error is told once').to.have.length(1);
    rig.kernel.relent();
    await rig.run(60_000);
    expect(rig.dump()).to.include(WRITTEN);
    expect(rig.of('routeRecovered').map(({ prefix }) => prefix)).to.deep.equal(['10.1.0.0/16']);
  });

  it('tries at once again when a failed route is wanted otherwise', async () => {
    const rig = await new Rig().start();
    rig.kernel.refuse('10.1.0.0/16', 'ENOMEM', 3);
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.run(4000);
    rig.fib.set('10.1.0.0/16', { nextHop: '10.0.0.3' });
    await rig.settle();
    expect(rig.dump()).to.deep.equal(['10.1.0.0/16 via 10.0.0.3 dev eth0']);
  });

  it('leaves the place to the route of another program, names it, and takes it when it is free', async () => {
    const rig = await new Rig().start();
    rig.kernel.put({ prefix: '10.1.0.0/16', via: '10.0.0.9', device: 'eth0', metric: 32, protocol: 4 });
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.run(120_000);
    expect(rig.kernel.dump(4)).to.deep.equal(['10.1.0.0/16 via 10.0.0.9 dev eth0']);
    expect(rig.fib.route('10.1.0.0/16')).to.include({
      state: 'failed',
      error: 'a route of protocol static has this prefix, table and metric',
    });
    rig.kernel.remove('10.1.0.0/16');
    await rig.settle();
    expect(rig.dump()).to.deep.equal([WRITTEN]);
  });

  it('asks for onlink when the kernel does not believe a gateway', async () => {
    const rig = await new Rig().start();
    // A gateway behind a route that is itself no link: the kernel checks, the static route's author did not.
    rig.kernel.put({ prefix: '10.50.0.0/16', via: '172.16.0.1', device: 'eth0' });
    rig.fib.set('10.1.0.0/16', { nextHop: '10.50.1.1' });
    await rig.settle();
    expect(rig.kernel.routes(186)[0]!.body.hops).to.deep.equal([
      { gateway: '172.16.0.1', device: 'eth0', onlink: true },
    ]);
    expect(rig.of('routeFailed')).to.deep.equal([]);
  });

  it('goes on after a batch whose outcome is unknown', async () => {
    const rig = await new Rig({ batchSize: 10 }).start();
    rig.kernel.failNextWrite({ code: 'EEXIT', after: 4 });
    for (let i = 0; i < 50; i++) rig.fib.set(`10.1.${i}.0/24`, HOP);
    await rig.run(2000);
    expect(rig.dump()).to.have.length(50);
    expect(rig.of('writerDown')).to.have.length(1);
    expect(rig.of('writerUp')).to.have.length(1);
    expect(rig.of('foreignChange')).to.deep.equal([]);
    expect(rig.of('routeFailed')).to.deep.equal([]);
  });

  it('finds the change that ends the writer each time, and writes all others', async () => {
    const rig = await new Rig({ batchSize: 16 }).start();
    const write = rig.kernel.write.bind(rig.kernel);
    rig.kernel.write = (changes) => {
      if (changes.some(({ prefix }) => prefix === '10.1.13.0/24')) {
        rig.kernel.failNextWrite({
          code: 'EEXIT',
          after: changes.findIndex(({ prefix }) => prefix === '10.1.13.0/24'),
        });
      }
      return write(changes);
    };
    for (let i = 0; i < 40; i++) rig.fib.set(`10.1.${i}.0/24`, HOP);
    await rig.run(60_000);
    expect(rig.dump()).to.have.length(39);
    expect(rig.states()['10.1.13.0/24']).to.equal('failed');
    expect(rig.of('routeFailed').map(({ prefix }) => prefix)).to.deep.equal(['10.1.13.0/24']);
  });

  it('blames no change when somebody ends the writer twice, the second time with one route under way', async () => {
    const rig = await new Rig({ batchSize: 4 }).start();
    const write = rig.kernel.write.bind(rig.kernel);
    let ends = 0;
    let alone = 0;
    rig.kernel.write = (changes) => {
      if (ends < 2 && (ends === 0 || changes.length === 1)) {
        // All that is under way when it ends is lost.
        if (changes.length === 1) alone++;
        ends++;
        for (let i = 0; i < 8; i++) rig.kernel.failNextWrite({ code: 'EEXIT', after: 0 });
        rig.clock.soon(() => rig.kernel.relent());
      }
      return write(changes);
    };
    for (let i = 0; i < 40; i++) rig.fib.set(`10.1.${i}.0/24`, HOP);
    await rig.run(5000);
    expect(rig.dump()).to.have.length(40);
    expect([ends, alone]).to.deep.equal([2, 1]);
    expect(rig.of('writerDown')).to.have.length(2);
    expect(rig.of('routeFailed')).to.deep.equal([]);
  });

  for (const batchSize of [1, 16]) {
    it(`finds a change with a new metric that ends the writer each time (batchSize ${batchSize})`, async () => {
      const rig = await new Rig({ batchSize }).start();
      rig.fib.ownMetrics([50]);
      for (let i = 0; i < 40; i++) rig.fib.set(`10.1.${i}.0/24`, HOP);
      await rig.settle();
      const write = rig.kernel.write.bind(rig.kernel);
      rig.kernel.write = (changes) => {
        const at = changes.findIndex(({ op, prefix }) => op === 'add' && prefix === '10.1.13.0/24');
        if (at >= 0) rig.kernel.failNextWrite({ code: 'EEXIT', after: at });
        return write(changes);
      };
      for (let i = 0; i < 40; i++) rig.fib.set(`10.1.${i}.0/24`, { ...HOP, metric: 50 });
      await rig.run(60_000);
      expect(rig.kernel.routes(186).filter(({ metric }) => metric === 50)).to.have.length(39);
      expect(rig.of('routeFailed').map(({ prefix }) => prefix)).to.deep.equal(['10.1.13.0/24']);
    });
  }

  it('takes a writer that never answers for failed', async () => {
    const rig = await new Rig({ writeTimeoutSeconds: 5 }).start();
    rig.kernel.failNextWrite({ code: 'EIO', stall: true });
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.run(10_000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    expect(rig.of('writerDown')[0]!.error.code).to.equal('ETIMEDOUT');
  });

  it('starts with a kernel that cannot be read, tries again with growing intervals, and recovers', async () => {
    const rig = new Rig();
    for (let i = 0; i < 6; i++) rig.kernel.failNextRead({ code: 'ENOENT', message: "cannot run 'ip'" });
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.start();
    expect(rig.fib.summary()).to.include({ state: 'down', lastError: "cannot run 'ip'" });
    await rig.fib.idle();
    expect(rig.states()).to.deep.equal({ '10.1.0.0/16': 'unresolved' });
    await rig.run(2500);
    expect(rig.kernel.counts.reads).to.be.within(4, 6);
    await rig.run(5000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    expect(rig.of('writerUp')).to.have.length(1);
    expect(rig.fib.summary()).to.include({ state: 'running', lastError: null });
  });

  it('does not try a million routes one by one without permission', async () => {
    const rig = await new Rig({ batchSize: 100 }).start();
    for (let i = 0; i < 500; i++) {
      rig.kernel.refuse(`10.${1 + (i >> 8)}.${i & 255}.0/24`, 'EPERM');
      rig.fib.set(`10.${1 + (i >> 8)}.${i & 255}.0/24`, HOP);
    }
    await rig.run(1000);
    expect(rig.of('writerDown')[0]!.error.code).to.equal('EPERM');
    expect(rig.of('routeFailed')).to.deep.equal([]);
    rig.kernel.relent();
    await rig.run(60_000);
    expect(rig.dump()).to.have.length(500);
  });
});

describe('Fib: foreign changes', () => {
  it('puts deleted, altered and added routes right, and tells', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', HOP);
    rig.fib.set('10.2.0.0/16', HOP);
    rig.fib.ready();
    await rig.run(5000);
    rig.kernel.remove('10.1.0.0/16');
    rig.kernel.put({ prefix: '10.2.0.0/16', via: '10.0.0.66', device: 'eth0', protocol: 186, metric: 32 });
    rig.kernel.put({ prefix: '10.3.0.0/16', via: '10.0.0.66', device: 'eth0', protocol: 186, metric: 32 });
    await rig.run(1000);
    expect(rig.dump()).to.deep.equal([WRITTEN, '10.2.0.0/16 via 10.0.0.2 dev eth0']);
    expect(rig.of('foreignChange').map(({ prefix, change }) => `${change} ${prefix}`)).to.have.members([
      'deleted 10.1.0.0/16',
      'altered 10.2.0.0/16',
      'added 10.3.0.0/16',
    ]);
    expect(rig.of('repaired').map(({ prefix }) => prefix)).to.have.members([
      '10.1.0.0/16',
      '10.2.0.0/16',
      '10.3.0.0/16',
    ]);
  });

  it('finds out after lost events, and by itself now and then when nothing is told', async () => {
    const rig = await new Rig({ reconcileSeconds: 30 }).start();
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.run(5000);
    rig.kernel.muted = true;
    rig.kernel.remove('10.1.0.0/16');
    rig.kernel.muted = false;
    rig.kernel.loseEvents();
    await rig.run(1000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    rig.kernel.muted = true;
    rig.kernel.remove('10.1.0.0/16');
    await rig.run(20_000);
    expect(rig.dump()).to.deep.equal([]);
    await rig.run(15_000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    expect(rig.of('reconciled').at(-1)!.reason).to.equal('periodic');
  });

  it('starts an ended watch anew and misses nothing', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.settle();
    rig.kernel.endWatches();
    rig.kernel.remove('10.1.0.0/16');
    await rig.run(2000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
    rig.kernel.remove('10.1.0.0/16');
    await rig.run(5000);
    expect(rig.dump()).to.deep.equal([WRITTEN]);
  });

  it('does not make a war of it', async () => {
    const rig = await new Rig().start();
    rig.fib.set('10.1.0.0/16', HOP);
    await rig.settle();
    const before = rig.kernel.counts.changes;
    for (let second = 0; second < 120; second++) {
      rig.kernel.remove('10.1.0.0/16');
      await rig.run(1000);
    }
    expect(rig.kernel.counts.changes - before).to.be.lessThan(20);
    expect(rig.of('contended').length).to.be.greaterThan(3);
    await rig.run(300_000);
    expect(rig.dump(), 'the last word is ours').to.deep.equal([WRITTEN]);
  });

  it('takes its own writes for no foreign change', async () => {
    const rig = await new Rig({}, 20).start();
    await rig.run(1000);
    const reads = rig.kernel.counts.reads;
    for (let i = 0; i < 200; i++) {
      rig.fib.set('10.1.0.0/16', { nextHop: `10.0.0.${2 + (i % 3)}` });
      await rig.run(7);
    }
    await rig.run(10_000);
    expect(rig.of('foreignChange')).to.deep.equal([]);
    expect(rig.kernel.counts.reads - reads).to.be.lessThan(5);
  });
});
