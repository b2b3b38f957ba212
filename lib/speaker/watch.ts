import { formatPrefix, UsageError, type Clock } from '../net/index.js';
import type { FibEvent } from '../fib/events.js';
import { ChangeQueue } from '../rib/change-queue.js';
import type { IdStack } from '../rib/columns.js';
import { NONE, type FamilyRib } from '../rib/family-rib.js';
import { besideViews, bestView, rowView } from './path-views.js';
import type { NeighborView, PathView } from './views.js';
import type { WatchEvent, WatchOptions } from './watch-events.js';

/** Events made per turn of the event loop: about a millisecond of work. */
const SLICE = 256;
/** Prefixes looked at for them at most. */
const LOOKS = SLICE * 32;

/** What a watch needs of its speaker. */
export interface WatchHost {
  readonly clock: Pick<Clock, 'soon'>;
  ribs(families: WatchOptions['families']): readonly FamilyRib[];
  neighbors(): readonly string[];
  /** Undefined: there is no such neighbor. */
  neighbor(address: string): NeighborView | undefined;
  /** An id was waited for and is not any more. */
  release(rib: FamilyRib, prefix: number): void;
  closed(watch: Watch): void;
}

/** An event without its number. */
type Unnumbered = WatchEvent extends infer E
  ? E extends WatchEvent
    ? Omit<E, 'sequence' | 'coalesced'>
    : never
  : never;

/**
 * A snapshot, then every change in order: see docs/events.md for what is promised. Iterate it once, by event or by
 * {@link batches}; nothing is done for it while nobody asks for the next event.
 */
export class Watch implements AsyncIterable<WatchEvent> {
  readonly bestOnly: boolean;
  private readonly queues: readonly ChangeQueue[];
  private readonly watchesNeighbors: boolean;
  private readonly watchesFib: boolean;
  private readonly neighborsToTell: Set<string>;
  /** By what it is about; the newest event of each. */
  private readonly fibEvents = new Map<string, FibEvent>();
  private sequence = 0;
  private coalescedOthers = 0;
  private inSnapshot = true;
  /** Once the first pass is over: how many changes at most come before the end of the snapshot is told. */
  private beforeMark = -1;
  private state: 'open' | 'ending' | 'closed' = 'open';
  private taken = false;
  private wake: (() => void) | undefined;
  private readonly signal: AbortSignal | undefined;
  private readonly onAbort = (): void => this.close();

  constructor(
    private readonly host: WatchHost,
    options: WatchOptions,
  ) {
    this.bestOnly = options.bestOnly ?? true;
    this.watchesNeighbors = options.neighbors ?? false;
    this.watchesFib = options.fib ?? false;
    this.neighborsToTell = new Set(this.watchesNeighbors ? host.neighbors() : []);
    this.queues = host.ribs(options.families).map((rib) => {
      const hasBest = (prefix: number): boolean => (rib.bestAttributes[prefix] ?? NONE) !== NONE;
      const has = this.bestOnly ? hasBest : (prefix: number) => rib.headOf(prefix) >= 0;
      const queue = new ChangeQueue(rib, has);
      queue.onDropped = (prefix) => host.release(rib, prefix);
      return queue;
    });
    this.signal = options.signal;
    this.signal?.addEventListener('abort', this.onAbort);
    if (this.signal?.aborted) this.close();
  }

  /** Changes that were not told by an event of their own, because a newer one of the same thing was. */
  get coalesced(): number {
    return this.queues.reduce((sum, queue) => sum + queue.coalesced, this.coalescedOthers);
  }

  /** Changes that wait to be asked for. */
  get pending(): number {
    const others = this.neighborsToTell.size + this.fibEvents.size;
    return this.queues.reduce((sum, queue) => sum + queue.size, others);
  }

  get isClosed(): boolean {
    return this.state === 'closed';
  }

  // --- what happens ---

  onRoutes(rib: FamilyRib, prefixes: IdStack, from: number, to: number): void {
    const queue = this.queues.find((one) => one.rib === rib);
    if (!queue) return;
    for (let i = from; i < to; i++) queue.mark(prefixes.at(i));
    this.signalChange();
  }

  onNeighbor(address: string): void {
    if (!this.watchesNeighbors) return;
    if (this.neighborsToTell.has(address)) this.coalescedOthers++;
    this.neighborsToTell.add(address);
    this.signalChange();
  }

  onFib(event: FibEvent): void {
    if (!this.watchesFib) return;
    // Taken out and put back: it stands where its newest event is.
    if (this.fibEvents.delete(subjectOf(event))) this.coalescedOthers++;
    this.fibEvents.set(subjectOf(event), event);
    this.signalChange();
  }

  needs(rib: FamilyRib, prefix: number): boolean {
    return this.queues.some((queue) => queue.rib === rib && queue.needs(prefix));
  }

  /** The speaker has stopped: over when all that waits was told. */
  end(): void {
    if (this.state === 'open') this.state = 'ending';
    this.signalChange();
  }

  /** Over at once; what waits is forgotten. */
  close(): void {
    this.finish();
  }

  /** What {@link close} does. The iteration ends with it too, which is no order: a recording writes orders down. */
  private finish(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.signal?.removeEventListener('abort', this.onAbort);
    this.host.closed(this);
    for (const queue of this.queues) for (const prefix of queue.drain()) this.host.release(queue.rib, prefix);
    this.signalChange();
  }

  private signalChange(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  // --- what is told ---

  /** Up to `max` events, as things stand now. Empty: there is nothing, or not among the prefixes looked at. */
  private take(max: number): WatchEvent[] {
    const events: WatchEvent[] = [];
    const tell = (event: Unnumbered): void => {
      events.push({ sequence: ++this.sequence, coalesced: this.coalesced, ...event } as WatchEvent);
    };
    for (const address of this.neighborsToTell) {
      if (events.length >= max) return events;
      this.neighborsToTell.delete(address);
      tell({ type: 'neighbor', address, neighbor: this.host.neighbor(address) ?? null });
    }
    const looks = { left: LOOKS };
    for (const queue of this.queues) {
      // However much changes meanwhile, the end of the snapshot comes after those changes that waited first.
      while (events.length < max && this.beforeMark !== 0) {
        const found = queue.take(looks);
        if (found === undefined) break;
        tell(this.routeEvent(queue.rib, found));
        if (this.beforeMark > 0) this.beforeMark--;
      }
    }
    if (this.inSnapshot && events.length < max) this.tellEndOfSnapshot(tell);
    if (this.inSnapshot) return events;
    for (const [subject, event] of this.fibEvents) {
      if (events.length >= max) break;
      this.fibEvents.delete(subject);
      tell({ type: 'fib', event });
    }
    return events;
  }

  private tellEndOfSnapshot(tell: (event: Unnumbered) => void): void {
    if (this.queues.some((queue) => queue.isScanning)) return;
    const waiting = this.queues.reduce((sum, queue) => sum + queue.size, 0);
    if (this.beforeMark < 0) this.beforeMark = waiting;
    if (waiting > 0 && this.beforeMark > 0) return;
    this.inSnapshot = false;
    this.beforeMark = -1;
    tell({ type: 'endOfSnapshot', pending: this.pending });
  }

  private routeEvent(rib: FamilyRib, found: number): Unnumbered {
    const id = found < 0 ? ~found : found;
    const prefix = formatPrefix(rib.prefixes.prefixOf(id));
    const attributes = rib.bestAttributes[id] ?? NONE;
    const best = attributes === NONE ? null : bestView(rib, id);
    const event = { type: 'route', prefix, family: rib.family, best } as const;
    const beside = this.bestOnly && event.best !== null ? besideViews(rib, id) : [];
    const brief = beside.length === 0 ? event : { ...event, beside };
    const whole = this.bestOnly ? brief : { ...event, paths: pathsOf(rib, id) };
    if (found < 0) this.host.release(rib, id);
    return whole;
  }

  private get hasMore(): boolean {
    return this.inSnapshot || this.pending > 0;
  }

  private ready(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /**
   * The events in arrays of up to 256, one array per turn of the event loop at most: less work than one by one.
   * @throws UsageError `watch_in_use` when the watch is iterated already
   */
  async *batches(): AsyncGenerator<readonly WatchEvent[], void, undefined> {
    if (this.taken) throw new UsageError('watch_in_use', 'a watch is iterated once');
    this.taken = true;
    try {
      while (this.state !== 'closed') {
        const events = this.take(SLICE);
        if (events.length > 0) yield events;
        if (this.isClosed) return;
        if (this.hasMore) await new Promise<void>((resolve) => this.host.clock.soon(resolve));
        else if (this.state === 'ending') return;
        else await this.ready();
      }
    } finally {
      this.finish();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    for await (const events of this.batches()) {
      for (const event of events) {
        if (this.isClosed) return;
        yield event;
      }
    }
  }

  /**
   * Call a listener with each event. When it returns a promise, the next event waits for it.
   * @returns when the watch is over; rejects with what the listener threw, which ends the watch
   */
  async forEach(listener: (event: WatchEvent) => unknown): Promise<void> {
    for await (const event of this) {
      const result = listener(event);
      if (result instanceof Promise) await result;
    }
  }
}

/** All paths of a prefix, the best one first. */
function pathsOf(rib: FamilyRib, prefix: number): PathView[] {
  const { paths } = rib;
  const views: PathView[] = [];
  for (let row = rib.headOf(prefix); row >= 0; row = paths.next[row]!) {
    const view = rowView(rib, row);
    if (view.best) views.unshift(view);
    else views.push(view);
  }
  return views;
}

/** Events about the same thing: the newest one counts. */
function subjectOf(event: FibEvent): string {
  switch (event.type) {
    case 'routeFailed':
    case 'routeRecovered':
      return `route ${event.prefix}`;
    case 'foreignChange':
    case 'repaired':
    case 'contended':
      return `foreign ${event.prefix}`;
    case 'writerDown':
    case 'writerUp':
      return 'writer';
    default:
      return event.type;
  }
}
