import type { TransportError } from './errors.js';
import { optionNames, type PeerSocketOptions, type SocketOptions } from './socket-options.js';

/** One end of a connection: an address in canonical text form, a link-local one with its zone (`fe80::1%eth0`), and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What the owner of a connection is told. Set once, before anything can arrive. */
export interface ConnectionHandler {
  /** Octets arrived. The chunk is lent for the duration of the call; whoever keeps octets copies them. */
  onData(chunk: Uint8Array): void;
  /** `send` returned false before, and the queue has drained since. */
  onDrain(): void;
  /** The connection is gone; called exactly once, also after `destroy`. Without `error` the other side ended it. */
  onClose(error?: TransportError): void;
}

/** A reliable, ordered octet stream (TCP, or memory in tests). */
export interface Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Must be called synchronously when the connection is handed over. */
  setHandler(handler: ConnectionHandler): void;
  /**
   * Queue octets for sending. The caller must not change them afterwards.
   * @returns false when the queue is over its high-water mark: stop until `onDrain`
   */
  send(bytes: Uint8Array): boolean;
  /** Octets accepted by `send` that the other side's kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Stop and go on reading (back-pressure towards the sender). */
  pause(): void;
  resume(): void;
  /** Send what is queued, then close. */
  end(): void;
  /** Close at once; what is queued is lost. */
  destroy(): void;
}

export interface ConnectOptions {
  readonly remote: Endpoint;
  /** Local address and port to bind before connecting; left out: the system chooses. */
  readonly localAddress?: string;
  readonly localPort?: number;
  /** In force before the first packet leaves. Left out or empty: none. */
  readonly socket?: SocketOptions;
}

export interface ConnectHandler {
  onConnect(connection: Connection): void;
  onError(error: TransportError): void;
}

export interface Listener {
  /** The address and port really bound (port 0 resolved). */
  readonly local: Endpoint;
  /**
   * Other options for the connections accepted from now on; those that are open stay as they are. A transport that has
   * no socket options needs no such function.
   * @throws TransportError when the system refuses: the earlier ones are in force still
   */
  setPeers?(peers: readonly PeerSocketOptions[]): void;
  close(): Promise<void>;
}

/** Why a transport has no connections with these options; undefined: it has. */
export function whyNoOptions(transport: Pick<Transport, 'whyNot'>, options: SocketOptions): string | undefined {
  const names = optionNames(options);
  if (names.length === 0) return undefined;
  return transport.whyNot
    ? transport.whyNot(options)
    : `${names.join(', ')} cannot be set: this transport has no such option`;
}

/** Makes connections: TCP in `lib/io`, memory in `lib/sim`. */
export interface Transport {
  /**
   * Start connecting; exactly one of the handler's functions is called later, unless cancelled first.
   * Has no time limit of its own: the FSM's ConnectRetry timer cancels it. With a key or GTSM a refusal is silent.
   * @throws UsageError `bad_address`; `unsupported_socket_option`: never is a connection made without an option asked for
   */
  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void };
  /**
   * @param peers options by the address that a connection comes from: in force before the first one is accepted
   * @throws TransportError (rejects) when the address cannot be bound; UsageError `unsupported_socket_option`
   */
  listen(
    at: Endpoint,
    onConnection: (connection: Connection) => void,
    peers?: readonly PeerSocketOptions[],
  ): Promise<Listener>;
  /** Why connections with these options cannot be had here; undefined: they can. A transport without it has no options at all. */
  whyNot?(options: SocketOptions): string | undefined;
}
