/** A timer that was started with {@link Clock.after}. */
export interface Timer {
  /** Stop the timer. Harmless when it has run already. */
  cancel(): void;
}

/** Where all time comes from: real in `lib/io`, virtual in `lib/sim`. */
export interface Clock {
  /** Monotonic time in milliseconds; only differences mean something. */
  now(): number;
  /** Wall-clock time in milliseconds since the Unix epoch, for people to read. */
  wallTime(): number;
  /** Run once after `ms` milliseconds (0: as soon as possible, but not in this call). */
  after(ms: number, run: () => void): Timer;
  /** Run once at the end of the current turn of the event loop, after the I/O that is ready now was read. */
  soon(run: () => void): void;
}

/** A source of numbers in [0, 1), for jitter. Seeded in tests. */
export type Random = () => number;
