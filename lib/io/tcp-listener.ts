import { createServer, type Server, type Socket } from 'node:net';
import createDebug from 'debug';
import { formatPrefix } from '../net/prefix.js';
import { TransportError } from '../net/errors.js';
import type { Secret } from '../net/secret.js';
import {
  leastTtl,
  optionNames,
  PeerSocketTable,
  type PeerSocketOptions,
  type SocketOptions,
} from '../net/socket-options.js';
import type { Connection, Endpoint, Listener } from '../net/transport.js';
import * as sockets from './socket-calls.js';
import { descriptorOf } from './stream-binding.js';
import { endpointOf, TcpConnection, transportError, type SocketIo } from './tcp-connection.js';

const debug = createDebug('tsbgp:tcp');
/** Of sockets that no entry speaks of. */
const SYSTEM_TTL = -1;

interface PeerKey {
  readonly prefix: PeerSocketOptions['prefix'];
  readonly key: Secret;
}

/** A listening socket, with options for the connections that it accepts. */
export class TcpListener implements Listener {
  local: Endpoint;
  readonly #server: Server;
  readonly #onConnection: (connection: Connection) => void;
  readonly #family: sockets.AddressLength;
  readonly #io: SocketIo;
  /** Known once somebody has asked for an option. */
  #fd: number | undefined;
  #peers = new PeerSocketTable();
  #keys: ReadonlyMap<string, PeerKey> = new Map();
  /** Connections whose key was set so lately that they may have been made without it. */
  #unsure = new PeerSocketTable();

  private constructor(at: Endpoint, io: SocketIo, onConnection: (connection: Connection) => void) {
    this.local = at;
    this.#family = sockets.addressLength(at.address);
    this.#onConnection = onConnection;
    this.#io = io;
    const { highWaterMark } = io;
    this.#server = createServer({ noDelay: true, highWaterMark, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** @throws TransportError (rejects) */
  static async open(
    at: Endpoint,
    peers: readonly PeerSocketOptions[],
    io: SocketIo,
    onConnection: (connection: Connection) => void,
  ): Promise<TcpListener> {
    const listener = new TcpListener(at, io, onConnection);
    if (needsOptions(peers)) listener.#bind(peers);
    await listener.#listen();
    return listener;
  }

  /** Bind by hand, so that all options are in force before the socket listens. */
  #bind(peers: readonly PeerSocketOptions[]): void {
    const fd = sockets.openSocket(this.#family);
    try {
      sockets.bindSocket(fd, this.local);
      this.#apply(fd, peers);
    } catch (error) {
      sockets.closeSocket(fd);
      // The words of a failed bind are the same, whoever calls it.
      throw error instanceof TransportError ? transportError(error) : error;
    }
    this.#fd = fd;
  }

  #listen(): Promise<void> {
    const server = this.#server;
    const { address, port } = this.local;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(transportError(error)));
      const listening = (): void => {
        server.removeAllListeners('error');
        // Running out of descriptors must not end the process; the kernel offers the connection again.
        server.on('error', (error) => debug('accept on %s port %d: %s', address, port, error.message));
        const bound = server.address();
        if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has an address and a port');
        this.local = endpointOf(bound.address, bound.port);
        resolve();
      };
      if (this.#fd === undefined) server.listen({ host: address, port, ipv6Only: address.includes(':') }, listening);
      else server.listen({ fd: this.#fd }, listening);
    });
  }

  setPeers(peers: readonly PeerSocketOptions[]): void {
    if (!needsOptions(peers) && this.#fd === undefined) return;
    // The socket exists since `listen`.
    this.#fd ??= descriptorOf(this.#server);
    if (this.#fd === undefined) throw new TransportError('ENOTSUP', 'this Node does not tell which socket listens');
    const before = this.#peers;
    try {
      this.#apply(this.#fd, peers);
    } catch (error) {
      this.#apply(this.#fd, before.entries);
      throw error;
    }
  }

  #apply(fd: number, all: readonly PeerSocketOptions[]): void {
    const peers = all.filter(({ prefix }) => prefix.octets.length === this.#family);
    this.#setKeys(fd, peers);
    const withGtsm = peers.some(({ ttlSecurityHops }) => ttlSecurityHops !== undefined);
    if (withGtsm) sockets.keepSyns(fd);
    // What answers a SYN is sent before we hear of the connection.
    sockets.setTtl(fd, this.#family, withGtsm ? 255 : SYSTEM_TTL);
    sockets.setOptions(fd, this.#family, { dscp: peers.find(({ dscp }) => dscp !== undefined)?.dscp ?? 0 });
    this.#peers = new PeerSocketTable(peers);
  }

  #setKeys(fd: number, peers: readonly PeerSocketOptions[]): void {
    const wanted = new Map<string, PeerKey>();
    for (const { prefix, md5Key } of peers) if (md5Key) wanted.set(formatPrefix(prefix), { prefix, key: md5Key });
    const present = new Map(this.#keys);
    this.#keys = present;
    for (const [id, { prefix }] of [...present]) {
      if (wanted.has(id)) continue;
      sockets.setMd5Key(fd, prefix, null);
      present.delete(id);
    }
    const fresh: PeerSocketOptions[] = [];
    for (const [id, entry] of wanted) {
      if (present.get(id)?.key.equals(entry.key)) continue;
      sockets.setMd5Key(fd, entry.prefix, entry.key);
      present.set(id, entry);
      fresh.push({ prefix: entry.prefix, md5Key: entry.key });
    }
    if (fresh.length > 0 && this.#server.listening) this.#distrust(fresh);
  }

  /** Connections that the kernel made with an earlier key, or none, wait to be accepted: after the next look at it they are gone. */
  #distrust(fresh: readonly PeerSocketOptions[]): void {
    const unsure = (this.#unsure = new PeerSocketTable([...this.#unsure.entries, ...fresh]));
    // Two: the first may come at the end of a look that began before.
    setImmediate(() =>
      setImmediate(() => {
        if (this.#unsure === unsure) this.#unsure = new PeerSocketTable();
      }),
    );
  }

  #accept(socket: Socket): void {
    // Gone again between the kernel's accept and ours: there is nobody to talk to.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const connection = new TcpConnection(socket, this.#io.busyPoll);
    const { address } = connection.remote;
    const flaw = this.#fd === undefined ? undefined : this.#prepare(connection, address);
    if (flaw === undefined) return handOver(connection, this.#onConnection);
    debug('connection from %s refused: %s', address, flaw);
    connection.destroy();
  }

  /** Set what the neighbor at the other end asks for. @returns why the connection cannot be used */
  #prepare(connection: TcpConnection, address: string): string | undefined {
    if (this.#unsure.find(address) !== undefined) return 'it was made before the key was set';
    const options: SocketOptions = this.#peers.find(address) ?? {};
    const fd = connection.descriptor;
    if (fd === undefined) {
      // The key goes with the address: only it needs no descriptor.
      const { ttlSecurityHops, ttl, dscp } = options;
      const hasOthers = [ttlSecurityHops, ttl, dscp].some((option) => option !== undefined);
      return hasOthers ? 'this Node does not tell which socket it is' : undefined;
    }
    try {
      sockets.setOptions(fd, this.#family, { ttl: SYSTEM_TTL, ...options });
      const { ttlSecurityHops: hops } = options;
      const ttl = hops === undefined ? undefined : sockets.synTtl(fd, this.#family);
      // What came before the option was set has not been looked at yet.
      if (hops !== undefined && ttl !== undefined && ttl < leastTtl(hops)) return `it came with TTL ${ttl}`;
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  close(): Promise<void> {
    // The port is free at once; accepted connections live on, so their end is not waited for.
    this.#server.close();
    this.#fd = undefined;
    return Promise.resolve();
  }
}

/** Nobody listens to a connection whose taker set no handler: it is closed. */
export function handOver(connection: TcpConnection, take: (connection: Connection) => void): void {
  take(connection);
  if (!connection.hasHandler) connection.destroy();
}

export function needsOptions(peers: readonly PeerSocketOptions[]): boolean {
  return peers.some((peer) => optionNames(peer).length > 0);
}
