import { UsageError } from '../net/errors.js';
import type { Clock, Timer } from '../net/clock.js';

interface Entry extends Timer {
  readonly at: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

/** How often `runAsync` lets promises go on at each moment: more than any chain of awaits here is long. */
const PROMISE_TURNS = 20;

/** So many events at one moment are taken for an endless loop. */
const MOST_AT_ONCE = 50_000_000;

/**
 * Time that passes only when told to. Timers run in the order of their time, equal times in the order in which they were
 * started, so the same program always runs the same way.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #sequence = 0;
  readonly #wallStart: number;
  /** A binary heap, earliest first. Cancelled entries stay until their time or until they are the majority. */
  #heap: Entry[] = [];
  #cancelled = 0;
  #soon: (() => void)[] = [];

  /** @param wallStart wall-clock time at virtual time 0, Unix milliseconds; default 2025-01-01T00:00:00Z */
  constructor(wallStart = 1735689600000) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#wallStart + this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const entry: Entry = {
      at: this.#now + Math.max(0, ms),
      sequence: this.#sequence++,
      run,
      cancel: () => {
        if (entry.run === undefined) return;
        entry.run = undefined;
        if (++this.#cancelled * 2 > this.#heap.length + 64) this.#compact();
      },
    };
    this.#push(entry);
    return entry;
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Timers and `soon` calls that are still to run. */
  get pending(): number {
    return this.#heap.length - this.#cancelled + this.#soon.length;
  }

  /**
   * Let `ms` milliseconds pass, running all that falls due. Promises do not go on meanwhile: see {@link runAsync}.
   * @returns how many timers and `soon` calls ran
   */
  run(ms: number): number {
    const until = this.#now + ms;
    let count = 0;
    while (this.#step(until)) count++;
    this.#now = until;
    return count;
  }

  /**
   * Let time pass until `condition` holds; it is looked at before the first and after each event.
   * @returns the virtual milliseconds that it took
   * @throws UsageError `timeout` when it does not hold after `limitMs`
   */
  runUntil(condition: () => boolean, limitMs: number): number {
    const start = this.#now;
    while (!condition()) if (!this.#step(start + limitMs)) this.#fail(start, limitMs);
    return this.#now - start;
  }

  /** Like {@link run}, with promises going on at each moment. */
  async runAsync(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settlePromises();
    while (this.#step(until)) await settlePromises();
    this.#now = until;
  }

  /** Like {@link runUntil}, with promises going on at each moment. */
  async runUntilAsync(condition: () => boolean, limitMs: number): Promise<number> {
    const start = this.#now;
    await settlePromises();
    while (!condition()) {
      if (!this.#step(start + limitMs)) this.#fail(start, limitMs);
      await settlePromises();
    }
    return this.#now - start;
  }

  /**
   * Let time pass until `condition` holds or it is `until`, in milliseconds. Promises go on, and the condition is looked at,
   * when all that is due at one moment has run: cheaper than {@link runUntilAsync} where much happens at once.
   * @returns whether the condition holds
   */
  async runMoments(until: number, condition: () => boolean): Promise<boolean> {
    await settlePromises();
    while (!condition()) {
      if (!this.#stepMoment(until)) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      await settlePromises();
    }
    return true;
  }

  #stepMoment(until: number): boolean {
    if (!this.#step(until)) return false;
    const moment = this.#now;
    for (let steps = 0; this.#step(moment); steps++) {
      if (steps > MOST_AT_ONCE)
        throw new UsageError('timeout', `time stands still at ${moment} ms: there is no end of work`);
    }
    return true;
  }

  #fail(start: number, limitMs: number): never {
    this.#now = start + limitMs;
    throw new UsageError('timeout', `condition not met within ${limitMs} virtual ms`);
  }

  /** Run the next thing that is due by `until`. @returns false when there is none */
  #step(until: number): boolean {
    this.#dropCancelled();
    const next = this.#heap[0];
    // `soon` comes after all that is due now, as it comes after the I/O that is ready.
    if (this.#soon.length > 0 && (next === undefined || next.at > this.#now)) {
      const runs = this.#soon;
      this.#soon = [];
      for (const run of runs) run();
      return true;
    }
    if (next === undefined || next.at > until) return false;
    this.#pop();
    this.#now = Math.max(this.#now, next.at);
    const run = next.run!;
    next.run = undefined;
    run();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) {
      this.#pop();
      this.#cancelled--;
    }
  }

  #compact(): void {
    const live = this.#heap.filter((entry) => entry.run !== undefined);
    this.#heap = [];
    this.#cancelled = 0;
    for (const entry of live) this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < PROMISE_TURNS; turn++) await Promise.resolve();
}
