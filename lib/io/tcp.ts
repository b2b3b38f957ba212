import { connect, createServer, type Server, type Socket } from 'node:net';
import createDebug from 'debug';
import { UsageError } from '../net/errors.js';
import { isScopedAddress } from '../net/zone.js';
import type { Connection, ConnectHandler, ConnectOptions, Endpoint, Listener, Transport } from '../net/transport.js';
import { endpointOf, TcpConnection, transportError } from './tcp-connection.js';

const debug = createDebug('tsbgp:tcp');

export interface TcpOptions {
  /** `send` answers false when more octets than this wait in one connection. Default 262144. */
  readonly highWaterMark?: number;
}

/**
 * TCP over IPv4 and IPv6. Addresses are literals, never names. Listeners on `0.0.0.0` and `::` can share a port: an IPv6
 * listener takes IPv6 only.
 */
export class TcpTransport implements Transport {
  readonly #highWaterMark: number;

  constructor(options: TcpOptions = {}) {
    this.#highWaterMark = options.highWaterMark ?? 262144;
  }

  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void } {
    const { remote, localAddress, localPort } = options;
    requireAddress(remote.address);
    const socket: Socket = connect({
      host: remote.address,
      port: remote.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
      ...({ writableHighWaterMark: this.#highWaterMark } as object),
    });
    let settled = false;
    socket.once('connect', () => {
      if (settled) return;
      settled = true;
      handOver(new TcpConnection(socket), (connection) => handler.onConnect(connection));
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

  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener> {
    requireAddress(at.address);
    const server = createServer({ noDelay: true, highWaterMark: this.#highWaterMark }, (socket) => {
      // Gone again between the kernel's accept and ours: there is nobody to talk to.
      if (socket.remoteAddress === undefined) socket.destroy();
      else handOver(new TcpConnection(socket), onConnection);
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(transportError(error)));
      server.listen({ host: at.address, port: at.port, ipv6Only: at.address.includes(':') }, () => {
        server.removeAllListeners('error');
        // Running out of descriptors must not end the process; the kernel offers the connection again.
        server.on('error', (error) => debug('accept on %s port %d: %s', at.address, at.port, error.message));
        resolve(listenerOf(server));
      });
    });
  }
}

/** Nobody listens to a connection whose taker set no handler: it is closed. */
function handOver(connection: TcpConnection, take: (connection: Connection) => void): void {
  take(connection);
  if (!connection.hasHandler) connection.destroy();
}

function listenerOf(server: Server): Listener {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has an address and a port');
  return {
    local: endpointOf(bound.address, bound.port),
    close() {
      // The port is free at once; accepted connections live on, so their end is not waited for.
      server.close();
      return Promise.resolve();
    },
  };
}

function requireAddress(address: string): void {
  if (!isScopedAddress(address)) throw new UsageError('bad_address', `not an IP address: '${address}'`, 'address');
}
