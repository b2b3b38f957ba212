import { doublingDelay } from '../net/backoff.js';
import type { Clock, Timer } from '../net/index.js';
import type { RouteBody } from './body.js';
import { asKernelError, type KernelError } from './errors.js';
import type { FibEvent } from './events.js';
import type { ForeignRoutes } from './foreign-routes.js';
import { protocolName } from './names.js';
import type { NexthopSync } from './nexthop-sync.js';
import type { Resolver } from './resolver.js';
import { FLAG, tenths, type RouteColumns } from './route-table.js';
import type { RouteState } from './route-state.js';
import type { WriteLoop } from './write-loop.js';
import type { FibWriter, KernelRoute, ReadOutcome } from './writer.js';

/** Hints come in bursts: wait so long for the rest of one. */
const HINT_DELAY_MS = 20;
/** A hint about a route that we wrote just now may only be late: look later. */
const LATE_HINT_DELAY_MS = 2000;
/** Between two readings at least so many times the duration of the last one, so that reading never takes all the time. */
const REST_FACTOR = 4;
/** Foreign changes of one route that are put right at once; after that it is left alone for a growing while. */
const PATIENCE = 3;
const HOLD_FIRST_MS = 1000;
const HOLD_MAX_MS = 300_000;
/** Foreign changes longer ago than this, in tenths of a second, are forgiven. */
const FORGIVE = 6000;

export interface ReconcilerOptions {
  readonly state: RouteState;
  readonly resolver: Resolver;
  readonly loop: WriteLoop;
  readonly writer: FibWriter;
  readonly nexthops?: NexthopSync | undefined;
  readonly clock: Clock;
  /** Numbers of the tables to be read. */
  readonly tables: () => readonly number[];
  readonly readTimeoutMs: number;
  /** 0: never by itself. */
  readonly intervalMs: number;
  readonly emit: (event: FibEvent) => void;
  /** Others' routes changed: next hops have to be looked at again, now or soon. */
  readonly onForeignRoutes: (when: 'now' | 'soon') => void;
  readonly mayRemove: (ref: number) => boolean;
  /** Protocol of another's route in the place of ours; null: there is none. */
  readonly occupant: (ref: number) => string | null;
  readonly onFailed: (error: KernelError) => void;
  readonly onDone: () => void;
}

/**
 * Reads what the kernel really holds and compares it with what is believed: at start, after doubt, on hints of the
 * watch, and now and then.
 */
export class Reconciler {
  #reading = 0;
  #running = false;
  #again: string | null = null;
  /** The last reading that began. */
  #current: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #dueAt = Infinity;
  #periodic: Timer | null = null;
  #restUntil = 0;
  #watch: { close(): void } | null = null;
  #watchFailures = 0;
  #missed: { route: KernelRoute; deleted: boolean }[] = [];
  /** Links that changed since the kernel was read: routes that went with them are nobody's doing. */
  readonly #changedLinks = new Set<string>();
  /** Links that changed since the present reading began. */
  readonly #newerLinks = new Set<string>();
  #closed = false;
  #own = 0;
  /** Rows of which the last reading met two routes with different metrics: only one is accounted for. */
  readonly #twins = new Set<number>();

  constructor(private readonly o: ReconcilerOptions) {}

  /** Whether the kernel has been read to the end once. */
  get hasRead(): boolean {
    return this.#reading > 0 && this.o.resolver.routes !== null;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Something was written: where one of two routes of a prefix is gone, another reading will find the other one. */
  checkTwins(): void {
    for (const ref of this.#twins) {
      const held = this.o.state.columns(ref).kernel[ref >> 1]!;
      if (held !== 0 && held !== this.o.state.wantedBody(ref)) continue;
      this.#twins.delete(ref);
      this.request('routes of ours had two metrics');
    }
  }

  /** Read soon. Several requests become one reading. */
  request(reason: string, delayMs = HINT_DELAY_MS): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#again ??= reason;
      return;
    }
    const now = this.o.clock.now();
    const at = Math.max(now + delayMs, this.#restUntil);
    if (at >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = at;
    this.#timer = this.o.clock.after(at - now, () => void this.run(reason));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#periodic?.cancel();
    this.#watch?.close();
    this.#watch = null;
  }

  /** Read and compare now, if that is not being done already. Never rejects; the outcome is told through the options' callbacks. */
  run(reason: string): Promise<void> {
    if (!this.#running && !this.#closed) this.#current = this.#read(reason);
    return this.#current;
  }

  /** Read and compare from now on: what is being read already may be older. */
  async runAnew(reason: string): Promise<void> {
    await this.#current;
    await this.run(reason);
  }

  async #read(reason: string): Promise<void> {
    this.#running = true;
    this.#timer?.cancel();
    this.#periodic?.cancel();
    this.#dueAt = Infinity;
    this.#again = null;
    this.#ensureWatch();
    await this.o.loop.pause();
    const began = this.o.clock.now();
    const picture = this.o.resolver.newPicture();
    const tables = this.o.tables();
    picture.tables = new Set(tables);
    this.#missed = [];
    this.#own = 0;
    this.#twins.clear();
    const reading = ++this.#reading;
    const limit = this.o.clock.after(this.o.readTimeoutMs, () => {
      this.o.writer.reset(`the kernel's tables were not read within ${this.o.readTimeoutMs / 1000} s`);
    });
    let outcome: ReadOutcome;
    this.#newerLinks.clear();
    try {
      const visit = (route: KernelRoute): void => this.#meet(route, picture, reading);
      await this.o.nexthops?.read(this.#changedLinks);
      outcome = await this.o.writer.read(tables, visit);
    } catch (error) {
      picture.discard();
      this.#running = false;
      if (!this.#closed) this.o.onFailed(asKernelError(error));
      return;
    } finally {
      limit.cancel();
    }
    await this.#compare(reason, picture, reading, outcome, began);
  }

  #isOwn(route: KernelRoute): boolean {
    const { identity } = this.o.state;
    return (
      route.table === identity.table &&
      route.protocol === identity.protocol &&
      route.tos === 0 &&
      this.o.state.hasMetric(familyOf(route), route.metric)
    );
  }

  #meet(route: KernelRoute, picture: ForeignRoutes, reading: number): void {
    if (!this.#isOwn(route)) {
      // Routes of our own protocol never resolve our next hops, whatever their table or metric.
      if (route.protocol !== this.o.state.identity.protocol) picture.add(route);
      return;
    }
    this.#own++;
    const { state } = this.o;
    const ref = state.add(route.prefix);
    const c = state.columns(ref);
    const row = ref >> 1;
    const body = state.bodies.retain(state.bodyOf(c.family, route.metric, route.body));
    if (c.seen[row] === reading) {
      // Two of ours with different metrics. The one that is not wanted is what has to go.
      this.#twins.add(ref);
      if (c.kernel[row] === state.wantedBody(ref)) state.setKernel(ref, body);
      else state.bodies.release(body);
      return;
    }
    c.seen[row] = reading;
    const known = c.kernel[row]!;
    if (known === body) state.bodies.release(body);
    else {
      // A route that goes with its device may be met on the way, the device without a name already.
      const isLeaving = known !== 0 && this.#usesChangedLink(state.bodies.get(known));
      state.setKernel(ref, body);
      if (this.#isFirst()) {
        if (c.wanted[row] === 0) c.flags[row]! |= FLAG.stale;
      } else if (state.wantedBody(ref) !== body && (c.flags[row]! & FLAG.unsure) === 0 && !isLeaving) {
        this.#foreignChange(ref, known === 0 ? 'added' : 'altered', route.body.key);
      }
    }
    c.flags[row]! &= ~(FLAG.unsure | FLAG.doubt);
  }

  #isFirst(): boolean {
    return this.o.resolver.routes === null;
  }

  async #compare(
    reason: string,
    picture: ForeignRoutes,
    reading: number,
    { consistent, links }: ReadOutcome,
    began: number,
  ): Promise<void> {
    const { state, resolver } = this.o;
    if (this.#closed) return;
    picture.isComplete = consistent;
    if (consistent) this.o.nexthops?.allowRemovals();
    resolver.replace(picture);
    for (const device of resolver.takeLinks(links, this.#newerLinks)) this.o.loop.retries.deviceUp(device);
    for (const { route, deleted } of this.#missed) resolver.apply(route, deleted);
    this.#missed = [];
    this.o.onForeignRoutes('now');
    let different = 0;
    const visit = (ref: number, c: RouteColumns, row: number): void => {
      if (consistent && c.kernel[row] !== 0 && c.seen[row] !== reading) this.#vanished(ref, c, row);
      if (consistent) c.flags[row]! &= ~(FLAG.unsure | FLAG.doubt);
      if (this.#differs(ref, c, row)) different++;
    };
    await state.forEachInSlices(visit, () => this.#breathe());
    this.#running = false;
    if (consistent) this.#changedLinks.clear();
    if (this.#closed) return;
    const durationMs = this.o.clock.now() - began;
    this.#restUntil = this.o.clock.now() + durationMs * REST_FACTOR;
    this.o.emit({ type: 'reconciled', reason, own: this.#own, foreign: picture.size, different, durationMs });
    this.o.onDone();
    this.#schedulePeriodic(durationMs);
    if (!consistent) this.request('the tables changed while they were read', 500);
    else if (this.#again !== null) this.request(this.#again);
  }

  /** The kernel does not hold a route any more that it held when last seen. */
  #vanished(ref: number, c: RouteColumns, row: number): void {
    const { state } = this.o;
    const { nexthop } = state.bodies.get(c.kernel[row]!);
    state.setKernel(ref, 0);
    // Told as one change of the object, not once for each of its routes.
    if (nexthop !== undefined && this.o.nexthops?.wasLost(nexthop)) return;
    if (state.wantedBody(ref) === 0 || (c.flags[row]! & FLAG.unsure) !== 0) return;
    if (this.#usesChangedLink(state.bodies.get(state.wantedBody(ref)))) return;
    this.#foreignChange(ref, 'deleted', null);
  }

  #usesChangedLink({ hops }: RouteBody): boolean {
    return hops.some(({ device }) => device !== undefined && this.#changedLinks.has(device));
  }

  /** Queue a row whose kernel state is not as wanted. @returns whether it was one */
  #differs(ref: number, c: RouteColumns, row: number): boolean {
    const { state, loop } = this.o;
    if (state.wantedBody(ref) === c.kernel[row] && c.inflight[row] === 0) {
      // What is left of a failure is cleared there, and a row without any content given back.
      if (c.flags[row] !== 0 || c.wanted[row] === 0) loop.enqueue(ref);
      return false;
    }
    if (c.wanted[row] === 0 && !this.o.mayRemove(ref)) return false;
    if (loop.retries.errorOf(ref)?.code === 'EEXIST' && loop.occupant(ref) === null) c.retryAt[row] = 0;
    loop.enqueue(ref);
    return true;
  }

  /** Let others run. @returns whether to go on */
  #breathe(): Promise<boolean> {
    return new Promise((resolve) => this.o.clock.soon(() => resolve(!this.#closed)));
  }

  #schedulePeriodic(durationMs: number): void {
    this.#periodic?.cancel();
    if (this.o.intervalMs === 0 || this.#closed) return;
    const ms = Math.max(this.o.intervalMs, durationMs * 20);
    this.#periodic = this.o.clock.after(ms, () => this.request('periodic', 0));
  }

  /** Somebody else touched a route of ours: tell it, and do not make a war of it. */
  #foreignChange(ref: number, change: 'deleted' | 'altered' | 'added', found: string | null): void {
    const { state, loop } = this.o;
    const c = state.columns(ref);
    const row = ref >> 1;
    const prefix = state.prefix(ref);
    const body = state.wantedBody(ref);
    c.flags[row]! |= FLAG.foreign;
    const by = change === 'deleted' ? this.o.occupant(ref) : protocolName(state.identity.protocol);
    this.o.emit({
      type: 'foreignChange',
      prefix,
      change,
      by,
      found,
      wanted: body === 0 ? null : state.bodies.get(body).key,
    });
    const now = tenths(this.o.clock);
    if (now - c.fightAt[row]! > FORGIVE) c.fights[row] = 0;
    c.fightAt[row] = now;
    c.fights[row] = Math.min(250, c.fights[row]! + 1);
    if (c.fights[row]! <= PATIENCE) return;
    const retryInMs = doublingDelay(c.fights[row]! - PATIENCE - 1, HOLD_FIRST_MS, HOLD_MAX_MS);
    this.o.emit({ type: 'contended', prefix, changes: c.fights[row]!, retryInMs, by });
    loop.retries.hold(ref, retryInMs);
  }

  #ensureWatch(): void {
    const { resolver, writer } = this.o;
    if (this.#watch || !writer.watch) return;
    this.#watch = writer.watch({
      onRoute: (route, deleted) => this.#hint(route, deleted),
      onLink: (device, up) => {
        if (up === undefined) resolver.linkChanged();
        else resolver.setDown(device, !up);
        if (up) this.o.loop.retries.deviceUp(device);
        this.#changedLinks.add(device);
        this.#newerLinks.add(device);
        this.o.onForeignRoutes('soon');
        this.request('a link changed');
      },
      onNexthop: (nexthop, deleted) => {
        if (this.o.nexthops?.isExpected(nexthop, deleted)) return;
        this.request('a nexthop object changed');
      },
      onResync: (reason) => {
        resolver.forgetLinks();
        this.request(reason);
      },
      onEnd: (error) => {
        this.#watch = null;
        resolver.forgetLinks();
        // Without a watch, the periodic reading is what is left; it also starts the watch anew.
        const delay = doublingDelay(this.#watchFailures++, 500, 60_000);
        this.request(`the watch of the kernel ended: ${error.message}`, delay);
      },
    });
  }

  #hint(route: KernelRoute, deleted: boolean): void {
    const { state, resolver } = this.o;
    this.#watchFailures = 0;
    if (!this.#isOwn(route)) {
      if (route.protocol === state.identity.protocol || !this.o.tables().includes(route.table)) return;
      const sure = resolver.apply(route, deleted);
      if (this.#running) this.#missed.push({ route, deleted });
      this.o.onForeignRoutes('soon');
      this.#neighbour(route, deleted);
      if (!sure) this.request('routes of others changed', LATE_HINT_DELAY_MS);
      return;
    }
    const ref = state.find(route.prefix);
    if (ref < 0) {
      if (!deleted) this.request('a route of ours appeared');
      return;
    }
    const c = state.columns(ref);
    const row = ref >> 1;
    const held = c.kernel[row]!;
    const inflight = c.inflight[row]!;
    // What a route with a new metric left behind.
    if (deleted && held !== 0 && route.metric !== state.metricOf(c.family, held)) return;
    const told = deleted ? 0 : state.bodies.find(state.bodyOf(c.family, route.metric, route.body));
    if (inflight !== 0 || (deleted ? held === 0 : told !== 0 && told === held)) return;
    if (deleted) c.flags[row]! |= FLAG.doubt;
    const recent = !deleted && tenths(this.o.clock) - c.acknowledgedAt[row]! < 20;
    this.request('a route of ours was changed', recent ? LATE_HINT_DELAY_MS : HINT_DELAY_MS);
  }

  /** Another's route came to, or went from, the very place that one of ours has or wants. */
  #neighbour(route: KernelRoute, deleted: boolean): void {
    const { state, loop } = this.o;
    const { table } = state.identity;
    if (route.table !== table || route.tos !== 0) return;
    const ref = state.find(route.prefix);
    if (ref < 0 || route.metric !== state.metricOf(state.columns(ref).family, state.wantedBody(ref))) return;
    if (!deleted && state.columns(ref).kernel[ref >> 1] !== 0) {
      state.setFlag(ref, FLAG.doubt);
      this.request('a route of ours was replaced');
    } else if (deleted && state.hasFlag(ref, FLAG.failed)) loop.retries.now(ref);
  }
}

function familyOf({ prefix }: KernelRoute): 4 | 6 {
  return prefix.includes(':') ? 6 : 4;
}
