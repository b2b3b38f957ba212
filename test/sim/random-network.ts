/** Networks and events drawn at random, small ones. */
import fc from 'fast-check';
import { inspect, INVARIANTS, Network, SimulationError, takeSnapshot, Oracle } from '../../lib/sim/index.js';
import type { NetworkOptions } from '../../lib/speaker/options.js';

/** A network as numbers: each field is taken modulo what there is to choose from. */
export interface Drawn {
  readonly seed: number;
  readonly shape: 'mesh' | 'reflectors' | 'own-clusters' | 'hierarchy' | 'leaf-spine' | 'several-as' | 'tangle';
  readonly routers: number;
  readonly routes: readonly {
    readonly at: number;
    readonly prefix: number;
    readonly med: number | null;
    readonly localPref: number | null;
    readonly origin: 0 | 1 | 2;
    readonly community: number;
  }[];
  readonly events: readonly (readonly [kind: number, a: number, b: number])[];
  readonly switches: number;
}

export const drawn: fc.Arbitrary<Drawn> = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  shape: fc.constantFrom('mesh', 'reflectors', 'own-clusters', 'hierarchy', 'leaf-spine', 'several-as', 'tangle'),
  routers: fc.integer({ min: 2, max: 5 }),
  routes: fc.array(
    fc.record({
      at: fc.nat(30),
      prefix: fc.nat(3),
      med: fc.option(fc.nat(2)),
      localPref: fc.option(fc.constantFrom(50, 100, 200), { freq: 1 }),
      origin: fc.constantFrom(0, 1, 2),
      community: fc.nat(9),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  events: fc.array(fc.tuple(fc.nat(9), fc.nat(30), fc.nat(30)), { maxLength: 5 }),
  switches: fc.nat(255),
});

const COMMUNITIES = ['no-export', 'no-advertise', '64512:7'];

function networksOf(draw: Drawn, at: number, routers: number): NetworkOptions[] {
  const all = new Map<string, NetworkOptions>();
  for (const route of draw.routes) {
    // Where there are several AS: the same few prefixes from outside, so that MEDs of several AS meet.
    const outside = draw.shape === 'several-as' ? draw.routers + (route.at % 3) : route.at % routers;
    if (outside !== at) continue;
    const prefix = `10.128.${draw.shape === 'several-as' ? route.prefix % 2 : route.prefix}.0/24`;
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

/** The network, not started. */
export function build(draw: Drawn): Network {
  const on = (bit: number): boolean => ((draw.switches >> bit) & 1) === 1;
  const net = new Network({ seed: draw.seed, jitterMs: on(0) ? 7 : 0, rechunk: on(1) });
  const n = draw.routers;
  const mesh = (names: readonly string[]): void =>
    names.forEach((a, i) => names.slice(i + 1).forEach((b) => net.peer(a, b)));
  const clients = (tops: readonly string[], names: readonly string[]): void =>
    tops.forEach((rr) => names.forEach((name) => net.peer(rr, name, { routeReflectorClient: true })));
  const total = { mesh: n, reflectors: n + 2, 'own-clusters': n + 2, hierarchy: 5 + n, 'leaf-spine': n + 2 };
  const count = draw.shape === 'several-as' ? n + 3 : draw.shape === 'tangle' ? n + 1 : total[draw.shape];
  const names = Array.from({ length: count }, (_, i) => `r${i + 1}`);
  // Links with costs instead of a LAN, so that IGP costs decide.
  const linked = draw.shape === 'several-as' && on(6);
  names.forEach((name, i) => {
    const asn =
      draw.shape === 'leaf-spine'
        ? i < 2
          ? 65000
          : 65000 + i
        : draw.shape === 'several-as' && i >= n
          ? 65001 + ((i - n) % (on(2) ? 2 : 3))
          : 64512;
    const shared = draw.shape === 'reflectors' || (draw.shape === 'hierarchy' && i > 0 && i < 3);
    net.router(name, {
      asn,
      fib: on(7),
      lan: asn === 64512 && !linked ? 'fabric' : null,
      networks: networksOf(draw, i, count),
      config: {
        ...(shared ? { clusterId: '9.9.9.9' } : {}),
        ...(on(3) ? { clientToClientReflection: !on(2) } : {}),
        ...(on(4) ? { alwaysCompareMed: true } : {}),
      },
    });
  });
  const rest = names.slice(2);
  switch (draw.shape) {
    case 'mesh':
      mesh(names);
      break;
    case 'reflectors':
    case 'own-clusters':
      mesh(names.slice(0, 2));
      clients(names.slice(0, 2), rest);
      break;
    case 'hierarchy':
      clients(names.slice(0, 1), names.slice(1, 5));
      clients(names.slice(1, 3), names.slice(5));
      if (on(5)) clients(names.slice(3, 5), names.slice(5, 7));
      break;
    case 'leaf-spine':
      for (const leaf of rest) {
        for (const spine of names.slice(0, 2)) {
          net.link(leaf, spine);
          net.peer(leaf, spine);
        }
      }
      break;
    case 'several-as': {
      const inside = names.slice(0, n);
      if (linked) {
        inside.forEach((a, i) =>
          inside.slice(i + 1).forEach((b, j) => {
            if (j === 0 || (draw.seed >> (i + j)) % 3 === 0)
              net.link(a, b, { cost: 1 + ((draw.seed >> (i * 2 + j)) % 9) });
          }),
        );
      }
      if (on(5)) mesh(inside);
      else clients(inside.slice(0, 1), inside.slice(1));
      names.slice(n).forEach((outside, i) => {
        for (const each of new Set([inside[i % n]!, inside[(i + draw.seed) % n]!])) {
          net.link(outside, each);
          net.peer(outside, each);
        }
      });
      break;
    }
    case 'tangle':
      // Any session there may be, with any roles.
      names.forEach((a, i) =>
        names.slice(i + 1).forEach((b, j) => {
          const bits = (draw.seed >> ((i * 5 + j) % 20)) & 7;
          if (bits === 0) return;
          net.peer(a, b, { routeReflectorClient: (bits & 3) === 3 }, { routeReflectorClient: bits === 5 });
        }),
      );
  }
  return net;
}

async function happen(net: Network, [kind, a, b]: Drawn['events'][number]): Promise<void> {
  const names = [...net.routers.keys()];
  const name = names[a % names.length]!;
  const router = net.routerOf(name);
  const sessions = (router.config.neighbors ?? []).map(({ address }) => net.ownerOf(address)!.name);
  const peer = sessions[b % Math.max(1, sessions.length)];
  /** Those on a wire with it. */
  const wired = names.filter((each) => {
    const ports = net.hostOf(each).ports;
    return each !== name && router.ports.some(({ segment }) => ports.some((port) => port.segment === segment));
  });
  switch (kind) {
    case 0:
    case 1:
      if (router.isRunning) net.announce(name, `10.128.${b % 4}.0/24`, { med: b % 3, localPref: 100 + (b % 2) });
      break;
    case 2: {
      const own = router.isRunning ? [...takeSnapshot(net).routers.get(name)!.originated.keys()] : [];
      if (own.length > 0) net.withdraw(name, own[b % own.length]!);
      break;
    }
    case 3:
      if (wired.length > 0) net.cut(name, wired[b % wired.length]!);
      break;
    case 4:
      for (const each of wired) net.restore(name, each);
      break;
    case 5:
      if (router.isRunning) net.crash(name);
      break;
    case 6:
      if (router.isRunning) net.kill(name);
      else await net.start(name);
      break;
    case 7:
      if (!router.isRunning) await net.start(name);
      else if (peer !== undefined) net.breakConnections(name, peer);
      break;
    case 8:
      await net.configure(name, (config) => ({ ...config, alwaysCompareMed: b % 2 === 0 }));
      break;
    default:
      if (router.isRunning && peer !== undefined) router.speaker.resetNeighbor(net.neighborAddress(name, peer));
  }
}

/** What came of a run. */
export type Outcome = 'held' | 'ambiguous' | 'unstable';

/**
 * Run it: start, settle, check; then all events, a little apart, settle, check.
 * @throws with all violations
 */
export async function prove(draw: Drawn): Promise<Outcome> {
  const net = build(draw);
  await net.start();
  let outcome = await check(net);
  if (outcome === 'unstable') return outcome;
  for (const event of draw.events) {
    await happen(net, event);
    await net.run((draw.seed % 5) * 0.3);
  }
  if (draw.events.length > 0) outcome = await check(net);
  return outcome;
}

async function check(net: Network): Promise<Outcome> {
  try {
    await net.converged();
  } catch (error) {
    const oracle = new Oracle(takeSnapshot(net));
    const kinds = oracle.snapshot.prefixes.map((prefix) => oracle.answer(prefix).kind);
    if (error instanceof SimulationError && kinds.some((kind) => kind !== 'stable')) return 'unstable';
    throw error;
  }
  // With costs and reflectors what is right for each may be wrong for packets between them (RFC 4456 section 11).
  const linked = [...net.segments.values()].some(({ cost }) => cost !== 10);
  const only = linked
    ? INVARIANTS.filter((each) => !each.startsWith('no forwarding') && !each.startsWith('no black'))
    : INVARIANTS;
  const { violations, ambiguous, unsupported } = inspect(net, { only });
  if (violations.length > 0 || unsupported.length > 0) {
    throw net.error([...violations.map(({ text, invariant }) => `${invariant}: ${text}`), ...unsupported].join('\n'));
  }
  return ambiguous.length > 0 ? 'ambiguous' : 'held';
}
