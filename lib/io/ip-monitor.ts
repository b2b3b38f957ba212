import { KernelError } from '../fib/errors.js';
import type { KernelWatcher } from '../fib/writer.js';
import { LineSplitter, type Child, type SpawnIp } from './ip-child.js';
import { parseNexthop } from './ip-nexthop.js';
import { RouteLineParser } from './ip-route-text.js';

const RECEIVE_BUFFER = 8 * 1024 * 1024;

/**
 * `ip monitor` as a source of hints. Under load it loses events and says so; IPv4 routes that go with their link or
 * address are not told at all, which is why links, addresses and nexthop objects are watched too. These have a process of their
 * own, since routes are not listened to while many of our own are written.
 */
export class IpMonitor {
  readonly #links: Child;
  #routes: Child | null = null;
  readonly #parser = new RouteLineParser();
  /** Names of links by number, as far as events told them. */
  readonly #known = new Map<string, string>();
  #closed = false;

  /** @param onLinks a link came, went or was renamed: device numbers remembered by name are void */
  constructor(
    private readonly spawn: SpawnIp,
    private readonly args: readonly string[],
    private readonly watcher: KernelWatcher,
    private readonly onLinks: () => void,
  ) {
    this.#links = this.#start(['link', 'address', 'nexthop'], () => true);
    this.listen();
  }

  /** Tell of routes again. Something may have happened meanwhile. */
  listen(): void {
    if (this.#closed || this.#routes) return;
    const child: Child = this.#start(['route'], () => this.#routes === child);
    this.#routes = child;
  }

  /** Tell of routes no more. */
  deafen(): void {
    const child = this.#routes;
    this.#routes = null;
    child?.kill();
  }

  get isDeaf(): boolean {
    return this.#routes === null;
  }

  #start(objects: readonly string[], matters: () => boolean): Child {
    const stdout = new LineSplitter((line) => {
      if (matters()) this.#event(line);
    });
    const stderr = new LineSplitter((line) => this.#error(line));
    return this.spawn([...this.args, '-N', '-o', '-rcvbuf', String(RECEIVE_BUFFER), 'monitor', 'label', ...objects], {
      onStdout: (chunk) => stdout.push(chunk),
      onStderr: (chunk) => stderr.push(chunk),
      onEnd: (error) => {
        if (matters()) this.#end(error ?? new KernelError('EEXIT', "'ip monitor' ended"));
      },
    });
  }

  close(): void {
    this.#closed = true;
    this.#links.kill();
    this.#routes?.kill();
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
        return this.#nexthop(text, deleted);
      default: // the rest of an event that -o did not put on one line
    }
  }

  #route(text: string, deleted: boolean): void {
    const route = this.#parser.parse(text, 254, text.includes(':') ? 6 : 4);
    if (route) this.watcher.onRoute(route, deleted);
    else this.watcher.onResync('an event could not be read');
  }

  #nexthop(text: string, deleted: boolean): void {
    const nexthop = parseNexthop(text);
    if (nexthop && this.watcher.onNexthop) this.watcher.onNexthop(nexthop, deleted);
    else this.watcher.onResync('a nexthop object changed');
  }

  #link(text: string, deleted: boolean): void {
    const link = parseLink(text);
    if (!link) return this.watcher.onResync('a link changed');
    const { number, name } = link;
    const up = !deleted && link.up;
    const known = this.#known.get(number);
    if (deleted) this.#known.delete(number);
    else this.#known.set(number, name);
    if (deleted || known !== name) this.onLinks();
    // `ip monitor` goes on telling the old name.
    if (!deleted && known !== undefined && known !== name) {
      return this.#end(new KernelError('EEXIT', `link ${known} is ${name} now`));
    }
    this.watcher.onLink(name, up);
  }

  #address(text: string): void {
    const [, number, name] = /^(\d+): ([^\s:@]+)/.exec(text) ?? [];
    if (number === undefined) return this.watcher.onResync('an address changed');
    // The name in this line may be an old one, and whether the link is up is told by its own events only.
    this.watcher.onLink(this.#known.get(number) ?? name!);
  }

  #error(line: string): void {
    if (this.#closed) return;
    if (/No buffer space available|receive error/.test(line)) this.watcher.onResync('events were lost');
  }

  #end(error: KernelError): void {
    if (this.#closed) return;
    this.close();
    this.watcher.onEnd(error);
  }
}

/** A line of `ip -N -o link show` or of `ip monitor link`. @returns null when it is none about a link itself */
export function parseLink(
  line: string,
): { readonly number: string; readonly name: string; readonly up: boolean } | null {
  const [, number, name, flags] = /^(\d+): ([^\s:@]+)[^<]*<([^>]*)>/.exec(line) ?? [];
  if (number === undefined) return null;
  return { number, name: name!, up: flags!.split(',').includes('LOWER_UP') };
}
