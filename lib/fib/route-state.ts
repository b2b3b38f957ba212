import { BodyPool, routeBody, type RouteBody } from './body.js';
import { newWords, parseWords } from './prefix-text.js';
import { FLAG, RouteColumns } from './route-table.js';
import type { NexthopObjects } from './nexthop-objects.js';
import type { Resolver } from './resolver.js';
import { TargetPool } from './targets.js';

/** Rows per slice of {@link RouteState.forEachInSlices}. */
const SLICE = 10_000;

/** What marks a route as ours, besides its table. */
export interface RouteIdentity {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  /** Further metrics that routes of ours may have. */
  readonly metrics?: readonly number[];
}

/**
 * The two maps, wanted and kernel, of both families. A route is a number: its row, and in the lowest bit its family.
 */
export class RouteState {
  readonly bodies: BodyPool;
  readonly targets: TargetPool;
  readonly families = [new RouteColumns(4), new RouteColumns(6)] as const;
  readonly #words = newWords();
  readonly #metrics: Set<number>;
  #held = 0;

  constructor(
    readonly identity: RouteIdentity,
    resolver: Resolver,
    private readonly objects: NexthopObjects | null = null,
  ) {
    this.bodies = new BodyPool('key', objects ? (id, used) => objects.noteBody(id, used) : undefined);
    this.targets = new TargetPool(this.bodies, resolver, identity.metric, objects);
    this.#metrics = new Set(identity.metrics);
  }

  /** From now on routes with these metrics are ours too. */
  addMetrics(metrics: Iterable<number>): void {
    for (const metric of metrics) this.#metrics.add(metric);
  }

  columns(ref: number): RouteColumns {
    return this.families[ref & 1]!;
  }

  /** The metric of a body in the kernel; 0 is that of routes without one of their own. */
  metricOf(family: 4 | 6, body = 0): number {
    const metric = (body > 0 ? this.bodies.get(body).metric : undefined) ?? this.identity.metric;
    return kernelMetric(family, metric);
  }

  /** Whether a metric that the kernel tells may be that of a route of ours. */
  hasMetric(family: 4 | 6, metric: number): boolean {
    if (metric === this.metricOf(family)) return true;
    return (
      this.#metrics.size > 0 && (this.#metrics.has(metric) || (metric === 1024 && family === 6 && this.#metrics.has(0)))
    );
  }

  /** A body for people. */
  text(body: number): string {
    const { key, nexthop } = this.bodies.get(body);
    if (nexthop === undefined || !this.objects) return key;
    return key.replace(/^nhid \d+/, (nhid) => `${this.objects!.text(nexthop)} (${nhid})`);
  }

  /** What the kernel holds of ours, as it is known here: a metric that is not the usual one is part of it. */
  bodyOf(family: 4 | 6, metric: number, body: RouteBody): RouteBody {
    if (metric === this.metricOf(family)) return body;
    return routeBody({ ...body, metric: metric === 1024 && family === 6 && this.#metrics.has(0) ? 0 : metric });
  }

  /** @returns the route's number, or -1. @throws UsageError `bad_prefix` */
  find(prefix: string): number {
    parseWords(prefix, this.#words);
    const bit = this.#words.family === 6 ? 1 : 0;
    const row = this.families[bit]!.index.find(this.#words);
    return row < 0 ? -1 : row * 2 + bit;
  }

  /** Find or make. @throws UsageError `bad_prefix` */
  add(prefix: string): number {
    parseWords(prefix, this.#words);
    const bit = this.#words.family === 6 ? 1 : 0;
    const columns = this.families[bit]!;
    const before = columns.index.size;
    const row = columns.index.add(this.#words);
    if (columns.index.size !== before) columns.clear(row);
    return row * 2 + bit;
  }

  prefix(ref: number): string {
    return this.columns(ref).index.text(ref >> 1);
  }

  /** Number of the body that the kernel should hold; 0: none, because it is not wanted or cannot be resolved. */
  wantedBody(ref: number): number {
    const target = this.columns(ref).wanted[ref >> 1]!;
    return target === 0 ? 0 : this.targets.bodyOf(target);
  }

  /** Routes of ours that the kernel holds, as far as we know. */
  get held(): number {
    return this.#held;
  }

  /** Take over a held body number as the kernel's. */
  setKernel(ref: number, body: number): void {
    const c = this.columns(ref);
    const row = ref >> 1;
    if (c.kernel[row] === 0) this.#held++;
    if (body === 0) this.#held--;
    this.bodies.release(c.kernel[row]!);
    c.kernel[row] = body;
  }

  setWanted(ref: number, target: number): void {
    const c = this.columns(ref);
    const row = ref >> 1;
    this.targets.release(c.wanted[row]!);
    c.wanted[row] = target;
  }

  /** Give the row back if nothing is known of it any more. */
  tidy(ref: number): void {
    const c = this.columns(ref);
    if (c.isEmpty(ref >> 1)) c.index.remove(ref >> 1);
  }

  hasFlag(ref: number, flag: number): boolean {
    return (this.columns(ref).flags[ref >> 1]! & flag) !== 0;
  }

  setFlag(ref: number, flag: number): void {
    this.columns(ref).flags[ref >> 1]! |= flag;
  }

  clearFlag(ref: number, flag: number): void {
    this.columns(ref).flags[ref >> 1]! &= ~flag;
  }

  /** Call for each row in use. */
  forEach(visit: (ref: number, c: RouteColumns, row: number) => void): void {
    for (let bit = 0; bit < 2; bit++) {
      const c = this.families[bit]!;
      for (let row = 0; row < c.index.high; row++) if (c.index.has(row)) visit(row * 2 + bit, c, row);
    }
  }

  /**
   * Call for each row in use, in slices, so that a million of them do not stall the event loop. Rows made meanwhile may
   * or may not be met.
   * @param pause waits for the rest of the program between two slices; false ends it
   */
  async forEachInSlices(
    visit: (ref: number, c: RouteColumns, row: number) => void,
    pause: () => Promise<boolean>,
  ): Promise<void> {
    for (let bit = 0; bit < 2; bit++) {
      const c = this.families[bit]!;
      for (let row = 0; row < c.index.high; row++) {
        if (c.index.has(row)) visit(row * 2 + bit, c, row);
        if ((row + 1) % SLICE === 0 && !(await pause())) return;
      }
    }
  }

  /** Numbers of all rows in use. Rows made meanwhile may or may not be met. */
  *refs(): IterableIterator<number> {
    for (const [bit, c] of this.families.entries()) {
      for (let row = 0; row < c.index.high; row++) if (c.index.has(row)) yield row * 2 + bit;
    }
  }

  heldFamilies(): ReadonlySet<4 | 6> {
    const held = new Set<4 | 6>();
    this.forEach((ref, c, row) => {
      if (c.kernel[row] !== 0) held.add((ref & 1) === 0 ? 4 : 6);
    });
    return held;
  }

  /** How many routes are wanted, are held by the kernel, have failed, are to be removed, and are left from an earlier run. */
  counts(mayRemove: (ref: number) => boolean): Record<'wanted' | 'kernel' | 'failed' | 'removing' | 'stale', number> {
    const counts = { wanted: 0, kernel: 0, failed: 0, removing: 0, stale: 0 };
    this.forEach((ref, c, row) => {
      if (c.wanted[row] !== 0) counts.wanted++;
      if (c.kernel[row] !== 0) counts.kernel++;
      if ((c.flags[row]! & FLAG.failed) !== 0) counts.failed++;
      if (c.kernel[row] === 0 || this.wantedBody(ref) !== 0) return;
      counts[c.wanted[row] !== 0 || mayRemove(ref) ? 'removing' : 'stale']++;
    });
    return counts;
  }
}

/** IPv6 knows no metric 0 and takes 1024 for it. */
function kernelMetric(family: 4 | 6, metric: number): number {
  return family === 6 && metric === 0 ? 1024 : metric;
}
