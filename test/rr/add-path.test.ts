import { expect } from 'chai';
import fc from 'fast-check';
import { DEFAULT_CONTEXT, type EncodableAttribute } from '../../lib/bgp/wire/index.js';
import type { PathSelection } from '../../lib/rib/path-selection.js';
import { announcement, valueOf, withdrawal, type HeldRoute } from '../support/wire.js';
import { expectModel, playTransport, type GroupModel } from './any-order.js';
import { GroupRig, type RigNeighbor, type Role } from './rig.js';

const PREFIXES = [
  ...Array.from({ length: 4 }, (_, i) => `10.1.${i}.0/24`),
  ...Array.from({ length: 4 }, (_, i) => `2001:db8:${i + 1}::/48`),
];
const NO_EXPORT = 0xffffff01;

/** Who is there: what it is, which paths it is told, and whether it announces several. */
const CAST: readonly (readonly [role: Role, told: PathSelection | undefined, several: boolean])[] = [
  ['client', 'all', true],
  ['client', 'all', false],
  ['client', { best: 2 }, true],
  ['client', undefined, true],
  ['nonClient', 'all', true],
  ['nonClient', { best: 1, perNeighborAs: true }, false],
  ['ebgp', 'all', true],
  ['ebgp', { best: 2 }, true],
];

interface Told {
  readonly neighbor: RigNeighbor;
  readonly pathId: number;
  readonly tag: number;
  readonly localPref: number;
  readonly noExport: boolean;
}

const who = fc.nat({ max: CAST.length - 1 });
const pathId = fc.nat({ max: 2 });
const prefixSet = fc.tuple(fc.boolean(), fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }));
const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      op: fc.constant('announce' as const),
      who,
      pathId,
      what: prefixSet,
      localPref: fc.constantFrom(90, 100, 110),
      shared: fc.boolean(),
      noExport: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('withdraw' as const), who, pathId, what: prefixSet }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constantFrom('run' as const, 'slice' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constantFrom('down', 'up', 'block', 'drain', 'refresh', 'retell'), who }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const contextOf = ({ pathIds }: RigNeighbor) => ({
  ...DEFAULT_CONTEXT,
  addPath: new Set(pathIds ? ['1/1', '2/1'] : []),
});

/** Say which prefixes, each with an identifier where the neighbor has them. */
function say(neighbor: RigNeighbor, id: number, prefixes: string[], attributes?: EncodableAttribute[]): void {
  const cx = contextOf(neighbor);
  const named = prefixes.map((prefix) => (neighbor.pathIds ? `${prefix}#${id}` : prefix));
  if (attributes === undefined) return neighbor.say(withdrawal(named, cx));
  const nextHop = prefixes[0]!.includes(':') ? '2001:db8::1' : '10.0.0.99';
  neighbor.say(announcement({ prefixes: named, nextHop, attributes }, cx));
}

const asOf = ({ neighbor, pathId: id }: Told): number => (neighbor.role === 'ebgp' ? 65000 + (id & 1) : 0);

class Model implements GroupModel<Step> {
  readonly rig: GroupRig;
  /** By prefix, by neighbor and identifier. */
  readonly told = new Map<string, Map<string, Told>>(PREFIXES.map((prefix) => [prefix, new Map()]));
  private tags = 1;

  constructor(slow: boolean) {
    this.rig = new GroupRig(slow);
    for (const [role, addPath, several] of CAST) {
      this.rig.add(role, addPath === undefined ? {} : { addPath }, several).up();
    }
  }

  play(one: Step): void {
    const neighbor = playTransport(this.rig, one);
    if (neighbor === undefined) return;
    switch (one.op) {
      case 'announce':
        return this.announce(neighbor, one);
      case 'withdraw': {
        const id = neighbor.pathIds ? one.pathId : 0;
        for (const prefix of prefixesOf(one.what)) this.told.get(prefix)!.delete(`${neighbor.address} ${id}`);
        return say(neighbor, id, prefixesOf(one.what));
      }
      case 'down':
        for (const paths of this.told.values()) {
          for (const [key, told] of paths) if (told.neighbor === neighbor) paths.delete(key);
        }
        return neighbor.down();
    }
  }

  private announce(neighbor: RigNeighbor, one: Step & { readonly op: 'announce' }): void {
    const external = neighbor.role === 'ebgp';
    const told: Told = {
      neighbor,
      pathId: neighbor.pathIds ? one.pathId : 0,
      tag: one.shared ? 0 : this.tags++,
      localPref: external ? 100 : one.localPref,
      noExport: one.noExport,
    };
    for (const prefix of prefixesOf(one.what)) this.told.get(prefix)!.set(`${neighbor.address} ${told.pathId}`, told);
    const attributes: EncodableAttribute[] = [
      { code: 1, value: 'IGP' },
      { code: 2, value: external ? [{ type: 'AS_SEQUENCE', asns: [asOf(told)] }] : [] },
      { code: 8, value: one.noExport ? [told.tag, NO_EXPORT] : [told.tag] },
    ];
    if (!external) attributes.push({ code: 5, value: one.localPref });
    say(neighbor, told.pathId, prefixesOf(one.what), attributes);
  }

  /** RFC 4271 section 9.1 for what the steps above can say. */
  private ranked(prefix: string): Told[] {
    const external = ({ neighbor }: Told): number => Number(neighbor.role === 'ebgp');
    return [...this.told.get(prefix)!.values()].sort(
      (a, b) =>
        b.localPref - a.localPref ||
        external(a) - external(b) ||
        Number(a.neighbor.routerId.slice(8)) - Number(b.neighbor.routerId.slice(8)) ||
        a.pathId - b.pathId,
    );
  }

  /** What a neighbor must hold in the end, sorted. */
  expected(to: RigNeighbor): string[] {
    const selection = CAST[this.rig.neighbors.indexOf(to)]![1];
    const routes: string[] = [];
    for (const prefix of PREFIXES) {
      for (const told of select(this.ranked(prefix), selection)) {
        if (told.neighbor === to || !isAllowed(told, to)) continue;
        const reflected = told.neighbor.role !== 'ebgp' && to.role !== 'ebgp';
        routes.push(`${prefix} ${told.tag} ${reflected ? told.neighbor.routerId : ''}`);
      }
    }
    return routes.sort();
  }
}

function select(ranked: Told[], selection: PathSelection | undefined): Told[] {
  if (selection === 'all') return ranked;
  if (selection?.perNeighborAs !== true) return ranked.slice(0, selection?.best ?? 1);
  return ranked.filter((told, i) => ranked.slice(0, i).filter((o) => asOf(o) === asOf(told)).length < selection.best);
}

function prefixesOf([ipv6, numbers]: readonly [boolean, readonly number[]]): string[] {
  return numbers.map((i) => PREFIXES[ipv6 ? i + 4 : i]!);
}

function isAllowed({ neighbor: from, noExport }: Told, to: RigNeighbor): boolean {
  if (noExport && to.role === 'ebgp') return false;
  return from.role !== 'nonClient' || to.role !== 'nonClient';
}

const tagOf = (route: HeldRoute): number => (valueOf(route, 8) as number[])[0]!;

function held({ view }: RigNeighbor): string[] {
  return [...view.routes]
    .map(([key, route]) => `${key.split('#')[0]} ${tagOf(route)} ${(valueOf(route, 9) as string | undefined) ?? ''}`)
    .sort();
}

describe('update groups that are told several paths (RFC 7911)', function () {
  this.timeout(60_000);

  it('every member ends with exactly the paths chosen for it, whatever happened on the way', () => {
    expectModel(step, (slow) => new Model(slow), held, 200);
  });

  const P = PREFIXES[0]!;
  const attributes = (tag: number, localPref = 100): EncodableAttribute[] => [
    { code: 1, value: 'IGP' },
    { code: 2, value: [] },
    { code: 5, value: localPref },
    { code: 8, value: [tag] },
  ];

  it('the identifier of a path stays when its attributes change, and when others come and go', () => {
    const rig = new GroupRig();
    const [a, b, to] = [rig.add('client', {}, true), rig.add('client'), rig.add('client', { addPath: 'all' })];
    for (const neighbor of rig.neighbors) neighbor.up();
    const idOf = (tag: number) => [...to.view.routes].find(([, route]) => tagOf(route) === tag)?.[0];
    say(b, 0, [P], attributes(1));
    say(a, 7, [P], attributes(2));
    rig.settle();
    const [first, second] = [idOf(1), idOf(2)];
    expect(new Set([first, second]).size).to.equal(2);
    say(a, 7, [P], attributes(3, 300));
    say(a, 8, [P], attributes(4));
    rig.settle();
    expect([idOf(1), idOf(3)]).to.deep.equal([first, second]);
    say(a, 8, [P]);
    say(b, 0, [P]);
    rig.settle();
    expect([...to.view.routes.keys()]).to.deep.equal([second]);
    to.refresh();
    rig.settle();
    expect([...to.view.routes.keys()]).to.deep.equal([second]);
  });

  it('of many paths in the longest message none is lost', () => {
    const rig = new GroupRig();
    const [a, to] = [rig.add('client', {}, true), rig.add('client', { addPath: 'all' })];
    for (const neighbor of rig.neighbors) neighbor.up();
    const many = Array.from({ length: 700 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const many6 = Array.from({ length: 400 }, (_, i) => `2001:db8:${i.toString(16)}::1/128`);
    for (const id of [1, 2]) {
      for (let i = 0; i < 700; i += 100) say(a, id, many.slice(i, i + 100), attributes(1));
      for (let i = 0; i < 400; i += 50) say(a, id, many6.slice(i, i + 50), attributes(1));
    }
    rig.settle();
    expect(to.view.routes.size).to.equal(2200);
    // A full message holds 4,000 octets of NLRI of 8 or 21 octets.
    expect(to.view.messages).to.be.lessThan(12);
    for (const id of [1, 2]) {
      for (let i = 0; i < 700; i += 100) say(a, id, many.slice(i, i + 100));
      for (let i = 0; i < 400; i += 50) say(a, id, many6.slice(i, i + 50));
    }
    rig.settle();
    expect(to.view.routes.size).to.equal(0);
  });
});
