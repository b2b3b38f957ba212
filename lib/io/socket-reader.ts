import type { Socket } from 'node:net';
import type { BusyPoll } from './busy-poll.js';
import { handleOf, isEndOfStream, streamBinding, systemError, type StreamHandle } from './stream-binding.js';

/** What the system reads for all sockets goes here: a chunk is lent, and has been looked at before the next one is read. */
const BUFFER = Buffer.allocUnsafeSlow(1 << 16);
/** Not as a Buffer: its slice() would give readers a view where they expect a copy. */
const OCTETS = new Uint8Array(BUFFER.buffer);

/** What a {@link SocketReader} tells. */
export interface SocketReaderHooks {
  /** Octets, lent for this call. */
  onChunk(chunk: Uint8Array): void;
  /** Nothing more comes, and the connection is of no use any more. */
  onEnd(error?: Error): void;
}

/**
 * Takes the octets of one socket without the stream that Node puts around it: no buffer and no object of the system for each
 * read, and less work between the kernel and the decoder. The socket is paused all the while, as far as Node knows.
 */
export class SocketReader {
  readonly #socket: Socket;
  readonly #hooks: SocketReaderHooks;
  readonly #handle: StreamHandle | undefined;
  #isOver = false;

  /**
   * Nothing is read before {@link resume}.
   * @param socket connected, and not read from yet
   */
  constructor(socket: Socket, hooks: SocketReaderHooks, busyPoll?: BusyPoll) {
    this.#socket = socket;
    this.#hooks = hooks;
    socket.pause();
    this.#handle = handleOf(socket);
    if (this.#handle === undefined) this.#readStream();
    else this.#readHandle(this.#handle, busyPoll);
  }

  #readHandle(handle: StreamHandle, busyPoll: BusyPoll | undefined): void {
    const { streamBaseState, kReadBytesOrError } = streamBinding!;
    handle.useUserBuffer(BUFFER);
    handle.onread = () => {
      const length = streamBaseState[kReadBytesOrError]!;
      if (length > 0) {
        busyPoll?.onRead();
        this.#hooks.onChunk(OCTETS.subarray(0, length));
      } else if (length < 0) this.#onOver(length);
    };
  }

  #readStream(): void {
    this.#socket.on('data', ({ buffer, byteOffset, length }: Buffer) => {
      this.#hooks.onChunk(new Uint8Array(buffer, byteOffset, length));
    });
    this.#socket.on('end', () => this.#hooks.onEnd());
  }

  #onOver(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hooks.onEnd(isEndOfStream(status) ? undefined : systemError(status, 'read'));
  }

  pause(): void {
    if (this.#handle === undefined) this.#socket.pause();
    else if (this.#handle.reading === true) {
      this.#handle.reading = false;
      if (!this.#socket.destroyed) this.#handle.readStop();
    }
  }

  resume(): void {
    if (this.#handle === undefined) this.#socket.resume();
    else if (this.#handle.reading !== true && !this.#isOver && !this.#socket.destroyed) {
      this.#handle.reading = true;
      const status = this.#handle.readStart();
      if (status !== 0) this.#onOver(status);
    }
  }
}
