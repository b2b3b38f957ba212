import type { Clock } from '../net/index.js';
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

  #capacity = 16;
  /** Columns that have been doubled already, in the order of {@link COLUMNS}. */
  #grown = 0;
  #growAt = growthPoint(16, 0);

  constructor(readonly family: 4 | 6) {
    this.index = new PrefixIndex(family);
  }

  /** Make room for a row and set it to nothing. */
  clear(row: number): void {
    if (row >= this.#growAt) this.#grow(row);
    for (const name of COLUMNS) this[name][row] = 0;
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

  /**
   * Double one column after the other while the last quarter of the rows fills up: copying all of them at once would
   * stall the event loop for some tens of milliseconds at a million rows.
   */
  #grow(row: number): void {
    while (row >= this.#growAt) {
      const name = COLUMNS[this.#grown++]!;
      (this as Record<typeof name, unknown>)[name] = doubled(this[name], this.#capacity * 2);
      if (this.#grown === COLUMNS.length) {
        this.#grown = 0;
        this.#capacity *= 2;
      }
      this.#growAt = growthPoint(this.#capacity, this.#grown);
    }
  }
}

/** The time in {@link RouteColumns}. */
export function tenths(clock: Clock): number {
  return 1 + Math.floor(clock.now() / 100);
}

const COLUMNS = [
  'wanted',
  'kernel',
  'inflight',
  'flags',
  'attempts',
  'error',
  'retryAt',
  'fights',
  'fightAt',
  'wantedAt',
  'writtenAt',
  'acknowledgedAt',
  'seen',
] as const;

/** The row at which the nth column has to be doubled: the last one before the capacity is reached. */
function growthPoint(capacity: number, nth: number): number {
  return Math.floor((capacity * (48 + nth)) / 64);
}

function doubled<T extends Int32Array | Uint32Array | Uint16Array | Uint8Array>(old: T, rows: number): T {
  const column = new (old.constructor as new (n: number) => T)(rows);
  column.set(old);
  return column;
}
