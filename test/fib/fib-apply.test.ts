import { expect } from 'chai';
import type { FibSummary } from '../../lib/fib/index.js';
import { Rig } from './rig.js';

const NEXT_HOP = { nextHop: '10.0.0.2' };
const WRITTEN = ['10.1.0.0/16 via 10.0.0.2 dev eth0', '10.2.0.0/16 via 10.0.0.2 dev eth0'];

describe('Fib.apply', () => {
  let rig: Rig;
  const apply = async (): Promise<FibSummary> => {
    let summary: FibSummary | undefined;
    void rig.fib.apply().then((told) => (summary = told));
    await rig.clock.runUntilAsync(() => summary !== undefined, 500);
    return summary!;
  };

  beforeEach(async () => {
    rig = await new Rig().start();
    rig.fib.ready();
    for (const prefix of ['10.1.0.0/16', '10.2.0.0/16']) rig.fib.set(prefix, NEXT_HOP);
  });

  it('writes what is wanted; again, it writes nothing', async () => {
    expect(await apply()).to.include({ kernel: 2, failed: 0 });
    expect(rig.dump()).to.deep.equal(WRITTEN);
    // Would be refused, if anything were written.
    rig.kernel.failNextWrite({ code: 'EIO' });
    expect(await apply()).to.include({ kernel: 2, failed: 0 });
    expect(rig.of('reconciled').map(({ reason, different }) => [reason, different])).to.deep.equal([
      ['start', 0],
      ['apply', 2],
      ['apply', 0],
    ]);
  });

  it('puts right what others did: a route that is gone, and one of ours that nobody wants', async () => {
    await apply();
    rig.kernel.remove('10.1.0.0/16');
    rig.kernel.put({ prefix: '10.9.0.0/16', via: '10.0.0.2', device: 'eth0', protocol: 186, metric: 32 });
    await apply();
    expect(rig.dump()).to.deep.equal(WRITTEN);
  });

  it('tries at once what was refused and waits', async () => {
    rig.kernel.refuse('10.1.0.0/16', 'EINVAL');
    expect(await apply()).to.include({ kernel: 1, failed: 1 });
    expect(await apply()).to.include({ kernel: 1, failed: 1 });
    // Its turn would come after some seconds.
    await rig.run(20_000);
    rig.kernel.relent();
    expect(await apply()).to.include({ kernel: 2, failed: 0 });
  });

  it('tries a writer at once that failed as a whole and waits', async () => {
    rig.kernel.refuse('10.1.0.0/16', 'EPERM');
    for (let i = 0; i < 6; i++) await apply();
    expect(rig.of('writerDown')).to.have.length.greaterThan(1);
    rig.kernel.relent();
    expect(await apply()).to.include({ kernel: 2, failed: 0, state: 'running' });
  });

  it('after the kernel could not be read', async () => {
    await rig.settle();
    for (let i = 0; i < 6; i++) {
      rig.kernel.failNextRead({ code: 'ENOMEM' });
      await apply();
    }
    expect(rig.of('writerDown')).to.have.length.greaterThan(0);
    rig.fib.set('10.3.0.0/16', NEXT_HOP);
    expect(await apply()).to.include({ kernel: 3, failed: 0 });
  });

  it('only between start and stop', async () => {
    const refused = async (): Promise<string> => rig.fib.apply().then(String, ({ code }: { code: string }) => code);
    await rig.settle();
    const stopped = rig.fib.stop();
    expect(await refused()).to.equal('not_running');
    await rig.run(10_000);
    await stopped;
    rig = new Rig();
    expect(await refused()).to.equal('not_running');
  });
});
