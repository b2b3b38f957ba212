import { UsageError, type Clock } from '../net/index.js';
import { Availability } from './availability.js';
import type { KernelError } from './errors.js';
import type { FibEvent, FibEventListener } from './events.js';
import { FibViews } from './fib-views.js';
import { IdleWait } from './idle-wait.js';
import { Learner, type LearnedChange, type LearnRule } from './learner.js';
import { NexthopObjects } from './nexthop-objects.js';
import { NexthopSync } from './nexthop-sync.js';
import { callSafely, Listeners } from './listeners.js';
import { Rechecks } from './rechecks.js';
import { Reconciler } from './reconciler.js';
import { RemovalGuard } from './removal-guard.js';
import { Resolver, type NextHopCover } from './resolver.js';
import { RouteState } from './route-state.js';
import { FLAG, tenths } from './route-table.js';
import { checkedSettings, type FibRoute, type FibSettings, type FibSummary } from './settings.js';
import { Sweeps } from './sweeps.js';
import type { FibTarget } from './targets.js';
import { WriteLoop } from './write-loop.js';
import type { FibWriter } from './writer.js';

/** At stop: give up when nothing was acknowledged for so long. */
const STOP_PATIENCE_MS = 10_000;
const CLOSE_PATIENCE_MS = 5000;

/**
 * Keeps a kernel routing table equal to what is wanted. Set and delete at will: changes are coalesced, written in
 * batches, retried, and compared with what the kernel really holds. Nothing here throws or rejects because of the
 * kernel; see {@link onEvent}.
 */
export class Fib {
  readonly #writer: FibWriter;
  readonly #clock: Clock;
  readonly #atStart: 'sweep' | 'flush' | 'adopt';
  readonly #atStop: 'keep' | 'remove';
  readonly #resolver: Resolver;
  readonly #state: RouteState;
  readonly #sweeps: Sweeps;
  readonly #loop: WriteLoop;
  readonly #reconciler: Reconciler;
  readonly #guard: RemovalGuard;
  readonly #nexthops: NexthopSync | undefined;
  readonly #learner: Learner;
  readonly #writerState: Availability;
  readonly #listeners: Listeners<FibEvent>;
  readonly #rechecks: Rechecks;
  readonly #idle: IdleWait;
  readonly #views: FibViews;
  #phase: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  #ready = false;

  /** @throws UsageError `bad_option` */
  constructor(settings: FibSettings) {
    const checked = checkedSettings(settings);
    const { writer, clock, table, protocol, metric, metrics } = checked;
    this.#writer = writer;
    this.#clock = clock;
    this.#listeners = new Listeners(clock);
    this.#idle = new IdleWait(
      clock,
      () => this.#isIdle(),
      () => this.#loop.pending,
    );
    this.#atStart = checked.atStart;
    this.#atStop = checked.atStop;
    const unchecked = writer.nextHops === 'unchecked';
    this.#resolver = new Resolver({
      table,
      viaDefault: checked.resolveViaDefault,
      viaMain: checked.resolveViaMain,
      unchecked,
    });
    this.#learner = new Learner(this.#resolver, table);
    const objects = checked.nexthopObjects ? new NexthopObjects(protocol, table, metric) : null;
    this.#state = new RouteState({ table, protocol, metric, metrics }, this.#resolver, objects);
    this.#sweeps = new Sweeps({ state: this.#state, clock, onProgress: () => this.#settle() });
    const emit = (event: FibEvent): void => this.#listeners.tell(event);
    const onDoubt = (reason: string): void => this.#reconciler.request(reason, 200);
    const onTargets = (): void => this.#rechecks.soon();
    const onDirty = (): void => this.#loop.schedule();
    this.#nexthops =
      objects === null
        ? undefined
        : new NexthopSync({ ...{ objects, writer: writer.nexthops!, clock, emit }, onTargets, onDirty, onDoubt });
    const onRetry = (): void => void this.#reconciler.run('the writer failed');
    this.#writerState = new Availability({ clock, emit, onRetry });
    this.#guard = new RemovalGuard({
      clock,
      limit: checked.removalLimit,
      count: () => this.#state.held,
      emit,
      onFree: () => this.#enqueueRemovals(),
    });
    this.#loop = new WriteLoop({
      state: this.#state,
      sweeps: this.#sweeps,
      writer,
      nexthops: this.#nexthops,
      clock,
      batchSize: checked.batchSize,
      writeTimeoutMs: checked.writeTimeoutSeconds * 1000,
      emit,
      mayRemove: (ref) => this.#mayRemove(ref),
      takeRemoval: () => this.#phase === 'stopping' || this.#guard.take(),
      onWriterFailed: (error) => this.#failed(error),
      onAcknowledged: () => {
        this.#writerState.acknowledged();
        this.#reconciler.checkTwins();
      },
      occupant: (ref) => this.#occupant(ref),
      onDoubt,
      onProgress: () => this.#settle(),
    });
    this.#views = new FibViews({
      ...{ state: this.#state, loop: this.#loop, clock, resolver: this.#resolver, guard: this.#guard },
      ...{ writerState: this.#writerState, writer: writer.name },
      mayRemove: (ref) => this.#mayRemove(ref),
    });
    const parts = { clock, sweeps: this.#sweeps, learner: this.#learner, loop: this.#loop };
    this.#rechecks = new Rechecks({
      ...parts,
      targets: this.#state.targets,
      resolver: this.#resolver,
      onProgress: () => this.#settle(),
    });
    this.#reconciler = new Reconciler({
      state: this.#state,
      resolver: this.#resolver,
      loop: this.#loop,
      writer,
      nexthops: this.#nexthops,
      clock,
      tables: () => [...new Set([...this.#resolver.tables, ...this.#learner.tables])],
      readTimeoutMs: checked.readTimeoutSeconds * 1000,
      intervalMs: checked.reconcileSeconds * 1000,
      emit,
      onForeignRoutes: (when) => (when === 'now' ? this.#rechecks.now() : this.#rechecks.soon()),
      mayRemove: (ref) => this.#mayRemove(ref),
      occupant: (ref) => this.#views.occupant(ref),
      onFailed: (error) => this.#failed(error),
      onDone: () => this.#up(),
    });
  }

  /** Read the kernel and begin to write. Resolves after the first attempt to read; a failure is told and retried. */
  async start(): Promise<void> {
    if (this.#phase !== 'new') throw new UsageError('already_started', 'a Fib starts once');
    this.#phase = 'running';
    await this.#reconciler.run('start');
  }

  /**
   * Want a route, or want it otherwise than before.
   * @throws UsageError `bad_prefix`, `bad_next_hop`, `bad_mtu`, `bad_metric`, `bad_address` (of the source)
   */
  set(prefix: string, target: FibTarget): void {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return;
    const wanted = this.#state.targets.retain(target);
    if (typeof target !== 'string' && target.metric !== undefined) this.#state.addMetrics([target.metric]);
    const ref = this.#addRow(prefix, wanted);
    const c = this.#state.columns(ref);
    const row = ref >> 1;
    if (c.wanted[row] === wanted) {
      this.#state.targets.release(wanted);
      return;
    }
    this.#state.setWanted(ref, wanted);
    c.wantedAt[row] = tenths(this.#clock);
    c.flags[row]! &= ~FLAG.stale;
    c.retryAt[row] = 0;
    this.#loop.enqueue(ref);
  }

  #addRow(prefix: string, wanted: number): number {
    try {
      return this.#state.add(prefix);
    } catch (error) {
      this.#state.targets.release(wanted);
      throw error;
    }
  }

  /** Want a route no more. @throws UsageError `bad_prefix` */
  delete(prefix: string): void {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return;
    const ref = this.#state.find(prefix);
    if (ref < 0 || this.#state.columns(ref).wanted[ref >> 1] === 0) return;
    this.#unwant(ref);
  }

  #unwant(ref: number): void {
    const c = this.#state.columns(ref);
    const row = ref >> 1;
    this.#state.setWanted(ref, 0);
    c.wantedAt[row] = 0;
    c.retryAt[row] = 0;
    this.#loop.enqueue(ref);
  }

  /** All that is wanted has been set: from now on routes of an earlier run that nobody wants are removed. */
  ready(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#sweeps.begin((ref, c, row) => {
      if ((c.flags[row]! & FLAG.stale) !== 0) this.#loop.enqueue(ref);
    });
  }

  /** Routes of our protocol and table with these metrics are ours too, from now on: targets may have them. */
  ownMetrics(metrics: readonly number[]): void {
    this.#state.addMetrics(metrics);
    if (metrics.length > 0 && this.#phase === 'running') this.reconcile('more metrics are ours');
  }

  /**
   * Remove no route at all until {@link releaseRemovals}, for instance while all reflectors are gone: the last good
   * table stays. Additions and changes go on.
   */
  holdRemovals(reason: string): void {
    this.#guard.hold(reason);
  }

  releaseRemovals(): void {
    this.#guard.release();
  }

  /** Remove all that is to be removed now, whatever `removalLimit` says. */
  confirmRemovals(): void {
    this.#guard.confirm();
    this.#settle();
  }

  #enqueueRemovals(): void {
    this.#sweeps.begin((ref, c, row) => {
      if (c.kernel[row] !== 0 && this.#state.wantedBody(ref) === 0) this.#loop.enqueue(ref);
    });
  }

  #mayRemove(ref: number): boolean {
    if (this.#phase === 'stopping' || !this.#state.hasFlag(ref, FLAG.stale)) return true;
    return this.#atStart === 'flush' || (this.#atStart === 'sweep' && this.#ready);
  }

  /**
   * How a BGP next hop is reached through the kernel's own routes: connected, static, or another protocol's; never
   * through ours. Undefined: it is not, or the kernel was not read yet.
   * @param device for link-local next hops
   * @throws UsageError `bad_address`
   */
  resolve(nextHop: string, device?: string): { metric: number; device: string; gateway?: string } | undefined {
    const resolution = this.#resolver.resolve(nextHop, device);
    if (!resolution) return undefined;
    const hop = resolution.hops[0]!;
    const answer = { metric: resolution.metric, device: hop.device ?? '' };
    return hop.gateway === undefined ? answer : { ...answer, gateway: hop.gateway };
  }

  /** The kernel's route that covers a next hop, whether it leads there or not; see {@link Resolver.cover}. */
  cover(nextHop: string): NextHopCover {
    return this.#resolver.cover(nextHop);
  }

  /** The metric that routes have in the kernel unless their target says otherwise. */
  get metric(): number {
    return this.#state.identity.metric;
  }

  /**
   * Whether the kernel was read at least once. While it was not, because `ip` fails, {@link resolve} knows nothing, and
   * who must go on without a kernel should not take that for "unreachable".
   */
  get knowsKernel(): boolean {
    return this.#reconciler.hasRead;
  }

  /** IP versions of which the kernel holds routes of ours; none when those of an earlier run are flushed. */
  heldFamilies(): ReadonlySet<4 | 6> {
    return this.#atStart === 'flush' ? new Set() : this.#state.heldFamilies();
  }

  /** Stop watching a next hop that {@link resolve} was asked for. */
  forget(nextHop: string, device?: string): void {
    this.#resolver.forget(nextHop, device);
  }

  /** Told of next hops asked for before whose resolution is another now. @returns a function that ends it */
  onResolutionChange(listener: (nextHops: string[]) => void): () => void {
    return this.#rechecks.listeners.add(listener);
  }

  /**
   * Follow routes that are not ours: the listener is told of those there are, as soon as their table was read and even when
   * there are none, and of every change after.
   * @returns a function that ends it
   * @throws UsageError `bad_prefix` (of `within`)
   */
  learn(rule: LearnRule, listener: (change: LearnedChange) => void): () => void {
    const { remove } = this.#learner.add(rule, (change) => callSafely(this.#clock, () => listener(change)));
    if (rule.table !== undefined && this.#reconciler.hasRead) this.reconcile('another table to learn from');
    this.#rechecks.soon();
    return remove;
  }

  /** Told of failures, repairs and readings, synchronously and in order. @returns a function that ends it */
  onEvent(listener: FibEventListener): () => void {
    return this.#listeners.add(listener);
  }

  /** Routes that are wanted, or that the kernel holds although they are not; lazily, in no particular order. */
  routes(): IterableIterator<FibRoute> {
    return this.#views.routes();
  }

  /** One of {@link routes}. @throws UsageError `bad_prefix` */
  route(prefix: string): FibRoute | undefined {
    return this.#views.route(prefix);
  }

  summary(): FibSummary {
    if (this.#phase === 'stopped') return this.#views.summary('stopped');
    return this.#views.summary(this.#reconciler.hasRead ? 'running' : 'starting');
  }

  /** Read and compare the kernel's tables now, for the given reason. */
  reconcile(reason = 'asked for'): void {
    this.#reconciler.request(reason, 0);
  }

  /**
   * Make the kernel equal to what is wanted, now: read it, and write every difference, also what was refused and waits for its next try.
   * What is set and deleted is written without it; this is for whoever wants to be sure at a certain moment. It can be called at any
   * time, again, and after any failure; where nothing differs nothing is written.
   * @returns when all is written and acknowledged, or has failed @throws UsageError `not_running` (rejects) before start and after stop
   */
  async apply(): Promise<FibSummary> {
    if (this.#phase !== 'running') throw new UsageError('not_running', 'a Fib can apply between start and stop');
    // A writer that failed is tried now, not when its time has come.
    this.#writerState.cancel();
    await this.#reconciler.runAnew('apply');
    await this.#loop.retries.allNow();
    await this.idle();
    return this.summary();
  }

  /**
   * Resolves when everything asked for so far is written and acknowledged, or has failed: also while the writer is down.
   */
  idle(): Promise<void> {
    return this.#idle.wait();
  }

  #isIdle(): boolean {
    if (this.#phase === 'stopped' || this.#writerState.error) return true;
    return this.#reconciler.hasRead && !this.#reconciler.isRunning && this.#isAtRest && !this.#rechecks.isScheduled;
  }

  /** Nothing is being written, and nothing is being looked for that has to be. */
  get #isAtRest(): boolean {
    return this.#loop.isIdle && !this.#sweeps.isRunning;
  }

  #settle(): void {
    if (this.#isAtRest) this.#guard.settle();
    this.#idle.settle();
  }

  /** Write what is still to be written, remove our routes if so configured, and free everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return;
    const started = this.#phase === 'running';
    this.#phase = 'stopping';
    if (started) {
      if (this.#atStop === 'remove') {
        this.#writerState.cancel();
        if (this.#writerState.error) await this.#reconciler.run('stop');
        await this.#sweeps.run((ref) => this.#unwant(ref));
      }
      await this.#idle.within(STOP_PATIENCE_MS);
    }
    this.#reconciler.close();
    this.#loop.close();
    this.#sweeps.close();
    this.#guard.close();
    this.#nexthops?.close();
    this.#writerState.cancel();
    this.#phase = 'stopped';
    this.#settle();
    const limit = this.#clock.after(CLOSE_PATIENCE_MS, () => this.#writer.reset('closing takes too long'));
    try {
      await this.#writer.close();
    } catch {
      // Nothing is left to do with a writer that cannot even be closed.
    }
    limit.cancel();
  }

  #failed(error: KernelError): void {
    void this.#loop.pause();
    this.#writerState.failed(error, this.#phase === 'running');
    this.#settle();
  }

  /** A reading went well. */
  #up(): void {
    if (!this.#writerState.recovered()) return;
    this.#loop.resume();
    this.#settle();
  }

  #occupant(ref: number): string | null {
    const other = this.#views.occupant(ref);
    return other === null ? null : `a route of protocol ${other} has this prefix, table and metric`;
  }
}
