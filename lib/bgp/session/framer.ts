import { MAX_MESSAGE_LENGTH } from '../wire/context.js';
import type { MessageError } from '../wire/errors.js';
import { checkHeader, HEADER_LENGTH, headerLength, headerType } from '../wire/header.js';

/** Who takes the messages out of a stream. */
export interface MessageSink {
  /**
   * One whole message, header included, is `bytes[start..end)`: lent for the duration of the call.
   * @returns false: the connection is gone, stop here
   */
  onMessage(type: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The stream cannot be followed any more. `type` is what the header says, whether it means something or not. */
  onHeaderError(error: MessageError, type: number): void;
}

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of octets into messages (RFC 4271 section 4.1). Messages within one chunk are handed on where they lie;
 * only one that is split over chunks is copied. Never holds more than one message.
 */
export class Framer {
  /** Longest message taken; more once extended messages are negotiated (RFC 8654). */
  maxMessageLength = MAX_MESSAGE_LENGTH;
  /** The beginning of a split message is `#pending[0..#held)`. */
  #pending = NOTHING;
  #held = 0;
  /** Where in the chunk the last `push` stopped: at its end, or before a message. */
  position = 0;

  /**
   * Hand on the messages in `chunk[from..]`.
   * @param enough no message is handed on that begins after so many octets: go on at `position`
   * @returns how many messages were complete
   */
  push(chunk: Uint8Array, sink: MessageSink, from = 0, enough = Infinity): number {
    let at = from;
    let count = 0;
    this.position = chunk.length;
    if (this.#held > 0) {
      at = this.#complete(chunk, at, sink);
      if (at < 0) return 0;
      count = 1;
    }
    const stop = from + enough;
    for (;;) {
      if (at >= stop) {
        this.position = at;
        return count;
      }
      const header = checkHeader(chunk, at, chunk.length - at, this.maxMessageLength);
      if (typeof header !== 'number') {
        sink.onHeaderError(header, chunk[at + HEADER_LENGTH - 1]!);
        return count;
      }
      const end = at + headerLength(header);
      if (header === 0 || end > chunk.length) break;
      count++;
      if (!sink.onMessage(headerType(header), chunk, at, end)) return count;
      at = end;
    }
    this.#hold(chunk, at, HEADER_LENGTH);
    return count;
  }

  /** Go on with the split message. @returns where in the chunk the next one begins; -1: not yet, or no more */
  #complete(chunk: Uint8Array, from: number, sink: MessageSink): number {
    let at = from;
    if (this.#held < HEADER_LENGTH) at = this.#take(chunk, at, HEADER_LENGTH);
    const header = checkHeader(this.#pending, 0, this.#held, this.maxMessageLength);
    if (typeof header !== 'number') {
      sink.onHeaderError(header, this.#pending[HEADER_LENGTH - 1]!);
      return -1;
    }
    if (header === 0) return -1;
    const length = headerLength(header);
    at = this.#take(chunk, at, length);
    if (this.#held < length) return -1;
    const message = this.#pending;
    this.#pending = NOTHING;
    this.#held = 0;
    return sink.onMessage(headerType(header), message, 0, length) ? at : -1;
  }

  /** Move octets from `chunk[at..]` until `wanted` are held. @returns where it stopped */
  #take(chunk: Uint8Array, at: number, wanted: number): number {
    const end = Math.min(chunk.length, at + wanted - this.#held);
    this.#hold(chunk.subarray(0, end), at, wanted);
    return end;
  }

  #hold(chunk: Uint8Array, at: number, capacity: number): void {
    const needed = this.#held + chunk.length - at;
    if (needed === this.#held) return;
    if (this.#pending.length < needed) {
      const grown = new Uint8Array(Math.max(needed, capacity));
      grown.set(this.#pending.subarray(0, this.#held));
      this.#pending = grown;
    }
    this.#pending.set(at === 0 ? chunk : chunk.subarray(at), this.#held);
    this.#held = needed;
  }
}
