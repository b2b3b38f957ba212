import { expect } from 'chai';
import type { Clock } from '../../lib/net/index.js';
import { warmUp, warmUpFor } from '../../lib/speaker/warm-up.js';
import { Lab } from '../support/lab.js';

/** Every look at the clock takes a millisecond; tasks run when the test says so. */
class TickingClock implements Clock {
  tasks: (() => void)[] = [];
  time = 0;
  now = (): number => this.time++;
  wallTime = (): number => 0;
  after = (): never => {
    throw new Error('not used');
  };
  soon = (run: () => void): void => void this.tasks.push(run);
  run(): boolean {
    const task = this.tasks.shift();
    task?.();
    return task !== undefined;
  }
}

describe('warming up', () => {
  it('runs in short slices, a turn of the event loop each', () => {
    const clock = new TickingClock();
    warmUp(clock, () => false);
    let slices = 0;
    let longest = 0;
    for (let before = clock.time; clock.run(); before = clock.time) {
      slices++;
      longest = Math.max(longest, clock.time - before);
    }
    expect(slices).to.be.greaterThan(10);
    expect(longest).to.be.below(6);
  });

  it('ends when it is over', () => {
    const clock = new TickingClock();
    let over = false;
    warmUp(clock, () => over);
    expect([clock.run(), clock.run()]).to.deep.equal([true, true]);
    over = true;
    expect([clock.run(), clock.run()]).to.deep.equal([true, false]);
  });

  it('leaves the speaker alone: its tables, and what its neighbors are told', async () => {
    const lab = new Lab();
    const neighbors = ['10.0.0.11', '10.0.0.12'].map((address) => ({
      address,
      peerAs: 64512,
      passive: true,
      routeReflectorClient: true,
    }));
    const speaker = await lab.speaker({ routerId: '10.0.0.1', neighbors });
    warmUpFor(speaker);
    const a = lab.probe('10.0.0.1', '10.0.0.11');
    await lab.up(a);
    await lab.settle();
    expect(a.view.messages).to.equal(2);
    expect(speaker.summary().families['ipv4-unicast']).to.deep.equal({ prefixes: 0, paths: 0 });
    expect(speaker.rib.peers.limit).to.equal(2);
  });
});
