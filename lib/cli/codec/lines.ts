/** A line over the limit, of which only the length is known. */
export interface OverlongLine {
  readonly overlong: number;
}

const NEWLINE = 10;

/** Splits octets into lines as they arrive, in bounded memory. */
export class LineSplitter {
  private parts: Uint8Array[] = [];
  private length = 0;

  constructor(private readonly limit: number) {}

  /** The lines that this chunk completes, without their ends (`\n` or `\r\n`). */
  *push(chunk: Uint8Array): Generator<string | OverlongLine> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.keep(chunk.subarray(start, end));
      yield this.take();
      start = end + 1;
    }
    // The chunk belongs to the stream; what waits for its line's end is copied.
    this.keep(chunk.slice(start));
  }

  /** The last line, when it has no end. */
  *end(): Generator<string | OverlongLine> {
    if (this.length > 0) yield this.take();
  }

  private keep(part: Uint8Array): void {
    this.length += part.length;
    if (this.length <= this.limit) this.parts.push(part);
    else this.parts = [];
  }

  private take(): string | OverlongLine {
    const { parts, length } = this;
    this.parts = [];
    this.length = 0;
    if (length > this.limit) return { overlong: length };
    const text = Buffer.concat(parts).toString('utf8');
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }
}
