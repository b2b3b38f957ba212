import { expect } from 'chai';
import { Deadline } from '../../../lib/bgp/session/deadline.js';
import { VirtualClock } from '../../../lib/sim/index.js';

describe('Deadline', () => {
  function make(grace = false): { clock: VirtualClock; deadline: Deadline; expired: number[] } {
    const clock = new VirtualClock();
    const expired: number[] = [];
    return { clock, deadline: new Deadline(clock, () => expired.push(clock.now()), grace), expired };
  }

  it('expires once', () => {
    const { clock, deadline, expired } = make();
    deadline.start(100);
    expect(deadline.left).to.equal(100);
    clock.run(1000);
    expect(expired).to.deep.equal([100]);
    expect(deadline.left).to.equal(undefined);
  });

  it('moves on when touched, with one timer for any number of touches', () => {
    const { clock, deadline, expired } = make();
    deadline.start(100);
    for (let i = 0; i < 50; i++) {
      clock.run(10);
      deadline.touch(clock.now());
      expect(clock.pending).to.equal(1);
    }
    expect(expired).to.deep.equal([]);
    clock.run(1000);
    expect(expired).to.deep.equal([600]);
  });

  it('can be stopped, restarted and started anew', () => {
    const { clock, deadline, expired } = make();
    deadline.start(100);
    clock.run(50);
    deadline.stop();
    clock.run(1000);
    deadline.restart();
    clock.run(60);
    deadline.start(10);
    clock.run(1000);
    expect(expired).to.deep.equal([1120]);
    expect(clock.pending).to.equal(0);
  });

  it('with grace, lets what has arrived meanwhile be read first', () => {
    const { clock, deadline, expired } = make(true);
    deadline.start(100);
    // A process that stood still: the timer is due, and so is what arrived before it.
    clock.after(100, () => deadline.touch(clock.now()));
    clock.run(150);
    expect(expired).to.deep.equal([]);
    clock.run(100);
    expect(expired).to.deep.equal([200]);
  });

  it('with grace, can still be stopped at the last moment', () => {
    const { clock, deadline, expired } = make(true);
    deadline.start(100);
    clock.after(100, () => deadline.stop());
    clock.run(1000);
    expect(expired).to.deep.equal([]);
  });
});
