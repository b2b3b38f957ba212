import { KernelError } from '../fib/errors.js';
import { routeBody, type Hop, type RouteBody } from '../fib/body.js';
import type { KernelNexthop, NexthopChange } from '../fib/nexthop.js';
import type { FibWriter, KernelRoute, KernelWatcher, ReadOutcome, RouteChange, WriteFailure } from '../fib/writer.js';
import { formatPrefix, maskOctets, parseAddress, type Clock } from '../net/index.js';
import { routeOf, type FakeRoute } from './fake-route.js';
import { KernelNexthops } from './kernel-nexthops.js';
import { FakeKernelWriter } from './fake-kernel-writer.js';
import { KernelTable } from './kernel-table.js';

const MAIN = 254;
const LOCAL = 255;
const KERNEL = 2;

/** How the next call of the writer fails. */
export interface FakeFailure {
  readonly code: string;
  readonly message?: string;
  /** For a write: so many changes of the batch are made before; default 0. */
  readonly after?: number;
  /** Do not answer at all, until `reset`. */
  readonly stall?: boolean;
}

export interface FakeKernelOptions {
  readonly clock?: Clock;
  /** With `clock`: answers of writers come so many milliseconds later. */
  readonly latencyMs?: number;
  /** Called with each change of a route or link. */
  readonly onChange?: () => void;
}

interface Refusal {
  readonly prefix: string;
  readonly code: string;
  readonly message: string;
  times: number;
}

/**
 * A kernel's routing tables in memory, with the rules that matter to who writes them: one route per prefix, metric and
 * table; gateways must be on a link; routes go with their link. Fails, stalls, refuses and loses events on request.
 */
export class FakeKernel {
  readonly #links = new Map<string, { up: boolean; addresses: string[] }>();
  readonly #routes = new KernelTable();
  /** Whose hops were found to be reachable since links changed: many routes share a body. */
  #usable = new WeakSet<RouteBody>();
  /** Nexthop objects, which routes may refer to. */
  readonly nexthops = new KernelNexthops({
    check: (hop) => this.#checkHop(hop),
    onGone: (ids) => this.#dropOf(ids),
    onChange: (nexthop, deleted) => {
      this.#changed();
      if (!this.muted) for (const watcher of [...this.#watchers]) watcher.onNexthop?.(nexthop, deleted);
    },
  });
  /** Grows with every change of a route or link. */
  version = 0;
  readonly #watchers = new Set<KernelWatcher>();
  readonly #writeFailures: FakeFailure[] = [];
  readonly #readFailures: FakeFailure[] = [];
  readonly #refusals: Refusal[] = [];
  /** Prefixes that the next reading does not meet. */
  readonly #lost: string[] = [];
  /** Answers that are withheld. */
  #stalled: ((error: KernelError) => void)[] = [];
  /** Watchers are told nothing while it is set, as when a socket buffer is full. */
  muted = false;
  /** Batches, changes and readings so far. */
  readonly counts = { writes: 0, changes: 0, reads: 0, nexthops: 0 };

  constructor(private readonly options: FakeKernelOptions = {}) {}

  /** Add a link that is up, or addresses to it: `addLink('eth0', '10.0.0.1/24', '2001:db8::1/64')`. */
  addLink(device: string, ...addresses: string[]): void {
    const link = this.#links.get(device) ?? { up: true, addresses: [] };
    this.#links.set(device, link);
    link.addresses.push(...addresses);
    if (link.up) this.#connect(device, addresses);
    this.#tellLink(device, link.up);
  }

  /** Take a link down or up. Its routes go; only the connected ones come back. */
  setLink(device: string, up: boolean): void {
    const link = this.#links.get(device);
    if (!link || link.up === up) return;
    link.up = up;
    this.#changed();
    if (up) this.#connect(device, link.addresses);
    else this.#disconnect(device);
    this.#tellLink(device, up);
  }

  removeLink(device: string): void {
    this.setLink(device, false);
    this.#links.delete(device);
    this.#changed();
  }

  #connect(device: string, addresses: readonly string[]): void {
    const on = (prefix: string, metric: number): void => {
      if (!this.#routes.at(prefix, MAIN).some((r) => r.body.hops[0]?.device === device)) {
        this.#put(routeOf({ prefix, device, protocol: KERNEL, metric }));
      }
    };
    on('fe80::/64', 256);
    for (const text of addresses) {
      const [address, length] = text.split('/') as [string, string];
      const host = parseAddress(address);
      on(networkOf(address, Number(length)), host.length === 4 ? 0 : 256);
      const prefix = `${address}/${host.length * 8}`;
      this.#put({
        ...routeOf({ prefix, table: LOCAL, protocol: KERNEL }),
        body: routeBody({ type: 'local', hops: [] }),
      });
    }
  }

  #disconnect(device: string): void {
    this.nexthops.flush(device);
    const own = new Set((this.#links.get(device)?.addresses ?? []).map((text) => text.split('/')[0]!));
    const isGone = (r: KernelRoute): boolean =>
      r.body.hops.some((hop) => hop.device === device) || (r.table === LOCAL && own.has(r.prefix.split('/')[0]!));
    const gone = this.routes().filter(isGone);
    for (const each of gone) this.#drop(each);
    // As in Linux: IPv4 routes go without a word.
    for (const each of gone) if (each.prefix.includes(':')) this.#tell(each, true);
  }

  /** As in Linux: IPv4 routes go without a word. */
  #dropOf(nexthops: ReadonlySet<number>): void {
    for (const each of this.routes()) {
      if (each.body.nexthop === undefined || !nexthops.has(each.body.nexthop)) continue;
      this.#drop(each);
      if (each.prefix.includes(':')) this.#tell(each, true);
    }
  }

  /** What another program does: add or replace a route, unchecked. */
  put(fake: FakeRoute): void {
    this.putRoute(routeOf(fake));
  }

  /** Like {@link put}, for routes with several hops, of other types, or for a type of service. */
  putRoute(made: KernelRoute): void {
    for (const held of this.#routes.find(made)) this.#drop(held);
    this.#put(made);
  }

  /** What another program does: delete a route, whoever wrote it. @returns whether there was one */
  remove(prefix: string, options: { readonly table?: number; readonly metric?: number } = {}): boolean {
    const { table = MAIN, metric } = options;
    const found = this.#routes.at(prefix, table).find((r) => (metric ?? r.metric) === r.metric);
    if (!found) return false;
    this.#drop(found);
    this.#tell(found, true);
    return true;
  }

  /** All routes, or those of one protocol. */
  routes(protocol?: number): readonly KernelRoute[] {
    const all = [...this.#routes];
    return protocol === undefined ? all : all.filter((r) => r.protocol === protocol);
  }

  /** `10.1.0.0/16 via 10.0.0.2 dev eth0` of each route of a protocol, sorted. */
  dump(protocol: number, table = MAIN): string[] {
    const ours = this.routes(protocol).filter((r) => r.table === table);
    return ours.map((r) => `${r.prefix} ${r.body.key}`).sort();
  }

  /**
   * The route that a packet takes: the longest match in `local`, then in `main`; of equal ones the lowest metric.
   * @param address 4 or 16 octets
   */
  lookup(address: Uint8Array): KernelRoute | undefined {
    for (const table of [LOCAL, MAIN]) {
      for (const route of this.#routes.covers(address, table)) {
        if (route.tos !== 0) continue;
        if (route.body.type === 'throw') break;
        return this.#told(route);
      }
    }
    return undefined;
  }

  /** The routes of a prefix in `main`. */
  at(prefix: string): readonly KernelRoute[] {
    return this.#routes.at(prefix, MAIN);
  }

  /** The links with their addresses (`10.0.0.1/24`), in the order in which they were added. */
  *links(): IterableIterator<{ readonly device: string; readonly up: boolean; readonly addresses: readonly string[] }> {
    for (const [device, link] of this.#links) yield { device, ...link };
  }

  failNextWrite(failure: FakeFailure): void {
    this.#writeFailures.push(failure);
  }

  failNextRead(failure: FakeFailure): void {
    this.#readFailures.push(failure);
  }

  /** The next reading does not meet this route, and says that the tables changed while they were read. */
  loseNextRead(prefix: string): void {
    this.#lost.push(prefix);
  }

  /** Refuse changes of a route; `times` defaults to always. */
  refuse(prefix: string, code: string, times = Infinity): void {
    this.#refusals.push({ prefix, code, message: `refused: ${code}`, times });
  }

  /** Refuse nothing any more, and forget planned failures. */
  relent(): void {
    this.#refusals.length = this.#writeFailures.length = this.#readFailures.length = 0;
  }

  /** Tell watchers that events were lost. */
  loseEvents(): void {
    this.#resync('events were lost');
  }

  /** End all watches with an error. */
  endWatches(): void {
    const ended = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of ended) watcher.onEnd(new KernelError('EEXIT', 'the watch ended'));
  }

  /** A writer for this kernel. */
  writer(): FibWriter {
    return new FakeKernelWriter(this, this.options);
  }

  /** @internal */
  watch(watcher: KernelWatcher): { close(): void } {
    this.#watchers.add(watcher);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  /** @internal Give up withheld answers. */
  reset(reason: string): void {
    for (const reject of this.#stalled.splice(0)) reject(new KernelError('ETIMEDOUT', reason));
  }

  /** @internal */
  async read(tables: readonly number[], visit: (route: KernelRoute) => void): Promise<ReadOutcome> {
    this.counts.reads++;
    await this.#fail(this.#readFailures.shift());
    const lost = this.#lost.splice(0);
    for (const each of [...this.#routes]) {
      if (tables.includes(each.table) && !lost.includes(each.prefix)) visit(this.#told(each));
    }
    return { consistent: lost.length === 0, links: [...this.#links].map(([device, { up }]) => [device, up]) };
  }

  /** A route as it is told: with the ways that its nexthop object has now. */
  #told(made: KernelRoute): KernelRoute {
    return made.body.nexthop === undefined ? made : { ...made, body: this.nexthops.expanded(made.body) };
  }

  /** @internal */
  async readNexthops(visit: (nexthop: KernelNexthop) => void): Promise<void> {
    if (this.nexthops.refusal) throw this.nexthops.refusal;
    await Promise.resolve();
    for (const each of this.nexthops.all()) visit(each);
  }

  /** @internal */
  async writeNexthops(changes: readonly NexthopChange[]): Promise<readonly WriteFailure[]> {
    const failure = this.#writeFailures.shift();
    const failures: WriteFailure[] = [];
    changes.slice(0, failure ? (failure.after ?? 0) : changes.length).forEach((change, index) => {
      this.counts.nexthops++;
      const refused = this.nexthops.apply(change);
      if (refused) failures.push({ index, code: refused.code, message: refused.message });
    });
    await this.#fail(failure);
    return failures;
  }

  /** @internal */
  async write(changes: readonly RouteChange[]): Promise<readonly WriteFailure[]> {
    this.counts.writes++;
    const failure = this.#writeFailures.shift();
    const failures: WriteFailure[] = [];
    changes.slice(0, failure ? (failure.after ?? 0) : changes.length).forEach((change, index) => {
      const refused = this.apply(change);
      if (refused) failures.push({ index, code: refused.code, message: refused.message });
    });
    await this.#fail(failure);
    return failures;
  }

  async #fail(failure: FakeFailure | undefined): Promise<void> {
    if (!failure) return;
    if (!failure.stall) throw new KernelError(failure.code, failure.message ?? `failed: ${failure.code}`);
    await new Promise((_, reject) => this.#stalled.push(reject));
  }

  /** Make one change as the kernel would. @returns why not, or null */
  apply(change: RouteChange): KernelError | null {
    this.counts.changes++;
    const refusal = this.#refusals.find((r) => r.prefix === change.prefix && r.times > 0);
    if (refusal) {
      refusal.times--;
      return new KernelError(refusal.code, refusal.message);
    }
    const held = this.#routes.find({ ...change, tos: 0 });
    if (change.op === 'delete') {
      const ours = held.find((r) => r.protocol === change.protocol);
      if (!ours) return new KernelError('ESRCH', 'No such process');
      this.#drop(ours);
      this.#tell(ours, true);
      return null;
    }
    if (change.op === 'add' && held.length > 0) return new KernelError('EEXIST', 'File exists');
    const bad = this.#check(change);
    if (bad) return bad;
    // As in Linux: a replace does not ask whose route it replaces.
    for (const each of held) this.#drop(each);
    const { prefix, table, protocol, metric, body } = change;
    this.#put({ prefix, table, protocol, metric, tos: 0, body });
    return null;
  }

  #check({ body, prefix }: RouteChange): KernelError | null {
    if (body.nexthop !== undefined) return this.nexthops.refuses(body.nexthop, prefix);
    if (this.#usable.has(body)) return null;
    for (const hop of body.hops) {
      const bad = this.#checkHop(hop);
      if (bad) return bad;
    }
    this.#usable.add(body);
    return null;
  }

  #checkHop(hop: Hop): KernelError | null {
    const link = hop.device === undefined ? undefined : this.#links.get(hop.device);
    if (!link) return new KernelError('ENODEV', `Cannot find device "${hop.device}"`);
    if (!link.up) return new KernelError('ENODEV', 'Nexthop device is not up');
    const isReached = hop.gateway === undefined || hop.onlink === true || this.#onLink(hop);
    return isReached ? null : new KernelError('EGATEWAY', 'Nexthop has invalid gateway');
  }

  #onLink(hop: Hop): boolean {
    const gateway = parseAddress(hop.gateway!);
    for (const table of this.#routes.tables) {
      for (const { body } of this.#routes.covers(gateway, table)) {
        const only = body.hops.length === 1 ? body.hops[0]! : undefined;
        if (only?.device === hop.device && only?.gateway === undefined) return true;
      }
    }
    return false;
  }

  #put(made: KernelRoute): void {
    this.#routes.add(made);
    this.#changed(made);
    this.#tell(made, false);
  }

  #drop(gone: KernelRoute): void {
    this.#routes.delete(gone);
    this.#changed(gone);
  }

  #changed(route?: KernelRoute): void {
    // Gateways are checked against links and the routes onto them.
    if (route === undefined || route.body.hops.some(({ gateway }) => gateway === undefined))
      this.#usable = new WeakSet();
    this.version++;
    this.options.onChange?.();
  }

  #tell(changed: KernelRoute, deleted: boolean): void {
    if (!this.muted) for (const watcher of [...this.#watchers]) watcher.onRoute(this.#told(changed), deleted);
  }

  #tellLink(device: string, up: boolean): void {
    this.#changed();
    if (!this.muted) for (const watcher of [...this.#watchers]) watcher.onLink(device, up);
  }

  #resync(reason: string): void {
    if (!this.muted) for (const watcher of [...this.#watchers]) watcher.onResync(reason);
  }
}

function networkOf(address: string, length: number): string {
  return formatPrefix({ octets: maskOctets(parseAddress(address), length), length });
}
