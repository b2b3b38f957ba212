import type { Clock } from '../net/index.js';
import type { RouteState } from './route-state.js';
import type { RouteColumns } from './route-table.js';

export interface SweepsOptions {
  readonly state: RouteState;
  readonly clock: Clock;
  /** Some sweep came to its end: the owner may be idle now. */
  readonly onProgress: () => void;
}

/** Walks over all routes, a slice in each turn of the event loop: a million of them take longer than a keepalive may be late. */
export class Sweeps {
  #running = 0;
  #closed = false;

  constructor(private readonly o: SweepsOptions) {}

  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Call for each row in use; the first slice is done before this returns. @param done after the last, unless closed before */
  begin(visit: (ref: number, c: RouteColumns, row: number) => void, done?: () => void): void {
    void this.run(visit).then(() => {
      if (!this.#closed) done?.();
    });
  }

  /** As {@link begin}. @returns a promise for the end, which also {@link close} brings */
  async run(visit: (ref: number, c: RouteColumns, row: number) => void): Promise<void> {
    this.#running++;
    await this.o.state.forEachInSlices(visit, () => this.#breathe());
    this.#running--;
    this.o.onProgress();
  }

  close(): void {
    this.#closed = true;
  }

  #breathe(): Promise<boolean> {
    return new Promise((resolve) => this.o.clock.soon(() => resolve(!this.#closed)));
  }
}
