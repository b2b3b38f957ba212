import { crc32 } from 'node:zlib';
import type { Clock, Timer } from '../net/clock.js';
import { FORMAT_VERSION, isEvent, KIND, MAGIC, type Kind } from './kinds.js';
import { TapeWriter } from './tape-writer.js';

/** Where a recording goes: a file (`tsbgp/record`, `RecordFile`), or memory. */
export interface RecordSink {
  /**
   * Take the next octets; they are not changed afterwards.
   * @returns false: nothing is taken any more, because of an error or because it is too slow
   */
  append(octets: Uint8Array): boolean;
  /** Be given what is not written yet when the process ends. */
  atExit?(last: () => Uint8Array): void;
  /** Nothing comes any more. Resolves when all is written. */
  close(): Promise<void>;
}

export interface RecorderOptions {
  readonly clock: Clock;
  readonly sink: RecordSink;
  /** Octets that the file may have; default 500 MB. */
  readonly limit?: number;
  /** Told once when the recording ends before the speaker does. */
  readonly onEnd?: (reason: string) => void;
}

/** A block is handed on when it has so many octets … */
const BLOCK_OCTETS = 1 << 18;
/** … or is so old: that much a SIGKILL can cost. */
const BLOCK_MS = 50;
const DEFAULT_LIMIT = 500e6;
/** Kept free for the mark at the end. */
const END_OCTETS = 256;

/** Texts that are remembered: about 80 MB. */
const MOST_VALUES = 2e6;

interface Deferred {
  readonly kind: Kind;
  readonly write: (tape: TapeWriter) => void;
  readonly run: () => void;
}

/**
 * Writes down all that can make a run of the speaker another one. Everything that reaches the speaker comes through
 * {@link event}, one thing after the other; what it asks meanwhile is written behind it.
 */
export class Recorder {
  readonly #clock: Clock;
  readonly #sink: RecordSink;
  readonly #tape = new TapeWriter();
  readonly #left: { octets: number };
  readonly #onEnd: ((reason: string) => void) | undefined;
  /** By hash: texts would take too much memory. */
  readonly #values = new Map<number, number>();
  readonly #deferred: Deferred[] = [];
  /** Reported routes not written yet: consecutive numbers. */
  #run: { readonly call: number; readonly first: number; count: number } | undefined;
  #ids = 0;
  #connections = 0;
  #depth = 0;
  #observing = 0;
  /** Promises went on after the last unit. */
  #settled = true;
  #lastMicros = 0;
  #lastWall = 0;
  #later: Timer | undefined;
  #flushTimer: Timer | undefined;
  #ended = false;

  constructor(options: RecorderOptions) {
    this.#clock = options.clock;
    this.#sink = options.sink;
    this.#left = { octets: (options.limit ?? DEFAULT_LIMIT) - END_OCTETS };
    this.#onEnd = options.onEnd;
    this.#append(Uint8Array.of(...MAGIC, FORMAT_VERSION));
    this.#sink.atExit?.(() => (this.#ended ? new Uint8Array(0) : this.#tape.take()));
  }

  /** Whether what is asked now counts: it is not asked by somebody who only looks. */
  get isCore(): boolean {
    return !this.#ended && this.#observing === 0;
  }

  /** The number of the next timer, call … */
  nextId(): number {
    return ++this.#ids;
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  /** Within a unit: what comes now has to wait for its turn. */
  get isBusy(): boolean {
    return this.#depth > 0;
  }

  /** Nothing is written any more. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  // --- events ---

  /** Something reached the speaker. @param write the fields after the time. @param run what the speaker does about it */
  event(kind: Kind, write: (tape: TapeWriter) => void, run: () => void): void {
    if (this.#depth > 0) {
      // Told in the middle of something else: its turn comes right afterwards.
      this.#deferred.push({ kind, write, run });
      return;
    }
    this.#event(kind, write, run);
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) {
      this.#event(next.kind, next.write, next.run);
    }
  }

  #event(kind: Kind, write: (tape: TapeWriter) => void, run: () => void): void {
    this.#begin(kind);
    if (!this.#ended) write(this.#tape);
    this.#depth++;
    try {
      run();
    } finally {
      this.#depth--;
      this.#settled = false;
      queueMicrotask(() => (this.#settled = true));
    }
  }

  /** An event about something that the speaker does at once and answers: an order of the application. */
  call<T>(write: (tape: TapeWriter) => void, run: () => T): T {
    if (this.#depth > 0) return run();
    let answer: { readonly value: T } | undefined;
    this.event(KIND.call, write, () => (answer = { value: run() }));
    return answer!.value;
  }

  /** An event that the speaker need not hear of. */
  note(kind: Kind, write: (tape: TapeWriter) => void): void {
    if (this.#depth === 0) this.event(kind, write, () => undefined);
  }

  /** Give `run` a turn of its own, so that what it goes on with in promises is not mixed with anything. */
  turn(run: () => void): void {
    this.#clock.soon(run);
  }

  /** Run after some time, unless the recording has ended by then; one such thing at a time. */
  afterwards(ms: number, run: () => void): void {
    this.#later = this.#clock.after(ms, run);
  }

  /** Let somebody look at the speaker: what is asked meanwhile has no effect on it. */
  observe<T>(look: () => T): T {
    this.#observing++;
    try {
      return look();
    } finally {
      this.#observing--;
    }
  }

  #begin(kind: Kind): void {
    if (this.#ended) return;
    this.#endRun();
    if (this.#tape.size >= BLOCK_OCTETS && this.#settled) this.flush();
    if (this.#ended) return;
    this.#planFlush();
    const tape = this.#tape;
    tape.u8(kind);
    if (isEvent(kind)) tape.number(this.#passed() * 2 + Number(!this.#settled));
  }

  // --- readings ---

  /** Microseconds since the last time that is in the file. */
  #passed(): number {
    const micros = Math.max(this.#lastMicros, Math.floor(this.#clock.now() * 1000));
    const passed = micros - this.#lastMicros;
    this.#lastMicros = micros;
    return passed;
  }

  now(): number {
    if (!this.isCore) return this.#clock.now();
    const passed = this.#passed();
    this.#reading(KIND.now).number(passed);
    return this.#lastMicros / 1000;
  }

  wallTime(): number {
    const time = this.#clock.wallTime();
    if (!this.isCore) return time;
    const micros = Math.round(time * 1000);
    this.#reading(KIND.wallTime).signed(micros - this.#lastWall);
    this.#lastWall = micros;
    return micros / 1000;
  }

  random(value: number): number {
    if (this.isCore) this.#reading(KIND.random).float(value);
    return value;
  }

  /** The answer of `send`. */
  sent(connection: number, octets: number, hasRoom: boolean): boolean {
    if (!this.isCore) return hasRoom;
    const tape = this.#reading(KIND.sent);
    tape.number(connection);
    tape.number(octets * 2 + Number(hasRoom));
    return hasRoom;
  }

  queued(octets: number): number {
    if (this.isCore) this.#reading(KIND.queued).number(octets);
    return octets;
  }

  /** An answer about the machine's addresses, as JSON. */
  networks(json: string): void {
    if (!this.isCore) return;
    const value = this.value(json);
    this.#reading(KIND.networks).number(value);
  }

  /** How a call of the speaker ended, as JSON. */
  outcome(json: string): void {
    if (this.isCore) this.#reading(KIND.outcome).text(json);
  }

  #reading(kind: Kind): TapeWriter {
    this.#endRun();
    this.#tape.u8(kind);
    return this.#tape;
  }

  /** The number of a text that comes up again. */
  value(text: string): number {
    if (this.#ended) return 0;
    const key = hashOf(text);
    let number = this.#values.get(key);
    if (number !== undefined) return number;
    if (this.#values.size >= MOST_VALUES) {
      this.#endRun();
      this.#values.clear();
      this.#tape.u8(KIND.forget);
    }
    number = this.#values.size;
    this.#values.set(key, number);
    this.#tape.u8(KIND.value);
    this.#tape.text(text);
    return number;
  }

  /** A writer reports a route while it reads the kernel's tables. */
  visit(call: number, value: number, run: () => void): void {
    const reported = this.#run;
    if (reported?.call === call && reported.first + reported.count === value) reported.count++;
    else {
      this.#endRun();
      this.#run = { call, first: value, count: 1 };
    }
    run();
  }

  #endRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    if (this.#ended) return;
    const tape = this.#tape;
    tape.u8(KIND.visit);
    tape.number(this.#passed() * 2 + Number(!this.#settled));
    tape.number(run.call);
    tape.number(run.first);
    tape.number(run.count);
  }

  // --- the file ---

  #planFlush(): void {
    this.#flushTimer ??= this.#clock.after(BLOCK_MS, () => {
      this.#flushTimer = undefined;
      // In the middle of something: a block holds all of it.
      if (!this.#settled) return this.#planFlush();
      this.#endRun();
      this.flush();
    });
  }

  /** Hand on what there is. Never within a unit. */
  flush(): void {
    if (this.#depth > 0 || this.#ended || this.#tape.size === 0) return;
    const block = this.#tape.take();
    if (block.length > this.#left.octets) this.#end('the file is full');
    else if (!this.#append(block)) this.#end('it cannot be written fast enough');
  }

  #append(octets: Uint8Array): boolean {
    this.#left.octets -= octets.length;
    return this.#sink.append(octets);
  }

  #stop(): void {
    this.#ended = true;
    this.#values.clear();
    this.#later?.cancel();
    this.#flushTimer?.cancel();
  }

  #end(reason: string): void {
    this.#stop();
    const tape = new TapeWriter();
    tape.u8(KIND.end);
    tape.number(0);
    tape.text(reason);
    this.#sink.append(tape.take());
    void this.#sink.close();
    this.#onEnd?.(reason);
  }

  /** The speaker has stopped. Resolves when all is written. */
  async close(reason = 'stopped'): Promise<void> {
    if (this.#ended) return;
    this.note(KIND.end, (tape) => tape.text(reason));
    this.#endRun();
    this.flush();
    this.#stop();
    await this.#sink.close();
  }
}

/** 53 bits: CRC-32, and FNV-1a for the rest. */
function hashOf(text: string): number {
  let fnv = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) fnv = Math.imul(fnv ^ text.charCodeAt(i), 0x01000193);
  return crc32(text) * 0x200000 + (fnv >>> 11);
}
