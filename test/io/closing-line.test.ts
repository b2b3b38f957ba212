import { expect } from 'chai';
import { ClosingLine } from '../../lib/io/closing-line.js';

describe('ClosingLine', () => {
  it('lets go of some in each turn, in order, also of those that come meanwhile', () => {
    let now = 0;
    const turns: (() => void)[] = [];
    const line = new ClosingLine({ now: () => now, soon: (run) => void turns.push(run) });
    const closed: number[] = [];
    const close = (i: number) => () => {
      now += 1;
      closed.push(i);
      if (i === 4) line.add(close(10));
    };
    for (let i = 0; i < 10; i++) line.add(close(i));
    expect(closed, 'not in the turn in which they end').to.deep.equal([]);
    const perTurn: number[] = [];
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      const before = closed.length;
      turn();
      expect(turns.length).to.be.at.most(1);
      perTurn.push(closed.length - before);
    }
    expect(perTurn).to.deep.equal([3, 3, 3, 2]);
    expect(closed).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    line.add(close(11));
    expect(turns).to.have.length(1);
    turns[0]!();
    expect(closed.at(-1)).to.equal(11);
  });

  it('lets go of one at least, however long it takes', () => {
    let now = 0;
    const turns: (() => void)[] = [];
    const line = new ClosingLine({ now: () => now, soon: (run) => void turns.push(run) });
    let closed = 0;
    for (let i = 0; i < 3; i++) {
      line.add(() => {
        now += 100;
        closed++;
      });
    }
    for (let i = 1; i <= 3; i++) {
      turns.shift()!();
      expect(closed).to.equal(i);
    }
    expect(turns).to.have.length(0);
  });
});
