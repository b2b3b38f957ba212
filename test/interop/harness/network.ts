import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Host } from './host.js';
import { ip, run } from './run.js';

/** Networks of this process that are not removed yet. */
const open = new Set<Network>();
let created = 0;

process.on('exit', () => {
  for (const network of open) network.removeNow();
});

/** A LAN segment: one bridge, an IPv4 and an IPv6 subnet. */
export interface Lan {
  readonly bridge: string;
  /** First three octets: `10.0.0`; hosts get `/24`. */
  readonly v4: string;
  /** First part up to the double colon: `fd00:1`; hosts get `/64`. */
  readonly v6: string;
}

/**
 * Hosts in network namespaces on one or more LANs, with a directory of their own. Names carry the id of this process, so
 * that what a dead run left behind can be told apart and removed.
 */
export class Network {
  readonly directory: string;
  readonly hosts: Host[] = [];
  readonly #prefix = `tsbgp-${process.pid}-${++created}`;
  readonly #switch = `${this.#prefix}-switch`;
  /** The switch's end of each host's wires, and the bridge that it belongs to. */
  readonly #ports = new Map<Host, readonly { readonly port: string; readonly bridge: string }[]>();
  #lans = 0;
  #hostNumber = 0;

  private constructor() {
    this.directory = mkdtempSync(join(tmpdir(), `${this.#prefix}-`));
    open.add(this);
  }

  static async create(): Promise<Network> {
    if (created === 0) await removeLeftovers();
    const network = new Network();
    // Daemons that drop their privileges must be able to reach their own directories below.
    await chmod(network.directory, 0o755);
    await network.#namespace(network.#switch);
    return network;
  }

  /** @param v4 first three octets of a /24  @param v6 first part of a /64, up to its double colon */
  async lan(v4: string, v6: string): Promise<Lan> {
    const bridge = `br${this.#lans++}`;
    await run('ip', ['-n', this.#switch, 'link', 'add', bridge, 'up', 'type', 'bridge']);
    return { bridge, v4, v6 };
  }

  /** A host, attached to each of the LANs as its number there: eth0, eth1, … */
  async host(name: string, ...attachments: readonly (readonly [Lan, number])[]): Promise<Host> {
    const number = this.#hostNumber++;
    const namespace = `${this.#prefix}-${name}`;
    const directory = join(this.directory, name);
    await mkdir(directory);
    await this.#namespace(namespace);
    const interfaces = attachments.map(([lan, number], index) => {
      return { name: `eth${index}`, v4: `${lan.v4}.${number}`, v6: `${lan.v6}::${number}` };
    });
    const wires = attachments.map(([lan], index) => ({
      lan,
      port: `p${number}x${index}`,
      ...interfaces[index]!,
    }));
    await ip(
      wires.map((w) => `link add ${w.name} netns ${namespace} type veth peer name ${w.port} netns ${this.#switch}`),
    );
    await ip(
      wires.map((w) => `link set ${w.port} master ${w.lan.bridge} up`),
      this.#switch,
    );
    await ip(
      wires.flatMap(({ name: device, v4, v6 }) => [
        `address add ${v4}/24 dev ${device}`,
        `address add ${v6}/64 dev ${device} nodad`,
        `link set ${device} up`,
      ]),
      namespace,
    );
    const host = new Host(name, namespace, directory, interfaces);
    this.hosts.push(host);
    this.#ports.set(
      host,
      wires.map(({ port, lan }) => ({ port, bridge: lan.bridge })),
    );
    return host;
  }

  /** Lose all packets from and to a host from here on; its links stay up. */
  async cut(host: Host): Promise<void> {
    await ip(
      this.#ports.get(host)!.map(({ port }) => `link set ${port} nomaster`),
      this.#switch,
    );
  }

  /** The end of {@link cut}. */
  async restore(host: Host): Promise<void> {
    await ip(
      this.#ports.get(host)!.map(({ port, bridge }) => `link set ${port} master ${bridge} up`),
      this.#switch,
    );
  }

  /** The end of each process's output, for a failed test. */
  logs(lines = 40): string {
    const parts = this.hosts.flatMap((host) =>
      host.processes.map(({ name, log }) => `--- ${host.name}: ${name}\n${log.split('\n').slice(-lines).join('\n')}`),
    );
    return parts.join('\n');
  }

  /** End all processes and remove all namespaces and files. Never throws because of what is already gone. */
  async remove(): Promise<void> {
    await Promise.all(this.hosts.flatMap((host) => host.processes.map((process) => process.stop(1500))));
    this.removeNow();
  }

  /** The same at once and without waiting, as the process exits. */
  removeNow(): void {
    if (!open.delete(this)) return;
    for (const namespace of [...this.hosts.map((host) => host.namespace), this.#switch]) removeNamespace(namespace);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #namespace(name: string): Promise<void> {
    await run('ip', ['netns', 'add', name]);
    // Without this the link-local addresses are "tentative" for the first second or two.
    const settings = ['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0'];
    await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', ...settings]);
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  }
}

function removeNamespace(name: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', name]).stdout.toString().split('\n').filter(Boolean).map(Number);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
  spawnSync('ip', ['netns', 'del', name]);
}

/** What runs that are not alive any more left behind: namespaces, the processes in them, directories. */
async function removeLeftovers(): Promise<void> {
  const dead = (name: string): boolean => {
    const pid = /^tsbgp-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  };
  const names = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0]!);
  for (const name of names.filter(dead)) removeNamespace(name);
  // Other processes of the same run may be at it, too.
  const options = { recursive: true, force: true, maxRetries: 5 } as const;
  for (const name of readdirSync(tmpdir()).filter(dead)) rmSync(join(tmpdir(), name), options);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
