/** Deleting the kernel's connection tracking entries of addresses that are somewhere else now. */
import { doublingDelay } from '../net/backoff.js';
import type { Clock, Timer } from '../net/index.js';
import { asKernelError, type KernelError } from './errors.js';
import type { FibEvent } from './events.js';

/** How connection tracking entries are deleted. */
export interface ConntrackTable {
  /**
   * Delete the entries of flows that one of these hosts began (original source) or answers (reply source). Resolves also
   * when there were none.
   * @throws KernelError (rejects) when it is unknown whether all are gone
   */
  deleteEntries(addresses: readonly string[]): Promise<void>;
  /** Give up what is under way. */
  close(): void;
}

/** Moves come in bursts: wait so long for the rest of one. */
const GATHER_MS = 100;
/** Each address costs two walks through the kernel's table: so many at once, and a rest after. */
const BATCH = 128;
const REST_MS = 250;
/** A route that is not written after so long will not be soon: its entries go all the same. */
const PATIENCE_MS = 10_000;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Addresses that may wait; beyond, the oldest are forgotten. */
const MOST = 100_000;
const FORGOTTEN_TOLD_MS = 10_000;

/** How it stands with connection tracking entries of addresses that moved. */
export interface ConntrackSummary {
  /** Addresses whose entries are still to be deleted. */
  readonly waiting: number;
  /** Those whose entries were deleted, and those that were forgotten because too many waited; since the start. */
  readonly deleted: number;
  readonly forgotten: number;
}

export interface ConntrackCleanerOptions {
  readonly table: ConntrackTable;
  readonly clock: Clock;
  readonly emit: (event: FibEvent) => void;
  /** Whether the kernel's route to an address is still to be written: packets would make the entries anew. */
  readonly isPending: (address: string) => boolean;
}

/** Deletes in batches, at its own pace, never in the way of routes. */
export class ConntrackCleaner {
  /** Since when each address waits. */
  readonly #waiting = new Map<string, number>();
  #timer: Timer | null = null;
  #busy = false;
  #closed = false;
  #failures = 0;
  #deleted = 0;
  #forgotten = 0;
  /** How many of these were told, and when. */
  #forgottenTold = 0;
  #forgottenToldAt = -Infinity;

  constructor(private readonly o: ConntrackCleanerOptions) {}

  summary(): ConntrackSummary {
    return { waiting: this.#waiting.size, deleted: this.#deleted, forgotten: this.#forgotten };
  }

  /** A host is somewhere else now. */
  moved(address: string): void {
    if (this.#closed) return;
    this.#wait(address);
    this.#schedule(GATHER_MS);
  }

  #wait(address: string): void {
    this.#waiting.set(address, this.o.clock.now());
    if (this.#waiting.size <= MOST) return;
    this.#waiting.delete(this.#waiting.keys().next().value!);
    this.#forgotten++;
  }

  #tellForgotten(): void {
    const now = this.o.clock.now();
    if (this.#closed || this.#forgotten === this.#forgottenTold || now - this.#forgottenToldAt < FORGOTTEN_TOLD_MS)
      return;
    this.o.emit({ type: 'conntrackForgotten', addresses: this.#forgotten - this.#forgottenTold });
    this.#forgottenTold = this.#forgotten;
    this.#forgottenToldAt = now;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.o.table.close();
  }

  #schedule(ms: number): void {
    if (this.#busy || this.#closed || this.#waiting.size === 0) return;
    this.#timer ??= this.o.clock.after(ms, () => {
      this.#timer = null;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#tellForgotten();
    const now = this.o.clock.now();
    const batch: string[] = [];
    for (const [address, since] of this.#waiting) {
      if (batch.length === BATCH) break;
      if (now - since < PATIENCE_MS && this.o.isPending(address)) continue;
      batch.push(address);
    }
    for (const address of batch) this.#waiting.delete(address);
    let pause = REST_MS;
    if (batch.length > 0) {
      this.#busy = true;
      try {
        await this.o.table.deleteEntries(batch);
        this.#failures = 0;
        this.#deleted += batch.length;
        if (!this.#closed) this.o.emit({ type: 'conntrackDeleted', addresses: batch });
      } catch (error) {
        pause = this.#failed(batch, asKernelError(error));
      }
      this.#busy = false;
    }
    this.#schedule(pause);
  }

  /** @returns when to try again */
  #failed(batch: readonly string[], error: KernelError): number {
    const retryInMs = doublingDelay(this.#failures, RETRY_FIRST_MS, RETRY_MAX_MS);
    if (this.#closed) return retryInMs;
    // What moved again meanwhile waits already.
    for (const address of batch) if (!this.#waiting.has(address)) this.#wait(address);
    if (this.#failures++ === 0) this.o.emit({ type: 'conntrackFailed', error, retryInMs });
    return retryInMs;
  }
}
