import { KernelError } from '../fib/errors.js';
import { ipCommand } from '../fib/ip-command.js';
import type { KernelNexthop } from '../fib/nexthop.js';
import type {
  FibWriter,
  NexthopWriter,
  KernelRoute,
  KernelWatcher,
  ReadOutcome,
  RouteChange,
  WriteFailure,
} from '../fib/writer.js';
import { IpBatch } from './ip-batch.js';
import { LineSplitter, spawnIp, type Child, type SpawnIp } from './ip-child.js';
import { ipErrorCode } from './ip-errors.js';
import { IpMonitor, parseLink } from './ip-monitor.js';
import { nexthopCommand, parseNexthop } from './ip-nexthop.js';
import { RouteLineParser } from './ip-route-text.js';

export interface IpRouteWriterOptions {
  /** Name of the network namespace to work in (`ip -n`); default: our own. */
  readonly netns?: string;
  /** The program; default `ip`, from PATH. iproute2 5.3 or later. */
  readonly path?: string;
  /** How processes are started; default: really. */
  readonly spawn?: SpawnIp;
}

/** Failures after which the running `ip` may have a wrong device number in mind. */
const DEVICE_DOUBT = new Set(['EGATEWAY', 'ENODEV', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * So many changes without a rest, and routes are not watched until the next one: on two cores `ip monitor` takes a third of the
 * speed, only to lose events. Links and addresses are watched all the time.
 */
const LONG_BURST = 5000;
const REST_MS = 100;

/**
 * Writes routes through iproute2: one long-lived `ip -batch -` for changes, `ip route show` for reading, `ip monitor` for
 * hints. Linux only; needs CAP_NET_ADMIN.
 */
export class IpRouteWriter implements FibWriter {
  readonly name = 'ip-route';
  readonly nextHops = 'kernel';
  readonly nexthops: NexthopWriter = {
    read: (visit) => this.#readNexthops(visit),
    write: (changes) => this.#run(changes.map(nexthopCommand)),
  };
  readonly #spawn: SpawnIp;
  readonly #args: readonly string[];
  readonly #batch: IpBatch;
  readonly #parser = new RouteLineParser();
  #reader: { child: Child; abort: (error: KernelError) => void } | null = null;
  #monitor: IpMonitor | null = null;
  #watcher: KernelWatcher | null = null;
  #unanswered = 0;
  /** Changes since there was last a rest. */
  #burst = 0;
  #rest: NodeJS.Timeout | null = null;

  constructor(options: IpRouteWriterOptions = {}) {
    this.#spawn = options.spawn ?? spawnIp(options.path);
    this.#args = options.netns === undefined ? [] : ['-n', options.netns];
    this.#batch = new IpBatch(this.#spawn, this.#args);
  }

  write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    return this.#run(changes.map((change) => ipCommand(change)));
  }

  async #run(lines: readonly string[]): Promise<readonly WriteFailure[]> {
    const failed = await this.#counted(lines.length, () => this.#batch.run(lines));
    const failures: WriteFailure[] = [];
    for (const [index, message] of failed) failures.push({ index, code: ipErrorCode(message), message });
    if (failures.some(({ code }) => DEVICE_DOUBT.has(code))) this.#batch.recycle();
    return failures;
  }

  async #counted<T>(changes: number, run: () => Promise<T>): Promise<T> {
    this.#unanswered++;
    this.#burst += changes;
    if (this.#burst >= LONG_BURST) this.#monitor?.deafen();
    try {
      return await run();
    } finally {
      if (--this.#unanswered === 0) {
        if (this.#rest) this.#rest.refresh();
        else this.#rest = setTimeout(() => this.#rested(), REST_MS);
      }
    }
  }

  #rested(): void {
    this.#rest = null;
    // Its end brings us back here.
    if (this.#unanswered > 0) return;
    this.#burst = 0;
    if (!this.#monitor?.isDeaf) return;
    this.#monitor.listen();
    this.#watcher?.onResync('routes were not watched while many were written');
  }

  async read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome> {
    let consistent = true;
    for (const table of tables) {
      for (const family of [4, 6] as const) {
        if (!(await this.#readTable(table, family, visit))) consistent = false;
      }
    }
    return { consistent, links: await this.#readLinks() };
  }

  /** Last, so that a change of a link while tables are read is in it. */
  async #readLinks(): Promise<[string, boolean][]> {
    const links: [string, boolean][] = [];
    const { error } = await this.#readLines(['-N', '-o', 'link', 'show'], (line) => {
      const link = parseLink(line);
      if (link) links.push([link.name, link.up]);
    });
    if (error) throw error;
    return links;
  }

  async #readTable(table: number, family: 4 | 6, visit: (route: KernelRoute) => void): Promise<boolean> {
    const args = ['-N', '-o', `-${family}`, 'route', 'show', 'table', String(table)];
    const { error, said } = await this.#readLines(args, (line) => {
      const route = this.#parser.parse(line, table, family);
      // A kernel without IPv6 may answer with all families.
      if (route && route.prefix.includes(':') === (family === 6)) visit(route);
    });
    if (error && !/FIB table does not exist|not supported/.test(said)) throw error;
    return !/inconsistent/.test(said);
  }

  async #readNexthops(visit: (nexthop: KernelNexthop) => void): Promise<void> {
    const { error, said } = await this.#readLines(['-N', '-o', 'nexthop', 'show'], (line) => {
      const nexthop = parseNexthop(line);
      if (nexthop) visit(nexthop);
    });
    if (!error) return;
    const code = ipErrorCode(said);
    throw code === 'EOPNOTSUPP' ? new KernelError(code, said.trim().split('\n')[0]!, { cause: error }) : error;
  }

  /** Run `ip` for what it prints. @returns how it ended, and what it said. @throws KernelError (rejects) */
  #readLines(
    args: readonly string[],
    onLine: (line: string) => void,
  ): Promise<{ readonly error: KernelError | null; readonly said: string }> {
    return new Promise((resolve, reject) => {
      let said = '';
      let failure: KernelError | null = null;
      const stdout = new LineSplitter(onLine);
      const child = this.#spawn([...this.#args, ...args], {
        onStdout: (chunk) => {
          if (failure) return;
          try {
            stdout.push(chunk);
          } catch (error) {
            failure = new KernelError('EUNKNOWN', `cannot read the kernel's routes: ${String(error)}`, {
              cause: error,
            });
            child.kill();
          }
        },
        onStderr: (chunk) => (said = (said + chunk).slice(-2000)),
        onEnd: (error) => {
          this.#reader = null;
          if (failure) reject(failure);
          else resolve({ error, said });
        },
      });
      this.#reader = {
        child,
        abort: (error) => {
          failure ??= error;
          child.kill();
        },
      };
      child.end();
    });
  }

  watch(watcher: KernelWatcher): { close(): void } {
    const monitor = new IpMonitor(this.#spawn, this.#args, watcher, () => this.#batch.recycle());
    this.#monitor = monitor;
    this.#watcher = watcher;
    return monitor;
  }

  reset(reason: string): void {
    const error = new KernelError('ETIMEDOUT', reason);
    this.#batch.reset(error);
    this.#reader?.abort(error);
  }

  async close(): Promise<void> {
    if (this.#rest) clearTimeout(this.#rest);
    this.#monitor?.close();
    this.#monitor = null;
    this.#reader?.abort(new KernelError('ECLOSED', 'closed'));
    await this.#batch.close();
  }
}
