import { Socket, type OnReadOpts } from 'node:net';
import type { BusyPoll } from './busy-poll.js';

/** What the system reads for all sockets goes here: a chunk is lent, and has been looked at before the next one is read. */
const BUFFER = new Uint8Array(1 << 16);

/** How the sockets of a transport are read and written. */
export interface SocketIo {
  /** Octets that may wait to be written. */
  readonly highWaterMark: number;
  newReader(): SocketReader;
}

/** What Node keeps inside of a socket: the connection itself. There is no public way to it. */
type Inner = Socket & { _handle?: object | null };

/**
 * Takes the octets of one socket without the stream that Node puts around it: no buffer and no object of the system for each
 * read, and less work between the kernel and the decoder.
 */
export class SocketReader {
  readonly #busyPoll: BusyPoll | undefined;
  /** Who takes the chunks. Before there is anybody the socket must be paused. */
  onChunk: (chunk: Uint8Array) => void = () => undefined;

  /** What makes a socket of Node read this way: `onread` of its options. */
  readonly options: OnReadOpts = {
    buffer: BUFFER,
    callback: (length) => {
      this.#busyPoll?.onRead();
      this.onChunk(BUFFER.subarray(0, length));
      return true;
    },
  };

  constructor(busyPoll?: BusyPoll) {
    this.#busyPoll = busyPoll;
  }

  /**
   * The connection of an accepted socket, which Node gives no `onread`, as a socket that has it: paused, with nothing read yet.
   * The given one must be paused too, and is spent.
   * @returns undefined when this Node does not tell what is inside of a socket
   */
  remake(accepted: Socket, writableHighWaterMark: number): Socket | undefined {
    const { _handle: handle } = accepted as Inner;
    if (handle === undefined || handle === null) return undefined;
    const made = new Socket({ handle, pauseOnCreate: true, writableHighWaterMark, onread: this.options } as object);
    if ((made as Inner)._handle !== handle) return undefined;
    // It lets go of the connection, and is over.
    (accepted as Inner)._handle = null;
    accepted.destroy();
    return made;
  }
}
