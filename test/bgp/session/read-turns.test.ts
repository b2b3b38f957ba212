import { expect } from 'chai';
import { ReadTurns } from '../../../lib/bgp/session/read-turns.js';
import type { Clock } from '../../../lib/net/clock.js';

describe('turns of reading', () => {
  let time: number;
  let soon: (() => void)[];
  let turns: ReadTurns;

  beforeEach(() => {
    time = 0;
    soon = [];
    const clock: Pick<Clock, 'now' | 'soon'> = { now: () => time, soon: (run) => void soon.push(run) };
    turns = new ReadTurns(clock as Clock);
  });

  const nextTurn = (): void => soon.splice(0).forEach((run) => run());
  const read = (ms: number) => (): void => turns.read(() => (time += ms));

  it('are over when their time is used up, and begin anew', () => {
    read(4)();
    expect(turns.isOpen).to.equal(true);
    read(4)();
    expect([turns.hasTime, turns.isOpen]).to.deep.equal([false, false]);
    nextTurn();
    expect([turns.hasTime, turns.isOpen]).to.deep.equal([true, true]);
  });

  it('go to who stands in line first, in order, as long as there is time', () => {
    const order: string[] = [];
    read(13)();
    for (const name of ['a', 'b', 'c']) turns.wait(() => (order.push(name), read(4)()));
    // The turn in which the time was used up has none left for them.
    nextTurn();
    expect([order.length, turns.isOpen]).to.deep.equal([0, false]);
    nextTurn();
    expect(order).to.deep.equal(['a', 'b']);
    expect(turns.isOpen).to.equal(false);
    nextTurn();
    expect(order).to.deep.equal(['a', 'b', 'c']);
    expect(turns.isOpen).to.equal(true);
  });

  it('come to an end also when all stand in line again, with nothing to read', () => {
    let runs = 0;
    const again = (): void => {
      runs++;
      if (!turns.hasTime) turns.wait(again);
    };
    turns.wait(again);
    turns.wait(again);
    for (let i = 0; i < 5; i++) nextTurn();
    expect([runs, turns.isOpen]).to.deep.equal([2, true]);
  });
});
