import { ip, run } from './run.js';
import type { RunOptions } from './run.js';
import { RunningProcess } from './processes.js';
import type { SpawnOptions } from './processes.js';

export interface Interface {
  readonly name: string;
  readonly v4: string;
  readonly v6: string;
}

/** One network namespace: a machine of the test's network. */
export class Host {
  readonly processes: RunningProcess[] = [];

  constructor(
    readonly name: string,
    readonly namespace: string,
    /** Scratch directory of this host. */
    readonly directory: string,
    readonly interfaces: readonly Interface[],
  ) {}

  /** Address on its first LAN. */
  get v4(): string {
    return this.interfaces[0]!.v4;
  }

  get v6(): string {
    return this.interfaces[0]!.v6;
  }

  /** Run a command in the namespace to its end. @returns stdout @throws when it fails */
  exec(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
    return run('ip', ['netns', 'exec', this.namespace, command, ...args], options);
  }

  /** Start a process in the namespace. `ip` replaces itself by it, so that signals reach it. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): RunningProcess {
    const name = options.name ?? command;
    const child = new RunningProcess('ip', ['netns', 'exec', this.namespace, command, ...args], { ...options, name });
    this.processes.push(child);
    return child;
  }

  /** `ip` commands in the namespace: `route add 10.9.0.0/24 dev eth0 proto static`. */
  ip(...lines: string[]): Promise<void> {
    return ip(lines, this.namespace);
  }

  /** Route packets between its interfaces. */
  async forward(): Promise<void> {
    await this.exec('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  }

  /** The kernel's routes as `ip -json` gives them, unicast and blackhole, of the main table. */
  async kernelRoutes(family: 4 | 6): Promise<KernelRoute[]> {
    const text = await run('ip', ['-n', this.namespace, `-${family}`, '-json', 'route', 'show', 'table', 'main']);
    return text.trim() === '' ? [] : (JSON.parse(text) as KernelRoute[]);
  }

  /** @returns whether one echo request is answered within a second */
  async reaches(address: string): Promise<boolean> {
    return this.exec('ping', ['-n', '-c', '1', '-W', '1', address]).then(
      () => true,
      () => false,
    );
  }
}

export interface KernelRoute {
  readonly dst: string;
  readonly gateway?: string;
  /** In place of `gateway` when it is of the other family. */
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  /** Left out for unicast. */
  readonly type?: string;
  readonly protocol?: string;
  readonly metric?: number;
  /** `onlink` and the like. */
  readonly flags: readonly string[];
}
