import { expect } from 'chai';
import type { Clock, Timer } from '../../lib/net/index.js';
import { WarmUp, warmUpFor } from '../../lib/speaker/warm-up.js';
import { Lab } from '../support/lab.js';

/** Every look at the clock takes a millisecond; tasks run when the test says so, timers when there are no tasks. */
class TickingClock implements Clock {
  tasks: (() => void)[] = [];
  timers: { at: number; run: () => void }[] = [];
  time = 0;
  now = (): number => this.time++;
  wallTime = (): number => 0;
  after = (ms: number, run: () => void): Timer => {
    this.timers.push({ at: this.time + ms, run });
    return { cancel: () => undefined };
  };
  soon = (run: () => void): void => void this.tasks.push(run);
  /** @returns how long the next task took, 0: there is none */
  run(): number {
    const timer = this.tasks.length === 0 ? this.timers.shift() : undefined;
    if (timer) this.time = Math.max(this.time, timer.at);
    const before = this.time;
    (timer?.run ?? this.tasks.shift())?.();
    return this.time - before;
  }
  /** @returns how long each task took, until there are no more */
  runAll(): number[] {
    const took: number[] = [];
    for (let ms = this.run(); ms > 0; ms = this.run()) took.push(ms);
    return took;
  }
}

const CALM = { isCalm: () => true, isOver: () => false, onEnd: () => undefined };

describe('warming up', () => {
  it('runs in short slices, a turn of the event loop each', () => {
    const clock = new TickingClock();
    new WarmUp(clock, CALM).start();
    const slices = clock.runAll();
    expect(slices.length).to.be.greaterThan(10);
    expect(Math.max(...slices)).to.be.below(6);
  });

  it('ends with the first real routes, and goes on with single changes when these have been told', () => {
    const clock = new TickingClock();
    let calm = false;
    let ended = 0;
    const warmUp = new WarmUp(clock, { ...CALM, isCalm: () => calm, onEnd: () => ended++ });
    warmUp.start();
    clock.run();
    warmUp.onRoutes();
    expect(clock.tasks).to.have.length(1);
    clock.run();
    expect(clock.tasks, 'no more tables').to.have.length(0);
    clock.run();
    expect([clock.tasks.length, clock.timers.length], 'it waits').to.deep.equal([0, 1]);
    expect(ended).to.equal(0);
    calm = true;
    const slices = clock.runAll();
    expect(ended).to.equal(1);
    expect(slices.length).to.be.greaterThan(1000);
    expect(Math.max(...slices)).to.be.below(6);
  });

  it('stops for good when it is over or never calm', () => {
    const over = new TickingClock();
    let isOver = false;
    const stopped = new WarmUp(over, { ...CALM, isOver: () => isOver });
    stopped.start();
    expect(over.run()).to.be.greaterThan(0);
    isOver = true;
    expect(over.runAll()).to.have.length(1);
    stopped.onRoutes();
    expect(over.runAll()).to.have.length(1);

    const busy = new TickingClock();
    new WarmUp(busy, { ...CALM, isCalm: () => false }).onRoutes();
    busy.runAll();
    expect(busy.time).to.be.within(10_000, 12_000);
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

  it('asks nothing of the clock of the speaker: a recording would take that for something that the speaker did', async () => {
    const lab = new Lab();
    const neighbor = { address: '10.0.0.11', peerAs: 64512, passive: true, routeReflectorClient: true };
    const speaker = await lab.speaker({ routerId: '10.0.0.1', neighbors: [neighbor] });
    const clock = new TickingClock();
    warmUpFor(speaker, clock);
    const a = lab.probe('10.0.0.1', '10.0.0.11');
    await lab.up(a);
    a.announce('192.0.2.0/24');
    await lab.settle();
    expect(clock.timers, 'the first route was noticed').to.have.length(1);
    let asked = 0;
    const { now } = speaker.clock;
    speaker.clock.now = () => (asked++, now.call(speaker.clock));
    expect(clock.runAll().length).to.be.greaterThan(1000);
    expect(asked).to.equal(0);
  });
});
