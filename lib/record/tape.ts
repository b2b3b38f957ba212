import { FIELDS, isEvent, KIND, kindName } from './kinds.js';
import { TapeReader } from './tape-reader.js';

/** The speaker did not do what it did when it was recorded: another version, or a bug. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';
}

/** One event as it stands in the file. */
export interface TapeEvent {
  readonly kind: number;
  /** Position in the file: how many events were before it. */
  readonly index: number;
  /** Milliseconds on the recorded clock. */
  readonly time: number;
  /** Nothing that was going on in promises had gone on. */
  readonly joined: boolean;
  /** Its fields but the first: numbers and octets. */
  readonly fields: readonly (number | Uint8Array)[];
}

const decoder = new TextDecoder();

export const textOf = (field: number | Uint8Array | undefined): string => decoder.decode(field as Uint8Array);

/** The records of a file in order: events for who replays, readings for the speaker. */
export class Tape {
  #reader = new TapeReader(new Uint8Array(0));
  readonly #values: string[] = [];
  #micros = 0;
  #wall = 0;
  /** When that was, on the clock that never jumps. */
  #wallAt = 0;
  #events = 0;
  /** After the recorded part: the speaker finishes its work, time stands still, and nothing is asked of the file. */
  #free = false;
  #looking = 0;
  #divergence: DivergenceError | undefined;

  /** Go on with the next block. */
  load(block: Uint8Array): void {
    this.#reader = new TapeReader(block);
  }

  /** The time of the last record, milliseconds. */
  get time(): number {
    return this.#micros / 1000;
  }

  /** The wall clock as it was read last, Unix milliseconds. */
  get wall(): number {
    return this.#wall / 1000;
  }

  get divergence(): DivergenceError | undefined {
    return this.#divergence;
  }

  get isFree(): boolean {
    return this.#free;
  }

  release(): void {
    this.#free = true;
  }

  valueOf(index: number): string {
    const value = this.#values[index];
    if (value === undefined) throw this.diverge(`value ${index} is not known`);
    return value;
  }

  diverge(what: string): DivergenceError {
    this.#divergence ??= new DivergenceError(`event ${this.#events}: ${what}`);
    // Nothing is thrown into the speaker: it could not help it. It goes on, and is stopped after this event.
    this.#free = true;
    return this.#divergence;
  }

  /** The kind of the next record that is no definition; -1 at the end of the block. */
  #peek(): number {
    const reader = this.#reader;
    for (let kind = reader.peek(); kind === KIND.value || kind === KIND.forget; kind = reader.peek()) {
      reader.u8();
      if (kind === KIND.value) this.#values.push(reader.text());
      else this.#values.length = 0;
    }
    return reader.peek();
  }

  /**
   * The next event of the block; undefined at its end.
   * @throws DivergenceError when readings are left over
   */
  next(): TapeEvent | undefined {
    const kind = this.#peek();
    if (kind < 0) return undefined;
    if (!isEvent(kind)) throw this.diverge(`the speaker asked for less: next in the file is ${kindName(kind)}`);
    const reader = this.#reader;
    reader.u8();
    const head = reader.number();
    this.#micros += Math.floor(head / 2);
    const fields = fieldsOf(reader, kind);
    return { kind, index: this.#events++, time: this.time, joined: head % 2 === 1, fields };
  }

  /** Whether the next event came before anything went on in promises after the last one. */
  get isNextJoined(): boolean {
    return isEvent(this.#peek()) && this.#reader.peekFlag();
  }

  /** The next record, which must be such a reading; undefined: there is none, or nothing is asked of the file now. */
  #reading(kind: number): TapeReader | undefined {
    if (this.#free || this.#looking > 0) return undefined;
    const next = this.#peek();
    if (next !== kind) {
      const found = next < 0 ? 'nothing' : kindName(next);
      this.diverge(`the speaker asked for ${kindName(kind)} where the file has ${found}`);
      return undefined;
    }
    this.#reader.u8();
    return this.#reader;
  }

  /** Let somebody look at the speaker: what is asked meanwhile is not in the file. */
  look<T>(look: () => T): T {
    this.#looking++;
    try {
      return look();
    } finally {
      this.#looking--;
    }
  }

  now(): number {
    this.#micros += this.#reading(KIND.now)?.number() ?? 0;
    return this.time;
  }

  wallTime(): number {
    const reading = this.#reading(KIND.wallTime);
    if (reading === undefined) return (this.#wall + this.#micros - this.#wallAt) / 1000;
    this.#wall += reading.signed();
    this.#wallAt = this.#micros;
    return this.wall;
  }

  random(): number {
    return this.#reading(KIND.random)?.float() ?? 0.5;
  }

  sent(connection: number, octets: number): boolean {
    const reader = this.#reading(KIND.sent);
    if (reader === undefined) return true;
    const [from, answer] = [reader.number(), reader.number()];
    const length = Math.floor(answer / 2);
    if (from !== connection || length !== octets) {
      this.diverge(`${octets} octets sent on connection ${connection}, recorded ${length} on ${from}`);
    }
    return answer % 2 === 1;
  }

  queued(): number {
    return this.#reading(KIND.queued)?.number() ?? 0;
  }

  /** An answer about the machine's addresses, as JSON; undefined: it is not recorded. */
  networks(): string | undefined {
    const reader = this.#reading(KIND.networks);
    return reader && this.valueOf(reader.number());
  }

  outcome(): string {
    return this.#reading(KIND.outcome)?.text() ?? '{}';
  }
}

const FIELD_READERS = {
  v: (reader: TapeReader) => reader.number(),
  o: (reader: TapeReader) => reader.octets(),
} as const;

function fieldsOf(reader: TapeReader, kind: number): (number | Uint8Array)[] {
  return [...FIELDS[kind]!.slice(1)].map((field) => FIELD_READERS[field as 'v' | 'o'](reader));
}
