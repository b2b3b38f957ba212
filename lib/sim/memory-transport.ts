import { TransportError } from '../net/errors.js';
import { canonicalScopedAddress } from '../net/zone.js';
import { PeerSocketTable, type PeerSocketOptions } from '../net/socket-options.js';
import type { Connection, ConnectHandler, ConnectOptions, Endpoint, Listener, Transport } from '../net/transport.js';
import { MemoryConnection } from './memory-connection.js';
import type { MemoryMedium, MemoryPath } from './memory-links.js';
import { canConnect } from './memory-packets.js';

const FIRST_EPHEMERAL_PORT = 49152;

interface MemoryListener {
  readonly at: Endpoint;
  readonly onConnection: (connection: Connection) => void;
  peers: PeerSocketTable;
}

/** A connection that is being made. */
interface Attempt {
  cancelled: boolean;
  accepted: MemoryConnection | undefined;
}

/** The transport of one host in a {@link MemoryNetwork}. */
export class MemoryTransport implements Transport {
  readonly #links: MemoryMedium;
  /** All hosts of the network, by address. */
  readonly #hosts: ReadonlyMap<string, MemoryTransport>;
  readonly #addresses: readonly string[];
  readonly #listeners = new Set<MemoryListener>();
  readonly #connections = new Set<MemoryConnection>();
  readonly #attempts = new Set<Attempt>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(links: MemoryMedium, hosts: ReadonlyMap<string, MemoryTransport>, addresses: readonly string[]) {
    this.#links = links;
    this.#hosts = hosts;
    this.#addresses = addresses;
  }

  /** Connections of this host that are not closed, for tests that look for leaks. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void } {
    const links = this.#links;
    const remote = { address: canonicalScopedAddress(options.remote.address), port: options.remote.port };
    const address = options.localAddress ?? this.#addresses.find((own) => isIpv6(own) === isIpv6(remote.address));
    const attempt: Attempt = { cancelled: false, accepted: undefined };
    this.#attempts.add(attempt);
    const fail = (afterMs: number, code: string, text: string): void => {
      links.clock.after(afterMs, () => {
        if (attempt.cancelled) return;
        this.#attempts.delete(attempt);
        handler.onError(new TransportError(code, text));
      });
    };
    if (address === undefined || !this.#addresses.includes(canonicalScopedAddress(address))) {
      fail(0, 'EADDRNOTAVAIL', 'local address not available');
    } else {
      const local = { address: canonicalScopedAddress(address), port: options.localPort ?? this.#nextPort++ };
      const there = links.path(local.address, remote.address);
      const back = links.path(remote.address, local.address);
      links.clock.after(there.delay(0), () => {
        if (attempt.cancelled || there.isCut() || back.isCut()) return;
        const host = this.#hosts.get(remote.address);
        // An address that nobody has stays silent, like a host that is switched off.
        if (host === undefined) return;
        const listener = host.#listenerAt(remote);
        const theirs = listener?.peers.find(local.address) ?? {};
        if (!canConnect(options.socket ?? {}, theirs, there.hops())) return;
        if (listener === undefined) fail(back.delay(0), 'ECONNREFUSED', 'connection refused');
        else this.#establish(host, listener, { local, remote, there, back }, attempt, handler);
      });
    }
    return {
      cancel: () => {
        attempt.cancelled = true;
        this.#attempts.delete(attempt);
        attempt.accepted?.destroy();
      },
    };
  }

  #establish(
    host: MemoryTransport,
    listener: MemoryListener,
    way: { readonly local: Endpoint; readonly remote: Endpoint; readonly there: MemoryPath; readonly back: MemoryPath },
    attempt: Attempt,
    handler: ConnectHandler,
  ): void {
    const { local, remote, there, back } = way;
    const mine = new MemoryConnection(this.#links, there, local, remote, this.#connections);
    const theirs = new MemoryConnection(this.#links, back, remote, local, host.#connections);
    mine.joinTo(theirs);
    attempt.accepted = mine;
    // Before the other side can send: what it sends arrives after the connection is known here.
    const arrived = (): void => {
      if (attempt.cancelled || mine.isClosed) return;
      attempt.accepted = undefined;
      this.#attempts.delete(attempt);
      handler.onConnect(mine);
      if (!mine.hasHandler) mine.destroy();
    };
    theirs.travel(0, arrived);
    listener.onConnection(theirs);
    if (!theirs.hasHandler) theirs.destroy();
  }

  #listenerAt(at: Endpoint): MemoryListener | undefined {
    const wildcard = isIpv6(at.address) ? '::' : '0.0.0.0';
    for (const listener of this.#listeners) {
      const { address, port } = listener.at;
      if (port === at.port && (address === at.address || address === wildcard)) return listener;
    }
    return undefined;
  }

  /** All options can be had: a key and TTLs decide who can connect, the DSCP does nothing. */
  whyNot(): undefined {
    return undefined;
  }

  listen(
    at: Endpoint,
    onConnection: (connection: Connection) => void,
    peers: readonly PeerSocketOptions[] = [],
  ): Promise<Listener> {
    const address = canonicalScopedAddress(at.address);
    const local = Object.freeze({ address, port: at.port === 0 ? this.#nextPort++ : at.port });
    if (address !== '::' && address !== '0.0.0.0' && !this.#addresses.includes(address)) {
      return Promise.reject(new TransportError('EADDRNOTAVAIL', 'local address not available'));
    }
    if ([...this.#listeners].some(({ at: other }) => other.address === address && other.port === local.port)) {
      return Promise.reject(new TransportError('EADDRINUSE', 'address and port are in use'));
    }
    const listener: MemoryListener = { at: local, onConnection, peers: new PeerSocketTable(peers) };
    this.#listeners.add(listener);
    return Promise.resolve({
      local,
      setPeers: (changed) => {
        listener.peers = new PeerSocketTable(changed);
      },
      close: () => {
        this.#listeners.delete(listener);
        return Promise.resolve();
      },
    });
  }

  /**
   * The process that used the transport dies: its listeners and attempts are gone, and the system closes its connections,
   * which is all that the other sides learn. The transport can be used again at once.
   */
  kill(): void {
    this.#listeners.clear();
    for (const attempt of this.#attempts) attempt.cancelled = true;
    this.#attempts.clear();
    for (const connection of [...this.#connections]) connection.abandon();
  }

  /**
   * The host loses power: its listeners and connections are gone without a word to the other sides, which learn of it
   * when they next send (a reset) or by a timer. The transport can be used again at once, as after a quick start.
   */
  crash(): void {
    this.#listeners.clear();
    for (const attempt of this.#attempts) attempt.cancelled = true;
    this.#attempts.clear();
    for (const connection of [...this.#connections]) connection.vanish();
  }
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}
