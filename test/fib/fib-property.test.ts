import { expect } from 'chai';
import fc from 'fast-check';
import { routeBody } from '../../lib/fib/body.js';
import { Rig } from './rig.js';

type Foreign = 'remove' | 'alter' | 'twin' | 'occupy' | 'leave';

/** What can happen, as data: the same list of steps always runs the same way. */
type Step =
  | { do: 'set'; prefix: number; hop: number }
  | { do: 'delete'; prefix: number }
  | { do: 'foreign'; prefix: number; what: Foreign }
  | { do: 'object'; nth: number; what: 'delete' | 'alter' | 'occupy' }
  | { do: 'cover'; up: boolean }
  | { do: 'link'; up: boolean }
  | { do: 'fail'; code: string; after: number; stall: boolean }
  | { do: 'failRead' }
  | { do: 'refuse'; prefix: number; times: number }
  | { do: 'mute'; muted: boolean }
  | { do: 'endWatches' }
  | { do: 'restart' }
  | { do: 'run'; ms: number };

const PREFIXES = ['10.1.0.0/16', '10.2.0.0/16', '10.2.3.0/24', '10.3.0.0/24', '2001:db8:1::/48', '2001:db8:2::/48'];
/** Besides the usual 32. */
const METRIC = 50;
const FOUR = [
  { nextHop: '10.0.0.2' },
  { nextHop: '10.0.0.3' },
  { nextHop: '10.50.0.1' },
  'blackhole',
  { nextHop: '10.0.0.2', metric: METRIC },
  { nextHops: [{ nextHop: '10.50.0.1' }, { nextHop: '10.0.0.3', weight: 2 }] },
] as const;
const SIX = [
  { nextHop: '2001:db8::2' },
  { nextHop: 'fe80::3', device: 'eth0' },
  { nextHop: 'fe80::4', device: 'eth1' },
  'blackhole',
  { nextHop: '2001:db8::2', metric: METRIC },
  { nextHops: [{ nextHop: '2001:db8::2' }, { nextHop: 'fe80::4', device: 'eth1' }] },
] as const;

const prefix = fc.nat(PREFIXES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), prefix, hop: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), prefix }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('run' as const), ms: fc.constantFrom(1, 10, 100, 3000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('foreign' as const),
      prefix,
      what: fc.constantFrom<Foreign[]>('remove', 'alter', 'twin', 'occupy', 'leave'),
    }),
  },
  fc.record({
    do: fc.constant('object' as const),
    nth: fc.nat(5),
    what: fc.constantFrom('delete' as const, 'alter' as const, 'occupy' as const),
  }),
  fc.record({ do: fc.constant('cover' as const), up: fc.boolean() }),
  fc.record({ do: fc.constant('link' as const), up: fc.boolean() }),
  fc.record({
    do: fc.constant('fail' as const),
    code: fc.constantFrom('EEXIT', 'ENOENT', 'EIO'),
    after: fc.nat(3),
    stall: fc.boolean(),
  }),
  fc.record({ do: fc.constant('failRead' as const) }),
  fc.record({ do: fc.constant('refuse' as const), prefix, times: fc.nat(3) }),
  fc.record({ do: fc.constant('mute' as const), muted: fc.boolean() }),
  fc.record({ do: fc.constant('endWatches' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
);

class Run {
  readonly rig: Rig;
  readonly wanted = new Map<string, (typeof FOUR)[number] | (typeof SIX)[number]>();
  /** Prefixes whose place a route of protocol static holds. */
  readonly occupied = new Set<string>();
  /** Routes of protocol static that were learnt, and not told to be gone. */
  readonly learned = new Set<string>();
  cover = false;
  link = true;
  /** Something may have happened that the Fib was not told, and it has not read the kernel since. */
  #blind = false;

  constructor(latencyMs: number, nexthopObjects: boolean) {
    const settings = { reconcileSeconds: 30, batchSize: 3, writeTimeoutSeconds: 2, metrics: [METRIC], nexthopObjects };
    this.rig = new Rig(settings, latencyMs);
    this.rig.kernel.put({ prefix: '10.77.0.0/16', via: '10.0.0.9', device: 'eth0', protocol: 186, metric: 32 });
    this.#follow();
  }

  #follow(): void {
    this.learned.clear();
    this.rig.fib.learn({ protocols: [4] }, ({ learned, gone }) => {
      for (const text of gone) expect(this.learned.delete(text), text).to.equal(true);
      for (const route of learned) this.learned.add(route.prefix);
    });
  }

  #isBlind(): boolean {
    if (this.rig.of('reconciled').length > 0 && !this.rig.kernel.muted) this.#blind = false;
    return this.#blind;
  }

  async take(s: Step): Promise<void> {
    const { fib, kernel } = this.rig;
    const text = 'prefix' in s ? PREFIXES[s.prefix]! : '';
    if (s.do === 'mute' || s.do === 'endWatches' || s.do === 'link') {
      this.#blind = true;
      this.rig.events.length = 0;
    }
    switch (s.do) {
      case 'set': {
        const target = (text.includes(':') ? SIX : FOUR)[s.hop]!;
        this.wanted.set(text, target);
        return fib.set(text, target);
      }
      case 'delete':
        this.wanted.delete(text);
        return fib.delete(text);
      case 'foreign':
        return this.#foreign(text, s.what);
      case 'object':
        return this.#object(s.nth, s.what);
      case 'cover':
        this.cover = s.up && this.link;
        if (this.cover) return kernel.put({ prefix: '10.50.0.0/16', via: '10.0.0.5', device: 'eth0' });
        return void kernel.remove('10.50.0.0/16');
      case 'link':
        this.link = s.up;
        if (!s.up) this.cover = false;
        if (!s.up) for (const p of [...this.occupied]) this.occupied.delete(p);
        return kernel.setLink('eth0', s.up);
      case 'fail':
        return kernel.failNextWrite({ code: s.code, after: s.after, stall: s.stall });
      case 'failRead':
        return kernel.failNextRead({ code: 'EIO' });
      case 'refuse':
        return kernel.refuse(text, 'ENOMEM', s.times);
      case 'mute':
        kernel.muted = s.muted;
        return;
      case 'endWatches':
        return kernel.endWatches();
      case 'restart':
        return this.#restart();
      case 'run':
        return this.rig.run(s.ms);
    }
  }

  #foreign(text: string, what: Foreign): void {
    const { kernel } = this.rig;
    const ours = kernel.routes(186).find((route) => route.prefix === text);
    if (what === 'remove' && ours) kernel.remove(text, { metric: ours.metric });
    if (!this.link) return;
    const altered = { prefix: text, via: '10.0.0.66', device: 'eth0', protocol: 186 };
    if (what === 'alter' && ours) kernel.put({ ...altered, metric: ours.metric });
    if (what === 'twin' && ours && !this.occupied.has(text)) {
      kernel.put({ ...altered, metric: ours.metric === METRIC ? 32 : METRIC });
    }
    // Linux has no replace that spares another's route: one that took our place unseen would be lost.
    if (what === 'occupy' && !ours && !this.#isBlind()) {
      this.occupied.add(text);
      kernel.put({ prefix: text, via: '10.0.0.67', device: 'eth0', protocol: 4, metric: 32 });
    }
    if (what === 'leave' && this.occupied.delete(text)) kernel.remove(text);
  }

  /** What another program does to nexthop objects: to ours, or with a number that is one of ours. */
  #object(nth: number, what: 'delete' | 'alter' | 'occupy'): void {
    const { nexthops } = this.rig.kernel;
    const all = nexthops.all().filter(({ protocol }) => protocol === 186);
    const held = all[nth % Math.max(1, all.length)];
    const hop = { gateway: '10.0.0.66', device: 'eth0' };
    if (!held) return;
    if (what === 'alter' && !held.group) nexthops.apply({ op: 'replace', id: held.id, protocol: 186, hop });
    if (what !== 'delete' && what !== 'occupy') return;
    nexthops.apply({ op: 'delete', id: held.id, protocol: 186 });
    if (what === 'occupy') nexthops.apply({ op: 'add', id: held.id, protocol: 4, hop });
  }

  /** The routes of ours as they forward. */
  dump(): string[] {
    const { kernel } = this.rig;
    return kernel
      .routes(186)
      .map(({ prefix: text, body }) => {
        if (body.nexthop === undefined) return `${text} ${body.key}`;
        const { hops } = kernel.nexthops.expanded(body);
        // A group of one is as good as what it has.
        const bare =
          hops.length === 1 ? hops.map(({ gateway, device }) => ({ gateway: gateway!, device: device! })) : hops;
        return `${text} ${routeBody({ type: 'unicast', hops: bare }).key}`;
      })
      .sort();
  }

  /** Objects of ours that neither a route nor a group uses. */
  unusedObjects(): number[] {
    const { kernel } = this.rig;
    const all = kernel.nexthops.all();
    const used = new Set([
      ...kernel.routes(186).map(({ body }) => body.nexthop),
      ...all.flatMap(({ group = [] }) => group.map(({ id }) => id)),
    ]);
    return all.filter(({ id, protocol }) => protocol === 186 && !used.has(id)).map(({ id }) => id);
  }

  /** SIGKILL and a new process: all that the RIB wants is told anew. */
  async #restart(): Promise<void> {
    await this.rig.restart();
    this.#follow();
    for (const [text, target] of this.wanted) this.rig.fib.set(text, target);
  }

  /** Peace: no more failures, and time for retries, back-off and the periodic reading. */
  async calm(): Promise<void> {
    this.rig.kernel.relent();
    this.rig.kernel.muted = false;
    this.rig.fib.ready();
    await this.rig.run(900_000);
  }

  #way(hop: {
    nextHop: string;
    device?: string;
    weight?: number;
  }): { gateway: string; device: string; weight: number }[] {
    const { nextHop, device = 'eth0', weight = 1 } = hop;
    if (!this.link || device !== 'eth0' || (nextHop === '10.50.0.1' && !this.cover)) return [];
    return [{ gateway: nextHop === '10.50.0.1' ? '10.0.0.5' : nextHop, device, weight }];
  }

  expected(): string[] {
    const lines: string[] = [];
    for (const [text, target] of this.wanted) {
      const metric = typeof target === 'object' && 'metric' in target ? METRIC : 32;
      if (this.occupied.has(text) && metric === 32) continue;
      if (target === 'blackhole') lines.push(`${text} blackhole`);
      else {
        const nextHops: readonly { nextHop: string; device?: string; weight?: number }[] =
          'nextHops' in target ? target.nextHops : [target];
        const hops = nextHops.flatMap((each) => this.#way(each));
        const single = hops.length === 1 ? hops.map(({ gateway, device }) => ({ gateway, device })) : hops;
        if (hops.length > 0) lines.push(`${text} ${routeBody({ type: 'unicast', hops: single }).key}`);
      }
    }
    return lines.sort();
  }
}

describe('Fib: whatever happens', () => {
  it('ends with exactly what is wanted, and nobody else’s route touched', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.constantFrom(0, 5, 60),
        fc.boolean(),
        async (steps, latencyMs, nexthopObjects) => {
          const run = new Run(latencyMs, nexthopObjects);
          await run.rig.start();
          for (const each of steps) await run.take(each);
          const others = JSON.stringify(run.rig.kernel.dump(4));
          await run.calm();
          expect(run.dump()).to.deep.equal(run.expected());
          // One that is only for a route whose place is taken is there all the same.
          if (run.occupied.size === 0) expect(run.unusedObjects()).to.deep.equal([]);
          expect(JSON.stringify(run.rig.kernel.dump(4))).to.equal(others);
          const statics = run.rig.kernel.routes(4).map(({ prefix: text }) => text);
          expect([...run.learned].sort()).to.deep.equal(statics.sort());
          for (const { state, error } of run.rig.fib.routes()) {
            expect(state === 'installed').to.equal(error === null);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
