import { expect } from 'chai';
import type { RouteState } from '../../lib/fib/route-state.js';
import { Sweeps } from '../../lib/fib/sweeps.js';
import { VirtualClock } from '../../lib/sim/index.js';

describe('walks over all routes', () => {
  /** A table of two slices. */
  function twoSlices() {
    const clock = new VirtualClock();
    const forEachInSlices: RouteState['forEachInSlices'] = async (_, pause) => void (await pause());
    const state = { forEachInSlices } as RouteState;
    let ends = 0;
    const sweeps = new Sweeps({ state, clock, onProgress: () => ends++ });
    return { clock, sweeps, ends: () => ends };
  }

  it('say when they are done', async () => {
    const { clock, sweeps, ends } = twoSlices();
    let done = 0;
    sweeps.begin(
      () => undefined,
      () => done++,
    );
    expect([sweeps.isRunning, done]).to.deep.equal([true, 0]);
    await clock.runAsync(1);
    expect([sweeps.isRunning, done, ends()]).to.deep.equal([false, 1, 1]);
  });

  it('say nothing when they were closed on the way: whoever waits would begin again, for ever', async () => {
    const { clock, sweeps } = twoSlices();
    let done = 0;
    sweeps.begin(
      () => undefined,
      () => done++,
    );
    sweeps.close();
    await clock.runAsync(1);
    expect([sweeps.isRunning, done]).to.deep.equal([false, 0]);
  });
});
