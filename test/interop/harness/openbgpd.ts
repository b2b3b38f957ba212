import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningProcess } from './processes.js';
import { run } from './run.js';
import { SpeakerDriver, families } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings } from './speaker.js';

/** The home directory of its user, which its unprivileged processes are locked into; the package's unit makes it. */
const CHROOT = '/run/openbgpd';

/** OpenBGPD, portable. */
export class Openbgpd extends SpeakerDriver {
  readonly kind = 'OpenBGPD';
  #process: RunningProcess | undefined;

  async start(): Promise<void> {
    await mkdir(CHROOT, { recursive: true, mode: 0o755 });
    const file = join(this.host.directory, 'bgpd.conf');
    // It refuses a file that others can write.
    await writeFile(file, this.#configuration(), { mode: 0o600 });
    this.#process = this.host.spawn('/usr/sbin/bgpd', ['-d', '-v', '-f', file], { name: 'openbgpd' });
    await this.answers(this.#process, () => this.bgpctl('-j', 'show', 'summary'));
    for (const route of this.settings.announce ?? []) await this.announce(route);
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
      ...['nexthop', nextHop],
      ...(med === undefined ? [] : ['med', String(med)]),
      ...(localPref === undefined ? [] : ['localpref', String(localPref)]),
      ...communities.flatMap((community) => ['community', community]),
    ];
    await this.bgpctl('network', 'add', prefix, ...attributes);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.bgpctl('network', 'delete', prefix);
  }

  async sessionState(neighbor: string): Promise<string> {
    const text = await this.bgpctl('-j', 'show', 'neighbor', neighbor);
    const { neighbors = [] } = JSON.parse(text) as { neighbors?: { state: string }[] };
    return neighbors[0]?.state ?? '';
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const text = await this.bgpctl('-j', 'show', 'rib', family === 'ipv4' ? 'inet' : 'inet6', 'detail');
    const { rib = [] } = JSON.parse(text) as { rib?: OpenbgpdPath[] };
    return rib.filter(({ announced }) => !announced).map(heldRoute);
  }

  bgpctl(...args: readonly string[]): Promise<string> {
    return run('bgpctl', ['-s', join(this.host.directory, 'bgpd.sock'), ...args]);
  }

  #configuration(): string {
    const listen = this.host.interfaces.flatMap(({ v4, v6 }) => [`listen on ${v4}`, `listen on ${v6}`]);
    const lines = [
      `AS ${this.asn}`,
      `router-id ${this.routerId}`,
      `socket "${join(this.host.directory, 'bgpd.sock')}"`,
      `fib-update ${this.settings.kernel ? 'yes' : 'no'}`,
      'connect-retry 1',
      ...(this.settings.globalLines ?? []),
      ...listen,
      ...this.settings.neighbors.flatMap((peer) => this.#neighbor(peer)),
      'allow from any',
      'allow to any',
    ];
    return `${lines.join('\n')}\n`;
  }

  #neighbor(peer: PeerSettings): string[] {
    const announced = (family: Family) => (families(peer).includes(family) ? 'unicast' : 'none');
    return [
      `neighbor ${peer.address} {`,
      `  remote-as ${peer.peerAs}`,
      `  local-address ${this.localAddress(peer)}`,
      `  announce IPv4 ${announced('ipv4')}`,
      `  announce IPv6 ${announced('ipv6')}`,
      ...(peer.passive ? ['  passive'] : []),
      ...(peer.lines ?? []).map((line) => `  ${line}`),
      ...(peer.reflectorClient ? [`  route-reflector ${this.clusterId}`] : []),
      '}',
    ];
  }
}

interface OpenbgpdPath {
  readonly prefix: string;
  readonly aspath: string;
  readonly exit_nexthop: string;
  readonly neighbor: { readonly remote_addr: string };
  readonly best?: boolean;
  readonly announced?: boolean;
  readonly origin: string;
  readonly metric: number;
  readonly localpref: number;
  readonly communities?: readonly string[];
  readonly attributes?: readonly {
    readonly type: string;
    readonly originator?: string;
    readonly cluster_list?: readonly string[];
  }[];
}

function heldRoute(path: OpenbgpdPath): HeldRoute {
  return {
    prefix: path.prefix,
    neighbor: path.neighbor.remote_addr,
    nextHop: path.exit_nexthop,
    asPath: path.aspath,
    origin: path.origin.toLowerCase() as HeldRoute['origin'],
    originatorId: path.attributes?.find(({ originator }) => originator !== undefined)?.originator ?? null,
    clusterList: path.attributes?.find(({ cluster_list: list }) => list !== undefined)?.cluster_list ?? [],
    localPref: path.localpref,
    // It holds "no MED" and MED 0 as the same.
    med: path.metric === 0 ? null : path.metric,
    communities: [...(path.communities ?? [])].sort(),
    best: path.best ?? false,
  };
}
