import type { Socket } from 'node:net';
import { handleOf, streamBinding, systemError, type StreamHandle, type WriteRequest } from './stream-binding.js';

/**
 * Hands octets to the system at once, without the stream that Node puts around a socket, which takes a quarter of the time
 * of a small write. Once the system takes no more, the stream is used until all that waits is written.
 */
export class SocketWriter {
  readonly #socket: Socket;
  readonly #handle: StreamHandle | undefined;
  readonly #onDrain: () => void;
  /** Used again and again, as long as the system takes all of each write. */
  #request: WriteRequest | undefined;
  /** Octets in front of those that wait in the stream. */
  #waiting = 0;
  /** `send` answered false because of them. */
  #isFull = false;

  /** @param onDrain called once for each run of `send` that answered false, when nothing waits any more */
  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
    this.#handle = handleOf(socket);
    socket.on('drain', () => {
      if (!this.#isFull) onDrain();
    });
  }

  /** Octets that the system has not taken. */
  get queuedBytes(): number {
    return this.#socket.writableLength + this.#waiting;
  }

  /** @returns false: more waits than the socket's high-water mark, or nothing can be sent any more */
  send(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket.writable) return false;
    if (this.#handle !== undefined && this.#waiting === 0 && socket.writableLength === 0) {
      return this.#write(this.#handle, bytes);
    }
    const hasRoom = socket.write(bytes);
    if (this.#waiting > 0) this.#isFull ||= this.queuedBytes >= socket.writableHighWaterMark;
    return hasRoom && !this.#isFull;
  }

  #write(handle: StreamHandle, bytes: Uint8Array): boolean {
    const request = (this.#request ??= this.#newRequest());
    const status = handle.writeBuffer(request, bytes);
    if (status !== 0) {
      this.#socket.destroy(systemError(status, 'write'));
      return false;
    }
    const { streamBaseState, kLastWriteWasAsync } = streamBinding!;
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    request.buffer = bytes;
    this.#request = undefined;
    // None may be left, with its end still to be told.
    this.#waiting = Math.max(1, handle.writeQueueSize);
    this.#isFull = this.#waiting >= this.#socket.writableHighWaterMark;
    return !this.#isFull;
  }

  #newRequest(): WriteRequest {
    const request = new streamBinding!.WriteWrap();
    request.oncomplete = (status) => this.#onWritten(status);
    return request;
  }

  #onWritten(status: number): void {
    this.#waiting = 0;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (status !== 0) {
      socket.destroy(systemError(status, 'write'));
      return;
    }
    const wasFull = this.#isFull;
    this.#isFull = false;
    // Otherwise the stream tells.
    if (wasFull && !socket.writableNeedDrain) this.#onDrain();
  }
}
