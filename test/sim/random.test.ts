import { expect } from 'chai';
import fc from 'fast-check';
import { drawn, prove, type Outcome } from './random-network.js';

/** `TSBGP_TOPOLOGIES=20000` for a long run; `TSBGP_SEED` for another one. */
const RUNS = Number(process.env['TSBGP_TOPOLOGIES'] ?? 500);
const SEED = Number(process.env['TSBGP_SEED'] ?? 20260101);

describe('random networks, random events', function () {
  this.timeout(RUNS * 400 + 60_000);

  it(`${RUNS} networks are as the oracle says`, async () => {
    const outcomes: Record<Outcome, number> = { held: 0, ambiguous: 0, unstable: 0 };
    await fc.assert(
      fc.asyncProperty(drawn, async (draw) => {
        outcomes[await prove(draw)]++;
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: process.env['TSBGP_SHRINK'] === undefined },
    );
    if (RUNS > 500) console.log(outcomes);
    expect(outcomes.held).to.be.greaterThan(RUNS * 0.8);
  });
});
