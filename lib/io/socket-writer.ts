import type { Socket } from 'node:net';
import { handleOf, streamBinding, systemError, type StreamHandle, type WriteRequest } from './stream-binding.js';

/** What a {@link SocketWriter} tells. */
export interface SocketWriterHooks {
  /** Once for each run of `send` that answered false, when nothing waits any more. */
  onDrain(): void;
  /** Once: nothing can be sent any more. What the other side had sent before may still be read. */
  onBroken(error: Error): void;
}

/**
 * Hands octets to the system without the stream that Node puts around a socket, which takes a quarter of the time of a small
 * write, and destroys the socket when a write fails: with it would go what the other side said before it closed.
 */
export class SocketWriter {
  readonly #socket: Socket;
  readonly #hooks: SocketWriterHooks;
  readonly #handle: StreamHandle | undefined;
  /** Used again and again, as long as the system takes all of each write. */
  #request: WriteRequest | undefined;
  /** Writes that the system has not taken as a whole. */
  #pending = 0;
  /** `send` answered false because of them. */
  #isFull = false;
  #isBroken = false;

  constructor(socket: Socket, hooks: SocketWriterHooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    this.#handle = handleOf(socket);
    if (this.#handle === undefined) socket.on('drain', () => hooks.onDrain());
  }

  /** Octets that the system has not taken. */
  get queuedBytes(): number {
    if (this.#handle === undefined) return this.#socket.writableLength;
    // None may be left, with the end of the last write still to be told.
    return this.#pending === 0 ? 0 : Math.max(1, this.#handle.writeQueueSize);
  }

  /** @returns false: more waits than the socket's high-water mark, or nothing can be sent any more */
  send(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket.writable || this.#isBroken) return false;
    if (this.#handle === undefined) return socket.write(bytes);
    const request = (this.#request ??= this.#newRequest());
    const status = this.#handle.writeBuffer(request, bytes);
    if (status !== 0) return this.#break(status);
    const { streamBaseState, kLastWriteWasAsync } = streamBinding!;
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    request.buffer = bytes;
    this.#request = undefined;
    this.#pending++;
    this.#isFull ||= this.#handle.writeQueueSize >= socket.writableHighWaterMark;
    return !this.#isFull;
  }

  #newRequest(): WriteRequest {
    const request = new streamBinding!.WriteWrap();
    request.oncomplete = (status) => this.#onWritten(status);
    return request;
  }

  #onWritten(status: number): void {
    this.#pending--;
    if (this.#socket.destroyed || this.#isBroken) return;
    if (status !== 0) this.#break(status);
    else if (this.#pending === 0 && this.#isFull) {
      this.#isFull = false;
      this.#hooks.onDrain();
    }
  }

  #break(status: number): false {
    this.#isBroken = true;
    this.#hooks.onBroken(systemError(status, 'write'));
    return false;
  }
}
