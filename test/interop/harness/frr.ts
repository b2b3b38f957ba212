import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import type { RunningProcess } from './processes.js';
import { run } from './run.js';
import { SpeakerDriver, families, familyOf } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings } from './speaker.js';

/** FRRouting: zebra (next hops, kernel) and bgpd. */
export class Frr extends SpeakerDriver {
  readonly kind = 'FRR';
  #processes: RunningProcess[] = [];
  #routeMaps = 0;

  async start(): Promise<void> {
    const directory = this.#directory;
    await run('mkdir', ['-p', directory]);
    await writeFile(join(directory, 'zebra.conf'), 'hostname zebra\nno ipv6 forwarding\nno ip forwarding\n');
    await writeFile(join(directory, 'bgpd.conf'), this.#configuration());
    // Both daemons drop to this user, and write sockets and pid files here.
    await run('chown', ['-R', 'frr:frr', directory]);
    const zebra = this.#spawn('zebra', []);
    await this.answers(zebra, () => this.vtysh('zebra', 'show version'));
    const bgpd = this.#spawn('bgpd', this.settings.kernel ? [] : ['--no_kernel']);
    await this.answers(bgpd, () => this.vtysh('bgpd', 'show bgp summary json'));
    this.#processes = [bgpd, zebra];
    // A session that comes up before zebra has told the interfaces would be reset at once.
    await eventually(() => this.vtysh('zebra', 'show zebra client summary'), {
      what: `bgpd in ${this.host.name} knows the interfaces`,
      until: (clients) => /^bgp\s/m.test(clients),
    });
    const up = this.settings.neighbors.map(({ address }) => `no neighbor ${address} shutdown`);
    await this.vtysh('bgpd', 'configure terminal', `router bgp ${this.asn}`, ...up);
  }

  async stop(): Promise<void> {
    for (const process of this.#processes) await process.stop();
  }

  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }

  async announce(route: string | Announcement): Promise<void> {
    const { routeMap, network, family } = this.#network(this.announcement(route));
    await this.vtysh('bgpd', 'configure terminal', ...routeMap, ...this.#inFamily(family), network);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.vtysh('bgpd', 'configure terminal', ...this.#inFamily(familyOf(prefix)), `no network ${prefix}`);
  }

  async sessionState(neighbor: string): Promise<string> {
    const text = await this.vtysh('bgpd', `show bgp neighbors ${neighbor} json`);
    const views = JSON.parse(text) as Record<string, { bgpState?: string }>;
    return views[neighbor]?.bgpState ?? '';
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const text = await this.vtysh('bgpd', `show bgp ${family} unicast json detail`);
    const { routes = {} } = JSON.parse(text) as { routes?: Record<string, FrrPath[]> };
    return Object.entries(routes).flatMap(([prefix, paths]) =>
      paths.filter((path) => path.peer !== undefined && !path.sourced).map((path) => heldRoute(prefix, path)),
    );
  }

  get #directory(): string {
    return join(this.host.directory, 'frr');
  }

  #spawn(daemon: 'zebra' | 'bgpd', extra: readonly string[]): RunningProcess {
    const at = (name: string) => join(this.#directory, name);
    const files = ['-f', at(`${daemon}.conf`), '-i', at(`${daemon}.pid`), '-z', at('zserv.api')];
    const args = [...files, '--vty_socket', this.#directory, '-P', '0', '--log', 'stdout', ...extra];
    return this.host.spawn(`/usr/lib/frr/${daemon}`, args, { name: daemon });
  }

  /** Commands of `vtysh`. */
  vtysh(daemon: 'zebra' | 'bgpd', ...commands: readonly string[]): Promise<string> {
    const args = ['--vty_socket', this.#directory, '-d', daemon, ...commands.flatMap((command) => ['-c', command])];
    return run('vtysh', args);
  }

  #inFamily(family: Family): string[] {
    return [`router bgp ${this.asn}`, `address-family ${family} unicast`];
  }

  /** A `network` statement, with a route map where the route needs attributes of its own. */
  #network(route: Announcement): { routeMap: string[]; network: string; family: Family } {
    const { prefix, med, localPref, communities = [] } = route;
    const family = familyOf(prefix);
    const sets = [
      ...(med === undefined ? [] : [`set metric ${med}`]),
      ...(localPref === undefined ? [] : [`set local-preference ${localPref}`]),
      ...(communities.length === 0 ? [] : [`set community ${communities.join(' ')}`]),
    ];
    if (sets.length === 0) return { routeMap: [], network: `network ${prefix}`, family };
    const name = `own${this.#routeMaps++}`;
    return {
      routeMap: [`route-map ${name} permit 10`, ...sets, 'exit'],
      network: `network ${prefix} route-map ${name}`,
      family,
    };
  }

  #restartLines(): string[] {
    const { neighbors } = this.settings;
    // Else its routes go at once when it is killed, also from neighbors that would keep them for its restart.
    if (!neighbors.some((peer) => peer.gracefulRestart ?? peer.restartHelper)) return [' bgp graceful-restart-disable'];
    const { restartTime = 120, longLivedTime } = neighbors.find((peer) => peer.gracefulRestart)?.gracefulRestart ?? {};
    return [
      ` bgp graceful-restart restart-time ${restartTime}`,
      ' bgp graceful-restart preserve-fw-state',
      ' bgp graceful-restart select-defer-time 10',
      ...(longLivedTime === undefined ? [] : [` bgp long-lived-graceful-restart stale-time ${longLivedTime}`]),
    ];
  }

  #configuration(): string {
    const networks = (this.settings.announce ?? []).map((route) => this.#network(this.announcement(route)));
    const peers = this.settings.neighbors;
    const family = (name: Family) => [
      ` address-family ${name} unicast`,
      ...peers.filter((peer) => families(peer).includes(name)).flatMap((peer) => activation(peer, name)),
      ...networks.filter((network) => network.family === name).map(({ network }) => `  ${network}`),
      ' exit-address-family',
    ];
    const lines = [
      'hostname frr',
      // Otherwise a route map is looked at five seconds after it was written.
      'bgp route-map delay-timer 0',
      ...networks.flatMap(({ routeMap }) => routeMap),
      // IPv6 routes over an IPv4 session need a next hop named.
      'route-map nextHop6 permit 10',
      ` set ipv6 next-hop global ${this.host.v6}`,
      'exit',
      `router bgp ${this.asn}`,
      ` bgp router-id ${this.routerId}`,
      ` bgp cluster-id ${this.clusterId}`,
      ...this.#restartLines(),
      ' no bgp default ipv4-unicast',
      ' no bgp network import-check',
      ' no bgp ebgp-requires-policy',
      ' coalesce-time 0',
      ...(this.settings.globalLines ?? []).map((line) => ` ${line}`),
      ...peers.flatMap((peer) => [
        ` neighbor ${peer.address} remote-as ${peer.peerAs}`,
        ` neighbor ${peer.address} timers connect 1`,
        ` neighbor ${peer.address} advertisement-interval 0`,
        ...(peer.passive ? [` neighbor ${peer.address} passive`] : []),
        ...(peer.password === undefined ? [] : [` neighbor ${peer.address} password ${peer.password}`]),
        ...(peer.ttlSecurity === undefined ? [] : [` neighbor ${peer.address} ttl-security hops ${peer.ttlSecurity}`]),
        ...(peer.multihop === undefined ? [] : [` neighbor ${peer.address} ebgp-multihop ${peer.multihop}`]),
        ...(peer.lines ?? []).map((line) => ` neighbor ${peer.address} ${line}`),
        ...(peer.gracefulRestart ? [` neighbor ${peer.address} graceful-restart`] : []),
        ...(peer.restartHelper ? [` neighbor ${peer.address} graceful-restart-helper`] : []),
        // Until `start` is done.
        ` neighbor ${peer.address} shutdown`,
      ]),
      ...family('ipv4'),
      ...family('ipv6'),
      'exit',
    ];
    return `${lines.join('\n')}\n`;
  }
}

function activation({ address, reflectorClient, familyLines }: PeerSettings, family: Family): string[] {
  return [
    `  neighbor ${address} activate`,
    ...(reflectorClient ? [`  neighbor ${address} route-reflector-client`] : []),
    ...(familyLines?.[family] ?? []).map((line) => `  neighbor ${address} ${line}`),
    ...(family === 'ipv6' && !address.includes(':') ? [`  neighbor ${address} route-map nextHop6 out`] : []),
  ];
}

interface FrrPath {
  readonly aspath?: { readonly string: string };
  readonly origin?: string;
  readonly metric?: number;
  readonly locPrf?: number;
  readonly sourced?: boolean;
  readonly bestpath?: { readonly overall?: boolean };
  readonly originatorId?: string;
  readonly clusterList?: { readonly list: readonly string[] };
  readonly community?: { readonly list: readonly string[] };
  readonly nexthops?: readonly { readonly ip: string; readonly scope?: string }[];
  readonly peer?: { readonly peerId: string };
}

function heldRoute(prefix: string, path: FrrPath): HeldRoute {
  const asPath = path.aspath?.string ?? '';
  return {
    prefix,
    neighbor: path.peer?.peerId ?? '',
    nextHop: path.nexthops?.find(({ scope }) => scope !== 'link-local')?.ip ?? '',
    asPath: asPath === 'Local' ? '' : asPath,
    origin: (path.origin ?? '').toLowerCase() as HeldRoute['origin'],
    originatorId: path.originatorId ?? null,
    clusterList: path.clusterList?.list ?? [],
    localPref: path.locPrf ?? null,
    med: path.metric ?? null,
    communities: [...(path.community?.list ?? [])].sort(),
    best: path.bestpath?.overall ?? false,
  };
}
