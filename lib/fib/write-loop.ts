import type { Clock, Timer } from '../net/index.js';
import { asKernelError, KernelError } from './errors.js';
import type { FibEvent } from './events.js';
import { withoutMetric } from './body.js';
import { CulpritSearch } from './culprit.js';
import type { NexthopSync } from './nexthop-sync.js';
import { Retries } from './retries.js';
import { FLAG, tenths } from './route-table.js';
import type { RouteState } from './route-state.js';
import type { Sweeps } from './sweeps.js';
import type { FibWriter, RouteChange, WriteFailure } from './writer.js';
import { MixedQueue, WorkQueue } from './work-queue.js';

/** Unanswered batches at most: enough to keep a helper process busy while its answers are on their way. */
const MAX_OUTSTANDING = 8;
/** Rows looked at per turn, so that a long queue of unchanged rows does not stall the event loop. */
const ROWS_PER_TURN = 4000;
/** Changes written per turn: the first batches of many are made and encoded by code that never ran before. */
const CHANGES_PER_TURN = 1000;
/** The kernel says that a device is not up, or not there: no event told so, or it is still to be heard. */
const DEVICE_REFUSED = new Set(['ENODEV', 'ENETDOWN']);
/** The kernel found no link on which the gateway could be; one of our own routes may be in its way. */
const GATEWAY_REFUSED = new Set(['EGATEWAY', 'ENETUNREACH', 'EHOSTUNREACH']);

export interface WriteLoopOptions {
  readonly state: RouteState;
  readonly sweeps: Sweeps;
  readonly writer: FibWriter;
  /** Objects that routes refer to: they are written first. */
  readonly nexthops?: NexthopSync | undefined;
  readonly clock: Clock;
  readonly batchSize: number;
  /** No acknowledgement for so long: the writer is reset. */
  readonly writeTimeoutMs: number;
  readonly emit: (event: FibEvent) => void;
  /** Whether a route that is not wanted may be removed. */
  readonly mayRemove: (ref: number) => boolean;
  /** Asked last before a removal is written, and counted. */
  readonly takeRemoval: () => boolean;
  /** The writer failed as a whole; the loop waits until {@link WriteLoop.resume}. */
  readonly onWriterFailed: (error: KernelError) => void;
  /** An answer did not fit our picture of the kernel. */
  readonly onDoubt: (reason: string) => void;
  /** A batch was acknowledged: the writer works. */
  readonly onAcknowledged: () => void;
  /** Who holds the place that an `add` found taken, in words; null: nobody that we know of. */
  readonly occupant: (ref: number) => string | null;
  /** Something was finished: the owner may be idle now. */
  readonly onProgress: () => void;
}

interface Batch {
  /** Rows, and `~row` of what a row leaves behind. */
  readonly refs: number[];
  readonly changes: RouteChange[];
}

/**
 * Takes rows whose kernel state differs from the wanted one, writes them in batches, and keeps account of the answers.
 * The queue holds rows, not changes: what is written is what is wanted when the batch is made.
 */
export class WriteLoop {
  readonly #queue = new WorkQueue();
  /**
   * Rows to be removed, in no order: Linux takes ten times as long for a million IPv4 routes that go in ascending order, since
   * it looks for the longest prefix that is left in a node of its trie from the low end.
   */
  readonly #removals = new MixedQueue();
  #removalsFirst = false;
  /** Rows that wait for a better time. */
  readonly retries: Retries;
  #outstanding = 0;
  #paused = true;
  #scheduled = false;
  #whenQuiet: (() => void)[] = [];
  #watchdog: Timer | null = null;
  readonly #culprit: CulpritSearch;

  constructor(private readonly o: WriteLoopOptions) {
    this.#culprit = new CulpritSearch(o.batchSize);
    const { state, sweeps, clock, emit } = o;
    this.retries = new Retries({ state, sweeps, clock, emit, enqueue: (ref) => this.enqueue(ref) });
  }

  /** Nothing queued and nothing unanswered. */
  get isIdle(): boolean {
    return this.pending === 0 && this.#outstanding === 0 && !this.#scheduled && !this.o.nexthops?.isDirty;
  }

  get pending(): number {
    return this.#queue.size + this.#removals.size;
  }

  /** The row differs, or may differ. */
  enqueue(ref: number): void {
    if (this.o.state.hasFlag(ref, FLAG.queued)) return;
    this.o.state.setFlag(ref, FLAG.queued);
    if (this.o.state.wantedBody(ref) === 0) this.#removals.push(ref);
    else this.#queue.push(ref);
    this.schedule();
  }

  /** Write nothing more; resolves when nothing is unanswered. */
  pause(): Promise<void> {
    this.#paused = true;
    if (this.#outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  resume(): void {
    this.#paused = false;
    this.#culprit.resumed();
    this.schedule();
  }

  close(): void {
    this.#paused = true;
    this.#watchdog?.cancel();
    this.#watchdog = null;
    this.retries.close();
  }

  /** Something is to be written. */
  schedule(): void {
    if (this.#scheduled || this.#paused || (this.pending === 0 && !this.o.nexthops?.isDirty)) return;
    this.#scheduled = true;
    this.o.clock.soon(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#writeNexthops()) return;
    let budget = ROWS_PER_TURN;
    let written = 0;
    const most = this.#culprit.isSearching ? 1 : MAX_OUTSTANDING;
    const mayWrite = (): boolean => !this.#paused && this.#outstanding < most && this.pending > 0;
    while (mayWrite() && budget > 0 && written < CHANGES_PER_TURN) {
      const batch: Batch = { refs: [], changes: [] };
      this.#addSuspect(batch);
      if (batch.changes.length === 0) {
        while (batch.changes.length < this.#culprit.limit && this.pending > 0 && budget-- > 0) {
          const ref = this.#next();
          this.o.state.clearFlag(ref, FLAG.queued);
          this.#add(batch, ref);
        }
      }
      written += batch.changes.length;
      if (batch.changes.length > 0) this.#send(batch);
      // Neither has to wait for the end of the other.
      this.#removalsFirst = !this.#removalsFirst;
    }
    if (budget <= 0 || mayWrite()) this.schedule();
    this.o.onProgress();
  }

  /** What is due for a row. */
  #add({ refs, changes }: Batch, ref: number): void {
    const change = this.#plan(ref);
    if (!change) return;
    refs.push(ref);
    changes.push(change);
    const left = this.#left(ref, change);
    if (!left) return;
    refs.push(~ref);
    changes.push(left);
  }

  /** It stands in the queue as well, where nothing will be due for it. */
  #addSuspect(batch: Batch): void {
    const { suspect } = this.#culprit;
    if (suspect < 0) return;
    this.#add(batch, suspect);
    if (batch.changes.length === 0) this.#culprit.clear();
  }

  /** Objects come before the routes that refer to them. @returns whether some are on their way, so that routes have to wait */
  #writeNexthops(): boolean {
    const { nexthops } = this.o;
    if (!nexthops || this.#paused) return false;
    if (nexthops.isWriting) return true;
    const done = (error: KernelError | null): void => {
      if (error) this.#failed(error);
      else this.o.onAcknowledged();
      this.#finished();
    };
    if (!nexthops.write(done)) return false;
    this.#outstanding++;
    this.#guard();
    return true;
  }

  #next(): number {
    const removal = this.#queue.size === 0 || (this.#removalsFirst && this.#removals.size > 0);
    return removal ? this.#removals.take() : this.#queue.shift();
  }

  /** The change that brings a row nearer to what is wanted, if any is due. */
  #plan(ref: number): RouteChange | null {
    const { state } = this.o;
    const c = state.columns(ref);
    const row = ref >> 1;
    if (c.inflight[row] !== 0) return null; // looked at again when the answer comes
    const wanted = state.wantedBody(ref);
    const held = c.kernel[row]!;
    if (wanted === held) {
      this.#settled(ref);
      return null;
    }
    if (wanted === 0 && !this.o.mayRemove(ref)) return null;
    if (wanted !== 0 && held !== 0 && (c.flags[row]! & FLAG.doubt) !== 0) return null; // a reading was asked for
    if ((c.flags[row]! & FLAG.failed) !== 0 && c.retryAt[row]! > tenths(this.o.clock)) return null; // the retry timer brings it back
    if (wanted === 0 && !this.o.takeRemoval()) return null; // queued again when it may go
    c.inflight[row] = wanted === 0 ? -1 : state.bodies.hold(wanted);
    c.writtenAt[row] = tenths(this.o.clock);
    if (wanted === 0) return this.#change('delete', ref, held);
    const inPlace = held !== 0 && state.metricOf(c.family, held) === state.metricOf(c.family, wanted);
    return this.#change(inPlace ? 'replace' : 'add', ref, wanted);
  }

  #change(op: RouteChange['op'], ref: number, body: number): RouteChange {
    const { state } = this.o;
    return {
      op,
      prefix: state.prefix(ref),
      table: state.identity.table,
      protocol: state.identity.protocol,
      metric: state.metricOf(state.columns(ref).family, body),
      body: withoutMetric(op === 'delete' ? state.bodies.get(body) : state.bodies.forWriting(body)),
    };
  }

  /** A route with another metric than before has another place in the kernel: the old one is left, after the new one is taken. */
  #left(ref: number, { op }: RouteChange): RouteChange | null {
    const held = this.o.state.columns(ref).kernel[ref >> 1]!;
    return op === 'add' && held !== 0 ? this.#change('delete', ref, held) : null;
  }

  #send(batch: Batch): void {
    this.#outstanding++;
    this.#guard();
    let answer: Promise<readonly WriteFailure[]>;
    try {
      answer = this.o.writer.write(batch.changes);
    } catch (error) {
      answer = Promise.reject(error as Error);
    }
    answer.then(
      (failures) => this.#answered(batch, failures),
      (error: unknown) => this.#lost(batch, asKernelError(error)),
    );
  }

  #guard(): void {
    this.#watchdog?.cancel();
    this.#watchdog = null;
    if (this.#outstanding === 0) return;
    this.#watchdog = this.o.clock.after(this.o.writeTimeoutMs, () => {
      this.#watchdog = null;
      this.o.writer.reset(`no acknowledgement for ${this.o.writeTimeoutMs / 1000} s`);
    });
  }

  #finished(): void {
    this.#outstanding--;
    this.#guard();
    if (this.#outstanding === 0) for (const done of this.#whenQuiet.splice(0)) done();
    this.schedule();
    this.o.onProgress();
  }

  #answered(batch: Batch, failures: readonly WriteFailure[]): void {
    const failed = new Map(failures.map((failure) => [failure.index, failure]));
    const denied = failures.length === batch.refs.length && failures.every((failure) => failure.code === 'EPERM');
    batch.refs.forEach((ref, i) => {
      const failure = failed.get(i);
      if (ref < 0) return this.#leftBehind(batch.changes[i]!, failure);
      if (failure && !denied) this.#refused(ref, batch.changes[i]!, failure);
      else if (failure) this.#drop(ref);
      else this.#acknowledged(ref);
    });
    // Not one route's fault, and no use to try a million others.
    if (denied) this.#failed(new KernelError('EPERM', failures[0]!.message));
    else {
      this.#culprit.answered(batch.refs);
      this.o.onAcknowledged();
    }
    this.#finished();
  }

  /** What a route with a new metric left behind is gone; if not, a reading will find it. */
  #leftBehind(change: RouteChange, failure: WriteFailure | undefined): void {
    if (failure && failure.code !== 'ESRCH') this.o.onDoubt(`delete ${change.prefix}: ${failure.message}`);
  }

  #acknowledged(ref: number): void {
    const { state } = this.o;
    const c = state.columns(ref);
    const row = ref >> 1;
    const written = c.inflight[row]!;
    c.inflight[row] = 0;
    state.setKernel(ref, Math.max(written, 0));
    c.acknowledgedAt[row] = tenths(this.o.clock);
    c.flags[row]! &= ~FLAG.stale;
    if (state.wantedBody(ref) === c.kernel[row]) this.#settled(ref);
    else this.enqueue(ref);
  }

  /** Kernel and wish are one: nothing of a failure or a foreign change is left. */
  #settled(ref: number): void {
    const { state } = this.o;
    const c = state.columns(ref);
    const row = ref >> 1;
    if ((c.flags[row]! & FLAG.foreign) !== 0) this.o.emit({ type: 'repaired', prefix: state.prefix(ref) });
    else if ((c.flags[row]! & FLAG.failed) !== 0 && c.kernel[row] !== 0) {
      this.o.emit({ type: 'routeRecovered', prefix: state.prefix(ref) });
    }
    c.flags[row]! &= ~(FLAG.failed | FLAG.foreign | FLAG.unsure | FLAG.doubt);
    c.attempts[row] = c.error[row] = 0;
    c.retryAt[row] = 0;
    state.tidy(ref);
  }

  /** Forget that something is under way. */
  #drop(ref: number): void {
    const c = this.o.state.columns(ref);
    const row = ref >> 1;
    this.o.state.bodies.release(c.inflight[row]!);
    c.inflight[row] = 0;
    this.o.state.setFlag(ref, FLAG.unsure);
    this.enqueue(ref);
  }

  #refused(ref: number, change: RouteChange, failure: WriteFailure): void {
    const { state } = this.o;
    const c = state.columns(ref);
    const row = ref >> 1;
    if (change.op === 'delete' && failure.code === 'ESRCH') return this.#acknowledged(ref); // gone already
    const body = c.inflight[row]!;
    const retryOnlink = body > 0 && GATEWAY_REFUSED.has(failure.code) && state.bodies.tryOnlink(body, change.body);
    state.bodies.release(body);
    c.inflight[row] = 0;
    if (retryOnlink) return this.enqueue(ref);
    const occupant = failure.code === 'EEXIST' ? this.o.occupant(ref) : null;
    // Our picture said there was none, or that there was one.
    const doubt =
      failure.code === 'ESRCH' ||
      (failure.code === 'EEXIST' && occupant === null) ||
      (DEVICE_REFUSED.has(failure.code) && c.attempts[row] === 0);
    if (doubt) this.o.onDoubt(`${change.op} ${change.prefix}: ${failure.message}`);
    this.retries.fail(ref, new KernelError(failure.code, occupant ?? failure.message), describe(change));
  }

  /** Who holds a route's place in the kernel, in words; null: nobody that we know of. */
  occupant(ref: number): string | null {
    return this.o.occupant(ref);
  }

  /** The writer failed in the middle: nobody knows which of these were made. */
  #lost(batch: Batch, error: KernelError): void {
    const rows = batch.refs.filter((ref) => ref >= 0);
    for (const ref of rows) this.#drop(ref);
    // The change that ends the writer every time must not stop all others.
    if (error.code === 'EEXIT' && this.#culprit.lost(rows)) {
      this.retries.fail(rows[0]!, error, describe(batch.changes[0]!));
    }
    this.#failed(error);
    this.#finished();
  }

  #failed(error: KernelError): void {
    this.#paused = true;
    this.o.onWriterFailed(error);
  }
}

function describe(change: RouteChange): string {
  return change.op === 'delete' ? 'delete' : change.body.key;
}
