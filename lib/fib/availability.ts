import { doublingDelay } from '../net/backoff.js';
import type { Clock, Timer } from '../net/index.js';
import type { KernelError } from './errors.js';
import type { FibEvent } from './events.js';

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 30_000;

/** Whether the writer works at all, and when to try it again if not. */
export class Availability {
  #error: KernelError | null = null;
  #times = 0;
  #timer: Timer | null = null;

  constructor(
    private readonly o: {
      readonly clock: Clock;
      readonly emit: (event: FibEvent) => void;
      readonly onRetry: () => void;
    },
  ) {}

  /** Why nothing can be written or read; null: it can. */
  get error(): KernelError | null {
    return this.#error;
  }

  /** The writer failed. @param retry false: only note it */
  failed(error: KernelError, retry: boolean): void {
    const first = this.#error === null;
    this.#error = error;
    if (this.#timer || !retry) return;
    const retryInMs = doublingDelay(this.#times++, RETRY_FIRST_MS, RETRY_MAX_MS);
    if (first) this.o.emit({ type: 'writerDown', error, retryInMs });
    this.#timer = this.o.clock.after(retryInMs, () => {
      this.#timer = null;
      this.o.onRetry();
    });
  }

  /** The kernel could be read. @returns false when the writer has failed since and waits to be tried again */
  recovered(): boolean {
    if (this.#timer) return false;
    if (this.#error) {
      this.#error = null;
      this.o.emit({ type: 'writerUp' });
    }
    return true;
  }

  /** A batch was written: a failure after this one is a new one, and tried again soon. */
  acknowledged(): void {
    this.#times = 0;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
