/** Reading past the end. Wire decoders catch it in one place and turn it into a Diagnostic. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/** A bounds-checked cursor over borrowed octets, network byte order. Reads throw {@link ReadError} at the end. */
export class Reader {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private take(count: number): number {
    const at = this.offset;
    if (at + count > this.end) throw new ReadError(`${count} octets wanted, ${this.end - at} left`);
    this.offset = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }

  u16(): number {
    const at = this.take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u24(): number {
    const at = this.take(3);
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
  }

  u32(): number {
    const at = this.take(4);
    const b = this.bytes;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  /** A view of the next `count` octets: borrowed, not copied. */
  view(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.view(this.remaining);
  }

  /** A Reader over the next `count` octets. */
  sub(count: number): Reader {
    const at = this.take(count);
    return new Reader(this.bytes, at, at + count);
  }

  skip(count: number): void {
    this.take(count);
  }
}
