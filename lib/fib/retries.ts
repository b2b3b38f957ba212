import { doublingDelay } from '../net/backoff.js';
import type { Clock, Timer } from '../net/index.js';
import { ErrorTable, type KernelError } from './errors.js';
import type { FibEvent } from './events.js';
import { FLAG, tenths, type RouteColumns } from './route-table.js';
import type { RouteState } from './route-state.js';
import type { Sweeps } from './sweeps.js';

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;

export interface RetriesOptions {
  readonly state: RouteState;
  readonly sweeps: Sweeps;
  readonly clock: Clock;
  readonly emit: (event: FibEvent) => void;
  /** The time of a row has come. */
  readonly enqueue: (ref: number) => void;
}

/** Routes that failed or are left alone: why, and when each is looked at again. One timer for all. */
export class Retries {
  readonly #errors = new ErrorTable();
  #timer: Timer | null = null;
  #atMs = Infinity;
  /** Devices that came up while a walk for others was under way. */
  #risen = new Set<string>();
  #isLooking = false;

  constructor(private readonly o: RetriesOptions) {}

  /** The last error of a route. */
  errorOf(ref: number): KernelError | null {
    return this.#errors.get(this.o.state.columns(ref).error[ref >> 1]!);
  }

  /** Note a failure of one route, tell it, and try again later. */
  fail(ref: number, error: KernelError, change: string): void {
    const c = this.o.state.columns(ref);
    const row = ref >> 1;
    const known = this.errorOf(ref);
    c.attempts[row] = Math.min(250, c.attempts[row]! + 1);
    const retryInMs = doublingDelay(c.attempts[row]! - 1, RETRY_FIRST_MS, RETRY_MAX_MS);
    c.error[row] = this.#errors.idOf(error);
    this.hold(ref, retryInMs);
    if (known?.message !== error.message) {
      this.o.emit({ type: 'routeFailed', prefix: this.o.state.prefix(ref), change, error, retryInMs });
    }
  }

  /** Leave a row alone for a while. */
  hold(ref: number, ms: number): void {
    const c = this.o.state.columns(ref);
    c.flags[ref >> 1]! |= FLAG.failed;
    c.retryAt[ref >> 1] = tenths(this.o.clock) + Math.ceil(ms / 100);
    this.#wake(ms + 100);
  }

  /** Try a failed or held row now, without waiting for its time. */
  now(ref: number): void {
    this.o.state.columns(ref).retryAt[ref >> 1] = 0;
    this.o.enqueue(ref);
  }

  /** Try all that waits now. @returns when it is queued */
  allNow(): Promise<void> {
    return this.o.sweeps.run((ref, c, row) => {
      if ((c.flags[row]! & FLAG.failed) !== 0) this.now(ref);
    });
  }

  /** A device is up: what was refused over it is tried now. */
  deviceUp(device: string): void {
    if (this.#timer === null) return; // nothing waits
    this.#risen.add(device);
    if (!this.#isLooking) this.#look();
  }

  #look(): void {
    const devices = this.#risen;
    this.#risen = new Set();
    this.#isLooking = true;
    const { state, sweeps } = this.o;
    const visit = (ref: number, c: RouteColumns, row: number): void => {
      if ((c.flags[row]! & FLAG.failed) === 0 || c.attempts[row] === 0) return;
      const body = state.wantedBody(ref);
      if (body === 0) return;
      if (state.bodies.get(body).hops.some((hop) => devices.has(hop.device ?? ''))) this.now(ref);
    };
    sweeps.begin(visit, () => {
      this.#isLooking = false;
      if (this.#risen.size > 0) this.#look();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wake(ms: number): void {
    const at = this.o.clock.now() + ms;
    if (at >= this.#atMs) return;
    this.#atMs = at;
    this.#timer?.cancel();
    this.#timer = this.o.clock.after(ms, () => this.#due());
  }

  #due(): void {
    this.#atMs = Infinity;
    this.#timer = null;
    const now = tenths(this.o.clock);
    let next = Infinity;
    const visit = (ref: number, { flags, retryAt }: ReturnType<RouteState['columns']>, row: number): void => {
      if ((flags[row]! & FLAG.failed) === 0) return;
      if (retryAt[row]! <= now) this.o.enqueue(ref);
      else next = Math.min(next, retryAt[row]!);
    };
    this.o.sweeps.begin(visit, () => {
      if (next !== Infinity) this.#wake(Math.max(100, (next - tenths(this.o.clock)) * 100));
    });
  }
}
