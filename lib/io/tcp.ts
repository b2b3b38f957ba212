import { connect, Socket } from 'node:net';
import { UsageError } from '../net/errors.js';
import { parsePrefix } from '../net/prefix.js';
import { checkMd5Key } from '../net/secret.js';
import { optionNames, type PeerSocketOptions, type SocketOptions } from '../net/socket-options.js';
import { isScopedAddress } from '../net/zone.js';
import type { Connection, ConnectHandler, ConnectOptions, Endpoint, Listener, Transport } from '../net/transport.js';
import { hasProcessors, threadBusyPoll } from './busy-poll.js';
import { whyNoLibc } from './libc.js';
import * as sockets from './socket-calls.js';
import { TcpConnection, transportError, type SocketIo } from './tcp-connection.js';
import { handOver, needsOptions, TcpListener } from './tcp-listener.js';

export interface TcpOptions {
  /** `send` answers false when more octets than this wait in one connection. Default 262144. */
  readonly highWaterMark?: number;
  /**
   * Stay awake for up to 0.2 ms while octets come in quick succession: changes get through sooner, for some processor time.
   * Default: where there is more than one processor.
   */
  readonly busyPoll?: boolean;
}

/**
 * TCP over IPv4 and IPv6. Addresses are literals, never names. Listeners on `0.0.0.0` and `::` can share a port: an IPv6
 * listener takes IPv6 only. {@link SocketOptions} need Linux and the optional package koffi, which is loaded for the first
 * connection or listener that has any.
 */
export class TcpTransport implements Transport {
  readonly #io: SocketIo;

  constructor({ highWaterMark = 262144, busyPoll = hasProcessors }: TcpOptions = {}) {
    this.#io = { highWaterMark, busyPoll: busyPoll ? threadBusyPoll : undefined };
  }

  whyNot(options: SocketOptions): string | undefined {
    const names = optionNames(options);
    if (names.length === 0) return undefined;
    if (options.md5Key !== undefined) checkMd5Key(options.md5Key);
    const reason = whyNoLibc() ?? whyKernelRefuses(options);
    return reason === undefined ? undefined : `${names.join(', ')} cannot be set: ${reason}`;
  }

  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void } {
    const { remote, localAddress, localPort } = options;
    requireAddress(remote.address);
    const where = {
      host: remote.address,
      port: remote.port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
    };
    let socket: Socket;
    try {
      socket = this.#dial(remote.address, where, options.socket ?? {});
    } catch (error) {
      if (error instanceof UsageError) throw error;
      // Told later, as all failures are.
      const soon = setImmediate(() => handler.onError(transportError(error as Error)));
      return { cancel: () => clearImmediate(soon) };
    }
    let settled = false;
    socket.once('connect', () => {
      if (settled) return;
      settled = true;
      handOver(new TcpConnection(socket, this.#io.busyPoll), (connection) => handler.onConnect(connection));
    });
    socket.once('error', (error) => {
      if (settled) return;
      settled = true;
      handler.onError(transportError(error));
    });
    return {
      cancel() {
        if (settled) return;
        settled = true;
        socket.on('error', () => undefined);
        socket.destroy();
      },
    };
  }

  #dial(address: string, where: { host: string; port: number }, options: SocketOptions): Socket {
    const io = { writableHighWaterMark: this.#io.highWaterMark } as object;
    if (optionNames(options).length === 0) return connect({ ...where, noDelay: true, ...io });
    this.#require(options);
    const fd = preparedSocket(address, options);
    let socket: Socket;
    try {
      // Reading before it is connected would fail.
      socket = new Socket({ fd, ...({ manualStart: true } as object), ...io });
    } catch (error) {
      sockets.closeSocket(fd);
      throw error;
    }
    socket.setNoDelay(true);
    return socket.connect(where);
  }

  #require(options: SocketOptions): void {
    const reason = this.whyNot(options);
    if (reason !== undefined) throw new UsageError('unsupported_socket_option', reason);
  }

  listen(
    at: Endpoint,
    onConnection: (connection: Connection) => void,
    peers: readonly PeerSocketOptions[] = [],
  ): Promise<Listener> {
    requireAddress(at.address);
    if (needsOptions(peers)) for (const peer of peers) this.#require(peer);
    return TcpListener.open(at, peers, this.#io, onConnection);
  }
}

/** Kernels can be built without TCP MD5, or forbid it: it is tried. */
function whyKernelRefuses(options: SocketOptions): string | undefined {
  try {
    sockets.closeSocket(preparedSocket('127.0.0.1', options));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A socket that has its options before the SYN leaves, and belongs to whoever takes it. */
function preparedSocket(address: string, options: SocketOptions): number {
  const family = sockets.addressLength(address);
  const fd = sockets.openSocket(family);
  try {
    sockets.setOptions(fd, family, options);
    if (options.md5Key !== undefined) sockets.setMd5Key(fd, parsePrefix(address.split('%')[0]!), options.md5Key);
  } catch (error) {
    sockets.closeSocket(fd);
    throw error;
  }
  return fd;
}

function requireAddress(address: string): void {
  if (!isScopedAddress(address)) throw new UsageError('bad_address', `not an IP address: '${address}'`, 'address');
}
