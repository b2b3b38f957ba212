import { expect } from 'chai';
import fc from 'fast-check';
import { RIB_FAMILIES } from '../../lib/bgp/wire/families.js';
import type { Speaker } from '../../lib/speaker/speaker.js';
import type { RouteEvent, WatchEvent, WatchOptions } from '../../lib/speaker/watch-events.js';
import type { PathView } from '../../lib/speaker/views.js';
import type { Watch } from '../../lib/speaker/watch.js';
import { Lab, type Probe } from '../support/lab.js';

const R = '10.0.0.1';
const V4 = '10.1.0.0/16';

/** Somebody who watches, and what he made of it. */
class Listener {
  readonly events: WatchEvent[] = [];
  readonly best = new Map<string, unknown>();
  readonly paths = new Map<string, readonly unknown[]>();
  readonly neighbors = new Map<string, string>();
  over = false;

  /** @param pauseMs how long each event takes; undefined: it takes none until `go` */
  constructor(
    readonly lab: Lab,
    readonly watch: Watch,
    pauseMs: () => number = () => 0,
  ) {
    void this.run(pauseMs);
  }

  private async run(pauseMs: () => number): Promise<void> {
    for await (const event of this.watch) {
      this.take(event);
      const pause = pauseMs();
      if (pause > 0) await new Promise<void>((resolve) => this.lab.clock.after(pause, resolve));
    }
    this.over = true;
  }

  private take(event: WatchEvent): void {
    this.events.push(event);
    expect(event.sequence).to.equal(this.events.length);
    if (event.type === 'route') {
      if (event.best === null) this.best.delete(event.prefix);
      else this.best.set(event.prefix, event.best);
      if (event.paths?.length === 0) this.paths.delete(event.prefix);
      else if (event.paths) this.paths.set(event.prefix, event.paths);
    } else if (event.type === 'neighbor') {
      if (event.neighbor === null) this.neighbors.delete(event.address);
      else this.neighbors.set(event.address, event.neighbor.state);
    }
  }

  get marks(): number[] {
    return this.events.filter(({ type }) => type === 'endOfSnapshot').map(({ sequence }) => sequence);
  }

  /** Prefixes told after the snapshot. */
  get changes(): string[] {
    const rest = this.events.slice(this.marks[0]!);
    return rest.flatMap((event) =>
      event.type === 'route' ? [`${event.best === null ? '-' : '+'}${event.prefix}`] : [],
    );
  }
}

function locRib(speaker: Speaker): Map<string, unknown> {
  return new Map(RIB_FAMILIES.flatMap((family) => [...speaker.routes(family)].map((path) => [path.prefix, path])));
}

function allPaths(speaker: Speaker): Map<string, unknown[]> {
  const paths = new Map<string, unknown[]>();
  for (const family of RIB_FAMILIES) {
    for (const path of speaker.routes(family, { bestOnly: false })) {
      paths.set(path.prefix, [...(paths.get(path.prefix) ?? []), path]);
    }
  }
  return paths;
}

function byNeighbor(paths: ReadonlyMap<string, readonly unknown[]>): Map<string, unknown[]> {
  const key = (path: unknown): string => (path as PathView).neighbor ?? '';
  return new Map([...paths].map(([prefix, list]) => [prefix, list.toSorted((x, y) => (key(x) < key(y) ? -1 : 1))]));
}

/** Let time pass until all that is to be told was told. */
async function told(lab: Lab, ...listeners: readonly Listener[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    await lab.settle();
    // The virtual clock lets promises go on for a moment only.
    await new Promise((resolve) => setImmediate(resolve));
    if (listeners.every(({ watch, marks }) => watch.isClosed || (watch.pending === 0 && marks.length > 0))) return;
  }
  throw new Error('not all was told');
}

describe('Speaker.watch', () => {
  let lab: Lab, speaker: Speaker, a: Probe, b: Probe;

  beforeEach(async () => {
    lab = new Lab();
    const neighbors = ['10.0.0.11', '10.0.0.12'].map((address) => ({ address, peerAs: 64512, passive: true }));
    speaker = await lab.speaker({ routerId: R, neighbors });
    [a, b] = [lab.probe(R, '10.0.0.11'), lab.probe(R, '10.0.0.12')];
    await lab.up(a, b);
  });

  const listen = (options: WatchOptions = {}, pauseMs?: () => number): Listener =>
    new Listener(lab, speaker.watch(options), pauseMs);

  it('all there is, the mark, then changes in the order in which they came', async () => {
    a.announce(V4, '10.2.0.0/16').announce('2001:db8:1::/48');
    await lab.settle();
    const listener = listen();
    await lab.settle();
    expect(listener.best).to.deep.equal(locRib(speaker));
    expect(listener.events).to.have.length(4);
    expect(listener.events[3]).to.deep.equal({ sequence: 4, coalesced: 0, type: 'endOfSnapshot', pending: 0 });
    for (const prefix of ['10.9.0.0/16', '10.3.0.0/16']) {
      b.announce(prefix);
      await lab.settle();
    }
    a.withdraw(V4);
    await lab.settle();
    expect(listener.changes).to.deep.equal(['+10.9.0.0/16', '+10.3.0.0/16', `-${V4}`]);
    expect(listener.best).to.deep.equal(locRib(speaker));
    expect([listener.watch.coalesced, listener.watch.pending]).to.deep.equal([0, 0]);
  });

  it('an empty table: the mark alone', async () => {
    const listener = listen();
    await lab.settle();
    expect(listener.events).to.deep.equal([{ sequence: 1, coalesced: 0, type: 'endOfSnapshot', pending: 0 }]);
  });

  it('a listener that is slow gets the newest state of each prefix, and the others are counted', async () => {
    let pause = 0;
    const listener = listen({}, () => pause);
    await lab.settle();
    // It is busy with one event while a route changes ten times.
    pause = 10_000;
    b.announce('10.9.0.0/16');
    await lab.settle();
    for (let med = 1; med <= 10; med++) {
      a.announceWith(a.attributes([{ code: 4, value: med }]), V4);
      await lab.settle();
    }
    a.announce('10.2.0.0/16');
    await lab.settle();
    a.withdraw('10.2.0.0/16');
    await lab.settle();
    expect(listener.watch.pending).to.equal(2);
    pause = 0;
    await lab.clock.runAsync(20_000);
    expect(listener.changes).to.deep.equal(['+10.9.0.0/16', `+${V4}`]);
    expect(listener.best.get(V4)).to.include({ med: 10 });
    expect([listener.watch.coalesced, listener.watch.pending]).to.deep.equal([9 + 2, 0]);
    // Of twelve changes one had an event of its own; that of the last, which had none, was looked at after it.
    expect(listener.events.at(-1)!.coalesced).to.equal(10);
  });

  it('prefix ids stay until all who watch were told, and are free then', async () => {
    const prefixes = Array.from({ length: 500 }, (_, i) => `11.0.${i >> 8}.${i & 255}/32`);
    a.announce(...prefixes);
    await lab.settle();
    let pause = 0;
    const listener = listen({}, () => pause);
    await told(lab, listener);
    pause = 600_000;
    b.announce(V4);
    await lab.settle();
    a.withdraw(...prefixes);
    await lab.settle();
    // Others get the ids of no one: those that wait must not stand for other prefixes.
    b.announce(...prefixes.map((prefix) => prefix.replace(/^11/, '12')));
    await lab.settle();
    pause = 0;
    await lab.clock.runAsync(700_000);
    await told(lab, listener);
    expect(listener.best).to.deep.equal(locRib(speaker));
    b.withdraw(V4, ...prefixes.map((prefix) => prefix.replace(/^11/, '12')));
    await told(lab, listener);
    expect(listener.best.size).to.equal(0);
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
  });

  it('one that ends while changes wait gives their ids back', async () => {
    a.announce(V4);
    await lab.settle();
    const watch = speaker.watch();
    const listener = new Listener(lab, watch, () => 600_000);
    await lab.settle();
    a.withdraw(V4);
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(1);
    watch.close();
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
    await lab.clock.runAsync(700_000);
    expect(listener.over).to.equal(true);
    expect(listener.events).to.have.length(1);
  });

  it('bestOnly: false: every change of any path, with all paths, the best first', async () => {
    const listener = listen({ bestOnly: false });
    await lab.settle();
    a.announce(V4);
    await lab.settle();
    b.announceWith(b.attributes([{ code: 5, value: 50 }]), V4);
    await lab.settle();
    const last = listener.events.at(-1)!;
    expect(last).to.deep.include({ type: 'route', prefix: V4 });
    expect((last as RouteEvent).paths!.map(({ neighbor }) => neighbor)).to.deep.equal(['10.0.0.11', '10.0.0.12']);
    expect(listener.changes).to.deep.equal([`+${V4}`, `+${V4}`]);
    b.withdraw(V4);
    a.withdraw(V4);
    await lab.settle();
    expect([listener.paths.size, listener.best.size]).to.deep.equal([0, 0]);
    expect(speaker.rib.families.map(({ decidedListeners }) => decidedListeners.size)).to.deep.equal([1, 1]);
    listener.watch.close();
    expect(speaker.rib.families.map(({ decidedListeners }) => decidedListeners.size)).to.deep.equal([0, 0]);
  });

  it('multipath: told also when only the paths beside the best one change', async () => {
    const lab = new Lab();
    const neighbors = ['10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => ({
      address,
      peerAs: 64513,
      passive: true,
    }));
    const config = { routerId: R, neighbors, multipath: { ebgp: 2 } };
    const speaker = await lab.speaker(config);
    const [a, b, c] = neighbors.map(({ address }) => lab.probe(R, address, { localAs: 64513 })) as [
      Probe,
      Probe,
      Probe,
    ];
    await lab.up(a, b, c);
    a.announce(V4, '10.2.0.0/16');
    await lab.settle();
    const listener = new Listener(lab, speaker.watch());
    const all = new Listener(lab, speaker.watch({ bestOnly: false }));
    await lab.settle();
    let heard = listener.events.length;
    const told = (): unknown[] => {
      const news = listener.events.slice(heard);
      heard = listener.events.length;
      return news.flatMap((event) =>
        event.type === 'route'
          ? [[event.prefix, event.best?.nextHop, event.beside?.map(({ nextHop }) => nextHop)]]
          : [],
      );
    };
    const from = (seen: Listener): number => seen.events.length;
    b.announce(V4);
    await lab.settle();
    expect(told()).to.deep.equal([[V4, '10.0.0.2', ['10.0.0.3']]]);
    // A third one is equally good, and not used.
    c.announce(V4);
    await lab.settle();
    expect(told()).to.deep.equal([]);
    b.withdraw(V4);
    await lab.settle();
    expect(told()).to.deep.equal([[V4, '10.0.0.2', ['10.0.0.4']]]);
    c.withdraw(V4);
    await lab.settle();
    expect(told()).to.deep.equal([[V4, '10.0.0.2', undefined]]);
    b.announce(V4);
    c.announce(V4);
    await lab.settle();
    expect(told()).to.deep.equal([[V4, '10.0.0.2', ['10.0.0.3']]]);
    // The best one goes: one event.
    a.withdraw(V4);
    await lab.settle();
    expect(told()).to.deep.equal([[V4, '10.0.0.3', ['10.0.0.4']]]);
    expect(listener.watch.coalesced).to.equal(0);
    const before = from(all);
    for (const multipath of [{ ibgp: 2 }, undefined, { ebgp: 2 }]) {
      const next = { asn: 64512, routerId: R, neighbors, listen: [{ address: R, port: 179 }] };
      await lab.during(speaker.reconfigure({ ...next, ...(multipath && { multipath }) }));
      await lab.settle();
      const expected =
        multipath && 'ibgp' in multipath
          ? [[V4, '10.0.0.3', undefined]]
          : multipath
            ? [[V4, '10.0.0.3', ['10.0.0.4']]]
            : [];
      expect(told()).to.deep.equal(expected);
    }
    expect(from(all)).to.equal(before);
    for (const family of speaker.rib.families) expect(family.decidedListeners.size).to.be.greaterThan(0);
    listener.watch.close();
    all.watch.close();
    for (const family of speaker.rib.families) expect(family.decidedListeners.size).to.equal(0);
  });

  it('families: only those that were asked for', async () => {
    const six = listen({ families: ['ipv6-unicast'] });
    const none = listen({ families: [], neighbors: true });
    a.announce(V4).announce('2001:db8:1::/48');
    await lab.settle();
    expect([...six.best.keys()]).to.deep.equal(['2001:db8:1::/48']);
    expect(none.events.map(({ type }) => type)).to.deep.equal(['neighbor', 'neighbor', 'endOfSnapshot']);
    expect(() => speaker.watch({ families: ['l2vpn' as never] }))
      .to.throw()
      .with.property('code', 'bad_family');
  });

  it('neighbors: how each stands, then each state that it enters, its removal and its return', async () => {
    const listener = listen({ neighbors: true });
    await lab.settle();
    expect([...listener.neighbors]).to.deep.equal([
      ['10.0.0.11', 'Established'],
      ['10.0.0.12', 'Established'],
    ]);
    speaker.disableNeighbor('10.0.0.11');
    await lab.settle();
    expect(listener.neighbors.get('10.0.0.11')).to.equal('Idle');
    speaker.removeNeighbor('10.0.0.12');
    await lab.settle();
    expect([...listener.neighbors.keys()]).to.deep.equal(['10.0.0.11']);
    speaker.addNeighbor({ address: '10.0.0.13', peerAs: 64512, passive: true });
    await lab.settle();
    expect([...listener.neighbors.keys()]).to.deep.equal(['10.0.0.11', '10.0.0.13']);
  });

  it('an AbortSignal ends it, also before it began; nothing is hooked in any more', async () => {
    const controller = new AbortController();
    const listener = listen({ signal: controller.signal });
    await lab.settle();
    controller.abort();
    await lab.settle();
    expect([listener.over, listener.watch.isClosed]).to.deep.equal([true, true]);
    a.announce(V4);
    await lab.settle();
    expect(listener.events).to.have.length(1);
    const late = listen({ signal: AbortSignal.abort() });
    await lab.settle();
    expect([late.over, late.events.length]).to.deep.equal([true, 0]);
  });

  it('leaving the loop ends it', async () => {
    const watch = speaker.watch();
    for await (const event of watch) if (event.type === 'endOfSnapshot') break;
    expect(watch.isClosed).to.equal(true);
  });

  it('is iterated once', async () => {
    const { watch } = listen();
    await lab.settle();
    const error = await watch[Symbol.asyncIterator]()
      .next()
      .catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'watch_in_use');
    expect(watch.isClosed).to.equal(false);
  });

  it('forEach calls a listener, waits for its promises, and hands on what it throws', async () => {
    const seen: string[] = [];
    let busy = 0;
    const done = speaker.watch().forEach(async (event) => {
      expect(++busy).to.equal(1);
      await new Promise<void>((resolve) => lab.clock.after(100, resolve));
      busy--;
      seen.push(event.type);
      if (seen.length === 3) throw new Error('enough');
    });
    a.announce(V4, '10.2.0.0/16', '10.3.0.0/16');
    const error = await lab.during(done).catch((thrown: unknown) => thrown);
    expect(String(error)).to.equal('Error: enough');
    expect(seen).to.deep.equal(['endOfSnapshot', 'route', 'route']);
  });

  it('ends after the speaker has stopped and all was told', async () => {
    a.announce(V4);
    const listener = listen({ neighbors: true });
    await lab.settle();
    await lab.during(speaker.stop());
    await lab.settle();
    expect(listener.over).to.equal(true);
    expect([...listener.neighbors.values()]).to.deep.equal(['Idle', 'Idle']);
    expect(listener.best).to.deep.equal(locRib(speaker));
    expect(listener.best.size).to.equal(0);
  });

  it('a long snapshot is told in slices, a turn of the event loop each', async () => {
    for (let i = 0; i < 10; i++) {
      a.announce(...Array.from({ length: 500 }, (_, k) => `11.${i}.${k >> 8}.${k & 255}/32`));
    }
    await lab.settle();
    let turns = 0;
    const sizes: number[] = [];
    const watch = speaker.watch();
    const done = (async () => {
      for await (const events of watch.batches()) {
        sizes.push(events.length);
        if (events.at(-1)!.type === 'endOfSnapshot') break;
      }
    })();
    const count = (): void => {
      turns++;
      if (!watch.isClosed) lab.clock.soon(count);
    };
    count();
    await lab.during(done);
    expect(Math.max(...sizes)).to.equal(256);
    expect(sizes.reduce((sum, size) => sum + size)).to.equal(5001);
    expect(turns).to.be.at.least(sizes.length - 1);
  });

  it('whatever changes, and however fast who listens: snapshot and changes add up to the Loc-RIB', async () => {
    const prefixes = [
      ...Array.from({ length: 12 }, (_, i) => `10.1.${i}.0/24`),
      ...Array.from({ length: 6 }, (_, i) => `2001:db8:${i + 1}::/48`),
    ];
    const some = fc.subarray(prefixes, { minLength: 1 });
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ op: fc.constant('announce' as const), who: fc.nat(1), some, med: fc.nat(3) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ op: fc.constant('withdraw' as const), who: fc.nat(1), some, med: fc.nat(3) }),
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const), who: fc.nat(1), some, med: fc.nat(3) }) },
      { weight: 4, arbitrary: fc.record({ op: fc.constant('watch' as const), who: fc.nat(1), some, med: fc.nat(40) }) },
      { weight: 6, arbitrary: fc.record({ op: fc.constant('wait' as const), who: fc.nat(1), some, med: fc.nat(60) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const listeners: Listener[] = [];
        let random = seed >>> 0;
        for (const { op, who, some: list, med } of steps) {
          const probe = [a, b][who]!;
          if (op === 'wait') await lab.clock.runAsync(med);
          else if (op === 'watch') {
            const pause = (): number => {
              random = (Math.imul(random, 1103515245) + 12345) >>> 0;
              return med === 0 ? 0 : random % med;
            };
            listeners.push(listen({ bestOnly: who === 0 }, pause));
          } else if (op === 'reset') speaker.resetNeighbor(probe.address);
          else if (probe.isUp) {
            for (const six of [false, true]) {
              const chosen = list.filter((prefix) => prefix.includes(':') === six);
              if (chosen.length === 0) continue;
              if (op === 'announce') probe.announceWith(probe.attributes([{ code: 4, value: med }]), ...chosen);
              else probe.withdraw(...chosen);
            }
          }
        }
        await lab.clock.runAsync(20_000);
        await told(lab, ...listeners);
        const [best, all] = [locRib(speaker), allPaths(speaker)];
        for (const listener of listeners) {
          expect(listener.marks).to.have.length(1);
          expect(listener.watch.pending).to.equal(0);
          expect(listener.best).to.deep.equal(best);
          if (listener.watch.bestOnly) continue;
          expect(byNeighbor(listener.paths)).to.deep.equal(byNeighbor(all));
        }
        for (const { watch } of listeners) watch.close();
        await lab.settle();
      }),
      { numRuns: 60 },
    );
    // Nothing is held by those who have gone.
    a.withdraw(...prefixes.filter((prefix) => !prefix.includes(':')));
    b.withdraw(...prefixes.filter((prefix) => !prefix.includes(':')));
    await lab.settle();
    expect(speaker.rib.of('ipv4-unicast').prefixes.count).to.equal(0);
  }).timeout(60_000);
});
