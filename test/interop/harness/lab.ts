import { missing } from './requirements.js';
import type { Requirement } from './requirements.js';
import { Network } from './network.js';

/** What a test file is given: its network, there from the first `before` hook of the body on. */
export interface Lab {
  readonly network: Network;
}

export interface LabOptions {
  readonly needs: readonly Requirement[];
  /** For each test and hook of the body. */
  readonly timeoutMs?: number;
}

/**
 * A `describe` in a network of its own. Without root, `ip` or a daemon its tests are skipped and the title says why;
 * TSBGP_REQUIRE_INTEROP=1 makes that a failure. The processes' last output is printed after a failed test, and the
 * network is removed at the end, whatever happened.
 */
export function lab(title: string, options: LabOptions, body: (lab: Lab) => void): void {
  const reason = missing(options.needs);
  if (reason !== undefined) return absent(title, reason, body);

  describe(title, function () {
    this.timeout(options.timeoutMs ?? 120_000);
    let network: Network | undefined;
    before('network', async () => {
      network = await Network.create();
    });
    afterEach('logs of a failed test', function () {
      if (this.currentTest?.state !== 'failed' || network === undefined) return;
      console.error(`=== ${this.currentTest.fullTitle()}\n${network.logs()}`);
    });
    after('network', async () => {
      await network?.remove();
    });
    body({
      get network(): Network {
        if (network === undefined) throw new Error('the network exists only inside of hooks and tests');
        return network;
      },
    });
  });
}

function absent(title: string, reason: string, body: (lab: Lab) => void): void {
  if (process.env['TSBGP_REQUIRE_INTEROP'] === '1') {
    describe(title, () => {
      it('can run here', () => {
        throw new Error(`${reason}, and TSBGP_REQUIRE_INTEROP=1 asks for it`);
      });
    });
    return;
  }
  describe.skip(`${title} (skipped: ${reason})`, () => {
    body({
      get network(): Network {
        throw new Error(reason);
      },
    });
  });
}
