/**
 * A network of three speakers in a test: a link is cut, and packets take the other way. It takes some
 * milliseconds, and every run is the same.
 *
 *   npx mocha examples/simulate-a-network.ts
 *
 * For node:test begin with: import { describe, it } from 'node:test';
 */
import { simulate } from '../lib/sim/index.js';

describe('three sites in a triangle', () => {
  it('reach each other when a link is cut', () =>
    // Whatever fails, the error names the seed, with which the same happens again.
    simulate({ seed: 1, latencyMs: 5 }, async (net) => {
      for (const [i, site] of ['paris', 'london', 'oslo'].entries()) {
        net.router(site, { lan: null, asn: 65001 + i, networks: [`10.${i + 1}.0.0/16`] });
      }
      for (const [a, b] of [
        ['paris', 'london'],
        ['london', 'oslo'],
        ['oslo', 'paris'],
      ] as const) {
        net.link(a, b);
        net.peer(a, b);
      }
      await net.start();
      await net.converged();
      net.assert.reaches('paris', '10.3.0.1', ['paris', 'oslo']);

      net.cut('paris', 'oslo');
      await net.converged(); // also the end of the hold time, in no time
      net.assert.reaches('paris', '10.3.0.1', ['paris', 'london', 'oslo']);
      net.assert.best('paris', '10.3.0.0/16', { asPath: '65002 65003' });
    }));
});
