import { expect } from 'chai';
import fc from 'fast-check';
import type { EncodableAttribute } from '../../lib/bgp/wire/index.js';
import { announcement, valueOf, withdrawal } from '../support/wire.js';
import { expectModel, playTransport, type GroupModel } from './any-order.js';
import { GroupRig, type RigNeighbor, type Role } from './rig.js';

const PREFIXES = [
  ...Array.from({ length: 8 }, (_, i) => `10.1.${i}.0/24`),
  ...Array.from({ length: 8 }, (_, i) => `2001:db8:${i + 1}::/48`),
];
const ROLES: readonly Role[] = ['client', 'client', 'client', 'nonClient', 'nonClient', 'ebgp', 'ebgp'];
const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;

/** What the test knows of one announced route; `tag` is its first community and tells announcements apart. */
interface Told {
  readonly neighbor: RigNeighbor;
  readonly tag: number;
  readonly localPref: number;
  readonly wellKnown: number | undefined;
}

const index = fc.nat({ max: ROLES.length - 1 });
const prefixSet = fc.tuple(fc.boolean(), fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 5 }));
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('announce' as const),
      who: index,
      what: prefixSet,
      localPref: fc.constantFrom(90, 100, 110),
      /** With the very attributes that others use too. */
      shared: fc.boolean(),
      wellKnown: fc.constantFrom(undefined, undefined, undefined, NO_EXPORT, NO_ADVERTISE),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('withdraw' as const), who: index, what: prefixSet }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constantFrom('run' as const, 'slice' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constantFrom('down', 'up', 'block', 'drain', 'refresh', 'retell'), who: index }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Plays steps on a rig and on maps. */
class Model implements GroupModel<Step> {
  readonly rig: GroupRig;
  /** By prefix, by neighbor. */
  readonly told = new Map<string, Map<RigNeighbor, Told>>(PREFIXES.map((prefix) => [prefix, new Map()]));
  private tags = 1;

  /** @param nextBest whether the next best path is told where the best may not be */
  constructor(
    slow = false,
    private readonly nextBest = false,
  ) {
    this.rig = new GroupRig(slow);
    for (const role of ROLES) this.rig.add(role, nextBest ? { nextBest } : {}).up();
  }

  play(one: Step): void {
    const neighbor = playTransport(this.rig, one);
    if (neighbor === undefined) return;
    switch (one.op) {
      case 'announce':
        return this.announce(
          neighbor,
          prefixesOf(one.what),
          one.localPref,
          one.shared ? 0 : this.tags++,
          one.wellKnown,
        );
      case 'withdraw':
        for (const prefix of prefixesOf(one.what)) this.told.get(prefix)!.delete(neighbor);
        return neighbor.say(withdrawal(prefixesOf(one.what)));
      case 'down':
        for (const paths of this.told.values()) paths.delete(neighbor);
        return neighbor.down();
    }
  }

  private announce(
    neighbor: RigNeighbor,
    prefixes: string[],
    localPref: number,
    tag: number,
    wellKnown: number | undefined,
  ): void {
    const external = neighbor.role === 'ebgp';
    const told: Told = { neighbor, tag, localPref: external ? 100 : localPref, wellKnown };
    for (const prefix of prefixes) this.told.get(prefix)!.set(neighbor, told);
    const attributes: EncodableAttribute[] = [
      { code: 1, value: 'IGP' },
      { code: 2, value: external ? [{ type: 'AS_SEQUENCE', asns: [65000] }] : [] },
      { code: 8, value: wellKnown === undefined ? [tag] : [tag, wellKnown] },
    ];
    if (!external) attributes.push({ code: 5, value: localPref });
    const nextHop = prefixes[0]!.includes(':') ? '2001:db8::1' : '10.0.0.99';
    neighbor.say(announcement({ prefixes, nextHop, attributes }));
  }

  /** RFC 4271 section 9.1 for what the steps above can say. */
  private ranked(prefix: string): Told[] {
    const external = ({ neighbor }: Told): number => Number(neighbor.role === 'ebgp');
    return [...this.told.get(prefix)!.values()].sort(
      (a, b) =>
        b.localPref - a.localPref ||
        // The AS_PATH of an eBGP route is one AS longer.
        external(a) - external(b) ||
        Number(a.neighbor.routerId.slice(8)) - Number(b.neighbor.routerId.slice(8)),
    );
  }

  /** What a neighbor must hold in the end: prefix, tag and originator. */
  expected(to: RigNeighbor): Record<string, string> {
    const routes: Record<string, string> = {};
    for (const prefix of PREFIXES) {
      const ranked = this.ranked(prefix);
      const best = (this.nextBest ? ranked : ranked.slice(0, 1)).find(
        (told) => told.neighbor !== to && isAllowed(told, to),
      );
      if (!best) continue;
      const reflected = best.neighbor.role !== 'ebgp' && to.role !== 'ebgp';
      routes[prefix] = `${best.tag} ${reflected ? best.neighbor.routerId : ''}`;
    }
    return routes;
  }
}

function prefixesOf([ipv6, numbers]: readonly [boolean, readonly number[]]): string[] {
  return numbers.map((i) => PREFIXES[ipv6 ? i + 8 : i]!);
}

function isAllowed({ neighbor: from, wellKnown }: Told, to: RigNeighbor): boolean {
  if (wellKnown === NO_ADVERTISE || (wellKnown === NO_EXPORT && to.role === 'ebgp')) return false;
  return from.role !== 'nonClient' || to.role !== 'nonClient';
}

function held(neighbor: RigNeighbor): Record<string, string> {
  const routes: Record<string, string> = {};
  for (const prefix of PREFIXES) {
    const route = neighbor.view.routes.get(prefix);
    if (!route) continue;
    const originator = valueOf(route, 9) as string | undefined;
    routes[prefix] = `${(valueOf(route, 8) as number[])[0]!} ${originator ?? ''}`;
  }
  return routes;
}

describe('update groups and slow members', function () {
  this.timeout(60_000);

  it('every member ends with exactly its Adj-RIB-Out, whatever happened on the way', () => {
    expectModel(step, (slow) => new Model(slow), held, 150);
  });

  it('the same where a path that is not told does not hide others (RFC 7947 section 2.3)', () => {
    expectModel(step, (slow) => new Model(slow, true), held, 150);
  });

  it('a route that is judged anew while its group is being filled, and then is told no more', () => {
    const model = new Model();
    const what: [boolean, number[]] = [false, [0]];
    const route = { op: 'announce', what, localPref: 90, shared: false } as const;
    const steps: Step[] = [
      // The only client there is the one that comes.
      ...[0, 1, 2].map((who) => ({ op: 'down' as const, who })),
      { ...route, who: 3, wellKnown: undefined },
      { op: 'run' },
      { op: 'up', who: 1 },
      { op: 'retell', who: 3 },
      { ...route, who: 1, wellKnown: NO_ADVERTISE },
    ];
    for (const one of steps) model.play(one);
    model.rig.drainAll();
    for (const neighbor of model.rig.neighbors) {
      if (neighbor.isUp) expect(held(neighbor)).to.deep.equal(model.expected(neighbor));
    }
  });

  it('nobody is ever told a route of its own session', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const model = new Model();
        const owner = new Map<number, number>();
        for (const one of steps) {
          model.play(one);
          for (const paths of model.told.values()) {
            for (const { tag, neighbor } of paths.values()) owner.set(tag, owner.get(tag) ?? neighbor.source);
          }
          for (const neighbor of model.rig.neighbors) {
            if (!neighbor.isUp) continue;
            const tags = Object.values(held(neighbor)).map((text) => parseInt(text, 10));
            expect(tags.filter((tag) => tag !== 0 && owner.get(tag) === neighbor.source)).to.deep.equal([]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
