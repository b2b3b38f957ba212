import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningProcess } from './processes.js';
import { run } from './run.js';
import { SpeakerDriver, families, familyOf } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings } from './speaker.js';

/** BIRD 2. */
export class Bird extends SpeakerDriver {
  readonly kind = 'BIRD';
  readonly #announced = new Map<string, Announcement>();
  #process: RunningProcess | undefined;

  async start(): Promise<void> {
    this.#announced.clear();
    for (const route of this.settings.announce ?? []) this.#add(route);
    await this.#writeConfiguration();
    // -R: it comes back after a graceful restart, if there was one.
    const args = [
      ...(this.#restarts ? ['-R'] : []),
      '-f',
      '-c',
      this.#file('bird.conf'),
      '-s',
      this.#file('bird.ctl'),
      '-P',
      this.#file('bird.pid'),
    ];
    this.#process = this.host.spawn('bird', args);
    await this.answers(this.#process, () => this.ask('show status'));
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async announce(route: string | Announcement): Promise<void> {
    this.#add(route);
    await this.#reconfigure();
  }

  async withdraw(prefix: string): Promise<void> {
    this.#announced.delete(prefix);
    await this.#reconfigure();
  }

  async sessionState(neighbor: string): Promise<string> {
    const text = await this.ask(`show protocols ${this.#protocol(neighbor)}`);
    const fields = text.trim().split('\n').at(-1)!.trim().split(/\s+/);
    return fields[5] ?? fields[3] ?? '';
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const text = await this.ask(`show route all table ${family === 'ipv4' ? 'master4' : 'master6'}`);
    return parseRoutes(text, (protocol) => this.settings.neighbors[Number(/^peer(\d+)$/.exec(protocol)?.[1])]?.address);
  }

  #add(route: string | Announcement): void {
    const announcement = this.announcement(route);
    this.#announced.set(announcement.prefix, announcement);
  }

  async #reconfigure(): Promise<void> {
    await this.#writeConfiguration();
    await this.ask('configure');
  }

  get #restarts(): boolean {
    return this.settings.neighbors.some(({ gracefulRestart }) => gracefulRestart !== undefined);
  }

  /** A command of `birdc`. */
  ask(command: string): Promise<string> {
    return run('birdc', ['-s', this.#file('bird.ctl'), command]);
  }

  #file(name: string): string {
    return join(this.host.directory, name);
  }

  #protocol(neighbor: string): string {
    return `peer${this.settings.neighbors.findIndex(({ address }) => address === neighbor)}`;
  }

  async #writeConfiguration(): Promise<void> {
    const statics = (['ipv4', 'ipv6'] as const).map((family) => {
      const routes = [...this.#announced.values()].filter(({ prefix }) => familyOf(prefix) === family);
      return `protocol static own_${family} { ${family} { preference 300; }; ${routes.map(staticRoute).join(' ')} }`;
    });
    const restarts = this.#restarts;
    const kernel = (family: Family) =>
      `protocol kernel { ${family} { import none; export where source = RTS_BGP; }; metric 0; ${restarts ? 'graceful restart on; ' : ''}}`;
    const lines = [
      'log stderr all;',
      `router id ${this.routerId};`,
      'graceful restart wait 10;',
      EXPORT_FILTER,
      ...(this.settings.globalLines ?? []),
      'protocol device { scan time 1; }',
      'protocol direct { ipv4; ipv6; }',
      ...(this.settings.kernel ? [kernel('ipv4'), kernel('ipv6')] : []),
      ...statics,
      ...this.settings.neighbors.map((peer, index) => this.#peer(peer, index)),
    ];
    await writeFile(this.#file('bird.conf'), `${lines.join('\n')}\n`);
  }

  #peer(peer: PeerSettings, index: number): string {
    // The next hop of own routes: also IPv6 routes over an IPv4 session have one.
    const channels = families(peer).map((family) => {
      const { v4, v6 } = this.interfaceTo(peer.address);
      const more = peer.familyLines?.[family] ?? [`next hop address ${family === 'ipv4' ? v4 : v6};`];
      return `  ${family} { import all; export filter outward; ${more.join(' ')} };`;
    });
    return [
      `protocol bgp peer${index} {`,
      `  local ${this.localAddress(peer)} as ${this.asn};`,
      `  neighbor ${peer.address} as ${peer.peerAs};`,
      '  connect delay time 0; connect retry time 1; error wait time 1, 2; error forget time 1;',
      ...restartLines(peer),
      ...(peer.passive ? ['  passive;'] : []),
      ...(peer.password === undefined ? [] : [`  password "${peer.password}";`]),
      ...(peer.ttlSecurity === undefined ? [] : [`  ${distance(peer.ttlSecurity)}; ttl security on;`]),
      ...(peer.multihop === undefined ? [] : [`  ${distance(peer.multihop)};`]),
      ...(peer.reflectorClient ? [`  rr client; rr cluster id ${this.clusterId};`] : []),
      ...(peer.lines ?? []),
      ...channels,
      '}',
    ].join('\n');
  }
}

function distance(hops: number): string {
  return hops === 1 ? 'direct' : `multihop ${hops}`;
}

function restartLines({ gracefulRestart }: PeerSettings): string[] {
  if (gracefulRestart === undefined) return [];
  const { restartTime, longLivedTime } = gracefulRestart;
  const longLived =
    longLivedTime === undefined ? [] : [`  long lived graceful restart on; long lived stale time ${longLivedTime};`];
  return [`  graceful restart on; graceful restart time ${restartTime};`, ...longLived];
}

/** MED crosses an AS boundary only where the export filter itself has set it. */
const EXPORT_FILTER = `filter outward {
  if source = RTS_STATIC && defined(bgp_med) then bgp_med = bgp_med;
  if source = RTS_STATIC || source = RTS_BGP then accept;
  reject;
}`;

function staticRoute({ prefix, med, localPref, communities = [] }: Announcement): string {
  const attributes = [
    ...(med === undefined ? [] : [`bgp_med = ${med};`]),
    ...(localPref === undefined ? [] : [`bgp_local_pref = ${localPref};`]),
    ...communities.map((community) => `bgp_community.add((${community.replace(':', ',')}));`),
  ];
  return `route ${prefix} blackhole${attributes.length === 0 ? '' : ` { ${attributes.join(' ')} }`};`;
}

/** `show route all`: a header line per path, indented lines with its attributes below. */
function parseRoutes(text: string, neighborOf: (protocol: string) => string | undefined): HeldRoute[] {
  const routes: HeldRoute[] = [];
  let prefix = '';
  for (const block of text.split(/\n(?=\S.*\[| {10,}\S+ \[)/).slice(1)) {
    const [, shown = '', , protocol = ''] = /^(\S*)\s+(\S+) \[(\w+) /.exec(block) ?? [];
    if (shown !== '') prefix = shown;
    const attribute = (name: string) => new RegExp(`^\\tBGP\\.${name}: ?(.*)$`, 'm').exec(block)?.[1]?.trim();
    const neighbor = neighborOf(protocol);
    if (neighbor === undefined) continue;
    const number = (name: string) => (attribute(name) === undefined ? null : Number(attribute(name)));
    routes.push({
      prefix,
      neighbor,
      nextHop: attribute('next_hop')?.split(' ')[0] ?? '',
      asPath: attribute('as_path') ?? '',
      origin: (attribute('origin') ?? '').toLowerCase() as HeldRoute['origin'],
      originatorId: attribute('originator_id') ?? null,
      clusterList: attribute('cluster_list')?.split(' ').filter(Boolean) ?? [],
      localPref: number('local_pref'),
      med: number('med'),
      communities: [...(attribute('community') ?? '').matchAll(/\((\d+),(\d+)\)/g)]
        .map(([, a, b]) => `${a}:${b}`)
        .sort(),
      best: /\] \* \(/.test(block),
    });
  }
  return routes;
}
