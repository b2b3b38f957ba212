import { expect } from 'chai';
import fc from 'fast-check';
import { Fib } from '../../lib/fib/fib.js';
import type { FibTarget } from '../../lib/fib/index.js';
import { IpRouteWriter, NetlinkWriter, realClock } from '../../lib/io/index.js';
import { FakeKernel, VirtualClock } from '../../lib/sim/index.js';
import { FibNamespace } from './fib-namespace.js';
import { eventually } from './harness/eventually.js';
import { missing } from './harness/requirements.js';

/** What happens, to a real kernel and to a fake one alike. */
type Step =
  | { do: 'set'; prefix: number; target: number }
  | { do: 'delete'; prefix: number }
  | { do: 'remove' | 'alter' | 'occupy'; prefix: number }
  | { do: 'cover' | 'uncover' | 'down' | 'up' | 'crash' | 'settle' };

const FOUR = ['10.1.0.0/16', '10.1.2.0/24', '10.2.0.0/16', '10.3.3.3/32'];
const SIX = ['2001:db8:1::/48', '2001:db8:1:2::/64', '2001:db8:3::3/128'];
const PREFIXES = [...FOUR, ...SIX];
const TARGETS4: FibTarget[] = [
  { nextHop: '10.0.0.2' },
  { nextHop: '10.0.1.2' },
  { nextHop: '10.50.0.1' },
  { nextHops: [{ nextHop: '10.0.0.2' }, { nextHop: '10.0.1.2', weight: 3 }] },
  'blackhole',
];
const TARGETS6: FibTarget[] = [
  { nextHop: '2001:db8::2' },
  { nextHop: '2001:db8:100::2' },
  { nextHop: '2001:db8::3' },
  { nextHops: [{ nextHop: '2001:db8::2' }, { nextHop: '2001:db8:100::2', weight: 3 }] },
  'blackhole',
];

const prefix = fc.nat(PREFIXES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), prefix, target: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), prefix }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'alter' as const, 'occupy' as const), prefix }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'settle' as const }) },
  fc.record({
    do: fc.constantFrom('cover' as const, 'uncover' as const, 'down' as const, 'up' as const, 'crash' as const),
  }),
);

/** Follow the routes of protocol static. @returns their prefixes, as they are known */
function followStatic(fib: Fib): Set<string> {
  const seen = new Set<string>();
  fib.learn({ protocols: [4] }, ({ learned, gone }) => {
    for (const text of gone) seen.delete(text);
    for (const route of learned) seen.add(route.prefix);
  });
  return seen;
}

/** A kernel with eth0 and eth1, and a Fib on it. */
interface World {
  readonly fib: Fib;
  /** What was learnt. */
  readonly learned: ReadonlySet<string>;
  run(step: Exclude<Step, { do: 'set' | 'delete' }>): Promise<void>;
  dump(): Promise<string[]>;
  calm(): Promise<void>;
}

class FakeWorld implements World {
  readonly clock = new VirtualClock();
  readonly kernel = new FakeKernel();
  readonly fib = new Fib({ writer: this.kernel.writer(), clock: this.clock });
  readonly learned = followStatic(this.fib);

  async start(): Promise<this> {
    this.kernel.addLink('eth0', '10.0.0.1/24', '2001:db8::1/64');
    this.kernel.addLink('eth1', '10.0.1.1/24', '2001:db8:100::1/64');
    const started = this.fib.start();
    await this.clock.runAsync(100);
    await started;
    return this;
  }

  async run(s: Exclude<Step, { do: 'set' | 'delete' }>): Promise<void> {
    const { kernel } = this;
    const text = 'prefix' in s ? PREFIXES[s.prefix]! : '';
    const held = kernel.routes(186).some((route) => route.prefix === text);
    const up = kernel.routes().some((route) => route.body.hops[0]?.device === 'eth1');
    if (s.do === 'remove' && held) kernel.remove(text, { metric: 32 });
    if (s.do === 'alter' && held) kernel.put({ prefix: text, protocol: 186, metric: 32 });
    if (s.do === 'occupy' && !held) kernel.put({ prefix: text, protocol: 4, metric: 32 });
    if (s.do === 'cover' && up) kernel.put({ prefix: '10.50.0.0/16', via: '10.0.1.5', device: 'eth1' });
    if (s.do === 'uncover') kernel.remove('10.50.0.0/16');
    if (s.do === 'down') kernel.setLink('eth1', false);
    if (s.do === 'up') kernel.setLink('eth1', true);
    if (s.do === 'crash') kernel.failNextWrite({ code: 'EEXIT', after: 1 });
    if (s.do === 'settle') await this.clock.runAsync(5000);
  }

  dump(): Promise<string[]> {
    const lines = (protocol: number): string[] => this.kernel.dump(protocol).map((line) => `${protocol} ${line}`);
    return Promise.resolve([...lines(4), ...lines(186)].sort());
  }

  async calm(): Promise<void> {
    this.kernel.relent();
    await this.clock.runAsync(900_000);
    await this.fib.idle();
  }
}

class RealWorld implements World {
  readonly fib: Fib;
  readonly learned: ReadonlySet<string>;
  readonly #writer: IpRouteWriter | NetlinkWriter;
  readonly #reader: IpRouteWriter;
  #up = true;

  constructor(
    private readonly ns: FibNamespace,
    Writer: typeof IpRouteWriter | typeof NetlinkWriter,
  ) {
    this.#writer = new Writer({ netns: ns.name });
    this.fib = new Fib({ writer: this.#writer, clock: realClock });
    this.learned = followStatic(this.fib);
    this.#reader = new IpRouteWriter({ netns: ns.name });
  }

  async start(): Promise<this> {
    await this.fib.start();
    return this;
  }

  async run(s: Exclude<Step, { do: 'set' | 'delete' }>): Promise<void> {
    const { ns } = this;
    const text = 'prefix' in s ? PREFIXES[s.prefix]! : '';
    const bare = text.replace(/\/(32|128)$/, '');
    const held =
      'prefix' in s && (await ns.routes()).some((line) => line.replace(/^blackhole /, '').startsWith(`${bare} `));
    if (s.do === 'remove' && held) await ns.ip(`route del ${text} metric 32`);
    if (s.do === 'alter' && held) await ns.ip(`route replace blackhole ${text} proto bgp metric 32`);
    if (s.do === 'occupy' && !held) await ns.ip(`route replace blackhole ${text} proto static metric 32`);
    if (s.do === 'cover' && this.#up) await ns.ip('route replace 10.50.0.0/16 via 10.0.1.5 proto static');
    if (s.do === 'uncover') await ns.ip('route del 10.50.0.0/16 proto static').catch(() => undefined);
    if (s.do === 'down') await ns.ip('link set eth1 down');
    // Linux forgets IPv6 addresses of a link that goes down.
    if (s.do === 'up') await ns.ip('link set eth1 up', 'addr replace 2001:db8:100::1/64 dev eth1 nodad');
    if (s.do === 'down' || s.do === 'up') this.#up = s.do === 'up';
    if (s.do === 'crash' && this.#writer instanceof NetlinkWriter) this.#writer.reset('test');
    else if (s.do === 'crash') for (const pid of await ns.pids(/-batch/)) process.kill(pid, 'SIGKILL');
    if (s.do === 'settle') await this.calm();
  }

  async dump(): Promise<string[]> {
    const lines: string[] = [];
    await this.#reader.read([254], ({ prefix: text, protocol, body }) => {
      if (protocol === 4 || protocol === 186) lines.push(`${protocol} ${text} ${body.key}`);
    });
    return lines.sort();
  }

  /** Until the kernel was read after all that happened so far, and what differed is written. */
  async calm(): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = this.fib.onEvent(({ type }) => {
        if (type !== 'reconciled') return;
        end();
        resolve();
      });
      this.fib.reconcile();
    });
    await this.fib.idle();
  }
}

/** At most three foreign changes of one prefix: after that the Fib leaves it alone for a while, in real time. */
function peaceful(steps: readonly Step[]): Step[] {
  const changes = new Map<number, number>();
  return steps.filter((each) => {
    if (!('prefix' in each) || each.do === 'set' || each.do === 'delete') return true;
    changes.set(each.prefix, (changes.get(each.prefix) ?? 0) + 1);
    return changes.get(each.prefix)! <= 3;
  });
}

const reason = missing(['socketOptions']);

describe(`FIB: a real kernel and a fake one, the same happenings${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  for (const Writer of [IpRouteWriter, NetlinkWriter]) {
    it(`end alike, ${Writer.name}`, async function () {
      if (reason !== undefined && process.env['TSBGP_REQUIRE_INTEROP'] !== '1') this.skip();
      this.timeout(300_000);
      const runs = Number(process.env['TSBGP_FIB_TWINS'] ?? 5);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), async (steps) => {
          const ns = await FibNamespace.create(undefined, false);
          await ns.ip('addr add 2001:db8:100::1/64 dev eth1 nodad');
          const worlds: [FakeWorld, RealWorld] = [
            await new FakeWorld().start(),
            await new RealWorld(ns, Writer).start(),
          ];
          try {
            for (const world of worlds) {
              for (const each of peaceful(steps)) {
                // Who comes first to a place must not be left to chance.
                if ('prefix' in each && each.do !== 'set' && each.do !== 'delete') await world.run({ do: 'settle' });
                if (each.do === 'set') {
                  const text = PREFIXES[each.prefix]!;
                  world.fib.set(text, (text.includes(':') ? TARGETS6 : TARGETS4)[each.target]!);
                } else if (each.do === 'delete') world.fib.delete(PREFIXES[each.prefix]!);
                else await world.run(each);
                if (each.do !== 'set' && each.do !== 'delete' && each.do !== 'crash') await world.run({ do: 'settle' });
              }
              world.fib.ready();
              await world.calm();
            }
            const expected = await worlds[0].dump();
            await eventually(() => worlds[1].dump(), {
              what: 'the real kernel is like the fake one',
              until: (seen) => expect(seen.join('\n')).to.equal(expected.join('\n')),
              limitMs: 20_000,
            });
            const others = expected.filter((line) => line.startsWith('4 ')).map((line) => line.split(' ')[1]!);
            for (const world of worlds) {
              await eventually(() => [...world.learned].sort(), {
                what: 'all routes of protocol static are learnt',
                until: (seen) => expect(seen).to.deep.equal(others.sort()),
              });
            }
          } finally {
            await worlds[1].fib.stop();
            await ns.remove();
          }
        }),
        { numRuns: runs, endOnFailure: true },
      );
    });
  }
});
