import { readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NeighborOptions, SpeakerConfig } from '../../../lib/speaker/options.js';
import type { ReloadPlan } from '../../../lib/speaker/reload-plan.js';
import type { ExplainView, FibRouteView, NeighborView, PathView, SummaryView } from '../../../lib/speaker/views.js';
import type { Host } from './host.js';
import type { RunningProcess } from './processes.js';
import { Cli } from './cli.js';
import { SpeakerDriver, families } from './speaker.js';
import type { Announcement, Family, HeldRoute, PeerSettings, SpeakerSettings } from './speaker.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const API = '127.0.0.1:8179';

/** What only tsbgp can be told. */
export interface TsbgpSettings extends SpeakerSettings {
  /** Over the configuration made from the other settings. */
  readonly config?: Partial<SpeakerConfig>;
  /** Write down what reaches it: see {@link Tsbgp.replay}. */
  readonly record?: boolean;
}

/** tsbgp as users run it: the command with a configuration file, asked through `tsbgp show`. */
export class Tsbgp extends SpeakerDriver {
  readonly kind = 'tsbgp';
  #process: RunningProcess | undefined;
  #commands: Cli | undefined;

  constructor(
    host: Host,
    override readonly settings: TsbgpSettings,
  ) {
    super(host, settings);
  }

  async start(): Promise<void> {
    await this.writeConfiguration();
    const [command, ...args] = commandLine();
    const record = this.settings.record === true ? ['--record', this.recording] : [];
    this.#process = this.host.spawn(command, [...args, 'run', this.#file, ...record], { name: 'tsbgp', cwd: ROOT });
    await this.answers(this.#process, () => this.summary());
  }

  /** @throws when it does not end by itself */
  async stop(): Promise<void> {
    const limitMs = 5000;
    const { process } = this;
    if (!(await process.stop(limitMs)))
      throw new Error(`tsbgp ran on for ${limitMs} ms after SIGTERM:\n${process.log}`);
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  get process(): RunningProcess {
    if (this.#process === undefined) throw new Error(`tsbgp at ${this.host.name} was not started`);
    return this.#process;
  }

  async announce(route: string | Announcement): Promise<void> {
    const { prefix, nextHop, med, localPref, communities = [] } = typeof route === 'string' ? { prefix: route } : route;
    const options = [
      ...(nextHop === undefined ? [] : ['--next-hop', nextHop]),
      ...(med === undefined ? [] : ['--med', String(med)]),
      ...(localPref === undefined ? [] : ['--local-pref', String(localPref)]),
      ...communities.flatMap((community) => ['--community', community]),
    ];
    await this.#cli('announce', prefix, ...options);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.#cli('withdraw', prefix);
  }

  async sessionState(neighbor: string): Promise<string> {
    return (await this.neighbor(neighbor)).state;
  }

  async routes(family: Family): Promise<HeldRoute[]> {
    const paths = await this.paths(family, '--all');
    return paths.filter((path) => path.neighbor !== null).map(heldRoute);
  }

  /** `show routes` with any of its filters. */
  paths(family: Family, ...filter: readonly string[]): Promise<PathView[]> {
    return this.#show('routes', '--family', `${family}-unicast`, ...filter);
  }

  neighbors(): Promise<NeighborView[]> {
    return this.#show('neighbors');
  }

  neighbor(address: string): Promise<NeighborView> {
    return this.#show('neighbor', address);
  }

  explain(prefix: string): Promise<ExplainView> {
    return this.#show('route', prefix);
  }

  fib(): Promise<FibRouteView[]> {
    return this.#show('fib');
  }

  summary(): Promise<SummaryView> {
    return this.#show('summary');
  }

  /** `tsbgp check --against` with a new configuration. */
  async plan(settings: TsbgpSettings): Promise<{ plan: ReloadPlan; code: number }> {
    const file = join(this.host.directory, 'next.json');
    const next = new Tsbgp(this.host, settings);
    await writeFile(file, JSON.stringify(next.configuration(), null, 2));
    const command = [...commandLine(), 'check', file, '--against', `http://${API}`, '--json'];
    const out = await this.host.exec('sh', ['-c', '"$@"; echo "$?"', 'sh', ...command]);
    const [, json = '', code = ''] = /^([^]*?)(\d+)\n$/.exec(out) ?? [];
    return { plan: JSON.parse(json) as ReloadPlan, code: Number(code) };
  }

  /** `tsbgp neighbor soft-in ADDRESS` and the like. */
  async neighborCommand(command: string, address: string): Promise<void> {
    await this.#cli('neighbor', command, address);
  }

  /** Where it is recorded. */
  get recording(): string {
    return join(this.host.directory, 'tsbgp.rec');
  }

  /** `tsbgp replay` of what was recorded. @returns its JSON lines */
  async replay(...options: readonly string[]): Promise<Record<string, unknown>[]> {
    const [command, ...before] = commandLine();
    const out = await this.host.exec(command, [...before, 'replay', this.recording, '--json', ...options]);
    const lines = out.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** SIGHUP with a new configuration. */
  async reconfigure(settings: TsbgpSettings): Promise<void> {
    Object.assign(this, { settings });
    await this.writeConfiguration();
    this.process.signal('SIGHUP');
  }

  /** Any command that asks or changes the running speaker. */
  cli(...args: readonly string[]): Promise<string> {
    return this.#cli(...args);
  }

  async #show<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.#cli('show', ...args, '--json')) as T;
  }

  #cli(...args: readonly string[]): Promise<string> {
    if (this.#commands?.running !== true) {
      const [node, program] = isBuilt()
        ? [[], join(ROOT, 'dist/lib/cli/program.js')]
        : [['--import', 'tsx'], join(ROOT, 'lib/cli/program.ts')];
      this.#commands = new Cli(this.host, node, program);
    }
    return this.#commands.run(...args, '--api', `http://${API}`);
  }

  get #file(): string {
    return join(this.host.directory, 'tsbgp.json');
  }

  private async writeConfiguration(): Promise<void> {
    await writeFile(this.#file, JSON.stringify(this.configuration(), null, 2));
  }

  private configuration(): SpeakerConfig {
    const { neighbors, announce = [], kernel, config } = this.settings;
    const listen = this.host.interfaces.flatMap(({ v4, v6 }) => [v4, v6]).map((address) => ({ address, port: 179 }));
    return {
      asn: this.asn,
      routerId: this.routerId,
      clusterId: this.clusterId,
      listen,
      neighbors: neighbors.map((peer) => ({
        address: peer.address,
        peerAs: peer.peerAs,
        localAddress: this.localAddress(peer),
        families: families(peer).map((family) => `${family}-unicast` as const),
        connectRetry: 1,
        connectRetryMax: 4,
        ...(peer.reflectorClient ? { routeReflectorClient: true } : {}),
        ...restartSettings(peer),
        ...(peer.passive ? { passive: true } : {}),
        ...(peer.password === undefined ? {} : { password: peer.password }),
        ...(peer.ttlSecurity === undefined ? {} : { ttlSecurity: peer.ttlSecurity }),
        ...(peer.multihop === undefined ? {} : { multihop: peer.multihop }),
        ...peer.tsbgp,
      })),
      // Without a next hop it takes its own address on each session, which is the host's.
      networks: announce,
      ...(kernel ? { fib: { type: 'ip-route', table: 'main', protocol: 'bgp', metric: 32 } } : {}),
      api: { listen: API },
      ...config,
    };
  }
}

function restartSettings({ gracefulRestart }: PeerSettings): Partial<NeighborOptions> {
  if (gracefulRestart === undefined) return {};
  const { restartTime, longLivedTime: staleTime } = gracefulRestart;
  return {
    gracefulRestart: { helperOnly: false, restartTime },
    ...(staleTime === undefined ? {} : { longLivedGracefulRestart: { helperOnly: false, staleTime } }),
  };
}

/** The built command, or the sources through tsx when there is no build or an older one. */
function commandLine(): readonly [string, ...string[]] {
  return isBuilt()
    ? [process.execPath, join(ROOT, 'dist/bin/cli/tsbgp.js')]
    : [process.execPath, '--import', 'tsx', join(ROOT, 'lib/cli/main.ts')];
}

let built: boolean | undefined;

function isBuilt(): boolean {
  const command = statSync(join(ROOT, 'dist/bin/cli/tsbgp.js'), { throwIfNoEntry: false });
  built ??= command !== undefined && command.mtimeMs >= newest(join(ROOT, 'lib'));
  return built;
}

function newest(directory: string): number {
  const times = readdirSync(directory, { withFileTypes: true }).map((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
  });
  return Math.max(0, ...times);
}

function heldRoute(path: PathView): HeldRoute {
  return {
    prefix: path.prefix,
    neighbor: path.neighbor ?? '',
    nextHop: path.nextHop,
    asPath: path.asPath,
    origin: path.origin,
    originatorId: path.originatorId,
    clusterList: path.clusterList,
    localPref: path.localPref,
    med: path.med,
    communities: [...path.communities].sort(),
    best: path.best,
  };
}
