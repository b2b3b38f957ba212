/** What happens to random networks. */
import { takeSnapshot, type Network, type Router } from '../../lib/sim/index.js';
import type { NeighborOptions, SpeakerConfig } from '../../lib/speaker/options.js';

export const EVENTS = [
  'announce',
  'withdraw',
  'cut',
  'silence',
  'restore',
  'crash',
  'kill',
  'restart',
  'breakConnections',
  'reset',
  'isolate',
  'rejoin',
  'setLink',
  'peer',
  'unpeer',
  'client',
  'clusterId',
  'nextHopSelf',
  'networks',
  'importPolicy',
  'exportPolicy',
  'addPath',
  'multipath',
  'gracefulRestart',
  'families',
  'alwaysCompareMed',
] as const;

export type EventKind = (typeof EVENTS)[number];
/** The numbers say where, and what; taken modulo what there is. */
export type DrawnEvent = readonly [kind: EventKind, a: number, b: number];

/** The prefix of a number: `10.128.2.0/24`, `fd10:0:0:2::/64`. */
export function prefixOf(number: number, ipv6: boolean): string {
  return ipv6 ? (number === 0 ? 'fd10::/64' : `fd10:0:0:${number}::/64`) : `10.128.${number}.0/24`;
}

/** What came about, by name; kinds of events, and what else is worth counting. */
export type Counts = Map<string, number>;

export function count(counts: Counts, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Let it happen. Where it cannot (a cut without a wire), nothing does, and nothing is counted. */
export async function happen(net: Network, [kind, a, b]: DrawnEvent, counts: Counts): Promise<void> {
  const names = [...net.routers.keys()];
  const name = names[a % names.length]!;
  const router = net.routerOf(name);
  const done = await ACTIONS[kind]({ net, names, name, router, b, counts });
  if (done !== false) count(counts, kind);
}

interface Scene {
  readonly net: Network;
  readonly names: readonly string[];
  readonly name: string;
  readonly router: Router;
  readonly b: number;
  readonly counts: Counts;
}

/** False: it could not be done. */
type Action = (scene: Scene) => Promise<boolean> | boolean;

const ACTIONS: Record<EventKind, Action> = {
  announce: ({ net, name, router, b }) =>
    router.isRunning && did(net.announce(name, prefixOf(b % 4, b % 3 === 0), { med: b % 3, localPref: 100 + (b % 2) })),
  withdraw: ({ net, name, router, b }) => {
    const own = router.isRunning ? [...takeSnapshot(net).routers.get(name)!.originated.keys()] : [];
    return own.length > 0 && did(net.withdraw(name, own[b % own.length]!));
  },
  cut: (scene) => withWired(scene, (other) => scene.net.cut(scene.name, other)),
  silence: (scene) => withWired(scene, (other) => scene.net.cut(scene.name, other, { silent: true })),
  restore: ({ net, name, names }) => {
    for (const each of wired(net, name, names)) net.restore(name, each);
    return wired(net, name, names).length > 0;
  },
  crash: ({ net, name, router }) => router.isRunning && did(net.crash(name)),
  kill: async ({ net, name, router }) => did(router.isRunning ? net.kill(name) : await net.start(name)),
  restart: async ({ net, name, names, router, b, counts }) => {
    if (!router.isRunning) return false;
    net.kill(name);
    await net.run(0.5 + (b % 4));
    const others = names.filter((each) => net.routerOf(each).isRunning);
    if (others.some((each) => [...net.routes(each).values()].some(({ stale }) => stale))) count(counts, 'stale routes');
    await net.start(name);
    return true;
  },
  breakConnections: (scene) => withSession(scene, (other) => scene.net.breakConnections(scene.name, other)),
  reset: ({ net, name, router, b }) =>
    withSession({ net, name, router, b }, (other) => router.speaker.resetNeighbor(net.neighborAddress(name, other))),
  isolate: ({ net, name }) => did(net.isolate(name)),
  rejoin: async ({ net, name, names }) => {
    const away = names.filter((each) => net.hostOf(each).ports.some(({ up }) => !up));
    for (const each of away) net.rejoin(each);
    if (away.length > 0) return true;
    net.isolate(name);
    await net.run(3);
    return did(net.rejoin(name));
  },
  setLink: ({ net, b }) => {
    const links = [...net.segments.keys()];
    const link = links[b % Math.max(1, links.length)];
    const quality = [{ jitterMs: 20 }, { latencyMs: 40 }, { bandwidth: 100_000 }, { latencyMs: 0.5, jitterMs: 0 }];
    return link !== undefined && did(net.setLink(link, quality[b % 4]!));
  },
  peer: ({ net, name, names, router, b }) => {
    const strangers = names.filter((each) => {
      const other = net.routerOf(each);
      if (each === name || sessionsOf(net, router).includes(each) || sessionsOf(net, other).includes(name))
        return false;
      return other.asn === router.asn || wired(net, name, names).includes(each);
    });
    const other = strangers[b % Math.max(1, strangers.length)];
    if (other === undefined) return false;
    const client = b % 3 === 0 && net.routerOf(other).asn === router.asn;
    return did(net.peer(name, other, client ? { routeReflectorClient: true } : {}));
  },
  unpeer: ({ net, name, router, b }) => {
    const sessions = sessionsOf(net, router);
    return sessions.length > 0 && did(net.unpeer(name, sessions[b % sessions.length]!));
  },
  client: (scene) =>
    changeNeighbor(scene, ({ clusterId, routeReflectorClient, ...rest }, internal) => {
      if (!internal) return undefined;
      if (routeReflectorClient === true) return rest;
      return { ...rest, ...(clusterId === undefined ? {} : { clusterId }), routeReflectorClient: true };
    }),
  clusterId: (scene) =>
    changeNeighbor(scene, ({ clusterId, ...rest }, internal) => {
      if (!internal) return undefined;
      const id = `9.9.9.${1 + (scene.b % 3)}`;
      return clusterId === id ? rest : { ...rest, routeReflectorClient: true, clusterId: id };
    }),
  nextHopSelf: (scene) =>
    changeNeighbor(scene, (neighbor, internal) => ({
      ...neighbor,
      nextHopSelf: internal && scene.b % 3 === 0 ? 'force' : neighbor.nextHopSelf !== true,
    })),
  networks: ({ net, name, b }) =>
    configure(net, name, (config) => {
      const [first, ...rest] = config.networks ?? [];
      const fresh = { prefix: prefixOf(b % 4, b % 5 === 0), med: b % 3 };
      const known = (config.networks ?? []).map((each) => (typeof each === 'string' ? each : each.prefix));
      if (first !== undefined && b % 2 === 0) return { ...config, networks: rest };
      return known.includes(fresh.prefix) ? undefined : { ...config, networks: [...(config.networks ?? []), fresh] };
    }),
  importPolicy: (scene) => changePolicy(scene, 'importPolicy', 'defaultImportPolicy'),
  exportPolicy: (scene) => changePolicy(scene, 'exportPolicy', 'defaultExportPolicy'),
  addPath: async ({ net, name, router, b }) => {
    const inside = sessionsOf(net, router).filter((each) => net.routerOf(each).asn === router.asn);
    const other = inside[b % Math.max(1, inside.length)];
    if (other === undefined) return false;
    const send = ([{ best: 2 }, 'all', { best: 1, perNeighborAs: true }] as const)[b % 3]!;
    let had: boolean | undefined;
    for (const [at, peer] of [
      [name, other],
      [other, name],
    ] as const) {
      const { addresses } = net.hostOf(peer);
      await net.configure(at, (config) => ({
        ...config,
        neighbors: (config.neighbors ?? []).map(({ addPath, ...rest }) => {
          if (!addresses.includes(rest.address)) return addPath === undefined ? rest : { ...rest, addPath };
          had ??= addPath !== undefined;
          return had ? rest : { ...rest, addPath: { receive: true, send } };
        }),
      }));
    }
    return true;
  },
  multipath: ({ net, name, b }) =>
    configure(net, name, ({ multipath, ...rest }) =>
      multipath === undefined ? { ...rest, multipath: { ebgp: 1 + (b % 3), ibgp: 2, asPathRelax: b % 2 === 0 } } : rest,
    ),
  gracefulRestart: (scene) =>
    changeNeighbor(scene, ({ gracefulRestart, longLivedGracefulRestart, ...rest }) =>
      gracefulRestart?.enabled === true || longLivedGracefulRestart !== undefined
        ? rest
        : { ...rest, gracefulRestart: { enabled: true, restartTime: 20 } },
    ),
  families: (scene) =>
    changeNeighbor(scene, ({ families, ...rest }) =>
      families === undefined ? { ...rest, families: [scene.b % 2 === 0 ? 'ipv4-unicast' : 'ipv6-unicast'] } : rest,
    ),
  // Takes effect when it is started again.
  alwaysCompareMed: async ({ net, name, router }) => {
    await net.configure(name, (config) => ({ ...config, alwaysCompareMed: config.alwaysCompareMed !== true }));
    if (!router.isRunning) return true;
    await net.stop(name);
    await net.start(name);
    return true;
  },
};

function did(nothing: unknown): true {
  void nothing;
  return true;
}

/** Those on a wire with it. */
function wired(net: Network, name: string, names: readonly string[]): string[] {
  const { ports } = net.hostOf(name);
  return names.filter((each) => {
    if (each === name) return false;
    return net.hostOf(each).ports.some(({ segment }) => ports.some((port) => port.segment === segment));
  });
}

function withWired({ net, name, names, b }: Scene, act: (other: string) => void): boolean {
  const others = wired(net, name, names);
  return others.length > 0 && did(act(others[b % others.length]!));
}

function sessionsOf(net: Network, router: Router): string[] {
  return [...new Set((router.config.neighbors ?? []).map(({ address }) => net.ownerOf(address)!.name))];
}

function withSession({ net, router, b }: Omit<Scene, 'names' | 'counts'>, act: (other: string) => void): boolean {
  const sessions = router.isRunning ? sessionsOf(net, router) : [];
  return sessions.length > 0 && did(act(sessions[b % sessions.length]!));
}

async function configure(
  net: Network,
  name: string,
  change: (config: SpeakerConfig) => SpeakerConfig | undefined,
): Promise<boolean> {
  if (change(net.routerOf(name).config) === undefined) return false;
  await net.configure(name, (config) => change(config)!);
  return true;
}

/** Change the settings of one of its neighbors. */
function changeNeighbor(
  { net, name, router, b }: Scene,
  change: (neighbor: NeighborOptions, internal: boolean) => NeighborOptions | undefined,
): Promise<boolean> {
  return configure(net, name, (config) => {
    const neighbors = config.neighbors ?? [];
    const old = neighbors[b % Math.max(1, neighbors.length)];
    const changed = old && change(old, old.peerAs === router.asn);
    if (changed === undefined) return undefined;
    return { ...config, neighbors: neighbors.map((each) => (each === old ? changed : each)) };
  });
}

const POLICIES: Pick<SpeakerConfig, 'policies' | 'prefixSets'> = {
  prefixSets: {
    first: [prefixOf(0, false), prefixOf(0, true)],
    low: [{ prefix: '10.128.0.0/16', ge: 24, le: 24 }, prefixOf(1, true)],
  },
  policies: {
    reject: [{ conditions: { prefixSets: ['first'] }, actions: { result: 'reject' } }],
    prefer: [
      { conditions: { communities: { any: ['64512:7'] } }, actions: { localPref: 150 } },
      { conditions: { prefixSets: ['low'], family: 'ipv4-unicast' }, actions: { result: 'accept', localPref: 200 } },
    ],
    mark: [{ actions: { med: 1, communities: { add: ['64512:7', '64512:9'] } } }],
    marked: [{ conditions: { communities: { any: ['64512:9'] } }, actions: { result: 'reject' } }],
  },
};

function changePolicy(
  scene: Scene,
  key: 'importPolicy' | 'exportPolicy',
  fallback: 'defaultImportPolicy' | 'defaultExportPolicy',
): Promise<boolean> {
  const names = Object.keys(POLICIES.policies!);
  const { net, name, b } = scene;
  return configure(net, name, (config) => {
    const neighbors = config.neighbors ?? [];
    const old = neighbors[b % Math.max(1, neighbors.length)];
    if (old === undefined) return undefined;
    const { [key]: had, [fallback]: dropped, ...rest } = old;
    void dropped;
    const changed =
      had === undefined ? { ...rest, [key]: [names[(b >> 1) % names.length]!], [fallback]: 'accept' as const } : rest;
    return { ...config, ...POLICIES, neighbors: neighbors.map((each) => (each === old ? changed : each)) };
  });
}
