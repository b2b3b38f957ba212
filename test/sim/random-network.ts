/** Networks drawn at random, small ones. What happens to them: `random-events.ts`. */
import fc from 'fast-check';
import { Network, type LinkOptions, type RouterOptions } from '../../lib/sim/index.js';
import type { NetworkOptions, PeerSettings } from '../../lib/speaker/options.js';
import { EVENTS, prefixOf, type DrawnEvent } from './random-events.js';

export const SHAPES = [
  'mesh',
  'reflectors',
  'own-clusters',
  'hierarchy',
  'leaf-spine',
  'several-as',
  'tangle',
  'lan-ebgp',
  'clusters',
  'classic',
] as const;

/** A network as numbers: each field is taken modulo what there is to choose from. */
export interface Drawn {
  readonly seed: number;
  readonly shape: (typeof SHAPES)[number];
  readonly routers: number;
  readonly routes: readonly {
    readonly at: number;
    readonly prefix: number;
    readonly med: number | null;
    readonly localPref: number | null;
    readonly origin: 0 | 1 | 2;
    readonly community: number;
    readonly ipv6?: boolean;
  }[];
  readonly events: readonly DrawnEvent[];
  readonly switches: number;
  /** Settings of all sessions or routers. */
  readonly graceful?: 'off' | 'restart' | 'long-lived' | undefined;
  readonly multipath?: boolean | undefined;
  /** Which sessions within an AS tell several paths, and which. */
  readonly addPath?: { readonly of: number; readonly send: 'all' | 'best2' | 'perAs' } | undefined;
  /** Sessions over IPv6: those of which the number, and this, have a bit in common. */
  readonly sessions6?: number | undefined;
}

const often = <T>(none: T, ...rest: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(none) }, { weight: 2, arbitrary: fc.constantFrom(...rest) });

export const drawn: fc.Arbitrary<Drawn> = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  shape: fc.constantFrom(...SHAPES),
  routers: fc.integer({ min: 2, max: 5 }),
  routes: fc.array(
    fc.record({
      at: fc.nat(30),
      prefix: fc.nat(3),
      med: fc.option(fc.nat(2)),
      localPref: fc.option(fc.constantFrom(50, 100, 200), { freq: 2 }),
      origin: fc.constantFrom(0, 1, 2),
      community: fc.nat(9),
      ipv6: often(false, true),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  events: fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(30), fc.nat(30)), { maxLength: 5 }),
  switches: fc.nat(255),
  graceful: often<Drawn['graceful']>(undefined, 'off', 'restart', 'long-lived'),
  multipath: often(false, true),
  addPath: fc.option(fc.record({ of: fc.nat(255), send: fc.constantFrom('all', 'best2', 'perAs') }), {
    freq: 2,
    nil: undefined,
  }),
  sessions6: often(0, 1, 6, 255),
});

const COMMUNITIES = ['no-export', 'no-advertise', '64512:7'];

/** Settings of the sessions, by their number. */
class Sessions {
  #count = 0;

  constructor(
    private readonly net: Network,
    private readonly draw: Drawn,
  ) {}

  peer(a: string, b: string, ofA: PeerSettings = {}, ofB: PeerSettings = {}): void {
    const number = this.#count++;
    const { graceful, addPath, sessions6 = 0 } = this.draw;
    const common: PeerSettings =
      graceful === undefined
        ? {}
        : graceful === 'off'
          ? { gracefulRestart: { enabled: false }, longLivedGracefulRestart: { enabled: false } }
          : graceful === 'restart'
            ? { gracefulRestart: { enabled: true, restartTime: 30 } }
            : {
                gracefulRestart: { enabled: true, restartTime: 5 },
                longLivedGracefulRestart: { enabled: true, staleTime: 20 },
              };
    const internal = this.net.routerOf(a).asn === this.net.routerOf(b).asn;
    const several: PeerSettings =
      internal && addPath !== undefined && ((addPath.of >> (number % 8)) & 1) === 1
        ? { addPath: { receive: true, send: SELECTIONS[addPath.send] } }
        : {};
    const family = ((sessions6 >> (number % 8)) & 1) === 1 ? 6 : 4;
    this.net.peer(a, b, { ...common, ...several, ...ofA }, { ...common, ...several, ...ofB }, family);
  }
}

const SELECTIONS = { all: 'all', best2: { best: 2 }, perAs: { best: 1, perNeighborAs: true } } as const;

/** The network, not started. */
export function build(draw: Drawn): Network {
  const on = (bit: number): boolean => ((draw.switches >> bit) & 1) === 1;
  const bits = (at: number): number => draw.seed >> (at % 20);
  const net = new Network({ seed: draw.seed, jitterMs: on(0) ? 7 : 0, rechunk: on(1) });
  const sessions = new Sessions(net, draw);
  const n = draw.routers;
  const mesh = (names: readonly string[]): void =>
    names.forEach((a, i) => names.slice(i + 1).forEach((b) => sessions.peer(a, b)));
  const clients = (tops: readonly string[], names: readonly string[]): void =>
    tops.forEach((rr) => names.forEach((name) => sessions.peer(rr, name, { routeReflectorClient: true })));
  const link = (a: string, b: string, options: LinkOptions = {}): void => {
    net.link(a, b, options);
  };
  const router = (name: string, index: number, count: number, options: RouterOptions): void => {
    net.router(name, {
      fib: on(7),
      networks: networksOf(draw, index, count),
      ...options,
      config: {
        ...(on(3) ? { clientToClientReflection: !on(2) } : {}),
        ...(on(4) ? { alwaysCompareMed: true } : {}),
        ...(draw.multipath === true ? { multipath: { ebgp: 4, ibgp: 4 } } : {}),
        ...options.config,
      },
    });
  };
  const named = (count: number): string[] => Array.from({ length: count }, (_, i) => `r${i + 1}`);
  const shared = { config: { clusterId: '9.9.9.9' } };
  switch (draw.shape) {
    case 'mesh': {
      const names = named(n);
      names.forEach((name, i) => router(name, i, n, {}));
      mesh(names);
      break;
    }
    case 'reflectors':
    case 'own-clusters': {
      const names = named(n + 2);
      names.forEach((name, i) => router(name, i, n + 2, draw.shape === 'reflectors' ? shared : {}));
      mesh(names.slice(0, 2));
      clients(names.slice(0, 2), names.slice(2));
      break;
    }
    case 'hierarchy': {
      const names = named(n + 5);
      names.forEach((name, i) => router(name, i, n + 5, i === 1 || i === 2 ? shared : {}));
      clients(names.slice(0, 1), names.slice(1, 5));
      clients(names.slice(1, 3), names.slice(5));
      if (on(5)) clients(names.slice(3, 5), names.slice(5, 7));
      break;
    }
    case 'leaf-spine': {
      const names = named(n + 2);
      names.forEach((name, i) => router(name, i, n + 2, { asn: i < 2 ? 65000 : 65000 + i, lan: null }));
      for (const leaf of names.slice(2)) {
        for (const spine of names.slice(0, 2)) {
          link(leaf, spine);
          sessions.peer(leaf, spine);
        }
      }
      break;
    }
    case 'several-as': {
      // Links with costs instead of a LAN, so that IGP costs decide.
      const linked = on(6);
      const names = named(n + 3);
      const inside = names.slice(0, n);
      names.forEach((name, i) =>
        router(name, i, n + 3, {
          ...(i < n ? {} : { asn: 65001 + ((i - n) % (on(2) ? 2 : 3)) }),
          lan: i >= n || linked ? null : 'fabric',
        }),
      );
      if (linked) {
        inside.forEach((a, i) =>
          inside.slice(i + 1).forEach((b, j) => {
            if (j === 0 || bits(i + j) % 3 === 0) link(a, b, { cost: 1 + (bits(i * 2 + j) % 9) });
          }),
        );
      }
      if (on(5)) mesh(inside);
      else clients(inside.slice(0, 1), inside.slice(1));
      names.slice(n).forEach((outside, i) => {
        for (const each of new Set([inside[i % n]!, inside[(i + draw.seed) % n]!])) {
          link(outside, each);
          sessions.peer(outside, each);
        }
      });
      break;
    }
    case 'tangle': {
      // Any session there may be, with any roles.
      const names = named(n + 1);
      names.forEach((name, i) => router(name, i, n + 1, {}));
      names.forEach((a, i) =>
        names.slice(i + 1).forEach((b, j) => {
          const roles = bits(i * 5 + j) & 7;
          if (roles === 0) return;
          sessions.peer(a, b, { routeReflectorClient: (roles & 3) === 3 }, { routeReflectorClient: roles === 5 });
        }),
      );
      break;
    }
    case 'lan-ebgp': {
      // Two routers of ours and others, of whom some share an AS, on one LAN: next hops of third parties.
      const names = named(n + 2);
      names.forEach((name, i) => router(name, i, n + 2, i < 2 ? {} : { asn: 65001 + (i % (on(2) ? 2 : 3)) }));
      names.forEach((a, i) =>
        names.slice(i + 1).forEach((b, j) => {
          if (i === 0 || (bits(i * 3 + j) & 1) === 1) sessions.peer(a, b);
        }),
      );
      break;
    }
    case 'clusters':
    case 'classic': {
      // Reflectors in a mesh, each client in the cluster of one of them, near to any: RFC 3345, and cyclic preference.
      const outsiders = on(2);
      // As in the literature: some of these never come to rest, some can in several ways.
      const classic = draw.shape === 'classic';
      const tops = classic && outsiders ? 2 : 2 + (draw.routers & 1);
      const edges = classic ? 3 : 3 + (n & 1);
      const outside = outsiders ? edges : 0;
      const names = named(tops + edges + outside);
      const [rrs, inner, outer] = [names.slice(0, tops), names.slice(tops, tops + edges), names.slice(tops + edges)];
      const self = { nextHopSelf: true };
      const network = (at: number): NetworkOptions[] => {
        const { med = 0, ipv6 = false } = draw.routes[at % draw.routes.length]!;
        const prefix = prefixOf(0, ipv6 && on(5));
        return [classic ? { prefix: prefixOf(0, on(5)), med: at === 1 ? 1 : 0 } : { prefix, med: med ?? 0 }];
      };
      rrs.forEach((name, i) => router(name, i, 99, { lan: null, networks: [] }));
      inner.forEach((name, i) =>
        router(name, i, 99, { lan: null, networks: outside === 0 ? network(classic ? 0 : i) : [] }),
      );
      outer.forEach((name, i) =>
        router(name, i, 99, { lan: null, asn: 65001 + (classic ? Number(i > 0) : bits(i) & 1), networks: network(i) }),
      );
      rrs.forEach((a, i) =>
        rrs
          .slice(i + 1)
          .forEach((b) => link(a, b, { cost: classic ? (outsiders ? 1 : 30) : 1 + (bits(i) % 3), latencyMs: 40 })),
      );
      mesh(rrs);
      inner.forEach((client, i) => {
        // RFC 3345 section 2.1: two of three in one cluster. Else each reflector is nearer to the exit of the next one.
        const ownAt = classic && outsiders ? i >> 1 : i % tops;
        const own = rrs[ownAt]!;
        rrs.forEach((rr, j) => {
          if (j !== ownAt && outsiders) return;
          const asKnown = outsiders ? [5, 4, 12][i]! : j === ownAt ? 12 : (j + 1) % tops === ownAt ? 4 : 20;
          link(rr, client, { cost: classic ? asKnown : [4, 5, 12, 20][bits(i * 3 + j) & 3]!, latencyMs: 40 });
        });
        sessions.peer(own, client, { routeReflectorClient: true }, self);
        if (outside === 0) return;
        link(outer[i]!, client);
        sessions.peer(outer[i]!, client);
      });
    }
  }
  return net;
}

function networksOf(draw: Drawn, at: number, routers: number): NetworkOptions[] {
  const all = new Map<string, NetworkOptions>();
  for (const route of draw.routes) {
    // Where there are several AS: the same few prefixes from outside, so that MEDs of several AS meet.
    const several = draw.shape === 'several-as';
    const origin = several ? draw.routers + (route.at % 3) : route.at % routers;
    if (origin !== at) continue;
    const prefix = prefixOf(several ? route.prefix % 2 : route.prefix, route.ipv6 ?? false);
    const community = COMMUNITIES[route.community];
    all.set(prefix, {
      prefix,
      origin: (['igp', 'egp', 'incomplete'] as const)[route.origin],
      ...(route.med === null ? {} : { med: route.med }),
      ...(route.localPref === null ? {} : { localPref: route.localPref }),
      ...(community === undefined ? {} : { communities: [community] }),
    });
  }
  return [...all.values()];
}
