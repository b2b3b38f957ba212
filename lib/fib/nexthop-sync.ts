import { doublingDelay } from '../net/backoff.js';
import type { Clock, Timer } from '../net/index.js';
import { asKernelError, KernelError } from './errors.js';
import type { FibEvent } from './events.js';
import { nexthopKey, type KernelNexthop, type NexthopChange } from './nexthop.js';
import type { NexthopObjects } from './nexthop-objects.js';
import type { NexthopWriter, WriteFailure } from './writer.js';

const BATCH = 500;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** As for routes: foreign changes that are put right at once, for how long the next ones are not, and when they are forgiven. */
const PATIENCE = 3;
const HOLD_MAX_MS = 300_000;
const FORGIVE_MS = 600_000;
const GATEWAY_REFUSED = new Set(['EGATEWAY', 'ENETUNREACH', 'EHOSTUNREACH']);
const UNSUPPORTED = new Set(['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']);

export interface NexthopSyncOptions {
  readonly objects: NexthopObjects;
  readonly writer: NexthopWriter;
  readonly clock: Clock;
  readonly emit: (event: FibEvent) => void;
  /** Targets have to be looked at again: their routes can have objects now, or have to do without. */
  readonly onTargets: () => void;
  /** Something is to be written. */
  readonly onDirty: () => void;
  /** Our picture of the kernel is wrong. */
  readonly onDoubt: (reason: string) => void;
}

interface Trouble {
  failures: number;
  fights: number;
  fightAt: number;
  retryAt: number;
  message: string;
}

/** Reads and writes nexthop objects, and decides what becomes of routes whose object cannot be had. */
export class NexthopSync {
  readonly #trouble = new Map<number, Trouble>();
  #inflight = new Map<number, NexthopChange>();
  #timer: Timer | null = null;
  #limit = BATCH;
  #isUnavailable = false;
  /** A failure left open what was written: a difference is nobody else's doing. */
  #isUnsure = true;
  /** Objects that were gone at the last reading, and their routes with them. */
  #lost = new Set<number>();

  constructor(private readonly o: NexthopSyncOptions) {}

  get isDirty(): boolean {
    return this.o.objects.isDirty && !this.#isUnavailable;
  }

  /** Read all objects. @param changedLinks devices with which objects may have gone. @throws KernelError (rejects) */
  async read(changedLinks: ReadonlySet<string>): Promise<void> {
    if (this.#isUnavailable) return;
    const met: KernelNexthop[] = [];
    try {
      await this.o.writer.read((nexthop) => met.push(nexthop));
    } catch (error) {
      if (!(error instanceof KernelError) || !UNSUPPORTED.has(error.code)) throw error;
      return this.#unavailable(error);
    }
    const { objects } = this.o;
    const before = objects.heldNow();
    objects.take(met);
    this.#lost = new Set(before.map(({ id }) => id).filter((id) => objects.held(id) === null));
    const unsure = this.#isUnsure;
    this.#isUnsure = false;
    for (const { id, key, text, devices, members } of before) {
      const found = objects.held(id);
      if (found === key || unsure || devices.some((device) => changedLinks.has(device))) continue;
      // A group changes with its ways, without anybody's doing.
      if (!members.some((member) => this.#lost.has(member))) this.#foreignChange(id, text, found);
    }
  }

  /** All routes of ours that the kernel holds are known: objects that none of them uses may go. */
  allowRemovals(): void {
    this.o.objects.allowRemovals();
  }

  /** Whether a route is gone because its object is. */
  wasLost(id: number): boolean {
    return this.#lost.has(id);
  }

  #foreignChange(id: number, nexthop: string, found: string | null): void {
    const { objects, clock, emit } = this.o;
    if (!objects.isWanted(id)) return;
    const trouble = this.#troubleOf(id);
    const now = clock.now();
    if (now - trouble.fightAt > FORGIVE_MS) trouble.fights = 0;
    trouble.fightAt = now;
    trouble.fights++;
    const change = found === null ? 'deleted' : 'altered';
    if (trouble.fights <= PATIENCE) return emit({ type: 'foreignNexthopChange', id, nexthop, change, retryInMs: 0 });
    const retryInMs = doublingDelay(trouble.fights - PATIENCE - 1, RETRY_FIRST_MS, HOLD_MAX_MS);
    emit({ type: 'foreignNexthopChange', id, nexthop, change, retryInMs });
    objects.refuse(id, new KernelError('EBUSY', 'another program keeps changing this nexthop object'));
    this.#retryIn(trouble, retryInMs);
    this.o.onTargets();
  }

  /** Something was written, and is not answered yet. */
  get isWriting(): boolean {
    return this.#inflight.size > 0;
  }

  /**
   * Write what is to be written.
   * @param done called later, with an error when the writer failed as a whole
   * @returns false: there is nothing, and `done` is not called
   */
  write(done: (error: KernelError | null) => void): boolean {
    if (!this.isDirty) return false;
    const all = this.o.objects.changes();
    for (const { id } of all.slice(this.#limit)) this.o.objects.touch(id);
    const changes = all.length > this.#limit ? all.slice(0, this.#limit) : all;
    if (changes.length === 0) return false;
    this.#inflight = new Map(changes.map((change) => [change.id, change]));
    this.o.writer.write(changes).then(
      (failures) => done(this.#answered(changes, failures)),
      (error: unknown) => done(this.#failed(changes, asKernelError(error))),
    );
    return true;
  }

  /** @returns an error that is not one object's fault */
  #answered(changes: readonly NexthopChange[], failures: readonly WriteFailure[]): KernelError | null {
    this.#inflight = new Map();
    const failed = new Map(failures.map((failure) => [failure.index, failure]));
    const denied = failures.find(({ code }) => code === 'EPERM');
    if (denied) {
      this.#isUnsure = true;
      return new KernelError('EPERM', denied.message);
    }
    this.#limit = Math.min(BATCH, this.#limit * 2);
    let isOther = false;
    changes.forEach((change, i) => {
      const failure = failed.get(i);
      const isGone = change.op === 'delete' && (failure?.code === 'ENOENT' || failure?.code === 'ESRCH');
      if (failure && !isGone) isOther = this.#refused(change, failure) || isOther;
      else if (this.o.objects.acknowledged(change)) {
        isOther = true;
        this.o.emit({ type: 'nexthopRecovered', id: change.id, nexthop: this.o.objects.text(change.id) });
        this.#trouble.get(change.id)!.failures = 0;
      }
    });
    if (isOther) this.o.onTargets();
    return null;
  }

  /** The writer failed: nobody knows which of these were made. A reading follows. */
  #failed(changes: readonly NexthopChange[], error: KernelError): KernelError {
    this.#inflight = new Map();
    this.#isUnsure = true;
    if (error.code !== 'EEXIT') return error;
    // The change that ends the writer every time must not stop all others.
    if (changes.length === 1 && this.#limit === 1) this.#note(changes[0]!, error);
    this.#limit = Math.max(1, Math.min(this.#limit, changes.length) >> 1);
    return error;
  }

  /** @returns whether targets are concerned */
  #refused(change: NexthopChange, failure: WriteFailure): boolean {
    const { objects } = this.o;
    const { id, op } = change;
    if (op === 'delete') {
      this.o.onDoubt(`delete nexthop object ${id}: ${failure.message}`);
      return false;
    }
    if (GATEWAY_REFUSED.has(failure.code) && objects.tryOnlink(id)) return false;
    if (op === 'add' && failure.code === 'EEXIST') {
      objects.lose(id);
      this.o.onDoubt(`nexthop object ${id} is there already`);
      return true;
    }
    if (UNSUPPORTED.has(failure.code)) {
      this.#unavailable(new KernelError(failure.code, failure.message));
      return true;
    }
    if (objects.hasRefusedMember(id)) return true;
    this.#note(change, new KernelError(failure.code, failure.message));
    return true;
  }

  /** Routes do without the object, and it is tried again later. */
  #note({ id }: NexthopChange, error: KernelError): void {
    const { objects } = this.o;
    const trouble = this.#troubleOf(id);
    const retryInMs = doublingDelay(trouble.failures++, RETRY_FIRST_MS, RETRY_MAX_MS);
    objects.refuse(id, error);
    this.#retryIn(trouble, retryInMs);
    if (trouble.failures > 1 && trouble.message === error.message) return;
    trouble.message = error.message;
    this.o.emit({ type: 'nexthopFailed', id, nexthop: objects.text(id), error, retryInMs });
  }

  #troubleOf(id: number): Trouble {
    let trouble = this.#trouble.get(id);
    if (!trouble) {
      trouble = { failures: 0, fights: 0, fightAt: -Infinity, retryAt: Infinity, message: '' };
      this.#trouble.set(id, trouble);
    }
    return trouble;
  }

  #retryIn(trouble: Trouble, ms: number): void {
    trouble.retryAt = this.o.clock.now() + ms;
    this.#arm();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const at = Math.min(...[...this.#trouble.values()].map(({ retryAt }) => retryAt));
    if (!Number.isFinite(at)) return;
    this.#timer = this.o.clock.after(Math.max(0, at - this.o.clock.now()), () => this.#retryDue());
  }

  #retryDue(): void {
    const now = this.o.clock.now();
    for (const [id, trouble] of this.#trouble) {
      if (trouble.retryAt > now) continue;
      trouble.retryAt = Infinity;
      if (this.o.objects.errorOf(id)) this.o.objects.retry(id);
      else if (now - trouble.fightAt > FORGIVE_MS) this.#trouble.delete(id);
    }
    this.#arm();
    this.o.onDirty();
  }

  #unavailable(error: KernelError): void {
    if (this.#isUnavailable) return;
    this.#isUnavailable = true;
    this.o.objects.disable();
    this.o.emit({ type: 'nexthopObjectsUnavailable', error });
  }

  /** Whether an event says nothing new. */
  isExpected(nexthop: KernelNexthop, deleted: boolean): boolean {
    const { id, protocol } = nexthop;
    const { objects } = this.o;
    if (this.#isUnavailable || protocol !== objects.protocol || !objects.has(id)) return false;
    const key = nexthopKey(nexthop);
    const inflight = this.#inflight.get(id);
    if (inflight) return (inflight.op === 'delete') === deleted && (deleted || nexthopKey(inflight) === key);
    return deleted ? objects.held(id) === null : objects.held(id) === key;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
