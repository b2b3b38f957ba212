import { spawn } from 'node:child_process';
import { expect } from 'chai';
import type { FibEvent } from '../../lib/fib/events.js';
import type { Fib } from '../../lib/fib/fib.js';
import { createFib } from '../../lib/io/create-fib.js';
import { ProcessMonitor, realClock } from '../../lib/io/index.js';
import { FibNamespace } from './fib-namespace.js';
import { missing } from './harness/requirements.js';

const reason = missing(['socketOptions']);
const COUNT4 = Number(process.env['TSBGP_FIB_SCALE'] ?? 50_000);
const COUNT6 = COUNT4 / 5;
const prefix4 = (i: number): string => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;
const prefix6 = (i: number): string => `2a00:${((i >> 12) + 1).toString(16)}:${((i & 0xfff) + 1).toString(16)}::/48`;

for (const type of ['ip-route', 'netlink'] as const) {
  describe(`FIB with many routes, ${type}${reason === undefined ? '' : ` (skipped: ${reason})`}`, function () {
    this.timeout(300_000);
    let ns: FibNamespace;
    let fib: Fib;
    let events: FibEvent[];

    before(async function () {
      if (reason !== undefined) {
        if (process.env['TSBGP_REQUIRE_INTEROP'] === '1') throw new Error(reason);
        this.skip();
      }
      ns = await FibNamespace.create(undefined, false);
    });
    after(async () => {
      if (reason === undefined) await ns.remove();
    });
    afterEach(() => fib.stop());

    const make = async (): Promise<void> => {
      fib = createFib({ type, netns: ns.name, reconcileInterval: 0 }, { clock: realClock });
      events = [];
      fib.onEvent((event) => events.push(event));
      await fib.start();
    };
    /** Like a RIB: some thousands, then others' turn. */
    const all = async (change: (prefix: string, i: number, family: 4 | 6) => void): Promise<void> => {
      for (let i = 0; i < COUNT4; i++) {
        change(prefix4(i), i, 4);
        if (i < COUNT6) change(prefix6(i), i, 6);
        if (i % 2000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await fib.idle();
    };
    const set = (shift: number) => (prefix: string, i: number, family: 4 | 6) =>
      fib.set(prefix, { nextHop: `${family === 4 ? '10.0.0.' : '2001:db8::'}${2 + ((i + shift) % 8)}` });
    /** The kernel's routes, as `ip` tells them. */
    const held = async (): Promise<Map<string, string>> => {
      const routes = new Map<string, string>();
      for (const line of await ns.routes()) {
        const [, prefix, gateway] = /^(\S+) via (\S+) dev eth0/.exec(line)!;
        routes.set(prefix!, gateway!);
      }
      return routes;
    };
    const expectHeld = async (shift: number): Promise<void> => {
      const routes = await held();
      expect(routes.size).to.equal(COUNT4 + COUNT6);
      for (let i = 0; i < COUNT4; i++) {
        if (routes.get(prefix4(i)) !== `10.0.0.${2 + ((i + shift) % 8)}`) expect.fail(`${prefix4(i)} is wrong`);
        if (i < COUNT6 && routes.get(prefix6(i)) !== `2001:db8::${2 + ((i + shift) % 8)}`)
          expect.fail(`${prefix6(i)} is wrong`);
      }
    };
    const expectQuiet = (): void => {
      expect(events.filter(({ type: what }) => what !== 'reconciled').slice(0, 5)).to.deep.equal([]);
    };

    it('adds and moves them', async () => {
      await make();
      fib.ready();
      const monitor = new ProcessMonitor();
      await all(set(0));
      await all(set(1));
      // No promise about a shared machine: enough to see that the loop never waits for the kernel to write them all.
      expect(monitor.view().eventLoop.longestStallMs).to.be.below(1000);
      monitor.stop();
      await expectHeld(1);
      expectQuiet();
    });

    it('sets them right after SIGKILL in the middle of other changes', async () => {
      // An earlier run of ours that writes routes of which nobody knows afterwards.
      const script = ['--import', 'tsx', 'test/interop/fib-writer.ts', type, ns.name, '0', '6000'];
      const child = spawn(process.execPath, script, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await new Promise<void>((resolve) => child.stdout.on('data', () => resolve()));
      child.kill('SIGKILL');
      await ended;
      await make();
      await all(set(2));
      fib.ready();
      await fib.idle();
      await expectHeld(2);
      expectQuiet();
    });

    it('reads and compares them, finds nothing to do, and removes them', async () => {
      await make();
      await all(set(2));
      fib.ready();
      const read = new Promise<FibEvent>((resolve) => {
        fib.onEvent((event) => {
          if (event.type === 'reconciled') resolve(event);
        });
      });
      fib.reconcile();
      expect(await read).to.include({ own: COUNT4 + COUNT6, different: 0 });
      await all((prefix) => fib.delete(prefix));
      expect((await held()).size).to.equal(0);
      expectQuiet();
    });
  });
}
