import type { TransportError } from './errors.js';

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
}

export interface ConnectHandler {
  onConnect(connection: Connection): void;
  onError(error: TransportError): void;
}

export interface Listener {
  /** The address and port really bound (port 0 resolved). */
  readonly local: Endpoint;
  close(): Promise<void>;
}

/** Makes connections: TCP in `lib/io`, memory in `lib/sim`. */
export interface Transport {
  /**
   * Start connecting; exactly one of the handler's functions is called later, unless cancelled first.
   * Has no time limit of its own: the FSM's ConnectRetry timer cancels it.
   */
  connect(options: ConnectOptions, handler: ConnectHandler): { cancel(): void };
  /** @throws TransportError (rejects) when the address cannot be bound */
  listen(at: Endpoint, onConnection: (connection: Connection) => void): Promise<Listener>;
}
