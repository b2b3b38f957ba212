import { expect } from 'chai';
// The example is a mocha test by itself.
import '../../examples/simulate-a-network.js';

describe('examples/simulate-a-network.ts', function () {
  const [example] = this.parent!.suites.find(({ title }) => title === 'three sites in a triangle')!.tests;
  const scenario = example!.fn as () => Promise<void>;

  it('takes less than 100 ms', async () => {
    // The machine may be busy with something else: the best of some runs counts.
    let best = Infinity;
    for (let run = 0; run < 20 && best >= 100; run++) {
      const before = performance.now();
      await scenario();
      best = Math.min(best, performance.now() - before);
    }
    expect(best).to.be.lessThan(100);
  });
});
