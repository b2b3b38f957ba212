import { expect } from 'chai';
import { BusyPoll } from '../../lib/io/busy-poll.js';

/** An event loop whose turns are made by hand. */
class Loop {
  ms = 0;
  waiting: (() => void)[] = [];

  now(): number {
    return this.ms;
  }

  soon(run: () => void): void {
    this.waiting.push(run);
  }

  /** Turns of 0.01 ms, until it falls asleep. */
  run(): void {
    for (let run = this.waiting.shift(); run !== undefined; run = this.waiting.shift()) {
      this.ms += 0.01;
      run();
    }
  }
}

describe('BusyPoll', () => {
  it('stays awake a moment longer when reads follow each other quickly', () => {
    const loop = new Loop();
    const poll = new BusyPoll(loop);
    for (let i = 0; i < 4; i++, loop.ms += 0.1) poll.onRead();
    expect(loop.waiting).to.have.length(0);
    for (let i = 0; i < 3; i++, loop.ms += 0.05) poll.onRead();
    // One turn after the other, not one for each read.
    expect(loop.waiting).to.have.length(1);
    const since = loop.ms - 0.05;
    loop.run();
    expect(loop.ms - since).to.be.within(0.2, 0.22);
  });

  it('is kept awake by reads, and begins anew after a pause', () => {
    const loop = new Loop();
    const poll = new BusyPoll(loop);
    for (let i = 0; i < 5; i++, loop.ms += 0.1) poll.onRead();
    loop.waiting.pop()!();
    expect(loop.waiting).to.have.length(1);
    poll.onRead();
    expect(loop.waiting).to.have.length(1);
    loop.run();
    loop.ms += 1;
    for (let i = 0; i < 4; i++, loop.ms += 0.1) poll.onRead();
    expect(loop.waiting).to.have.length(0);
    poll.onRead();
    expect(loop.waiting).to.have.length(1);
  });

  it('does nothing when reads come now and then', () => {
    const loop = new Loop();
    const poll = new BusyPoll(loop);
    for (let i = 0; i < 100; i++, loop.ms += 0.25) poll.onRead();
    expect(loop.waiting).to.have.length(0);
  });
});
