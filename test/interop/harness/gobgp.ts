import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningProcess } from './processes.js';
import { run } from './run.js';
import { SpeakerDriver, families, familyOf } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings } from './speaker.js';

/** GoBGP. */
export class Gobgp extends SpeakerDriver {
  readonly kind = 'GoBGP';
  #process: RunningProcess | undefined;
  #startedBefore = false;

  async start(): Promise<void> {
    const file = join(this.host.directory, 'gobgpd.json');
    const comesBack = this.#startedBefore && this.settings.neighbors.some((peer) => peer.gracefulRestart);
    await writeFile(file, JSON.stringify(this.#configuration(comesBack), null, 2));
    // It does not start over the socket of a killed one.
    await rm(this.#socket, { force: true });
    const api = ['--api-hosts', this.#api, '--pprof-disable'];
    // -r: it comes back after a graceful restart.
    if (comesBack) api.push('-r');
    this.#startedBefore = true;
    this.#process = this.host.spawn('gobgpd', ['-f', file, '-t', 'json', '-l', 'info', ...api]);
    await this.answers(this.#process, () => this.gobgp('global', 'rib', '-j'));
    for (const route of this.settings.announce ?? []) await this.announce(route);
    // Not before it has its routes: End-of-RIB would come without them.
    if (comesBack) for (const { address } of this.settings.neighbors) await this.gobgp('neighbor', address, 'enable');
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async announce(route: string | Announcement): Promise<void> {
    const { prefix, nextHop, med, localPref, communities = [] } = this.announcement(route);
    const attributes = [
      ...['nexthop', nextHop, 'origin', 'igp'],
      ...(med === undefined ? [] : ['med', String(med)]),
      ...(localPref === undefined ? [] : ['local-pref', String(localPref)]),
      ...(communities.length === 0 ? [] : ['community', communities.join(',')]),
    ];
    await this.gobgp('global', 'rib', 'add', '-a', familyOf(prefix), prefix, ...attributes);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.gobgp('global', 'rib', 'del', '-a', familyOf(prefix), prefix);
  }

  async sessionState(neighbor: string): Promise<string> {
    const view = JSON.parse(await this.gobgp('neighbor', neighbor, '-j')) as { state: { session_state?: number } };
    return STATES[view.state.session_state ?? 0] ?? '';
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const text = await this.gobgp('global', 'rib', '-a', family, '-j');
    const tables = JSON.parse(text.startsWith('{') ? text : '{}') as Record<string, GobgpPath[]>;
    return Object.entries(tables).flatMap(([prefix, paths]) =>
      paths.filter((path) => path['neighbor-ip'] !== undefined).map((path) => heldRoute(prefix, path)),
    );
  }

  get #api(): string {
    return `unix://${this.#socket}`;
  }

  get #socket(): string {
    return join(this.host.directory, 'gobgp.sock');
  }

  /** A command of `gobgp`. */
  gobgp(...args: readonly string[]): Promise<string> {
    return run('gobgp', ['--target', this.#api, ...args]);
  }

  #configuration(adminDown: boolean): object {
    const config = { as: this.asn, 'router-id': this.routerId, port: 179, 'local-address-list': ['0.0.0.0', '::'] };
    return {
      global: { config, ...this.settings.globalGobgp },
      neighbors: this.settings.neighbors.map((peer) => this.#neighbor(peer, adminDown)),
    };
  }

  #neighbor(peer: PeerSettings, adminDown: boolean): object {
    const reflector = {
      config: { 'route-reflector-client': true, 'route-reflector-cluster-id': this.clusterId },
    };
    return {
      ...gracefulRestart(peer),
      'afi-safis': families(peer).map((family) => ({
        config: { 'afi-safi-name': `${family}-unicast` },
        ...familyRestart(peer),
      })),
      ...peer.gobgp,
      config: {
        'neighbor-address': peer.address,
        'peer-as': peer.peerAs,
        'admin-down': adminDown,
        ...configIn(peer.gobgp),
        ...(peer.password === undefined ? {} : { 'auth-password': peer.password }),
      },
      ...(peer.multihop === undefined
        ? {}
        : { 'ebgp-multihop': { config: { enabled: true, 'multihop-ttl': peer.multihop } } }),
      ...(peer.ttlSecurity === undefined
        ? {}
        : { 'ttl-security': { config: { enabled: true, 'ttl-min': 256 - peer.ttlSecurity } } }),
      timers: { config: { 'hold-time': 90, 'connect-retry': 1, 'idle-hold-time-after-reset': 1 } },
      transport: {
        config: { 'local-address': this.localAddress(peer), 'passive-mode': peer.passive ?? false },
      },
      ...(peer.reflectorClient ? { 'route-reflector': reflector } : {}),
    };
  }
}

/** The `config` of an object that is merged into another one. */
function configIn(more: object | undefined): object {
  return (more as { config?: object } | undefined)?.config ?? {};
}

function gracefulRestart({ gracefulRestart: restart, restartHelper }: PeerSettings): object {
  if (!restart && !restartHelper) return {};
  const { restartTime, longLivedTime } = restart ?? {};
  return {
    'graceful-restart': {
      config: {
        enabled: true,
        ...(restartTime === undefined ? { 'helper-only': true } : { 'restart-time': restartTime, 'deferral-time': 10 }),
        ...(longLivedTime === undefined && !restartHelper ? {} : { 'long-lived-enabled': true }),
      },
    },
  };
}

function familyRestart({ gracefulRestart: restart, restartHelper }: PeerSettings): object {
  if (!restart && !restartHelper) return {};
  const { longLivedTime } = restart ?? {};
  const longLived = {
    'long-lived-graceful-restart': { config: { enabled: true, 'restart-time': longLivedTime ?? 3600 } },
  };
  return {
    'mp-graceful-restart': { config: { enabled: true } },
    ...(longLivedTime === undefined && !restartHelper ? {} : longLived),
  };
}

const STATES = ['Unknown', 'Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'];
/** AS_SET, AS_SEQUENCE, AS_CONFED_SEQUENCE, AS_CONFED_SET. */
const SEGMENT: Readonly<Record<number, string>> = { 1: '{*}', 2: '*', 3: '(*)', 4: '[*]' };
const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

/** Path attributes are told apart by their type code. */
interface GobgpAttribute {
  readonly type: number;
  readonly value?: unknown;
  readonly nexthop?: string;
  readonly metric?: number;
  readonly communities?: readonly number[];
  readonly as_paths?: readonly { readonly segment_type: number; readonly asns: readonly number[] }[];
}

interface GobgpPath {
  readonly best?: boolean;
  readonly attrs: readonly GobgpAttribute[];
  readonly 'neighbor-ip'?: string;
}

function heldRoute(prefix: string, path: GobgpPath): HeldRoute {
  const attribute = (type: number) => path.attrs.find((candidate) => candidate.type === type);
  const segments = (attribute(2)?.as_paths ?? []).map(({ segment_type: type, asns }) =>
    SEGMENT[type]!.replace('*', asns.join(' ')),
  );
  return {
    prefix,
    neighbor: path['neighbor-ip'] ?? '',
    nextHop: attribute(14)?.nexthop ?? attribute(3)?.nexthop ?? '',
    asPath: segments.join(' '),
    origin: ORIGINS[Number(attribute(1)?.value ?? 0)] ?? 'incomplete',
    originatorId: (attribute(9)?.value as string | undefined) ?? null,
    clusterList: (attribute(10)?.value as string[] | undefined) ?? [],
    localPref: (attribute(5)?.value as number | undefined) ?? null,
    med: attribute(4) === undefined ? null : (attribute(4)?.metric ?? 0),
    communities: (attribute(8)?.communities ?? []).map((value) => `${value >>> 16}:${value & 0xffff}`).sort(),
    best: path.best ?? false,
  };
}
