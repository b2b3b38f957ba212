import { crc32 } from 'node:zlib';
import { UsageError } from '../net/index.js';
import { BLOCK_HEADER, FIELDS, FORMAT_VERSION, isEvent, kindName, MAGIC } from './kinds.js';

const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);
/** No block is longer: its length is damaged. */
const MAX_BLOCK = 1 << 30;

/** Why a file ends where it does. */
export type TapeEnd = 'whole' | 'cut' | 'damaged';

/** Reads the records of one block. What stands in it is known to be whole. */
export class TapeReader {
  #at = 0;
  readonly #view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get position(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at >= this.bytes.length;
  }

  /** The kind of the next record; -1 at the end. */
  peek(): number {
    return this.bytes[this.#at] ?? -1;
  }

  /** The lowest bit of the next record's first field. */
  peekFlag(): boolean {
    return ((this.bytes[this.#at + 1] ?? 0) & 1) === 1;
  }

  u8(): number {
    if (this.ended) throw new RangeError('the block ends within a record');
    return this.bytes[this.#at++]!;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const octet = this.u8();
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
      scale *= 128;
    }
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  float(): number {
    const at = this.#at;
    this.#at += 8;
    return this.#view.getFloat64(at);
  }

  /** A view. */
  octets(): Uint8Array {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.bytes.length) throw new RangeError('the block ends within a record');
    const octets = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return octets;
  }

  text(): string {
    return decoder.decode(this.octets());
  }

  /** Go over a record, its kind included. @throws RangeError it is not whole; UsageError `bad_record` */
  skip(): void {
    const kind = this.u8();
    this.#fields(kind, 0);
  }

  /** Go over all fields of an event but the first. */
  rest(kind: number): void {
    this.#fields(kind, 1);
  }

  #fields(kind: number, first: number): void {
    const fields = FIELDS[kind];
    if (fields === undefined) throw new UsageError('bad_record', `a record of unknown ${kindName(kind)}`);
    for (const field of fields.slice(first)) {
      if (field === 'f') this.float();
      else if (field === 'o') this.octets();
      else this.number();
    }
  }
}

/** Cuts a file into blocks, wherever its chunks are cut. */
export class BlockReader {
  #held: Uint8Array = NOTHING;
  #hasHeader = false;
  #end: TapeEnd | undefined;

  /** What {@link finish} found; undefined before. */
  get end(): TapeEnd | undefined {
    return this.#end;
  }

  /**
   * The records of each block that is whole now.
   * @throws UsageError `not_a_recording`, `bad_version`
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    if (this.#end !== undefined) return;
    this.#held = this.#held.length === 0 ? chunk : concat(this.#held, chunk);
    if (!this.#hasHeader && !this.#takeHeader()) return;
    for (let block = this.#take(); block !== undefined; block = this.#take()) yield block;
  }

  #takeHeader(): boolean {
    const held = this.#held;
    const known = MAGIC.subarray(0, Math.min(MAGIC.length, held.length));
    if (known.some((octet, i) => held[i] !== octet)) {
      throw new UsageError('not_a_recording', 'not a recording of tsbgp');
    }
    if (held.length <= MAGIC.length) return false;
    const version = held[MAGIC.length]!;
    if (version !== FORMAT_VERSION) {
      throw new UsageError(
        'bad_version',
        `a recording of format ${version}; this is tsbgp for format ${FORMAT_VERSION}`,
      );
    }
    this.#held = held.subarray(MAGIC.length + 1);
    this.#hasHeader = true;
    return true;
  }

  #take(): Uint8Array | undefined {
    const held = this.#held;
    if (this.#end !== undefined || held.length < BLOCK_HEADER) return undefined;
    const view = new DataView(held.buffer, held.byteOffset);
    const length = view.getUint32(0);
    if (length > MAX_BLOCK) {
      this.#end = 'damaged';
      return undefined;
    }
    if (held.length < BLOCK_HEADER + length) return undefined;
    const block = held.subarray(BLOCK_HEADER, BLOCK_HEADER + length);
    if (crc32(block) !== view.getUint32(4)) {
      this.#end = 'damaged';
      return undefined;
    }
    this.#held = held.subarray(BLOCK_HEADER + length);
    return block;
  }

  /** The file is over. @returns the whole units at the beginning of a block that was cut off; empty: there are none */
  finish(): Uint8Array {
    if (!this.#hasHeader) throw new UsageError('not_a_recording', 'not a recording of tsbgp');
    if (this.#end !== undefined) return NOTHING;
    this.#end = this.#held.length === 0 ? 'whole' : 'cut';
    return wholeUnits(this.#held.subarray(BLOCK_HEADER));
  }
}

/** Up to the last event: what belongs to it may be missing. */
function wholeUnits(records: Uint8Array): Uint8Array {
  const reader = new TapeReader(records);
  let whole = 0;
  try {
    while (!reader.ended) {
      if (isEvent(reader.peek())) whole = reader.position;
      reader.skip();
    }
  } catch {
    // Cut off here.
  }
  return records.subarray(0, whole);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
