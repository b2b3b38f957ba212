import type { Socket } from 'node:net';
import { canonicalScopedAddress } from '../net/zone.js';
import { TransportError } from '../net/errors.js';
import type { Connection, ConnectionHandler, Endpoint } from '../net/transport.js';
import type { BusyPoll } from './busy-poll.js';
import { closingLine } from './closing-line.js';
import { SocketReader } from './socket-reader.js';
import { SocketWriter } from './socket-writer.js';
import { descriptorOf } from './stream-binding.js';

/** How the sockets of a transport are read and written. */
export interface SocketIo {
  /** Octets that may wait to be written. */
  readonly highWaterMark: number;
  readonly busyPoll: BusyPoll | undefined;
}

/** So long, in milliseconds, for what came before the end of a connection that nobody can write to any more; it may be paused. */
const LAST_WORDS_MS = 1000;

/** One TCP connection on a socket of Node. */
export class TcpConnection implements Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  readonly #writer: SocketWriter;
  #handler: ConnectionHandler | undefined;
  #error: TransportError | undefined;
  /** Why nothing can be sent any more, while what the other side sent before is still read. */
  #broken: Error | undefined;
  #lastWords: NodeJS.Timeout | undefined;

  /** @param socket connected, and not read from yet. @param busyPoll told when something was read */
  constructor(socket: Socket, busyPoll?: BusyPoll) {
    this.#socket = socket;
    const onChunk = (chunk: Uint8Array): void => this.#handler!.onData(chunk);
    // The other side will send nothing more. A BGP session cannot go on with that, so what is queued is not worth sending.
    const onEnd = (error?: Error): void => closingLine.add(() => socket.destroy(this.#broken ?? error));
    this.#reader = new SocketReader(socket, { onChunk, onEnd }, busyPoll);
    const onDrain = (): void => this.#handler?.onDrain();
    this.#writer = new SocketWriter(socket, { onDrain, onBroken: (error) => this.#onBroken(error) });
    this.local = endpointOf(socket.localAddress, socket.localPort);
    this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
    socket.on('error', (error) => (this.#error ??= transportError(error)));
    socket.on('close', () => {
      clearTimeout(this.#lastWords);
      this.#handler?.onClose(this.#error);
    });
  }

  /** Nothing can be sent any more, but the other side may have said why: it has closed, so its end comes by itself. */
  #onBroken(error: Error): void {
    this.#broken = error;
    this.#lastWords = setTimeout(() => this.#socket.destroy(error), LAST_WORDS_MS);
  }

  /** Its number in the system. Undefined once it is closed. */
  get descriptor(): number | undefined {
    return descriptorOf(this.#socket);
  }

  get hasHandler(): boolean {
    return this.#handler !== undefined;
  }

  setHandler(handler: ConnectionHandler): void {
    if (this.#handler === undefined) this.#reader.resume();
    this.#handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    return this.#writer.send(bytes);
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** A socket's address in canonical form: IPv4 out of its IPv6-mapped form, a link-local one with its zone. */
export function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  const plain = (address ?? '::').replace(/^::ffff:(?=\d+\.)/i, '');
  return Object.freeze({ address: canonicalScopedAddress(plain), port: port ?? 0 });
}

const MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)',
  EADDRINUSE: 'address and port are in use',
  EADDRNOTAVAIL: 'local address not available',
  ECONNABORTED: 'connection aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  EPIPE: 'connection closed by the peer',
  ETIMEDOUT: 'connection timed out',
};

/** Any error of the socket layer as a TransportError: the system's code, a sentence for people, the original as cause. */
export function transportError(error: Error): TransportError {
  const code = (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
  return new TransportError(code, MESSAGES[code] ?? error.message, { cause: error });
}
