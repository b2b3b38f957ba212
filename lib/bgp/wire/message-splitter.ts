import { HEADER_LENGTH } from './header.js';

/** Octets of one message as found, and where they began in the stream. */
export interface FoundMessage {
  readonly offset: number;
  /** A whole message; or, where there is none, what stands between messages (at most 65535 octets at a time). */
  readonly octets: Uint8Array;
}

const MARKER_LENGTH = 16;
const MAX_LENGTH = 65535;

/**
 * Cuts a stream of messages that lie back to back, without a session: it never gives up. Where there is no message, it gives
 * what is there up to the next marker as one piece. Pieces joined give the stream back. Bounded memory.
 */
export class MessageSplitter {
  private buffer: Uint8Array = new Uint8Array(0);
  /** Stream offset of the buffer's first octet. */
  private offset = 0;

  /** The messages that this chunk completes. */
  *push(chunk: Uint8Array): Generator<FoundMessage> {
    if (this.buffer.length === 0) this.buffer = chunk;
    else {
      const joined = new Uint8Array(this.buffer.length + chunk.length);
      joined.set(this.buffer);
      joined.set(chunk, this.buffer.length);
      this.buffer = joined;
    }
    yield* this.cut(false);
    // The chunk belongs to the stream; what is left of it is copied.
    this.buffer = this.buffer.slice();
  }

  /** What is left when the stream has ended. */
  *end(): Generator<FoundMessage> {
    yield* this.cut(true);
  }

  private *cut(ended: boolean): Generator<FoundMessage> {
    let at = 0;
    while (at < this.buffer.length) {
      const length = this.pieceLength(at, ended);
      if (length === 0) break;
      yield { offset: this.offset + at, octets: this.buffer.slice(at, at + length) };
      at += length;
    }
    this.buffer = this.buffer.subarray(at);
    this.offset += at;
  }

  /** Octets of the piece that begins at `at`; 0 when more input is needed to tell. */
  private pieceLength(at: number, ended: boolean): number {
    const { buffer } = this;
    const available = buffer.length - at;
    if (available < HEADER_LENGTH) return ended ? available : 0;
    const length = (buffer[at + 16]! << 8) | buffer[at + 17]!;
    if (isMarker(buffer, at) && length >= HEADER_LENGTH) {
      return length <= available ? length : ended ? available : 0;
    }
    return this.gapLength(at, length, ended);
  }

  /** Not a message. A single wrong marker octet still leaves a Length that leads to the next message. */
  private gapLength(at: number, length: number, ended: boolean): number {
    const { buffer } = this;
    const available = buffer.length - at;
    const enough = available >= MAX_LENGTH + MARKER_LENGTH || ended;
    if (length >= HEADER_LENGTH && at + length + MARKER_LENGTH <= buffer.length && isMarker(buffer, at + length)) {
      return length;
    }
    if (!enough) return 0;
    for (let next = at + 1; next + MARKER_LENGTH <= buffer.length; next++) {
      if (next - at >= MAX_LENGTH) return MAX_LENGTH;
      if (isMarker(buffer, next)) return next - at;
    }
    return Math.min(available, MAX_LENGTH);
  }
}

function isMarker(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + MARKER_LENGTH; i++) if (bytes[i] !== 0xff) return false;
  return true;
}
