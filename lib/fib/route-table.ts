import { PrefixIndex } from './prefix-index.js';

/** Bits of {@link RouteColumns.flags}. */
export const FLAG = {
  /** In the work queue. */
  queued: 1,
  /** The last attempt failed; the next one is at `retryAt`. */
  failed: 2,
  /** Found in the kernel at start and not wanted in this run so far. */
  stale: 4,
  /** The kernel's copy was altered by somebody else; told once the right one is back. */
  foreign: 8,
  /** A change was under way when the writer failed: a difference to what was known is nobody else's doing. */
  unsure: 16,
  /** The watch told that our route is gone. A replace could hit another's route now: it waits for the next reading. */
  doubt: 32,
} as const;

/**
 * All that is known about the routes of one family: what is wanted and what the kernel holds, side by side, one row
 * per prefix, integers only. Times are in tenths of a second since the Fib was made; 0 is never.
 */
export class RouteColumns {
  readonly index: PrefixIndex;
  /** Number of the wanted target; 0: not wanted. */
  wanted = new Int32Array(16);
  /** Number of the body that the kernel holds; 0: none. */
  kernel = new Int32Array(16);
  /** Number of the body that is being written; -1: a delete; 0: nothing under way. */
  inflight = new Int32Array(16);
  flags = new Uint8Array(16);
  /** Failures in a row. */
  attempts = new Uint8Array(16);
  /** Number of the last error; 0: none. */
  error = new Uint16Array(16);
  retryAt = new Uint32Array(16);
  /** Foreign changes noticed lately, and when the last one was. */
  fights = new Uint8Array(16);
  fightAt = new Uint32Array(16);
  wantedAt = new Uint32Array(16);
  writtenAt = new Uint32Array(16);
  acknowledgedAt = new Uint32Array(16);
  /** Number of the reading of the kernel's table that met the row last. */
  seen = new Uint32Array(16);

  constructor(readonly family: 4 | 6) {
    this.index = new PrefixIndex(family);
  }

  /** Make room for a row and set it to nothing. */
  clear(row: number): void {
    if (row >= this.wanted.length) this.#grow();
    this.wanted[row] = this.kernel[row] = this.inflight[row] = 0;
    this.flags[row] = this.attempts[row] = this.error[row] = this.fights[row] = 0;
    this.retryAt[row] = this.fightAt[row] = this.seen[row] = 0;
    this.wantedAt[row] = this.writtenAt[row] = this.acknowledgedAt[row] = 0;
  }

  /** Whether nothing is wanted, held or under way, so that the row can be given back. */
  isEmpty(row: number): boolean {
    return (
      this.wanted[row] === 0 &&
      this.kernel[row] === 0 &&
      this.inflight[row] === 0 &&
      (this.flags[row]! & FLAG.queued) === 0
    );
  }

  #grow(): void {
    const rows = this.wanted.length * 2;
    const copy = <T extends Int32Array | Uint32Array | Uint16Array | Uint8Array>(old: T): T => {
      const grown = new (old.constructor as new (n: number) => T)(rows);
      grown.set(old);
      return grown;
    };
    this.wanted = copy(this.wanted);
    this.kernel = copy(this.kernel);
    this.inflight = copy(this.inflight);
    this.flags = copy(this.flags);
    this.attempts = copy(this.attempts);
    this.error = copy(this.error);
    this.retryAt = copy(this.retryAt);
    this.fights = copy(this.fights);
    this.fightAt = copy(this.fightAt);
    this.wantedAt = copy(this.wantedAt);
    this.writtenAt = copy(this.writtenAt);
    this.acknowledgedAt = copy(this.acknowledgedAt);
    this.seen = copy(this.seen);
  }
}
