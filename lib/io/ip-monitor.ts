import { KernelError } from '../fib/errors.js';
import type { KernelWatcher } from '../fib/writer.js';
import { LineSplitter, type Child, type SpawnIp } from './ip-child.js';
import { RouteLineParser } from './ip-route-text.js';

const RECEIVE_BUFFER = 8 * 1024 * 1024;

/**
 * `ip monitor` as a source of hints. Under load it loses events and says so; IPv4 routes that go with their link or
 * address are not told at all, which is why links, addresses and nexthop objects are watched too.
 */
export class IpMonitor {
  readonly #child: Child;
  readonly #parser = new RouteLineParser();
  /** Links by number, as far as events told them. */
  readonly #links = new Map<string, { name: string; up: boolean }>();
  #closed = false;

  /** @param onLinks a link came, went or was renamed: device numbers remembered by name are void */
  constructor(
    spawn: SpawnIp,
    args: readonly string[],
    private readonly watcher: KernelWatcher,
    private readonly onLinks: () => void,
  ) {
    const stdout = new LineSplitter((line) => this.#event(line));
    const stderr = new LineSplitter((line) => this.#error(line));
    const objects = ['route', 'link', 'address', 'nexthop'];
    this.#child = spawn([...args, '-N', '-o', '-rcvbuf', String(RECEIVE_BUFFER), 'monitor', 'label', ...objects], {
      onStdout: (chunk) => stdout.push(chunk),
      onStderr: (chunk) => stderr.push(chunk),
      onEnd: (error) => this.#end(error ?? new KernelError('EEXIT', "'ip monitor' ended")),
    });
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  #event(line: string): void {
    if (this.#closed) return;
    const label = /^\[([A-Z]+)\]/.exec(line);
    const deleted = line.startsWith('Deleted ', label?.[0].length ?? 0);
    const text = line.slice((label?.[0].length ?? 0) + (deleted ? 8 : 0));
    switch (label?.[1]) {
      case 'ROUTE':
        return this.#route(text, deleted);
      case 'LINK':
        return this.#link(text, deleted);
      case 'ADDR':
        return this.#address(text);
      case 'NEXTHOP':
        return this.watcher.onResync('a nexthop object changed');
      default: // the rest of an event that -o did not put on one line
    }
  }

  #route(text: string, deleted: boolean): void {
    const route = this.#parser.parse(text, 254, text.includes(':') ? 6 : 4);
    if (route) this.watcher.onRoute(route, deleted);
    else this.watcher.onResync('an event could not be read');
  }

  #link(text: string, deleted: boolean): void {
    const link = /^(\d+): ([^\s:@]+)[^<]*<([^>]*)>/.exec(text);
    if (!link) return this.watcher.onResync('a link changed');
    const [, number, name, flags] = link as unknown as [string, string, string, string];
    const up = !deleted && flags.split(',').includes('LOWER_UP');
    const known = this.#links.get(number)?.name;
    if (deleted) this.#links.delete(number);
    else this.#links.set(number, { name, up });
    if (deleted || known !== name) this.onLinks();
    // `ip monitor` goes on telling the old name.
    if (!deleted && known !== undefined && known !== name) {
      this.#child.kill();
      return this.#end(new KernelError('EEXIT', `link ${known} is ${name} now`));
    }
    this.watcher.onLink(name, up);
  }

  #address(text: string): void {
    const [, number, name] = /^(\d+): ([^\s:@]+)/.exec(text) ?? [];
    if (number === undefined) return this.watcher.onResync('an address changed');
    // The name in this line may be an old one, and whether the link is up is told by its own events only.
    const known = this.#links.get(number);
    this.watcher.onLink(known?.name ?? name!, known?.up ?? true);
  }

  #error(line: string): void {
    if (this.#closed) return;
    if (/No buffer space available|receive error/.test(line)) this.watcher.onResync('events were lost');
  }

  #end(error: KernelError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.watcher.onEnd(error);
  }
}
