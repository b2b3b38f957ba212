import { expect } from 'chai';
import fc from 'fast-check';
import { drawn, prove, type Drawn, type Outcome } from './random-network.js';

/** `TSBGP_TOPOLOGIES=20000` for a long run; `TSBGP_SEED` for another one. */
const RUNS = Number(process.env['TSBGP_TOPOLOGIES'] ?? 500);
const SEED = Number(process.env['TSBGP_SEED'] ?? 20260101);

/** Runs that once failed, and why. */
const FOUND: readonly (readonly [why: string, draw: Drawn])[] = [
  [
    'a wire that is broken between two hosts of a LAN is no black hole of the routes',
    {
      seed: 14,
      shape: 'hierarchy',
      routers: 5,
      routes: [{ at: 21, prefix: 2, med: 1, localPref: null, origin: 2, community: 3 }],
      events: [
        [3, 5, 8],
        [4, 14, 30],
      ],
      switches: 7,
    },
  ],
];

describe('random networks, random events', function () {
  this.timeout(RUNS * 400 + 60_000);

  for (const [why, draw] of FOUND) {
    it(`seed ${draw.seed}: ${why}`, async () => {
      expect(await prove(draw)).to.equal('held');
    });
  }

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
